"""Comparisons with what a row is related to: `group="si"`, `incoming_of="338357f4","create"` -> conditions."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from aiida_like.errors import QueryError
from aiida_like.links import DATA_LINKS, LINK_TYPES, Ways, types_named
from aiida_like.models import group, node
from querylang.ast import Integer, Literal, Operator, String
from querylang.condition import Condition
from querylang.schema import Field, FieldType, Relation
from querylang.terms import Not, Term
from querylang.unparse import unparse_value
from querylang.uuids import uuids_with

MAX_VALUES = 1000
"""How many names or ids a list may have."""


def _integer(name: str, column: ColumnElement[int]) -> Field:
    return Field(name, FieldType.INTEGER, column, name, name)


_NODE = _integer("id", node.c.id)


def _to_node(key: str, test: str, help_: str, links: tuple[str, ...]) -> Relation:
    return Relation(key, _NODE, f"{test} named", test, help_, links)


OF_NODES = (
    Relation("group", _NODE, "in groups named", "in groups", "a group that it is in, by label or id"),
    Relation("user", _integer("user_id", node.c.user_id), "of users named", "in", "who created it, by name or id"),
    Relation(
        "computer",
        _integer("dbcomputer_id", node.c.dbcomputer_id),
        "of computers named",
        "in",
        "the computer that it belongs to, by label or id",
    ),
    _to_node("incoming_of", "incoming of", "a node that a link from it leads to", LINK_TYPES),
    _to_node("outgoing_of", "outgoing of", "a node that a link to it comes from", LINK_TYPES),
    _to_node("ancestor_of", "ancestors of", "a node that it leads to, over any number of links", DATA_LINKS),
    _to_node("descendant_of", "descendants of", "a node that leads to it, over any number of links", DATA_LINKS),
)
OF_GROUPS = (
    Relation("user", _integer("user_id", group.c.user_id), "of users named", "in", "who created it, by name or id"),
)

_IDENTITY = (Operator.EQUAL, Operator.UNEQUAL)
_MEMBERSHIP = (Operator.IN, Operator.NOT_IN)


def lower_relation(relation: Relation, operator: Operator, values: tuple[Literal, ...]) -> Term[Condition]:
    """Raises QueryError: the operator or a value is none that the relation takes."""
    allowed = _IDENTITY if relation.links else (*_IDENTITY, *_MEMBERSHIP)
    if operator not in allowed:
        symbols = " ".join(each.value for each in allowed)
        raise QueryError(f"the operator {operator.value} does not go with {relation.key}; it takes {symbols}")
    found = _linked(relation, values) if relation.links else _named(relation, operator, values)
    return Not(found) if operator in (Operator.UNEQUAL, Operator.NOT_IN) else found


def _named(relation: Relation, operator: Operator, values: tuple[Literal, ...]) -> Condition:
    if operator in _IDENTITY and len(values) > 1:
        raise QueryError(f"{relation.key}{operator.value} takes one value; for a list write {relation.key}=in=")
    if len(values) > MAX_VALUES:
        raise QueryError(f"{relation.key}{operator.value} has {len(values)} values; at most {MAX_VALUES} are allowed")
    names = tuple(value.value for value in values if isinstance(value, String))
    numbers = tuple(value.value for value in values if isinstance(value, Integer))
    if len(names) == len(values):
        return Condition(relation.named, relation.field, names)
    if len(numbers) == len(values):
        return Condition(relation.numbered, relation.field, numbers)
    wrong = next(value for value in values if not isinstance(value, String))
    raise QueryError(f"{relation.key} takes text in double quotes, or integers, not {unparse_value(wrong)}")


def _linked(relation: Relation, values: tuple[Literal, ...]) -> Condition:
    """The first value is the node, the others are the types of the links."""
    node, *types = values
    followed = _followed(relation, types)
    match node:
        case Integer(value=number):
            return Condition(relation.numbered, relation.field, (number, *followed))
        case String(value=prefix):
            within = uuids_with(prefix.lower())
            if prefix and within is not None:
                return Condition(relation.named, relation.field, (*within, *followed))
    raise QueryError(
        f"{relation.key} takes the uuid of a node, the beginning of one, or its id, not {unparse_value(node)}"
    )


def _followed(relation: Relation, values: list[Literal]) -> tuple[str, ...]:
    """The types of links to look for, in the order of `LINK_TYPES`; none where each will do."""
    words = (value.value if isinstance(value, String) else unparse_value(value) for value in values)
    named = types_named(words, f"behind the node {relation.key}")
    return Ways((), named or relation.links or ()).tested
