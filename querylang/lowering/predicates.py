"""What a condition can say of the value of a field, and the SQL that says so."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, false, func, not_, or_, select

from aiida_like import models
from aiida_like.links import INCOMING, OUTGOING, Direction, reached
from aiida_like.storage.sql.expressions import has_prefix, in_json_array, like, like_within, matches, unindexed
from aiida_like.storage.sql.json_expressions import AtPath, json_contains, json_has_key, json_has_plain_key, json_same
from querylang.lowering.in_sql import InSQL

_Expression = ColumnElement[Any]
_Test = Callable[..., ColumnElement[bool]]
_FindEnds = Callable[[Direction, ColumnElement[bool], Sequence[_Expression]], Select[Any]]


def at_same_path(expression: AtPath, form: type[AtPath], *operands: Any) -> AtPath:
    """Another function of the same JSON at the same path."""
    (json,) = expression.clauses
    return form(json, expression.path, *operands)


def _in_intervals(expression: _Expression, *bounds: BindParameter[Any]) -> ColumnElement[bool]:
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return or_(false(), *(and_(expression >= start, expression < end) for start, end in pairs))


def _json(function: type[AtPath]) -> _Test:
    return lambda e, operand: at_same_path(e, function, operand)


_NAMES_OF_USERS = (
    models.user.c.first_name + " " + models.user.c.last_name,
    models.user.c.first_name,
    models.user.c.last_name,
)


def _members(of: ColumnElement[bool]) -> Select[Any]:
    return select(models.group_node.c.dbnode_id).where(of)


def _nodes_between(first: _Expression, last: _Expression) -> Select[Any]:
    uuid = models.node.c.uuid
    return select(models.node.c.id).where(uuid >= first, uuid <= last)


def _ends(direction: Direction, starts: ColumnElement[bool], types: Sequence[_Expression]) -> Select[Any]:
    ends = select(direction.there).where(starts)
    return ends.where(unindexed(models.link.c.type).in_(types)) if types else ends


def _linked(direction: Direction, find: _FindEnds) -> _Test:
    """Related to one node, by its id; further values are types of links."""
    return lambda e, node, *types: e.in_(find(direction, direction.here == node, types))


def _linked_named(direction: Direction, find: _FindEnds) -> _Test:
    """Related to the nodes that have their uuid in a range; further values are types of links."""
    return lambda e, first, last, *types: e.in_(find(direction, direction.here.in_(_nodes_between(first, last)), types))


class Predicate(InSQL):
    """What can be said of the value of a field; `sql` makes it of the field's expression and the bound values.

    NAMED: the other rows are given by name or uuid instead of id.
    """

    EQUAL = "=", operator.eq
    UNEQUAL = "!=", operator.ne
    GREATER = ">", operator.gt
    LESS = "<", operator.lt
    GREATER_OR_EQUAL = ">=", operator.ge
    LESS_OR_EQUAL = "<=", operator.le
    LIKE = "like", like
    MATCHES = "matches", matches

    IN = "in", lambda e, *values: e.in_(values) if values else false()
    NOT_IN = "not in", lambda e, *values: e.not_in(values) if values else e.is_not(None)
    IN_JSON_ARRAY = "in json array", in_json_array
    BETWEEN = "between", lambda e, first, last: and_(e >= first, e <= last)
    IN_INTERVALS = "in intervals", _in_intervals
    NOT_IN_INTERVALS = "not in intervals", lambda e, *bounds: not_(_in_intervals(e, *bounds))
    LIKE_WITHIN = "like within", like_within
    HAS_PREFIX = "has prefix", has_prefix
    EMPTY = "empty", lambda e: func.coalesce(e, "") == ""
    IS_NULL = "is null", lambda e: e.is_(None)
    IS_NOT_NULL = "is not null", lambda e: e.is_not(None)

    JSON_SAME = "json same", _json(json_same)
    JSON_CONTAINS = "json contains", _json(json_contains)
    JSON_HAS_KEY = "json has key", _json(json_has_key)
    JSON_HAS_PLAIN_KEY = "json has plain key", _json(json_has_plain_key)

    IN_GROUPS = "in groups", lambda e, *ids: e.in_(_members(models.group_node.c.dbgroup_id.in_(ids)))
    IN_GROUPS_NAMED = (
        "in groups named",
        lambda e, *names: e.in_(
            _members(
                models.group_node.c.dbgroup_id.in_(select(models.group.c.id).where(models.group.c.label.in_(names)))
            )
        ),
    )
    OF_USERS_NAMED = (
        "of users named",
        lambda e, *names: e.in_(select(models.user.c.id).where(or_(*(name.in_(names) for name in _NAMES_OF_USERS)))),
    )
    OF_COMPUTERS_NAMED = (
        "of computers named",
        lambda e, *names: e.in_(select(models.computer.c.id).where(models.computer.c.label.in_(names))),
    )
    INCOMING_OF = "incoming of", _linked(INCOMING, _ends)
    INCOMING_OF_NAMED = "incoming of named", _linked_named(INCOMING, _ends)
    OUTGOING_OF = "outgoing of", _linked(OUTGOING, _ends)
    OUTGOING_OF_NAMED = "outgoing of named", _linked_named(OUTGOING, _ends)
    ANCESTORS_OF = "ancestors of", _linked(INCOMING, reached)
    ANCESTORS_OF_NAMED = "ancestors of named", _linked_named(INCOMING, reached)
    DESCENDANTS_OF = "descendants of", _linked(OUTGOING, reached)
    DESCENDANTS_OF_NAMED = "descendants of named", _linked_named(OUTGOING, reached)
