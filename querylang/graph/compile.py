"""`ast.GraphQuery` -> one SELECT.

Every tag is an alias of a table. The SELECT is built once for each cache key, and a request brings the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
)

from aiida_like import models
from aiida_like.links import DATA_LINKS
from aiida_like.storage.sql import json_expressions as json
from aiida_like.storage.sql.expressions import casefolded, defeat_bloom_filter, unindexed
from aiida_like.storage.statements import Statement
from querylang.compile import binds, expression_of, in_window, values_of
from querylang.graph.ast import (
    Function,
    GraphCondition,
    GraphQuery,
    Operand,
    Projection,
    Sorting,
    Step,
    Term,
    is_outer,
)
from querylang.graph.schema import Direct, Through, Walk
from querylang.lowering.as_type import AsType
from querylang.lowering.predicates import Predicate
from querylang.schema import FieldType
from querylang.terms import Every, leaves

_OF_NUMBERS: Mapping[Predicate, type[json.AtPath]] = {
    Predicate.LESS: json.json_less,
    Predicate.LESS_OR_EQUAL: json.json_less_or_equal,
    Predicate.GREATER: json.json_greater,
    Predicate.GREATER_OR_EQUAL: json.json_greater_or_equal,
}
"""Comparisons of numbers in JSON that look into a document once."""

_FUNCTIONS: Mapping[Function, Callable[[Any], ColumnElement[Any]]] = {
    Function.COUNT: func.count,
    Function.MAX: func.max,
    Function.MIN: func.min,
}


def compile_graph(query: GraphQuery, limit: int) -> Statement:
    """A SELECT of the projections, at most `limit` rows of them."""
    if has_order_of_edges(query):
        return _compile_edges(query, limit)
    values = {"limit": limit, "offset": query.offset, **values_of(query.filters.values())}
    is_window = query.limit is not None or bool(query.offset)
    build = _Builder.select_keys_first if _sorts_wide_rows(query) else _Builder.select
    return Statement(("graph", query.cache_key, is_window), lambda: build(_Builder(query), is_window=is_window), values)


def _compile_edges(query: GraphQuery, limit: int) -> Statement:
    values = values_of(query.filters.values())
    if query.offset:
        values |= {"limit": limit, "offset": query.offset}
        return Statement(("edges", query.cache_key), lambda: _Builder(query).select_edges(in_window), values)
    # The limit is a literal, so that PostgreSQL keeps its plan: it would plan for each value of a parameter anew, which
    # takes nearly as long as running the statement.
    most = literal_column(str(limit), Integer())
    cache_key = ("first edges", query.cache_key, limit)
    return Statement(cache_key, lambda: _Builder(query).select_edges(lambda edges: edges.limit(most)), values)


def _sorts_wide_rows(query: GraphQuery) -> bool:
    """Whether rows of several vertices are sorted, and show JSON, which can be of any size."""
    is_sorted = (query.order or query.limit is not None or query.offset) and not query.forces_order_index
    if not is_sorted or len(query.steps) == 1 or query.distinct or any(each.function for each in query.projections):
        return False
    return any(each.operand.column.type is FieldType.JSON for each in query.projections)


def has_order_of_edges(query: GraphQuery) -> bool:
    """Whether it asks for a page of two vertices, of which only the id of the second is filtered or ordered by.

    The edges between them have that id too.
    """
    step = query.steps[-1]
    if len(query.steps) != 2 or not isinstance(step.relation, Through) or step.is_outer:  # noqa: PLR2004
        return False
    is_window = query.limit is not None or query.offset
    if not is_window or query.distinct or query.forces_order_index or any(each.function for each in query.projections):
        return False
    has_order = [each.operand for each in query.order] == [Operand(step.tag, step.vertex.columns["id"])]
    return has_order and not leaves(query.filter_of(step.tag))


class _Builder:
    """Builds the SELECT of one query. Values are bound by the number of their condition, in the order of filters."""

    def __init__(self, query: GraphQuery) -> None:
        self._query = query
        self._has_functions = any(each.function for each in query.projections)
        self._first: dict[str, int] = {}
        number = 0
        for tag, term in query.filters.items():
            self._first[tag] = number
            number += len(leaves(term))
        self._tables: dict[str, FromClause] = {
            step.tag: step.vertex.table.alias(f"t{number}") for number, step in enumerate(query.steps)
        }

    def select(self, *, is_window: bool) -> Select[Any]:
        joined = self._joined()
        keys = [self._sort_key(each).label(f"o{number}") for number, each in enumerate(self._query.order)]
        rows = self._selected(keys).select_from(joined).order_by(*self._order(keys, is_window=is_window))
        return in_window(rows.where(*map(self._where, self._query.filters)))

    def select_keys_first(self, *, is_window: bool) -> Select[Any]:
        """The ids of the rows, in order, and only then what they show: else all of it is sorted, before most is cut."""
        query = self._query
        joined = self._joined()
        keys = [self._sort_key(each).label(f"o{number}") for number, each in enumerate(query.order)]
        with_ids = {tag: f"i{number}" for number, (tag, table) in enumerate(self._tables.items()) if "id" in table.c}
        ids = [self._tables[tag].c.id.label(name) for tag, name in with_ids.items()]
        # The edges of walks have no ids.
        made = {each: f"m{number}" for number, each in enumerate(query.projections) if each.operand.tag not in with_ids}
        values = [self._projected(each).label(name) for each, name in made.items()]
        found = select(*ids, *keys, *values).select_from(joined).where(*map(self._where, query.filters))
        page = in_window(found.order_by(*self._order(keys, is_window=is_window))).subquery("page")
        rows: FromClause = page
        for tag, name in with_ids.items():
            if any(each.operand.tag == tag for each in query.projections):
                table = self._tables[tag]
                rows = rows.join(table, page.c[name] == table.c.id, isouter=is_outer(query.steps, tag))
        shown = (page.c[made[each]] if each in made else self._projected(each) for each in query.projections)
        order = [_sorted(page.c[key.name], each) for key, each in zip(keys, query.order, strict=True)]
        columns = (value.label(f"c{number}") for number, value in enumerate(shown))
        return select(*columns).select_from(rows).order_by(*order, *(page.c[each.name] for each in ids))

    def _selected(self, keys: Sequence[ColumnElement[Any]]) -> Select[Any]:
        columns = [self._projected(each).label(f"c{number}") for number, each in enumerate(self._query.projections)]
        # PostgreSQL sorts distinct rows only by what is selected; the keys depend on what is projected.
        return select(*columns, *keys).distinct() if self._query.distinct else select(*columns)

    def _order(self, keys: Sequence[ColumnElement[Any]], *, is_window: bool) -> list[ColumnElement[Any]]:
        """The terms of the order; the ids of all vertices at its end make it total."""
        query = self._query
        order = [_sorted(key, each) for key, each in zip(keys, query.order, strict=True)]
        if query.distinct or self._has_functions or not (order or is_window):
            return order
        return [*order, *self._ids_not_in_order()]

    def _ids_not_in_order(self) -> Iterator[ColumnElement[int]]:
        named = {each.operand.tag for each in self._query.order if each.operand.column.name == "id"}
        for tag, table in self._tables.items():
            if tag not in named and "id" in table.c:
                yield table.c.id

    def select_edges(self, in_part: Callable[[Select[Any]], Select[Any]]) -> Select[Any]:
        """The edges of a page first, which have the ids of both vertices: only rows that it shows are looked up."""
        step, (first,) = self._query.steps[-1], self._query.order
        assert isinstance(step.relation, Through)
        this, to = self._tables[step.tag], self._tables[str(step.to)]
        edge = self._tables[str(step.edge_tag)] = step.relation.table.alias("e0")
        ids = (edge.c[step.relation.here].label("this_id"), to.c.id.label("to_id"), edge.c.id.label("edge_id"))
        filters = (self._where(tag) for tag in self._query.filters if tag != step.tag)
        edges = select(*ids).select_from(to.join(edge, edge.c[step.relation.there] == to.c.id)).where(*filters)
        page = in_part(edges.order_by(*_order_of_ids(ids, first))).subquery("page")
        rows = page.join(this, page.c.this_id == this.c.id)
        shown = {each.operand.tag for each in self._query.projections}
        for tag, table, key in ((step.to, to, page.c.to_id), (step.edge_tag, edge, page.c.edge_id)):
            if tag in shown:
                rows = rows.join(table, key == table.c.id)
        return self._selected(()).select_from(rows).order_by(*_order_of_ids(page.c, first))

    def _joined(self) -> FromClause:
        first, *others = self._query.steps
        joined = self._tables[first.tag]
        for number, step in enumerate(others):
            joined = self._join(joined, step, number)
        return joined

    def _join(self, joined: FromClause, step: Step, number: int) -> FromClause:
        this, to = self._tables[step.tag], self._tables[str(step.to)]
        relation = step.relation
        if isinstance(relation, Direct):
            return joined.join(this, self._joins(step, to.c[relation.there], this.c[relation.here]), step.is_outer)
        if isinstance(relation, Through):
            edge: FromClause = relation.table.alias(f"e{number}")
            start, end = edge.c[relation.there], edge.c[relation.here]
        else:
            assert relation is not None, step
            edge = self._walk(step, relation, number)
            start, end = edge.c[_START[relation.there]], edge.c[_START[relation.here]]
        self._tables[str(step.edge_tag)] = edge
        with_edge = joined.join(edge, self._joins(step, to.c.id, start), step.is_outer)
        return with_edge.join(this, self._joins(step, end, this.c.id), step.is_outer)

    def _joins(self, step: Step, there: ColumnElement[int], here: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition of a join. A scan in order begins at the vertex of the order; indexes lead on from there."""
        if not self._query.forces_order_index:
            return there == here
        return there == unindexed(here) if step.tag in self._tags_to_order() else unindexed(there) == here

    def _tags_to_order(self) -> set[str]:
        """The tags of the path from the first vertex to that of the order, both included."""
        steps = {step.tag: step for step in self._query.steps}
        tag: str | None = self._query.order[0].operand.tag
        tags = set()
        while tag is not None:
            tags.add(tag)
            tag = steps[tag].to
        return tags

    def _walk(self, step: Step, relation: Walk, number: int) -> CTE:
        """All walks between two vertices: one row for each path through the graph, as in AiiDA.

        Walks begin at the vertex to which the step is joined; at that of the step if a filter names its rows.
        """
        tag, near, far = str(step.to), relation.there, relation.here
        if self._is_known(step.tag) and not self._is_known(tag) and not self._shows_path(step):
            tag, near, far = step.tag, far, near
        link, onward = models.link.alias(f"l{number}"), models.link.alias(f"o{number}")
        seeds = select(
            link.c[near].label(_START[near]),
            link.c[far].label(_START[far]),
            literal(0, Integer()).label("depth"),
            *_path(self._shows_path(step), link.c[near], link.c[far]),
        ).where(_carries_data(link))
        if tag in self._query.filters:
            main = models.node.alias(f"m{number}")
            seeds = seeds.select_from(main.join(link, link.c[near] == main.c.id)).where(self._where(tag, main))
        walk = seeds.cte(f"w{number}", recursive=True)
        is_set = self._needs_pairs_alone(step)
        # UNION matches columns by position: the near end stays, the far end goes on.
        steps = (
            select(
                walk.c[_START[near]],
                onward.c[far],
                # With one depth for all, each pair is found once, and even a circle comes to an end.
                walk.c.depth if is_set else walk.c.depth + 1,
                *([walk.c.path + _text(onward.c[far])] if "path" in walk.c else []),
            )
            .select_from(walk.join(onward, onward.c[near] == walk.c[_START[far]]))
            .where(_carries_data(onward), *self._bounds(step, walk), *_end_of_path(walk))
        )
        return walk.union(steps) if is_set else walk.union_all(steps)

    def _is_known(self, tag: str) -> bool:
        """Whether a filter names the rows of a tag, by id or uuid."""
        return _finds_few(self._query.filter_of(tag))

    def _uses(self, step: Step) -> Iterator[Operand]:
        """The operands that filters, projections and orders have of the edge of a step."""
        query = self._query
        filtered = (each.operand for term in query.filters.values() for each in leaves(term))
        for operand in (
            *filtered,
            *(each.operand for each in query.projections),
            *(each.operand for each in query.order),
        ):
            if operand.tag == step.edge_tag:
                yield operand

    def _shows_path(self, step: Step) -> bool:
        return any(operand.column.name == "path" for operand in self._uses(step))

    def _needs_pairs_alone(self, step: Step) -> bool:
        """Whether it does not matter how many paths join two vertices: a graph has far more paths than nodes."""
        return self._query.distinct and not self._has_functions and not any(self._uses(step))

    def _bounds(self, step: Step, walk: CTE) -> Iterator[ColumnElement[bool]]:
        """The filters on the depth of a walk, as conditions for going on."""
        term = self._query.filters.get(str(step.edge_tag))
        if not isinstance(term, Every):
            return
        number = self._first[str(step.edge_tag)]
        for each in term.terms:
            if isinstance(each, GraphCondition) and each.operand.column.name == "depth" and each.predicate in _BOUNDS:
                (bound,) = binds(number, each.values)
                is_below = each.predicate is Predicate.LESS
                yield walk.c.depth + 1 < bound if is_below else walk.c.depth + 1 <= bound
            number += len(leaves(each))

    def _where(self, tag: str, table: FromClause | None = None) -> ColumnElement[bool]:
        of = self._tables[tag] if table is None else table
        numbers = count(self._first[tag])
        return expression_of(self._query.filters[tag], lambda leaf, _: self._tested(leaf, of, next(numbers)))

    def _tested(self, condition: GraphCondition, table: FromClause, number: int) -> ColumnElement[bool]:
        if not self._query.forces_order_index:
            return _sql_of(condition, table, number)
        first = self._query.order[0].operand
        if condition.operand.tag == first.tag:
            may_use_index = condition.operand == first or not condition.operand.column.is_indexed
            return _sql_of(condition, table, number, may_use_index=may_use_index)
        return defeat_bloom_filter(_sql_of(condition, table, number), self._tables[first.tag].c.id)

    def _projected(self, projection: Projection) -> ColumnElement[Any]:
        value = _value(projection.operand, self._tables[projection.operand.tag])
        return _FUNCTIONS[projection.function](value) if projection.function else value

    def _sort_key(self, sorting: Sorting) -> ColumnElement[Any]:
        value = _value(sorting.operand, self._tables[sorting.operand.tag])
        is_text = sorting.operand.as_type is AsType.CAST_TEXT or sorting.operand.column.type is FieldType.STRING
        return casefolded(value) if is_text else value


def _order_of_ids(ids: Iterable[ColumnElement[int]], sorting: Sorting) -> Sequence[ColumnElement[int]]:
    """The order of rows by their ids, of which `sorting` is about the first."""
    first, *others = ids
    return [first.desc() if sorting.descending else first.asc(), *others]


def _sorted(key: ColumnElement[Any], sorting: Sorting) -> ColumnElement[Any]:
    term = key.desc() if sorting.descending else key.asc()
    if sorting.operand.as_type is AsType.ITSELF and not sorting.operand.column.is_nullable:
        # An index gives the order only if it says nothing of NULLs.
        return term
    return term.nulls_first() if sorting.descending else term.nulls_last()


def _finds_few(term: Term) -> bool:
    """Whether an index finds the rows that fulfil the term, because it names them by id or uuid."""
    if isinstance(term, Every):
        return any(map(_finds_few, term.terms))
    return isinstance(term, GraphCondition) and term.predicate in _FEW and term.operand.column.name in {"id", "uuid"}


_FEW = (Predicate.EQUAL, Predicate.IN, Predicate.BETWEEN)
_BOUNDS = (Predicate.LESS, Predicate.LESS_OR_EQUAL, Predicate.EQUAL)

MOST_ON_PATH = 1000
"""Nodes on a path that is shown, filtered or ordered by."""

_START = {"input_id": "ancestor_id", "output_id": "descendant_id"}
"""The columns of a walk, by the columns of its links."""


def _value(operand: Operand, table: FromClause) -> ColumnElement[Any]:
    column = table.c[operand.column.name]
    if isinstance(table, CTE) and operand.column.name == "path":
        # A text that is made here, no stored JSON: it is taken as text, whatever type is asked for.
        path = literal("[", Text()) + column + literal("]", Text())
        return casefolded(path) if operand.as_type is AsType.CASEFOLDED_TEXT else path
    return operand.as_type.sql(column, operand.path)


def _sql_of(
    condition: GraphCondition, table: FromClause, number: int, *, may_use_index: bool = True
) -> ColumnElement[bool]:
    operand, predicate, bound = condition.operand, condition.predicate, binds(number, condition.values)
    if operand.as_type is AsType.NUMBER and predicate in _OF_NUMBERS:
        return _OF_NUMBERS[predicate](table.c[operand.column.name], operand.path, *bound)
    value = _value(operand, table)
    if operand.as_type is AsType.ITSELF and not may_use_index:
        value = unindexed(value)
    found = predicate.sql(value, *bound)
    # A value that is not there, or of another type, is neither equal nor greater nor like: no, instead of unknown.
    return func.coalesce(found, false()) if operand.as_type in _DECIDED else found


_DECIDED = (AsType.NUMBER, AsType.TEXT, AsType.CASEFOLDED_TEXT, AsType.BOOLEAN, AsType.LENGTH)


def _carries_data(link: FromClause) -> ColumnElement[bool]:
    # Literals, not one list, which would be expanded only when the statement runs.
    return link.c.type.in_([literal(name) for name in DATA_LINKS])


def _end_of_path(walk: CTE) -> Iterator[ColumnElement[bool]]:
    """The condition that a path that is shown goes on: of all parts of one path the texts grow with its square."""
    if "path" in walk.c:
        yield walk.c.depth < literal(MOST_ON_PATH - 2, Integer())


def _path(is_shown: bool, *ids: ColumnElement[int]) -> list[ColumnElement[str]]:  # noqa: FBT001
    if not is_shown:
        return []
    first, second = ids
    return [(cast(first, Text()) + _text(second)).label("path")]


def _text(number: ColumnElement[int]) -> ColumnElement[str]:
    return literal(",", Text()) + cast(number, Text())
