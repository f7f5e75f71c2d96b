"""Operators of JSON: SQLite, with Python's help, says what PostgreSQL says."""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from aiida_like.models import node
from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from aiida_like.storage.sql import json_expressions as expressions
from aiida_like.storage.sql.jsonb import json_at, json_cast_datetime
from tests.conftest import Golden, GoldenPostgreSQL

Databases = Mapping[str, Storage]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, golden: Golden) -> Iterator[Databases]:
    """SQLite alone, and with PostgreSQL."""
    profiles = {"sqlite": find(str(golden.sqlite))}
    if request.param == "postgresql":
        stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
        profiles["postgresql"] = find(stored.url, str(stored.repository))
    opened = {name: open_storage(profile) for name, profile in profiles.items()}
    yield opened
    for storage in opened.values():
        storage.close()


class Asking:
    """Asks the databases; Hypothesis prints it, so it has a short name."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def __repr__(self) -> str:
        return "asking"

    def __call__(
        self, kind: type[expressions.AtPath], document: Any, path: tuple[str, ...], *operands: str | float
    ) -> Any:
        """What the expression is for a document: the answer that all of them give."""
        answers = {name: self._ask(name, kind, document, path, operands) for name in self._databases}
        assert answers == dict.fromkeys(answers, answers["sqlite"])
        return answers["sqlite"]

    def _ask(
        self,
        name: str,
        kind: type[expressions.AtPath],
        document: Any,
        path: tuple[str, ...],
        operands: tuple[str | float, ...],
    ) -> Any:
        storage = self._databases[name]
        text = literal(json.dumps(document))
        stored = text if name == "sqlite" else text.cast(JSONB())
        statement: Select[Any] = select(kind(stored, path, *(literal(operand) for operand in operands)).label("answer"))
        prepared = storage.statements.compile(statement)
        ((answer,),) = storage.database.rows(prepared.sql, prepared.constants)
        if answer is None:
            return None
        if issubclass(kind, expressions.json_value):
            return json.loads(answer)
        if issubclass(kind, expressions.json_as_datetime):
            return answer[:19]
        return bool(answer) if str(kind.type) == "BOOLEAN" else answer


@pytest.fixture(scope="module")
def ask(databases: Databases) -> Asking:
    return Asking(databases)


@pytest.mark.parametrize(
    "value", [0, -7, 2**60, 0.1, 1e300, -0.0, True, False, None, "", "7", 'ünï\n"☃', [1, {"b": 2, "a": []}], {}, []]
)
@pytest.mark.parametrize("has_arrows", [True, False])
def test_values_of_old_and_new_sqlite(
    golden: Golden, monkeypatch: pytest.MonkeyPatch, value: Any, has_arrows: bool
) -> None:
    """With its operator `->` where it has one, else with Python."""
    monkeypatch.setattr(expressions, "HAS_ARROWS", has_arrows and expressions.HAS_ARROWS)
    asking = Asking({"sqlite": (storage := open_storage(find(str(golden.sqlite))))})
    for document, path in (({"a": {"b c": value}}, ("a", "b c")), ({"a": value}, ("a",)), ([0, value], ("1",))):
        found = asking._ask("sqlite", expressions.json_value, document, path, ())
        assert (found, type(found)) == (value, type(value))
        assert asking._ask("sqlite", expressions.json_value, document, (*path, "no such"), ()) is None
    storage.close()


DOCUMENT = {
    "a": {"b": [1, {"c": "x"}], "": "empty", "1": "one"},
    "text": "7",
    "int": 7,
    "float": 0.5,
    "large": 2**60,
    "yes": True,
    "no": False,
    "null": None,
    "list": ["a", [1, 2], {"k": 1}],
    "größe": {"ß": 1},
    'say "hi"': 1,
    "back\\slash": 2,
    "a|b": 3,
    "day": "2016-04-23",
    "time": "2016-04-23T05:45:10.25+02:00",
    "minute": "2016-04-23 05:45",
    "leap": "2016-02-29",
    "no leap": "2015-02-29",
    "word": " YES ",
    "off": "off",
    "exponent": "1e3",
    "huge": "1e999",
}

AT = {
    (): DOCUMENT,
    ("a", "b"): [1, {"c": "x"}],
    ("a", "b", "0"): 1,
    ("a", "b", "1", "c"): "x",
    ("a", "b", "-1", "c"): "x",
    ("a", "b", "2"): None,
    ("a", "b", "-3"): None,
    ("a", "b", "c"): None,
    ("a", ""): "empty",
    ("a", "1"): "one",
    ("text", "0"): None,
    ("list", "1", "1"): 2,
    ("größe", "ß"): 1,
    ('say "hi"',): 1,
    ("back\\slash",): 2,
    ("a|b",): 3,
    ("null",): None,
    ("missing",): None,
    ("missing", "0"): None,
}


@pytest.mark.parametrize("path", AT)
def test_value_at_a_path(ask: Asking, path: tuple[str, ...]) -> None:
    assert ask(expressions.json_value, DOCUMENT, path) == AT[path]


KINDS = {
    (): "object",
    ("a", "b"): "array",
    ("text",): "string",
    ("int",): "number",
    ("float",): "number",
    ("yes",): "boolean",
    ("no",): "boolean",
    ("null",): "null",
    ("missing",): None,
    ("list", "0"): "string",
    ('say "hi"',): "number",
}


@pytest.mark.parametrize("path", KINDS)
def test_kinds(ask: Asking, path: tuple[str, ...]) -> None:
    assert ask(expressions.json_type, DOCUMENT, path) == KINDS[path]


TAKEN = [
    (expressions.json_number, "int", 7.0),
    (expressions.json_number, "float", 0.5),
    (expressions.json_number, "text", None),
    (expressions.json_number, "yes", None),
    (expressions.json_number, "missing", None),
    (expressions.json_string, "text", "7"),
    (expressions.json_string, "int", None),
    (expressions.json_string, "null", None),
    (expressions.json_boolean, "yes", True),
    (expressions.json_boolean, "no", False),
    (expressions.json_boolean, "int", None),
    (expressions.json_length, "list", 3),
    (expressions.json_length, "a", None),
    (expressions.json_length, "text", None),
    (expressions.json_as_text, "text", "7"),
    (expressions.json_as_text, "int", "7"),
    (expressions.json_as_text, "yes", "true"),
    (expressions.json_as_text, "null", None),
    (expressions.json_as_text, "missing", None),
    (expressions.json_as_text, "list", '["a", [1, 2], {"k": 1}]'),
    (expressions.json_as_float, "text", 7.0),
    (expressions.json_as_float, "int", 7.0),
    (expressions.json_as_float, "exponent", 1000.0),
    (expressions.json_as_float, "huge", None),
    (expressions.json_as_float, "word", None),
    (expressions.json_as_float, "yes", None),
    (expressions.json_as_integer, "text", 7),
    (expressions.json_as_integer, "large", None),
    (expressions.json_as_integer, "float", None),
    (expressions.json_as_integer, "a", None),
    (expressions.json_as_boolean, "yes", True),
    (expressions.json_as_boolean, "word", True),
    (expressions.json_as_boolean, "off", False),
    (expressions.json_as_boolean, "int", None),
    (expressions.json_as_boolean, "missing", None),
    (expressions.json_as_datetime, "day", "2016-04-23 00:00:00"),
    (expressions.json_as_datetime, "time", "2016-04-23 05:45:10"),
    (expressions.json_as_datetime, "minute", "2016-04-23 05:45:00"),
    (expressions.json_as_datetime, "leap", "2016-02-29 00:00:00"),
    (expressions.json_as_datetime, "no leap", None),
    (expressions.json_as_datetime, "word", None),
    (expressions.json_as_datetime, "int", None),
]


@pytest.mark.parametrize(("kind", "key", "expected"), TAKEN)
def test_taken_as_a_type(ask: Asking, kind: type[expressions.AtPath], key: str, expected: Any) -> None:
    assert ask(kind, DOCUMENT, (key,)) == expected


def test_fractions_of_a_second() -> None:
    assert json_cast_datetime("2016-04-23T05:45:10.25+02:00") == "2016-04-23 05:45:10.250000"
    assert json_cast_datetime(None) is None


ORDERED: dict[type[expressions.AtPath], Callable[[float, float], bool]] = {
    expressions.json_less: operator.lt,
    expressions.json_less_or_equal: operator.le,
    expressions.json_greater: operator.gt,
    expressions.json_greater_or_equal: operator.ge,
}


@pytest.mark.parametrize("kind", ORDERED)
@pytest.mark.parametrize("value", [0, 7, -7.5, 2**53 + 1, 1e300, 0.1, 1e23, True, False, None, "0", "7", "", [7], {}])
@pytest.mark.parametrize("operand", [0.0, 7.0, -7.5, 0.1, 0.1 + 2**-56, 1e23, 2.0**53, -1e300, sys.float_info.max])
def test_only_numbers_are_less_or_greater(
    ask: Asking, kind: type[expressions.AtPath], value: Any, operand: float
) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    expected = is_number and ORDERED[kind](float(value), operand)
    assert ask(kind, {"a": {"b": value}}, ("a", "b"), operand) is expected
    assert ask(kind, {"a": [value]}, ("a", "0"), operand) is expected
    assert ask(kind, {"a": [value]}, ("a", "b"), operand) is False


def test_no_document_at_all(databases: Databases) -> None:
    for storage in databases.values():
        nothing: Any = literal_column("NULL" if storage is databases["sqlite"] else "CAST(NULL AS JSONB)")
        every = [
            kind(nothing, ("a",), *(["1"] if "{operand}" in kind.sqlite else []))
            for kind in expressions.AtPath.__subclasses__()
        ]
        prepared = storage.statements.compile(select(*(each.label(f"c{number}") for number, each in enumerate(every))))
        ((*answers,),) = storage.database.rows(prepared.sql, prepared.constants)
        assert {bool(answer) for answer in answers} == {False}


words = st.sampled_from(["a", "b", "1"])
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.5, 1.0, 2.0]), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
paths = st.lists(st.sampled_from(["a", "b", "0", "1", "-1", " 1", "+1", "01", "x"]), max_size=3).map(tuple)
thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@thorough
@given(values, paths)
def test_any_path(ask: Asking, document: Any, path: tuple[str, ...]) -> None:
    found = ask(expressions.json_value, document, path)
    text = json_at(json.dumps(document), json.dumps(path))
    assert found == (None if text is None else json.loads(text))


@thorough
@given(values, values)
def test_contains(ask: Asking, whole: Any, part: Any) -> None:
    ask(expressions.json_contains, whole, (), json.dumps(part))


@thorough
@given(values, values)
def test_same(ask: Asking, left: Any, right: Any) -> None:
    ask(expressions.json_same, left, (), json.dumps(right))
    assert ask(expressions.json_same, left, (), json.dumps(left)) is True


@thorough
@given(values, st.sampled_from(["a", "b", "1", "x"]))
def test_has_key(ask: Asking, document: Any, key: str) -> None:
    found = ask(expressions.json_has_key, document, (), key)
    assert ask(expressions.json_has_plain_key, document, (), key) is found
    assert ask(expressions.json_has_plain_key, {"x": [document]}, ("x", "0"), key) is found
    assert ask(expressions.json_has_plain_key, {"x": document}, ("x",), key) is found


PLAIN = {"energy": True, "a b|c": True, "7": True, "": False, 'a"b': False, "a\\b": False, "größe": False}


@pytest.mark.parametrize("key", PLAIN)
def test_plain_keys(key: str) -> None:
    assert expressions.is_plain(key) is PLAIN[key]


@pytest.mark.parametrize(
    ("path", "is_written"),
    [(("energy",), True), (("array|x", "a:b c"), True), (("it's",), False), (("100%",), False), (("a", "b]"), False)],
)
def test_a_plain_path_is_no_parameter(databases: Databases, path: tuple[str, ...], *, is_written: bool) -> None:
    """Only so an index on the expression is found."""
    for storage in databases.values():
        prepared = storage.statements.compile(select(expressions.json_number(node.c.attributes, path)))
        condition = prepared.sql.partition("IN (")[0].partition("= 'number'")[0]
        assert ("'" in condition.removesuffix("'number'")) == is_written, prepared.sql
