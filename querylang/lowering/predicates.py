"""What a condition can say of the value of a field, and the SQL that says so."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, false, func, not_, or_, select

from aiida_like import models
from aiida_like.links import INCOMING, OUTGOING, Direction, reached
from aiida_like.storage.expressions import (
    casefolded,
    has_prefix,
    in_json_array,
    like,
    like_within,
    matches,
    unindexed,
    uuid_text,
)
from aiida_like.storage.json_expressions import AtPath, json_contains, json_has_key, json_has_plain_key, json_same
from querylang.lowering.covering import covering


class Predicate(Enum):
    """What can be said of the value of a field; `PREDICATES` has the SQL of each.

    CASEFOLDED and UUID: the value is made lower case, or text in lower case, before it is compared. NAMED: the other
    rows are given by name or uuid instead of id.
    """

    EQUAL = "="
    UNEQUAL = "!="
    GREATER = ">"
    LESS = "<"
    GREATER_OR_EQUAL = ">="
    LESS_OR_EQUAL = "<="
    LIKE = "like"
    MATCHES = "matches"

    CASEFOLDED_EQUAL = "casefolded ="
    CASEFOLDED_GREATER = "casefolded >"
    CASEFOLDED_LESS = "casefolded <"
    CASEFOLDED_GREATER_OR_EQUAL = "casefolded >="
    CASEFOLDED_LESS_OR_EQUAL = "casefolded <="
    CASEFOLDED_LIKE = "casefolded like"
    CASEFOLDED_MATCHES = "casefolded matches"

    UUID_GREATER = "uuid >"
    UUID_LESS = "uuid <"
    UUID_GREATER_OR_EQUAL = "uuid >="
    UUID_LESS_OR_EQUAL = "uuid <="
    UUID_LIKE = "uuid like"
    UUID_MATCHES = "uuid matches"

    IN = "in"
    NOT_IN = "not in"
    IN_JSON_ARRAY = "in json array"
    BETWEEN = "between"
    IN_INTERVALS = "in intervals"
    NOT_IN_INTERVALS = "not in intervals"
    LIKE_WITHIN = "like within"
    HAS_PREFIX = "has prefix"
    EMPTY = "empty"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"

    JSON_SAME = "json same"
    JSON_CONTAINS = "json contains"
    JSON_HAS_KEY = "json has key"
    JSON_HAS_PLAIN_KEY = "json has plain key"

    IN_GROUPS = "in groups"
    IN_GROUPS_NAMED = "in groups named"
    OF_USERS_NAMED = "of users named"
    OF_COMPUTERS_NAMED = "of computers named"
    INCOMING_OF = "incoming of"
    INCOMING_OF_NAMED = "incoming of named"
    OUTGOING_OF = "outgoing of"
    OUTGOING_OF_NAMED = "outgoing of named"
    ANCESTORS_OF = "ancestors of"
    ANCESTORS_OF_NAMED = "ancestors of named"
    DESCENDANTS_OF = "descendants of"
    DESCENDANTS_OF_NAMED = "descendants of named"

    # That of Enum is a call in Python, for each condition of a query.
    __hash__ = object.__hash__


_Expression = ColumnElement[Any]
_Form = Callable[[_Expression], _Expression]
_Test = Callable[..., ColumnElement[bool]]
_FindEnds = Callable[[Direction, ColumnElement[bool], Sequence[_Expression]], Select[Any]]


def at_same_path(expression: AtPath, form: type[AtPath], *operands: Any) -> AtPath:
    """Another function of the same JSON at the same path."""
    (json,) = expression.clauses
    return form(json, expression.path, *operands)


def _as_it_is(expression: _Expression) -> _Expression:
    return expression


def _casefolded_uuid(expression: _Expression) -> _Expression:
    return casefolded(uuid_text(expression))


def _compared(compare: Callable[[Any, Any], Any], form: _Form = _as_it_is) -> _Test:
    return lambda e, value: compare(form(e), value)


def _like(form: _Form = _as_it_is) -> _Test:
    return lambda e, pattern: like(form(e), pattern)


def _matches(form: _Form = _as_it_is) -> _Test:
    return lambda e, pattern, regex: matches(form(e), pattern, regex)


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


PREDICATES: Mapping[Predicate, _Test] = covering(
    Predicate,
    {
        Predicate.EQUAL: _compared(operator.eq),
        Predicate.UNEQUAL: _compared(operator.ne),
        Predicate.GREATER: _compared(operator.gt),
        Predicate.LESS: _compared(operator.lt),
        Predicate.GREATER_OR_EQUAL: _compared(operator.ge),
        Predicate.LESS_OR_EQUAL: _compared(operator.le),
        Predicate.LIKE: _like(),
        Predicate.MATCHES: _matches(),
        Predicate.CASEFOLDED_EQUAL: _compared(operator.eq, casefolded),
        Predicate.CASEFOLDED_GREATER: _compared(operator.gt, casefolded),
        Predicate.CASEFOLDED_LESS: _compared(operator.lt, casefolded),
        Predicate.CASEFOLDED_GREATER_OR_EQUAL: _compared(operator.ge, casefolded),
        Predicate.CASEFOLDED_LESS_OR_EQUAL: _compared(operator.le, casefolded),
        Predicate.CASEFOLDED_LIKE: _like(casefolded),
        Predicate.CASEFOLDED_MATCHES: _matches(casefolded),
        Predicate.UUID_GREATER: _compared(operator.gt, _casefolded_uuid),
        Predicate.UUID_LESS: _compared(operator.lt, _casefolded_uuid),
        Predicate.UUID_GREATER_OR_EQUAL: _compared(operator.ge, _casefolded_uuid),
        Predicate.UUID_LESS_OR_EQUAL: _compared(operator.le, _casefolded_uuid),
        Predicate.UUID_LIKE: _like(_casefolded_uuid),
        Predicate.UUID_MATCHES: _matches(_casefolded_uuid),
        Predicate.IN: lambda e, *values: e.in_(values) if values else false(),
        Predicate.NOT_IN: lambda e, *values: e.not_in(values) if values else e.is_not(None),
        Predicate.IN_JSON_ARRAY: in_json_array,
        Predicate.BETWEEN: lambda e, first, last: and_(e >= first, e <= last),
        Predicate.IN_INTERVALS: _in_intervals,
        Predicate.NOT_IN_INTERVALS: lambda e, *bounds: not_(_in_intervals(e, *bounds)),
        Predicate.LIKE_WITHIN: like_within,
        Predicate.HAS_PREFIX: has_prefix,
        Predicate.EMPTY: lambda e: func.coalesce(e, "") == "",
        Predicate.IS_NULL: lambda e: e.is_(None),
        Predicate.IS_NOT_NULL: lambda e: e.is_not(None),
        Predicate.JSON_SAME: _json(json_same),
        Predicate.JSON_CONTAINS: _json(json_contains),
        Predicate.JSON_HAS_KEY: _json(json_has_key),
        Predicate.JSON_HAS_PLAIN_KEY: _json(json_has_plain_key),
        Predicate.IN_GROUPS: lambda e, *ids: e.in_(_members(models.group_node.c.dbgroup_id.in_(ids))),
        Predicate.IN_GROUPS_NAMED: lambda e, *names: e.in_(
            _members(
                models.group_node.c.dbgroup_id.in_(select(models.group.c.id).where(models.group.c.label.in_(names)))
            )
        ),
        Predicate.OF_USERS_NAMED: lambda e, *names: e.in_(
            select(models.user.c.id).where(or_(*(name.in_(names) for name in _NAMES_OF_USERS)))
        ),
        Predicate.OF_COMPUTERS_NAMED: lambda e, *names: e.in_(
            select(models.computer.c.id).where(models.computer.c.label.in_(names))
        ),
        Predicate.INCOMING_OF: _linked(INCOMING, _ends),
        Predicate.INCOMING_OF_NAMED: _linked_named(INCOMING, _ends),
        Predicate.OUTGOING_OF: _linked(OUTGOING, _ends),
        Predicate.OUTGOING_OF_NAMED: _linked_named(OUTGOING, _ends),
        Predicate.ANCESTORS_OF: _linked(INCOMING, reached),
        Predicate.ANCESTORS_OF_NAMED: _linked_named(INCOMING, reached),
        Predicate.DESCENDANTS_OF: _linked(OUTGOING, reached),
        Predicate.DESCENDANTS_OF_NAMED: _linked_named(OUTGOING, reached),
    },
)
"""The SQL of each predicate: a function of a field's expression and the bound values of a condition."""
