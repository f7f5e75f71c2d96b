"""Comparisons of related rows, such as `group="si"` or `incoming_of="338357f4","create"` -> conditions."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from aiida_like.errors import QueryError
from aiida_like.links import DATA_LINKS, LinkFilter, types_named
from aiida_like.models import LINK_TYPES, group, node
from querylang.ast import Integer, Literal, Operator, String
from querylang.condition import Condition
from querylang.limits import VALUES
from querylang.lowering.columns import null_condition
from querylang.lowering.predicates import Predicate
from querylang.lowering.uuids import uuids_with
from querylang.schema import Field, FieldType, Relation
from querylang.terms import Not, Term
from querylang.unparse import unparse_value


def _integer(name: str, column: ColumnElement[int]) -> Field:
    return Field(name, FieldType.INTEGER, column, name, name)


_NODE = _integer("id", node.c.id)


_USER_HELP = "who created it, by name or id"

OF_NODES = (
    Relation(
        "group",
        _NODE,
        Predicate.IN_GROUPS_NAMED,
        Predicate.IN_GROUPS,
        "a group that it is in, by label or id",
    ),
    Relation("user", _integer("user_id", node.c.user_id), Predicate.OF_USERS_NAMED, Predicate.IN, _USER_HELP),
    Relation(
        "computer",
        _integer("dbcomputer_id", node.c.dbcomputer_id),
        Predicate.OF_COMPUTERS_NAMED,
        Predicate.IN,
        "the computer that it belongs to, by label or id",
    ),
    Relation(
        "incoming_of",
        _NODE,
        Predicate.INCOMING_OF_NAMED,
        Predicate.INCOMING_OF,
        "a node that a link from it leads to",
        LINK_TYPES,
    ),
    Relation(
        "outgoing_of",
        _NODE,
        Predicate.OUTGOING_OF_NAMED,
        Predicate.OUTGOING_OF,
        "a node that a link to it comes from",
        LINK_TYPES,
    ),
    Relation(
        "ancestor_of",
        _NODE,
        Predicate.ANCESTORS_OF_NAMED,
        Predicate.ANCESTORS_OF,
        "a node that it leads to, over any number of links",
        DATA_LINKS,
    ),
    Relation(
        "descendant_of",
        _NODE,
        Predicate.DESCENDANTS_OF_NAMED,
        Predicate.DESCENDANTS_OF,
        "a node that leads to it, over any number of links",
        DATA_LINKS,
    ),
)
OF_GROUPS = (
    Relation("user", _integer("user_id", group.c.user_id), Predicate.OF_USERS_NAMED, Predicate.IN, _USER_HELP),
)


def check_number(key: str, operator: Operator, number: int) -> None:
    """Raises QueryError: the operator does not take that many values. `key` is how the error names the field."""
    if number > 1 and not operator.takes_list:
        raise QueryError(f"{key}{operator.value} takes one value; for a list write {key}=in=")
    VALUES.check(number, f"{key}{operator.value}")


def operators_of_relation(relation: Relation) -> tuple[Operator, ...]:
    """The operators that a relation takes; after a node come types of links, so it takes no list of nodes.

    A relation over a column of the row, as that of its computer, can be missing.
    """
    if relation.links is not None:
        return (Operator.EQUAL, Operator.UNEQUAL)
    lists = (Operator.EQUAL, Operator.UNEQUAL, Operator.IN, Operator.NOT_IN)
    return (*lists, Operator.IS_NULL) if relation.numbered is Predicate.IN else lists


def lower_relation(relation: Relation, operator: Operator, values: tuple[Literal, ...]) -> Term[Condition]:
    """The condition of a relation. Raises QueryError: the relation does not take the operator or a value."""
    allowed = operators_of_relation(relation)
    if operator not in allowed:
        symbols = " ".join(each.value for each in allowed)
        raise QueryError(f"the operator {operator.value} does not go with {relation.key}; it takes {symbols}")
    if operator is Operator.IS_NULL:
        return null_condition(relation.key, relation.field, values[0])
    found = _linked(relation, values) if relation.links is not None else _named(relation, operator, values)
    return Not(found) if operator.negates else found


def _named(relation: Relation, operator: Operator, values: tuple[Literal, ...]) -> Condition:
    check_number(relation.key, operator, len(values))
    names = tuple(value.value for value in values if isinstance(value, String))
    numbers = tuple(value.value for value in values if isinstance(value, Integer))
    if len(names) == len(values):
        return Condition(relation.named, relation.field, names)
    if len(numbers) == len(values):
        return Condition(relation.numbered, relation.field, numbers)
    wrong = next(value for value in values if not isinstance(value, String))
    raise QueryError(f"{relation.key} takes text in double quotes, or integers, not {unparse_value(wrong)}")


def _linked(relation: Relation, values: tuple[Literal, ...]) -> Condition:
    """The condition of a relation to a node: the first value is the node, the others are types of links."""
    node, *types = values
    followed = _followed(relation, types)
    match node:
        case Integer(value=number):
            return Condition(relation.numbered, relation.field, (number, *followed))
        case String(value=prefix):
            bounds = uuids_with(prefix.lower())
            if prefix and bounds is not None:
                return Condition(relation.named, relation.field, (*bounds, *followed))
    raise QueryError(
        f"{relation.key} takes the uuid of a node, the beginning of one, or its id, not {unparse_value(node)}"
    )


def _followed(relation: Relation, values: list[Literal]) -> tuple[str, ...]:
    """The types of links to compare with, in the order of `LINK_TYPES`; none where links of all types are followed."""
    words = (value.value if isinstance(value, String) else unparse_value(value) for value in values)
    named = types_named(words, f"behind the node {relation.key}")
    return LinkFilter((), named or relation.links or ()).tested
