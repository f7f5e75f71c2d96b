"""`ast.GraphQuery` -> one SELECT.

Every tag is an alias of a table. The SELECT is built once for each shape of a query, and a request brings the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    Float,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from aiida_like import models
from aiida_like.links import DATA_LINKS
from aiida_like.storage import json_expressions as json
from aiida_like.storage.expressions import in_passing, lowered, unindexed
from querylang.compile import Statement
from querylang.graph.ast import (
    As,
    Function,
    GraphQuery,
    Operand,
    Projection,
    Sorting,
    Step,
    Term,
    Test,
)
from querylang.graph.schema import Direct, Through, Walk
from querylang.predicates import TESTS
from querylang.schema import FieldType
from querylang.terms import Every, Not, Some, leaves

_JSON_TESTS = {
    "json same": json.json_same,
    "json contains": json.json_contains,
    "json has key": json.json_has_key,
    "json has plain key": json.json_has_plain_key,
}

_OF_NUMBERS = {
    "<": json.json_less,
    "<=": json.json_less_or_equal,
    ">": json.json_greater,
    ">=": json.json_greater_or_equal,
}

_TAKEN: Mapping[As, type[json.AtPath]] = {
    As.NUMBER: json.json_number,
    As.STRING: json.json_string,
    As.BOOLEAN: json.json_boolean,
    As.KIND: json.json_kind,
    As.LENGTH: json.json_length,
    As.JSON: json.json_value,
    As.CAST_FLOAT: json.json_as_float,
    As.CAST_INTEGER: json.json_as_integer,
    As.CAST_BOOLEAN: json.json_as_boolean,
    As.CAST_TEXT: json.json_as_text,
    As.CAST_JSON: json.json_value,
    As.CAST_DATETIME: json.json_as_datetime,
}

_FUNCTIONS: Mapping[Function, Callable[[Any], ColumnElement[Any]]] = {
    Function.COUNT: func.count,
    Function.MAX: func.max,
    Function.MIN: func.min,
}


def compile_graph(query: GraphQuery, limit: int) -> Statement:
    """A SELECT of the projections, at most `limit` rows of them."""
    values = {"limit": limit, "offset": query.offset, **values_of(query.filters.values())}
    is_window = query.limit is not None or bool(query.offset)
    return Statement(("graph", query.shape, is_window), lambda: _Builder(query).select(is_window=is_window), values)


def values_of(filters: Iterable[Term]) -> dict[str, Any]:
    """The values of all tests, by the names under which they are bound."""
    tests = enumerate(test for term in filters for test in leaves(term))
    return {f"v{number}_{i}": value for number, test in tests for i, value in enumerate(test.values)}


class _Builder:
    """Builds the SELECT of one query. Values are bound by the number of their test, in the order of the filters."""

    def __init__(self, query: GraphQuery) -> None:
        self._query = query
        self._first: dict[str, int] = {}
        number = 0
        for tag, term in query.filters.items():
            self._first[tag] = number
            number += len(leaves(term))
        self._tables: dict[str, FromClause] = {
            step.tag: step.vertex.table.alias(f"t{number}") for number, step in enumerate(query.steps)
        }

    def select(self, *, is_window: bool) -> Select[Any]:
        query = self._query
        joined = self._joined()
        columns = [self._projected(each).label(f"c{number}") for number, each in enumerate(query.projections)]
        keys = [self._sort_key(each).label(f"o{number}") for number, each in enumerate(query.order)]
        order = [_sorted(key, each) for key, each in zip(keys, query.order, strict=True)]
        if query.distinct:
            # PostgreSQL sorts distinct rows only by what is selected; the keys depend on what is projected.
            columns += keys
        elif (order or is_window) and not any(each.function for each in query.projections):
            named = {each.operand.tag for each in query.order if each.operand.column.name == "id"}
            order += [table.c.id for tag, table in self._tables.items() if "id" in table.c and tag not in named]
        selected = select(*columns).distinct() if query.distinct else select(*columns)
        if is_window and self._has_order_of_edges():
            edges = self._page_of_edges()
            (key,) = edges.selected_columns
            return selected.select_from(joined).where(key.in_(edges)).order_by(*order)
        return _page(selected.select_from(joined).where(*(self._where(tag) for tag in query.filters)).order_by(*order))

    def _has_order_of_edges(self) -> bool:
        """Whether all that is known of the second of two vertices is its id, which edges have too."""
        query, step = self._query, self._query.steps[-1]
        is_joined = len(query.steps) == 2 and isinstance(step.relation, Through) and not step.is_outer  # noqa: PLR2004
        has_order = [each.operand for each in query.order] == [Operand(step.tag, step.vertex.columns["id"])]
        is_filtered = bool(leaves(query.filters.get(step.tag, Every(()))))
        is_plain = not (query.distinct or query.walks or any(each.function for each in query.projections))
        return is_joined and has_order and is_plain and not is_filtered

    def _page_of_edges(self) -> Select[Any]:
        """The ids of the edges of a page, in its order: then few rows are looked up, of many that are related."""
        step, (first,) = self._query.steps[-1], self._query.order
        assert isinstance(step.relation, Through)
        edge, to = self._tables[str(step.edge_tag)], self._tables[str(step.to)]
        here = edge.c[step.relation.here]
        filters = (self._where(tag) for tag in self._query.filters if tag != step.tag)
        joined = to.join(edge, edge.c[step.relation.there] == to.c.id)
        order = (here.desc() if first.descending else here.asc(), to.c.id, edge.c.id)
        return _page(select(edge.c.id).select_from(joined).where(*filters).order_by(*order))

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
        """Along an order the vertex that has it comes first, and from there one index leads to the next."""
        if not self._query.walks:
            return there == here
        return there == unindexed(here) if step.tag in self._way_to_first() else unindexed(there) == here

    def _way_to_first(self) -> set[str]:
        """The tags of all vertices behind which that of the order lies, and its own."""
        of_tags = {step.tag: step for step in self._query.steps}
        tag: str | None = self._query.order[0].operand.tag
        way = set()
        while tag is not None:
            way.add(tag)
            tag = of_tags[tag].to
        return way

    def _walk(self, step: Step, relation: Walk, number: int) -> CTE:
        """All walks between two vertices: as many rows as there are ways, as in AiiDA.

        They begin at the vertex that the step is joined to, or at its own if that is the one that is known.
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
        is_set = self._ways_are_alike(step)
        # By position: the near end stays, the far end goes on.
        steps = (
            select(
                walk.c[_START[near]],
                onward.c[far],
                # Without depths a pair is found once, and even a circle comes to an end.
                walk.c.depth if is_set else walk.c.depth + 1,
                *([walk.c.path + _text(onward.c[far])] if "path" in walk.c else []),
            )
            .select_from(walk.join(onward, onward.c[near] == walk.c[_START[far]]))
            .where(_carries_data(onward), *self._bounds(step, walk))
        )
        return walk.union(steps) if is_set else walk.union_all(steps)

    def _is_known(self, tag: str) -> bool:
        """Whether a filter says which rows, by id or uuid."""
        return _finds_few(self._query.filters.get(tag, Every(())))

    def _uses(self, step: Step) -> Iterator[Operand]:
        """What is asked of the edge of a step."""
        query = self._query
        tests = (test.operand for term in query.filters.values() for test in leaves(term))
        for operand in (*tests, *(each.operand for each in query.projections), *(each.operand for each in query.order)):
            if operand.tag == step.edge_tag:
                yield operand

    def _shows_path(self, step: Step) -> bool:
        return any(operand.column.name == "path" for operand in self._uses(step))

    def _ways_are_alike(self, step: Step) -> bool:
        """Whether it does not matter how many ways there are: a graph has far more of them than nodes."""
        has_functions = any(each.function for each in self._query.projections)
        return self._query.distinct and not has_functions and not any(self._uses(step))

    def _bounds(self, step: Step, walk: CTE) -> Iterator[ColumnElement[bool]]:
        """Filters on the depth, so that no walk goes farther than it may."""
        term = self._query.filters.get(str(step.edge_tag))
        if not isinstance(term, Every):
            return
        number = self._first[str(step.edge_tag)]
        for each in term.terms:
            if isinstance(each, Test) and each.operand.column.name == "depth" and each.name in {"<", "<=", "="}:
                bound = bindparam(f"v{number}_0", type_=BigInteger())
                yield walk.c.depth + 1 < bound if each.name == "<" else walk.c.depth + 1 <= bound
            number += len(leaves(each))

    def _where(self, tag: str, table: FromClause | None = None) -> ColumnElement[bool]:
        numbers = count(self._first[tag])
        return self._condition(self._query.filters[tag], table if table is not None else self._tables[tag], numbers)

    def _condition(self, term: Term, table: FromClause, numbers: Iterator[int]) -> ColumnElement[bool]:
        match term:
            case Every(terms=terms):
                return and_(true(), *(self._condition(each, table, numbers) for each in terms))
            case Some(terms=terms):
                return or_(false(), *(self._condition(each, table, numbers) for each in terms))
            case Not(term=negated):
                return not_(self._condition(negated, table, numbers))
            case _:
                first = self._query.order[0].operand if self._query.walks else term.operand
                is_beside = term.operand.tag == first.tag and term.operand != first
                tested = _tested(term, table, next(numbers), has_index=not is_beside)
                return tested if term.operand.tag == first.tag else in_passing(tested, self._tables[first.tag].c.id)

    def _projected(self, projection: Projection) -> ColumnElement[Any]:
        value = _value(projection.operand, self._tables[projection.operand.tag])
        return _FUNCTIONS[projection.function](value) if projection.function else value

    def _sort_key(self, sorting: Sorting) -> ColumnElement[Any]:
        value = _value(sorting.operand, self._tables[sorting.operand.tag])
        is_text = sorting.operand.taken is As.CAST_TEXT or sorting.operand.column.type is FieldType.STRING
        return lowered(value) if is_text else value


def _page(rows: Select[Any]) -> Select[Any]:
    return rows.limit(bindparam("limit", type_=BigInteger())).offset(bindparam("offset", type_=BigInteger()))


def _sorted(key: ColumnElement[Any], sorting: Sorting) -> ColumnElement[Any]:
    term = key.desc() if sorting.descending else key.asc()
    if sorting.operand.taken is As.ITSELF and not sorting.operand.column.is_nullable:
        # Without a word on NULLs an index can give the order.
        return term
    return term.nulls_first() if sorting.descending else term.nulls_last()


def _finds_few(term: Term) -> bool:
    """Whether an index finds the few rows that fulfil it."""
    if isinstance(term, Every):
        return any(map(_finds_few, term.terms))
    return isinstance(term, Test) and term.name in _FEW and term.operand.column.name in {"id", "uuid"}


_FEW = ("=", "in", "within")

_START = {"input_id": "ancestor_id", "output_id": "descendant_id"}
"""The columns of a walk, by those of its links."""


def _value(operand: Operand, table: FromClause) -> ColumnElement[Any]:
    column = table.c[operand.column.name]
    if isinstance(table, CTE) and operand.column.name == "path":
        return literal("[", Text()) + column + literal("]", Text())
    return column if operand.taken is As.ITSELF else _TAKEN[operand.taken](column, operand.path)


def _tested(test: Test, table: FromClause, number: int, *, has_index: bool) -> ColumnElement[bool]:
    binds: list[BindParameter[Any]] = [
        bindparam(f"v{number}_{i}", type_=_BINDS.get(type(value))) for i, value in enumerate(test.values)
    ]
    operand = test.operand
    if test.name in _JSON_TESTS:
        return _JSON_TESTS[test.name](table.c[operand.column.name], operand.path, *binds)
    if operand.taken is As.NUMBER and test.name in _OF_NUMBERS:
        return _OF_NUMBERS[test.name](table.c[operand.column.name], operand.path, *binds)
    value = _value(operand, table)
    if operand.taken is As.ITSELF and not has_index:
        value = unindexed(value)
    if test.name == "is null":
        return value.is_(None)
    found = TESTS[test.name](value, *binds)
    # What is not there, or of another type, is neither equal nor greater nor like: no, instead of unknown.
    return func.coalesce(found, false()) if operand.taken in _DECIDED else found


_BINDS: Mapping[type, TypeEngine[Any]] = {int: BigInteger(), float: Float()}
_DECIDED = (As.NUMBER, As.STRING, As.BOOLEAN, As.LENGTH)


def _carries_data(link: FromClause) -> ColumnElement[bool]:
    # Literals one by one: a list would be expanded only when the statement runs.
    return link.c.type.in_([literal(name) for name in DATA_LINKS])


def _path(is_shown: bool, *ids: ColumnElement[int]) -> list[ColumnElement[str]]:  # noqa: FBT001
    if not is_shown:
        return []
    first, second = ids
    return [(cast(first, Text()) + _text(second)).label("path")]


def _text(number: ColumnElement[int]) -> ColumnElement[str]:
    return literal(",", Text()) + cast(number, Text())
