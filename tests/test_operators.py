"""The table of operators: it covers everything, and cannot be left unfinished."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from enum import Enum

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table

from aiida_like.errors import QueryError
from aiida_like.models import JSONText, Timestamp, Uuid
from querylang.ast import Boolean as TrueOrFalse
from querylang.ast import Comparison, DateTime, Float, Literal, Null, Operator
from querylang.ast import Integer as Number
from querylang.ast import String as Text
from querylang.lowering.as_type import EXPRESSIONS, AsType
from querylang.lowering.covering import covering
from querylang.lowering.lower import lower
from querylang.lowering.operators import LOWERINGS, OPERATORS, OperatorSpec
from querylang.lowering.predicates import PREDICATES, Predicate
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


class Colour(Enum):
    RED = 1
    GREEN = 2
    BLUE = 3


def test_a_table_that_covers_an_enum() -> None:
    table = covering(Colour, {Colour.BLUE: "b", Colour.RED: "r", Colour.GREEN: "g"})
    assert list(table.items()) == [(Colour.RED, "r"), (Colour.GREEN, "g"), (Colour.BLUE, "b")]
    with pytest.raises(TypeError):
        table[Colour.RED] = "x"  # type: ignore[index]


def test_a_table_that_does_not() -> None:
    with pytest.raises(TypeError, match=r"^a table over Colour has no row for Colour\.GREEN, Colour\.BLUE$"):
        covering(Colour, {Colour.RED: "r"})


@pytest.mark.parametrize("enum", ["ast.Operator", "schema.FieldType"])
def test_what_has_no_row_stops_the_program(enum: str) -> None:
    """Whoever adds a member and forgets the table sees it at the first import, never as a status 500."""
    module, name = enum.split(".")
    code = f"""
from enum import Enum
from querylang import {module}
{enum} = Enum("{name}", {{each.name: each.value for each in {enum}}} | {{"EXTRA": "=extra="}})
from querylang.lowering import operators
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith(f"TypeError: a table over {name} has no row for {name}.EXTRA\n")


@pytest.mark.parametrize("name", [field.name for field in fields(OperatorSpec) if field.name != "takes_list"])
def test_a_row_says_something_of_each_type(name: str) -> None:
    given = {field.name: None for field in fields(OperatorSpec) if field.name != name}
    with pytest.raises(TypeError, match=f"missing 1 required keyword-only argument: '{name}'"):
        OperatorSpec(**given)


def test_all_is_covered() -> None:
    assert (set(OPERATORS), set(LOWERINGS), set(PREDICATES), set(EXPRESSIONS)) == (
        set(Operator), set(FieldType), set(Predicate), set(AsType),
    )  # fmt: skip
    assert set(LOWERINGS[FieldType.JSON]) == set(Operator)


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
    if OPERATORS[operator].takes_list:
        assert lower([comparison], THINGS)
    else:
        with pytest.raises(QueryError, match=f"^dict.a{operator.value} takes one value; for a list write dict.a=in=$"):
            lower([comparison], THINGS)
