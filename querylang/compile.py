"""Conditions -> one SELECT.

The tests and fields of a query are its *shape*; for each shape the SELECT is built and compiled once, and a request
brings only the values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate, replacement_traverse

from aiida_like.models import JSONText, Timestamp
from aiida_like.storage.expressions import lowered
from aiida_like.storage.json_expressions import AtPath, json_kind
from querylang.condition import Condition, Order
from querylang.facets import Facet
from querylang.keyset import compared, nulls_are_last, total_order
from querylang.options import Window
from querylang.predicates import TESTS, at_same_place
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Every, Not, Some, Term, leaves, shape_of


@dataclass(frozen=True)
class RowsQuery:
    """The rows of an entity that fulfil all conditions; `fields` are the columns.

    `behind` is what a row of this page fulfils too, and does not matter for how many rows there are in all.
    """

    entity: Entity
    fields: tuple[Field, ...]
    conditions: tuple[Term[Condition], ...] = ()
    order: tuple[Order, ...] = ()
    behind: tuple[Term[Condition], ...] = ()
    with_total: bool = False


@dataclass(frozen=True)
class Statement:
    """What `Storage.rows` takes."""

    shape: Hashable
    build: Callable[[], Select[Any]]
    values: Mapping[str, Any]


NEAR = 1000
"""Rows to pass, up to which a window is near: columns of so many are made for nothing."""


def compile_rows(query: RowsQuery, window: Window, *, keys_first: bool = True) -> Statement:
    """A SELECT of the fields in one window; with `with_total` the first column is the number of all rows.

    `keys_first`: indexes tell keys, so rows are looked up only once it is known which. Where an index leads to the row
    all the same, the columns of a near window are taken at once, unless they are large.
    """
    if _begins_at_once(query, window):
        values = {"limit": window.limit}
        return Statement(("first rows", _shape(query)), lambda: _select_first_rows(query), values)
    values = {"limit": window.limit, "offset": window.offset, **_values((*query.conditions, *query.behind))}
    if not keys_first and window.offset < NEAR and all(map(_is_small, query.fields)):
        return Statement(("near rows", _shape(query)), lambda: _select_near_rows(query), values)
    return Statement(("rows", _shape(query)), lambda: _select_rows(query), values)


def compile_some(query: RowsQuery, most: int) -> Statement:
    """A SELECT of the fields of at most `most` rows, in any order."""
    values = {"most": most, **_values(query.conditions)}
    return Statement(("some", *_found(query)), lambda: _select_some(query, _bound("most")), values)


def compile_object(query: RowsQuery) -> Statement:
    """The same of one object: a second row shows that it is not the only one."""
    # Where PostgreSQL reads that few rows are wanted, it keeps its plan; a number that it does not know yet could be
    # any, and it would plan each statement anew, which takes longer than running it.
    return Statement(
        ("object", *_found(query)), lambda: _select_some(query, literal_column("2")), _values(query.conditions)
    )


def compile_total(query: RowsQuery, most: int | None = None) -> Statement:
    """A SELECT of the number of rows that fulfil the conditions; with `most` no more than that are counted."""
    if most is None:
        return Statement(("total", *_matched(query)), lambda: _select_total(query), _values(query.conditions))
    values = {"most": most, **_values(query.conditions)}
    return Statement(("bounded total", *_matched(query)), lambda: _select_bounded_total(query), values)


def compile_matches(query: RowsQuery) -> Statement:
    """A SELECT of all rows that fulfil the conditions, for a database to say how many it expects, never to run."""
    return Statement(("matches", *_matched(query)), lambda: _select_matches(query), _values(query.conditions))


def compile_facet(query: RowsQuery, facet: Facet, limit: int) -> Statement:
    """A SELECT of values, how many rows have each, how many values there are in all, and the names of the values.

    The most frequent come first, NULL behind others that are as frequent.
    """
    values = {"limit": limit, **_values(query.conditions)}
    shape = ("facet", facet.key, *_matched(query))
    return Statement(shape, lambda: _select_facet(query, facet), values)


def _matched(query: RowsQuery) -> tuple[Hashable, ...]:
    """The shape of what is the same for all windows, orders and fields."""
    return query.entity.name, tuple(map(shape_of, query.conditions))


def _found(query: RowsQuery) -> tuple[Hashable, ...]:
    """The shape of what is the same for all windows and orders."""
    return *_matched(query), _names(query.fields)


@lru_cache(maxsize=1024)
def _names(fields: tuple[Field, ...]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _shape(query: RowsQuery) -> Hashable:
    return (
        *_found(query),
        tuple((order.field.name, order.descending) for order in query.order),
        tuple(map(shape_of, query.behind)),
        query.with_total,
    )


def _values(conditions: Sequence[Term[Condition]]) -> dict[str, Any]:
    values = {}
    for position, condition in enumerate(chain.from_iterable(map(leaves, conditions))):
        for i, value in enumerate(condition.values):
            values[f"v{position}_{i}"] = value
    return values


def _where(conditions: Sequence[Term[Condition]]) -> Iterator[ColumnElement[bool]]:
    positions = count()
    return (_expression(term, positions, is_negated=False) for term in conditions)


def _expression(term: Term[Condition], positions: Iterator[int], *, is_negated: bool) -> ColumnElement[bool]:
    match term:
        case Every(terms=terms):
            return and_(true(), *(_expression(each, positions, is_negated=is_negated) for each in terms))
        case Some(terms=terms):
            return or_(false(), *(_expression(each, positions, is_negated=is_negated) for each in terms))
        case Not(term=negated):
            return not_(_expression(negated, positions, is_negated=True))
        case condition:
            return _tested(condition, next(positions), is_negated=is_negated)


def _tested(condition: Condition, position: int, *, is_negated: bool) -> ColumnElement[bool]:
    expression = condition.field.expression
    binds = [
        # Integers get no cast to the width of the column: 2^40 is a number that no id has, not an error.
        bindparam(f"v{position}_{i}", type_=BigInteger() if type(value) is int else None)
        for i, value in enumerate(condition.values)
    ]
    test = TESTS[condition.test](expression, *binds)
    if not is_negated or not isinstance(expression, AtPath):
        return test
    # Of another type is no, where nothing is is unknown; without a NOT the two come to the same.
    kind = at_same_place(expression, json_kind)
    return case((kind.is_not(None), func.coalesce(test, false())))


def first_of(query: RowsQuery) -> ColumnElement[Any]:
    """What its rows are ordered by first."""
    return compared(query.order[0]).expression if query.order else query.entity.key


def _begins_at_once(query: RowsQuery, window: Window) -> bool:
    """Whether its rows are the first ones of an index, which leaves hardly any of them to be put in order."""
    passes_some = window.offset or query.conditions or query.behind
    if passes_some or not isinstance(query.entity.table, Table):
        return False
    first = first_of(query)
    return isinstance(first, Column) and bool(
        first.primary_key or first.unique or (first.index and isinstance(first.type, Timestamp))
    )


def _select_first_rows(query: RowsQuery) -> Select[Any]:
    return _in_order(query, ()).limit(_bound("limit"))


def _is_small(field: Field) -> bool:
    return isinstance(field.expression, Column) and not isinstance(field.expression.type, JSONText)


def _select_near_rows(query: RowsQuery) -> Select[Any]:
    where = list(_where((*query.conditions, *query.behind)))
    order = _order(query)
    found = _table(query.entity, (*where, *order))
    if not isinstance(found, Table):
        # Rows of both tables would be joined before it is known which are on the page.
        return _select_rows(query)
    counted = where[: len(query.conditions)]
    if found is query.entity.table:
        return _in_order(query, counted).where(*where).limit(_bound("limit")).offset(_bound("offset"))
    page = select(found).where(*where).order_by(*order).limit(_bound("limit")).offset(_bound("offset"))
    return _in_order(query, counted, _Page(found, page.subquery("page")))


def _select_rows(query: RowsQuery) -> Select[Any]:
    # Once for the page and the total: the walk to the ancestors of a node is one, and takes its time.
    where = list(_where((*query.conditions, *query.behind)))
    order = _order(query)
    # The ids first, which an index may give; only then the wide rows of one page.
    page = (
        select(query.entity.key)
        .select_from(_table(query.entity, (*where, *order)))
        .where(*where)
        .order_by(*order)
        .limit(_bound("limit"))
        .offset(_bound("offset"))
    )
    return _in_order(query, where[: len(query.conditions)]).where(query.entity.key.in_(page))


@dataclass(frozen=True)
class _Page:
    """Rows of a table, to be joined in its place."""

    table: Table
    rows: Subquery

    def instead(self, element: ExternallyTraversible, **_: Any) -> ExternallyTraversible | None:
        if element is self.table:
            return self.rows
        if isinstance(element, Column) and element.table is self.table:
            return self.rows.c[element.key]
        return None


def _in_order(query: RowsQuery, where: Sequence[ColumnElement[bool]], page: _Page | None = None) -> Select[Any]:
    """All rows, or those of a page; with `with_total`, how many of all fulfil `where`."""
    columns = [field.expression.label(field.name) for field in query.fields]
    rows = select(*columns).select_from(query.entity.table).order_by(*_order(query))
    if page is not None:
        rows = cast("Select[Any]", replacement_traverse(rows, {}, page.instead))
    if query.with_total:
        total = _count(query, where).scalar_subquery().label("total")
        rows = rows.with_only_columns(total, *rows.selected_columns)
    return rows


def _order(query: RowsQuery) -> list[ColumnElement[Any]]:
    return [_ordered(order) for order in total_order(query.order, query.entity)]


def _select_some(query: RowsQuery, most: ColumnElement[int]) -> Select[Any]:
    columns = [field.expression.label(field.name) for field in query.fields]
    return select(*columns).select_from(query.entity.table).where(*_where(query.conditions)).limit(most)


def _bound(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


def _select_total(query: RowsQuery) -> Select[Any]:
    return _count(query, list(_where(query.conditions)))


def _count(query: RowsQuery, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(func.count()).select_from(_table(query.entity, where)).where(*where)


def _table(entity: Entity, used: Iterable[ColumnElement[Any]]) -> FromClause:
    """What has the columns that are used beside the key."""
    columns = {each for element in used for each in iterate(element) if isinstance(each, Column)}
    if entity.narrow is None or any(each.table is not entity.narrow for each in columns):
        return entity.table
    return entity.narrow


def _select_matches(query: RowsQuery) -> Select[Any]:
    return select(query.entity.key).select_from(query.entity.table).where(*_where(query.conditions))


def _select_bounded_total(query: RowsQuery) -> Select[Any]:
    matches = _select_matches(query).limit(_bound("most")).subquery()
    return select(func.count()).select_from(matches)


def _select_facet(query: RowsQuery, facet: Facet) -> Select[Any]:
    value = facet.field.expression.label("value")
    # In a SELECT of its own: PostgreSQL takes an expression with values in it for another one in GROUP BY.
    matches = select(value).select_from(query.entity.table).where(*_where(query.conditions)).subquery()
    number = func.count().label("number")
    ordered = lowered(matches.c.value) if facet.field.type is FieldType.STRING else matches.c.value
    counts = (
        select(matches.c.value, number, func.count().over().label("distinct"))
        .group_by(matches.c.value)
        .order_by(number.desc(), ordered.nulls_last(), matches.c.value)
        .limit(_bound("limit"))
    )
    if facet.names is None:
        return counts
    names, groups = facet.names, counts.subquery()
    name = select(names.name).select_from(names.table).where(names.key == groups.c.value).scalar_subquery()
    return select(groups, name).order_by(groups.c.number.desc(), groups.c.value.nulls_last())


def _ordered(order: Order) -> ColumnElement[Any]:
    expression = compared(order).expression
    term = expression.desc() if order.descending else expression.asc()
    if not order.field.is_nullable:
        return term
    return term.nulls_last() if nulls_are_last(order) else term.nulls_first()
