"""What filters find: dotted paths and boolean expressions, beside an evaluation in Python of the same three values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from operator import eq, ge, gt, le, lt, ne
from random import Random, randrange
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from querylang.ast import Boolean, Comparison, Filter, Float, Integer, Literal, Null, Operator, Query, String
from querylang.terms import Every, Not, Some, Term
from querylang.unparse import unparse
from tests.conftest import Effort, Golden, GoldenPostgreSQL

Node = Mapping[str, Any]
Truth = bool | None
Place = tuple[str, tuple[str, ...], Any]
"""A JSON column, a path in it, and what lies there."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, golden: Golden, serve: Callable[..., Flask]) -> FlaskClient:
    if request.param == "sqlite":
        return serve(find(str(golden.sqlite)), {}).test_client()
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    return serve(find(stored.url, str(stored.repository)), {}).test_client()


@pytest.fixture(scope="module")
def nodes(archive_client: FlaskClient) -> list[Node]:
    shown = archive_client.get("/api/v4/nodes?attributes=true&extras=true").json
    return list(shown["data"]["nodes"])


def found(client: FlaskClient, query: str) -> list[int]:
    response = client.get(f"/api/v4/nodes?{query}")
    assert response.status_code == 200, response.text
    rows = response.json["data"]["nodes"]
    assert int(response.headers["X-Total-Count"]) == len(rows)
    return [row["id"] for row in rows]


def test_what_a_missing_key_is(client: FlaskClient, nodes: list[Node]) -> None:
    """No comparison matches it, nor its negation; only IS NULL does."""
    with_key = [node["id"] for node in nodes if "exit_status" in node["attributes"]]
    without = [node["id"] for node in nodes if "exit_status" not in node["attributes"]]
    zero = [node["id"] for node in nodes if node["attributes"].get("exit_status") == 0]
    assert with_key
    assert without
    assert zero
    others = sorted(set(with_key) - set(zero))
    assert found(client, "attributes.exit_status=0") == zero
    for query in ("attributes.exit_status!=0", "filter=NOT attributes.exit_status=0", "attributes.exit_status=notin=0"):
        assert found(client, query) == others
    assert found(client, 'attributes.exit_status!="0"') == with_key
    assert found(client, 'filter=NOT attributes.exit_status<"z"') == with_key
    assert found(client, "attributes.exit_status=isnull=true") == without
    assert found(client, "filter=attributes.exit_status IS NOT NULL") == with_key
    assert found(client, "filter=NOT (attributes.exit_status=0 OR attributes.nothing=5)") == []
    assert found(client, "filter=NOT (attributes.exit_status=0 AND id<0)") == [node["id"] for node in nodes]


@pytest.mark.parametrize("sign", ["", "-"])
def test_order(client: FlaskClient, nodes: list[Node], sign: str) -> None:
    """Numbers, text, booleans, and those without any at the end; of equal ones the smaller id first."""

    def ranked(kind: type, key: Callable[[Any], Any]) -> list[int]:
        chosen = [node for node in nodes if type(node["attributes"].get("value")) in (kind, {int: float}.get(kind))]
        by_id = sorted(chosen, key=lambda node: node["id"])
        return [
            node["id"] for node in sorted(by_id, key=lambda node: key(node["attributes"]["value"]), reverse=sign == "-")
        ]

    numbers, texts, flags = ranked(int, float), ranked(str, str.lower), ranked(bool, bool)
    assert min(map(len, (numbers, texts, flags))) > 0
    answer = found(client, f"orderby={sign}attributes.value")
    ordered = [*numbers, *texts, *flags]
    assert answer[: len(ordered)] == ordered
    assert answer[len(ordered) :] == sorted(answer[len(ordered) :])


MONTHS: dict[str, Callable[[str, str], bool]] = {
    "ctime={}": eq,
    "ctime!={}": ne,
    "ctime<{}": lt,
    "ctime<={}": le,
    "ctime>{}": gt,
    "filter=ctime >= {}": ge,
    "ctime=in={},1999": eq,
    "filter=ctime NOT IN (1999-01, {})": ne,
}


def test_months_and_years(client: FlaskClient, nodes: list[Node]) -> None:
    created = {node["id"]: parsedate_to_datetime(node["ctime"]) for node in nodes}
    months = {f"{time:%Y-%m}" for time in created.values()}
    assert len(months) > 1
    for written in (*months, *{month[:4] for month in months}, "1999", "2016-12"):
        texts = {pk: f"{time:%Y-%m}"[: len(written)] for pk, time in created.items()}
        for query, test in MONTHS.items():
            expected = [pk for pk, text in texts.items() if test(text, written)]
            assert found(client, query.format(written)) == expected, (query, written)


# An evaluation that shares nothing with ours but the names of the operators


def at(node: Node, key: str, path: tuple[str, ...]) -> Any:
    """KeyError: nothing is there."""
    value = node[key]
    for step in path:
        if isinstance(value, dict):
            value = value[step]
        elif isinstance(value, list) and re.fullmatch("[+-]?[0-9]+", step):
            try:
                value = value[int(step)]
            except IndexError:
                raise KeyError(step) from None
        else:
            raise KeyError(step)
    return value


def plain(literal: Literal) -> Any:
    assert not isinstance(literal, Null) or literal == Null()
    return None if isinstance(literal, Null) else literal.value


def same(value: Any, other: Any) -> bool:
    return (kind(value), value) == (kind(other), other)


def kind(value: Any) -> str:
    return {bool: "boolean", int: "number", float: "number"}.get(type(value), type(value).__name__)


def like(pattern: str, text: str) -> bool:
    regex = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def relation(operator: Operator) -> Callable[[Any, Any], bool]:
    def test(value: Any, other: Any) -> bool:
        if kind(value) != kind(other) or kind(value) not in {"number", "str"}:
            return False
        if isinstance(value, str):
            value, other = value.lower(), other.lower()
        return bool(
            {">": value > other, "<": value < other, ">=": value >= other, "<=": value <= other}[operator.value]
        )

    return test


TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: same,
    Operator.UNEQUAL: lambda value, other: not same(value, other),
    **{each: relation(each) for each in (Operator.GREATER, Operator.LESS)},
    **{each: relation(each) for each in (Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL)},
    Operator.LIKE: lambda value, other: isinstance(value, str) and like(other, value),
    Operator.ILIKE: lambda value, other: isinstance(value, str) and like(other.lower(), value.lower()),
    Operator.STARTS_WITH: lambda value, other: isinstance(value, str) and value.startswith(other),
    Operator.CONTAINS: lambda value, other: (
        other in value
        if isinstance(value, str) and isinstance(other, str)
        else isinstance(value, list) and any(same(each, other) for each in value)
    ),
    Operator.HAS: lambda value, other: value == other or (isinstance(value, (dict, list)) and other in value),
}


def compared(node: Node, comparison: Comparison) -> Truth:
    wanted = [plain(value) for value in comparison.values]
    try:
        value = at(node, comparison.key, comparison.path)
    except KeyError:
        return wanted[0] if comparison.operator is Operator.IS_NULL else None
    match comparison.operator:
        case Operator.IS_NULL:
            return (value is None) is wanted[0]
        case Operator.IN:
            return any(same(value, each) for each in wanted)
        case Operator.NOT_IN:
            return not any(same(value, each) for each in wanted)
        case operator:
            return TESTS[operator](value, wanted[0])


def truth(node: Node, term: Term[Comparison]) -> Truth:
    match term:
        case Every(terms=terms):
            truths = [truth(node, each) for each in terms]
            return False if False in truths else None if None in truths else True
        case Some(terms=terms):
            truths = [truth(node, each) for each in terms]
            return True if True in truths else None if None in truths else False
        case Not(term=negated):
            value = truth(node, negated)
            return None if value is None else not value
        case comparison:
            return compared(node, comparison)


def test_the_evaluation_in_python() -> None:
    """It is what the others are held against."""
    node = {"attributes": {"a": [1, {"b": "x"}], "n": None}, "extras": {}}
    a_b = Comparison("attributes", Operator.EQUAL, (String("x"),), ("a", "1", "b"))
    missing = Comparison("attributes", Operator.EQUAL, (String("x"),), ("z",))
    assert (truth(node, a_b), truth(node, Not(a_b)), truth(node, missing), truth(node, Not(missing))) == (
        True, False, None, None,
    )  # fmt: skip
    assert (truth(node, Every((a_b, missing))), truth(node, Some((a_b, missing)))) == (None, True)


def paths_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if path:
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(children)[:3]:
        yield from paths_of(child, (*path, str(key)))


@pytest.fixture(scope="module")
def places(nodes: list[Node]) -> list[Place]:
    """What lies where in the golden graph, to ask for what is nearly so."""
    return [
        (key, path, value)
        for node in nodes
        for key in ("attributes", "extras")
        for path, value in paths_of(node[key])
        if len(path) < 5
    ]


def literal_of(value: Any) -> Literal:
    match value:
        case bool():
            return Boolean(value)
        case int() if abs(value) < 2**53:
            return Integer(value)
        case float():
            return Float(value)
        case str() if "\0" not in value:
            return String(value)
        case _:
            return Null()


ODD: list[Literal] = [Integer(0), Float(0.5), String("si"), String(""), Boolean(True), Null(), String("a")]
ORDERED = (Operator.GREATER, Operator.LESS, Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL)
TEXTUAL = (Operator.LIKE, Operator.ILIKE, Operator.STARTS_WITH, Operator.HAS)


def comparison_from(chance: Random, places: list[Place]) -> Comparison:
    key, path, value = chance.choice(places)
    operator = chance.choice(list(Operator))
    inner = value[0] if isinstance(value, list) and value else value
    literal = chance.choice([literal_of(value), literal_of(inner), *ODD])
    if operator in TEXTUAL:
        text = literal.value if isinstance(literal, String) else "Si%"
        text = chance.choice([text, text[:2] + "%", "%" + text[1:], text.upper()]).replace("\\", "")
        literal = String(text if operator in (Operator.LIKE, Operator.ILIKE) else text.rstrip("%"))
    elif operator in ORDERED and not isinstance(literal, (Integer, Float, String)):
        literal = Integer(1)
    elif operator is Operator.IS_NULL:
        literal = Boolean(chance.random() < 0.5)
    more = chance.choices(ODD, k=chance.randrange(4)) if operator in (Operator.IN, Operator.NOT_IN) else []
    return Comparison(key, operator, (literal, *more), path)


def expression_from(chance: Random, places: list[Place], depth: int = 2) -> Term[Comparison]:
    form = chance.choice([None, Every, Some, Not]) if depth else None
    if form is None:
        return comparison_from(chance, places)
    if form is Not:
        return Not(expression_from(chance, places, depth - 1))
    return form(tuple(expression_from(chance, places, depth - 1) for _ in range(chance.randint(2, 3))))


SEEDS = range(400) if os.environ.get("CI") else [randrange(2**32) for _ in range(400)]
"""A landing must not depend on luck."""


def test_any_expression(client: FlaskClient, nodes: list[Node], places: list[Place], effort: Effort) -> None:
    for seed in effort.of(SEEDS, 100):
        term = expression_from(Random(seed), places)
        text = unparse(Query((Filter(term),)))
        expected = [node["id"] for node in nodes if truth(node, term)]
        assert found(client, quote(text, safe="=")) == expected, (seed, text)


def test_errors_show_the_place(archive_client: FlaskClient) -> None:
    response = archive_client.get('/api/v4/nodes?filter=(label="a" OR ) AND id=5')
    assert response.status_code == 400
    assert response.json["message"] == (
        'syntax error in the query string at column 22: expected a comparison such as label="Si", NOT or (, '
        "found ') AND id=5'\n"
        '  filter=(label="a" OR ) AND id=5\n'
        "                       ^"
    )
