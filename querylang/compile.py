"""Conditions -> one SELECT.

The predicates and fields of a query are its *cache key*: the SELECT is built and compiled once for each key, and a
request brings only the values. Whatever SQL depends on must be part of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Float,
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
from sqlalchemy.types import TypeEngine

from aiida_like.models import JSONText, Timestamp
from aiida_like.storage.sql.expressions import casefolded, has_prefix, prefix_range, spelled
from aiida_like.storage.sql.json_expressions import AtPath, json_type
from aiida_like.storage.statements import Statement
from querylang.condition import Condition, Order
from querylang.facets import Facet
from querylang.keyset import compared, nulls_are_last, total_order
from querylang.lowering.predicates import at_same_path
from querylang.options import Window
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Every, L, Not, Some, Spelled, Term, cache_key_of, leaves


@dataclass(frozen=True)
class RowsQuery:
    """The rows of an entity that fulfil all conditions; `fields` are the columns.

    `after` are seek conditions: the rows of a page fulfil them too, but they do not count for the total.
    `with_total`: each row begins with the number of all rows that fulfil the conditions.
    """

    entity: Entity
    fields: tuple[Field, ...]
    conditions: tuple[Term[Condition], ...] = ()
    order: tuple[Order, ...] = ()
    after: tuple[Term[Condition], ...] = ()
    with_total: bool = False


NEAR = 1000
"""How many rows a near window passes at most: their columns are read for nothing."""


def compile_rows(query: RowsQuery, window: Window, *, keys_first: bool = True) -> Statement:
    """A SELECT of the fields in one window; with `with_total` the first column is the number of all rows.

    `keys_first`: indexes have the keys of rows, so only the rows of the page are looked up. Where each index leads to
    the rows anyway, the columns of a near window are read at once, unless they are large.
    """
    if not (window.offset or query.conditions or query.after) and _begins_at_once(query):
        values = {"limit": window.limit}
        return Statement(("first rows", _cache_key(query)), lambda: _in_order(query, ()).limit(_bound("limit")), values)
    values = {"limit": window.limit, "offset": window.offset, **values_of((*query.conditions, *query.after))}
    if not keys_first and window.offset < NEAR and all(map(_is_small, query.fields)):
        return Statement(("near rows", _cache_key(query)), lambda: _select_near_rows(query), values)
    return Statement(("rows", _cache_key(query)), lambda: _select_rows(query), values)


def compile_value_at(query: RowsQuery, offset: int) -> Statement:
    """A SELECT of the value that the first term of the order has in the row after `offset` others; none if none is."""
    values = {"offset": offset, **values_of((*query.conditions, *query.after))}
    return Statement(("value at", _cache_key(query)), lambda: _select_value(query), values)


def compile_some(query: RowsQuery, most: int) -> Statement:
    """A SELECT of the fields of at most `most` rows, in any order."""
    values = {"most": most, **values_of(query.conditions)}
    cache_key = ("some", *_matched(query), _names(query.fields), _order_key(query.order))
    return Statement(cache_key, lambda: _select_some(query, _bound("most")), values)


def compile_object(query: RowsQuery) -> Statement:
    """A SELECT of the fields of one object; a second row shows that the object is not the only one."""
    # The limit is a literal, so that PostgreSQL keeps its plan: it would plan for each value of a parameter anew, which
    # takes longer than running the statement.
    cache_key = ("object", *_matched(query), _names(query.fields), _order_key(query.order))
    return Statement(cache_key, lambda: _select_some(query, literal_column("2")), values_of(query.conditions))


def compile_total(query: RowsQuery, most: int | None = None) -> Statement:
    """A SELECT of the number of rows that fulfil the conditions; of at most `most` rows if that is given."""
    if most is None:
        return Statement(("total", *_matched(query)), lambda: _select_total(query), values_of(query.conditions))
    values = {"most": most, **values_of(query.conditions)}
    return Statement(("bounded total", *_matched(query)), lambda: _select_bounded_total(query), values)


def compile_matches(query: RowsQuery) -> Statement:
    """A SELECT of all rows that fulfil the conditions, to ask a planner how many it expects; it is never run."""
    return Statement(("matches", *_matched(query)), lambda: _select_matches(query), values_of(query.conditions))


def compile_facet(query: RowsQuery, facet: Facet, limit: int) -> Statement:
    """A SELECT of values, the number of rows of each, the number of different values, and the labels of the values.

    The most frequent values come first; NULL comes after other values that are as frequent.
    """
    values = {"limit": limit, **values_of(query.conditions)}
    cache_key = ("facet", facet.key, *_matched(query))
    return Statement(cache_key, lambda: _select_facet(query, facet), values)


def _matched(query: RowsQuery) -> tuple[Hashable, ...]:
    """The part of a cache key that is the same for all windows, orders and fields."""
    keys: list[Hashable] = [query.entity.name]
    for each in query.conditions:
        if isinstance(each, Condition):
            keys.append((each.predicate, each.field.name, len(each.values)))
        else:
            keys.append(cache_key_of(each))
    return tuple(keys)


@lru_cache(maxsize=128)
def _names(fields: tuple[Field, ...]) -> tuple[str, ...]:
    return tuple(field.name for field in fields)


def _cache_key(query: RowsQuery) -> Hashable:
    after = tuple(map(cache_key_of, query.after)) if query.after else ()
    return *_matched(query), _names(query.fields), _order_key(query.order), after, query.with_total


@lru_cache(maxsize=128)
def _order_key(order: tuple[Order, ...]) -> Hashable:
    return tuple(each.cache_key for each in order)


def values_of(conditions: Iterable[Term[Any]]) -> dict[str, Any]:
    """The values of all conditions, by the names under which they are bound."""
    values, position = {}, 0
    for term in conditions:
        for condition in (term,) if type(term) is Condition else leaves(term):
            for i, value in enumerate(condition.values):
                values[f"v{position}_{i}"] = value
            position += 1
    return values


def binds(position: int, values: Sequence[Any]) -> list[BindParameter[Any]]:
    """The bound parameters for the values of the condition at a position."""
    return [bindparam(f"v{position}_{i}", type_=_TYPES.get(type(value))) for i, value in enumerate(values)]


# BigInteger, not the width of the column: 2^40 is an integer that no id is equal to, not an error.
_TYPES: Mapping[type, TypeEngine[Any]] = {int: BigInteger(), float: Float()}


def expression_of(
    term: Term[L], test: Callable[[L, bool], ColumnElement[bool]], *, is_negated: bool = False
) -> ColumnElement[bool]:
    """The SQL of a term; `test` makes that of a leaf, and is told whether it stands under a NOT."""
    match term:
        case Every(terms=terms):
            return and_(true(), *(expression_of(each, test, is_negated=is_negated) for each in terms))
        case Spelled(terms=terms):
            return spelled(*(expression_of(each, test, is_negated=is_negated) for each in terms))
        case Some(terms=terms):
            return or_(false(), *(expression_of(each, test, is_negated=is_negated) for each in terms))
        case Not(term=negated):
            return not_(expression_of(negated, test, is_negated=True))
        case leaf:
            return test(leaf, is_negated)


def in_window(rows: Select[Any]) -> Select[Any]:
    """The rows of a window."""
    return rows.limit(_bound("limit")).offset(_bound("offset"))


def _where(conditions: Sequence[Term[Condition]]) -> Iterator[ColumnElement[bool]]:
    positions = count()
    return (
        expression_of(term, lambda leaf, is_negated: _tested(leaf, next(positions), is_negated)) for term in conditions
    )


def _tested(condition: Condition, position: int, is_negated: bool) -> ColumnElement[bool]:  # noqa: FBT001
    expression = condition.field.expression
    test = condition.predicate.sql(expression, *binds(position, condition.values))
    (value,) = expression.clauses if isinstance(expression, casefolded) else (expression,)
    if not is_negated or not isinstance(value, AtPath):
        return test
    # A value of another type is false and no value is NULL, which differ only under a NOT.
    type_ = at_same_path(value, json_type)
    return case((type_.is_not(None), func.coalesce(test, false())))


def first_of(query: RowsQuery) -> ColumnElement[Any]:
    """The expression of the first term of its order."""
    return compared(query.order[0]).expression if query.order else query.entity.key


def _begins_at_once(query: RowsQuery) -> bool:
    """Whether the first rows of all are the first of an index, so that hardly anything is sorted."""
    if not isinstance(query.entity.table, Table):
        return False
    first = first_of(query)
    return isinstance(first, Column) and bool(
        first.primary_key or first.unique or (first.index and isinstance(first.type, Timestamp))
    )


def _is_small(field: Field) -> bool:
    return isinstance(field.expression, Column) and not isinstance(field.expression.type, JSONText)


def _select_near_rows(query: RowsQuery) -> Select[Any]:
    where = list(_where((*query.conditions, *query.after)))
    order = _order(query)
    found = _table(query.entity, (*where, *order))
    if not isinstance(found, Table):
        # All rows of both tables would be joined before the page is cut out.
        return _select_rows(query)
    counted = where[: len(query.conditions)]
    if found is query.entity.table:
        return in_window(_in_order(query, counted).where(*where))
    rows = in_window(select(found).where(*where).order_by(*order))
    return _in_order(query, counted, _Page(found, rows.subquery("page")))


def _select_rows(query: RowsQuery) -> Select[Any]:
    # The same expressions for the page and the total: so the statement walks to the ancestors of a node only once.
    where = list(_where((*query.conditions, *query.after)))
    order = _order(query)
    # The ids first, which an index may give; only then the wide rows of one page.
    keys = select(query.entity.key).select_from(_table(query.entity, (*where, *order)))
    keys = in_window(keys.where(*where).order_by(*order))
    return _in_order(query, where[: len(query.conditions)]).where(query.entity.key.in_(keys))


@dataclass(frozen=True)
class _Page:
    """The rows of a page, which stand in for their table in a SELECT."""

    table: Table
    rows: Subquery

    def instead(self, element: ExternallyTraversible, **_: Any) -> ExternallyTraversible | None:
        if element is self.table:
            return self.rows
        if isinstance(element, Column) and element.table is self.table:
            return self.rows.c[element.key]
        return None


def _in_order(query: RowsQuery, where: Sequence[ColumnElement[bool]], page: _Page | None = None) -> Select[Any]:
    """A SELECT of all rows in order, or of those of a page. `where`: the conditions that the total counts."""
    rows = _selected(query).order_by(*_order(query))
    if page is not None:
        rows = cast("Select[Any]", replacement_traverse(rows, {}, page.instead))
    if query.with_total:
        total = _count(query, where).scalar_subquery().label("total")
        rows = rows.with_only_columns(total, *rows.selected_columns)
    return rows


def _order(query: RowsQuery) -> list[ColumnElement[Any]]:
    return [_ordered(order) for order in total_order(query.order, query.entity)]


def _select_value(query: RowsQuery) -> Select[Any]:
    first = query.order[0]
    values = select(compared(first).expression).select_from(query.entity.table)
    window = values.order_by(_ordered(first)).limit(literal_column("1")).offset(_bound("offset"))
    return window.where(*_where((*query.conditions, *query.after)))


def _select_some(query: RowsQuery, most: ColumnElement[int]) -> Select[Any]:
    return _selected(query).where(*_where(query.conditions)).limit(most)


def _selected(query: RowsQuery) -> Select[Any]:
    columns = (field.expression.label(field.name) for field in query.fields)
    return select(*columns).select_from(query.entity.table)


def _bound(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger())


def _select_total(query: RowsQuery) -> Select[Any]:
    return _count(query, [replacement_traverse(each, {}, _as_range) for each in _where(query.conditions)])


def _as_range(element: ExternallyTraversible, **_: Any) -> ExternallyTraversible | None:
    return prefix_range(*element.clauses) if isinstance(element, has_prefix) else None


def _count(query: RowsQuery, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(func.count()).select_from(_table(query.entity, where)).where(*where)


def _table(entity: Entity, used: Iterable[ColumnElement[Any]]) -> FromClause:
    """The smallest table that has the key and the columns that are used."""
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
    # In a SELECT of its own: PostgreSQL does not recognise an expression with parameters in GROUP BY.
    table = query.entity.table if facet.table is None else facet.table
    matches = select(value).select_from(table).where(*_where(query.conditions)).subquery()
    number = func.count().label("number")
    ordered = casefolded(matches.c.value) if facet.field.type is FieldType.STRING else matches.c.value
    counts = (
        select(matches.c.value, number, func.count().over().label("distinct"))
        .group_by(matches.c.value)
        .order_by(number.desc(), ordered.nulls_last(), matches.c.value)
        .limit(_bound("limit"))
    )
    if facet.labels is None:
        return counts
    labels, groups = facet.labels, counts.subquery()
    name = select(labels.name).select_from(labels.table).where(labels.key == groups.c.value).scalar_subquery()
    return select(groups, name).order_by(groups.c.number.desc(), groups.c.value.nulls_last())


def _ordered(order: Order) -> ColumnElement[Any]:
    expression = compared(order).expression
    term = expression.desc() if order.descending else expression.asc()
    if not order.field.is_nullable:
        return term
    return term.nulls_last() if nulls_are_last(order) else term.nulls_first()
