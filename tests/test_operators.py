"""The table of operators: it covers everything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from runpy import run_path

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table

from aiida_like.errors import QueryError
from aiida_like.models import JSONText, Timestamp, Uuid
from querylang import schema
from querylang.ast import Boolean as TrueOrFalse
from querylang.ast import Comparison, DateTime, Float, Literal, Null, Operator
from querylang.ast import Integer as Number
from querylang.ast import String as Text
from querylang.lowering import columns, operators
from querylang.lowering import json_values as json
from querylang.lowering.lower import lower
from querylang.lowering.operators import BY_NAME, LOWERINGS, forgotten
from querylang.lowering.predicates import Predicate
from querylang.schema import Entity, Field, FieldType
from querylang.terms import leaves

TABLE = Table(
    "things",
    MetaData(),
    Column("integer", Integer, primary_key=True),
    Column("string", String),
    Column("uuid", Uuid),
    Column("bool", Boolean),
    Column("datetime", Timestamp),
    Column("dict", JSONText),
)
THINGS = Entity(
    "things",
    TABLE,
    TABLE.c.integer,
    {type_.value: Field(type_.value, type_, TABLE.c[type_.value], "", "") for type_ in FieldType},
)
VALUES: tuple[Literal, ...] = (
    Number(1),
    Float(0.5),
    Text("a%"),
    TrueOrFalse(value=True),
    DateTime(datetime(2016, 4, 23, tzinfo=timezone.utc), timedelta(days=1)),
    Null(),
)


def test_all_is_covered() -> None:
    assert list(LOWERINGS) == list(FieldType)
    assert set(LOWERINGS[FieldType.JSON]) == set(Operator)


OF_JSON, OF_BOOLEANS = LOWERINGS[FieldType.JSON], LOWERINGS[FieldType.BOOLEAN]

FORGETFUL: dict[str, tuple[dict[FieldType, Mapping[Operator, columns.Lowering]], set[FieldType | Operator]]] = {
    "nothing": ({}, set()),
    "an operator that JSON does not take": (
        {FieldType.JSON: {each: OF_JSON[each] for each in OF_JSON if each is not Operator.IS_NULL}},
        {Operator.IS_NULL},
    ),
    "an operator without a predicate of its name": (
        {FieldType.BOOLEAN: OF_BOOLEANS | {Operator.HAS: columns.booleans, Operator.LIKE: columns.booleans}},
        {Operator.HAS},
    ),
    "the same for JSON": ({FieldType.JSON: OF_JSON | {Operator.STARTS_WITH: json.ordered}}, {Operator.STARTS_WITH}),
}


@pytest.mark.parametrize("what", FORGETFUL)
def test_what_is_forgotten(what: str) -> None:
    changed, expected = FORGETFUL[what]
    assert forgotten({**LOWERINGS, **changed}) == expected


def test_types_are_forgotten() -> None:
    without = {type_: taken for type_, taken in LOWERINGS.items() if type_ is not FieldType.UUID}
    assert forgotten(without) == {FieldType.UUID}
    assert forgotten({}) == {*FieldType, *Operator}


def test_what_looks_for_a_predicate_by_name() -> None:
    functions = {function for taken in LOWERINGS.values() for function in taken.values()}
    assert {each for each in functions if "predicate" in each.__code__.co_names} == set(BY_NAME)


def test_what_is_forgotten_is_an_error_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    more = Enum("FieldType", {**{each.name: each.value for each in FieldType}, "COLOUR": "colour"})
    monkeypatch.setattr(schema, "FieldType", more)
    with pytest.raises(TypeError, match=r"^these mean nothing yet: \{<FieldType\.COLOUR: 'colour'>\}$"):
        run_path(operators.__file__)


@pytest.mark.parametrize("type_", FieldType)
def test_operators_are_in_their_order(type_: FieldType) -> None:
    assert list(LOWERINGS[type_]) == [each for each in Operator if each in LOWERINGS[type_]]


def is_taken(comparison: Comparison) -> bool:
    """Whether it becomes conditions; only an error for the client is an answer, too."""
    try:
        (term,) = lower([comparison], THINGS)
    except QueryError:
        return False
    return all(isinstance(each.predicate, Predicate) for each in leaves(term))


@pytest.mark.parametrize("type_", FieldType)
@pytest.mark.parametrize("operator", Operator)
def test_what_a_type_takes_it_takes_with_some_value(type_: FieldType, operator: Operator) -> None:
    path = ("a",) if type_ is FieldType.JSON else ()
    taken = [is_taken(Comparison(type_.value, operator, (value,), path)) for value in VALUES]
    assert any(taken) is (operator in LOWERINGS[type_])


@pytest.mark.parametrize("operator", Operator)
def test_lists(operator: Operator) -> None:
    comparison = Comparison("dict", operator, (Number(1), Number(2)), ("a",))
    if operator.takes_list:
        assert lower([comparison], THINGS)
    else:
        with pytest.raises(QueryError, match=f"^dict.a{operator.value} takes one value; for a list write dict.a=in=$"):
            lower([comparison], THINGS)
