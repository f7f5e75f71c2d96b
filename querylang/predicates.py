"""The SQL of every test that a condition can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, false, func, not_, or_, select

from aiida_like import models
from aiida_like.links import INCOMING, OUTGOING, Direction, reached
from aiida_like.storage.expressions import among, has_prefix, like, lowered, matches, starts_with, unindexed, uuid_text
from aiida_like.storage.json_expressions import AtPath, json_contains, json_has_key, json_has_plain_key

_Expression = ColumnElement[Any]
_Test = Callable[..., ColumnElement[bool]]
_Found = Callable[[Direction, ColumnElement[bool], Sequence[_Expression]], Select[Any]]


def at_same_place(expression: AtPath, taken: type[AtPath], *operands: Any) -> AtPath:
    """Something else of the same JSON at the same path."""
    (json,) = expression.clauses
    return taken(json, expression.path, *operands)


def _in_intervals(expression: _Expression, *bounds: BindParameter[Any]) -> ColumnElement[bool]:
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return or_(false(), *(and_(expression >= start, expression < end) for start, end in pairs))


def _relations(prefix: str, wrap: Callable[[_Expression], _Expression]) -> dict[str, _Test]:
    return {
        prefix + ">": lambda e, value: wrap(e) > value,
        prefix + "<": lambda e, value: wrap(e) < value,
        prefix + ">=": lambda e, value: wrap(e) >= value,
        prefix + "<=": lambda e, value: wrap(e) <= value,
        prefix + "like": lambda e, pattern: like(wrap(e), pattern),
        prefix + "matches": lambda e, pattern, regex: matches(wrap(e), pattern, regex),
    }


_NAMES_OF_USERS = (
    models.user.c.first_name + " " + models.user.c.last_name,
    models.user.c.first_name,
    models.user.c.last_name,
)


def _members(of: ColumnElement[bool]) -> Select[Any]:
    return select(models.group_node.c.dbnode_id).where(of)


def _nodes_within(first: _Expression, last: _Expression) -> Select[Any]:
    uuid = models.node.c.uuid
    return select(models.node.c.id).where(uuid >= first, uuid <= last)


def _ends(direction: Direction, starts: ColumnElement[bool], types: Sequence[_Expression]) -> Select[Any]:
    ends = select(direction.there).where(starts)
    return ends.where(unindexed(models.link.c.type).in_(types)) if types else ends


def _of_nodes(name: str, direction: Direction, found: _Found) -> dict[str, _Test]:
    """Of one node by its id, and of those that have their uuid in a range; further values are types of links."""
    here = direction.here
    return {
        name: lambda e, node, *types: e.in_(found(direction, here == node, types)),
        f"{name} named": lambda e, first, last, *types: e.in_(
            found(direction, here.in_(_nodes_within(first, last)), types)
        ),
    }


TESTS: Mapping[str, _Test] = MappingProxyType(
    {
        "=": lambda e, value: e == value,
        "!=": lambda e, value: e != value,
        **_relations("", lambda expression: expression),
        "lowered =": lambda e, value: lowered(e) == value,
        **_relations("lowered ", lowered),
        **_relations("uuid ", lambda expression: lowered(uuid_text(expression))),
        "in": lambda e, *values: e.in_(values) if values else false(),
        "not in": lambda e, *values: e.not_in(values) if values else e.is_not(None),
        "empty": lambda e: func.coalesce(e, "") == "",
        "within": lambda e, first, last: and_(e >= first, e <= last),
        "in intervals": _in_intervals,
        "not in intervals": lambda e, *bounds: not_(_in_intervals(e, *bounds)),
        "starts with": starts_with,
        "has prefix": has_prefix,
        "is null": lambda e: e.is_(None),
        "is not null": lambda e: e.is_not(None),
        "json contains": lambda e, value: at_same_place(e, json_contains, value),
        "json has key": lambda e, key: at_same_place(e, json_has_key, key),
        "json has plain key": lambda e, key: at_same_place(e, json_has_plain_key, key),
        "in groups": lambda e, *ids: e.in_(_members(models.group_node.c.dbgroup_id.in_(ids))),
        "in groups named": lambda e, *names: e.in_(
            _members(
                models.group_node.c.dbgroup_id.in_(select(models.group.c.id).where(models.group.c.label.in_(names)))
            )
        ),
        "of users named": lambda e, *names: e.in_(
            select(models.user.c.id).where(or_(*(name.in_(names) for name in _NAMES_OF_USERS)))
        ),
        "of computers named": lambda e, *names: e.in_(
            select(models.computer.c.id).where(models.computer.c.label.in_(names))
        ),
        **_of_nodes("incoming of", INCOMING, _ends),
        **_of_nodes("outgoing of", OUTGOING, _ends),
        **_of_nodes("ancestors of", INCOMING, reached),
        **_of_nodes("descendants of", OUTGOING, reached),
        "among": among,
    },
)
"""SQL of each test: of a field's expression and the values of the condition."""
