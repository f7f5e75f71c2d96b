"""Statements with equal cache keys have the same SQL: whatever a key forgets would answer one query with another's.

One process answers for both versions of the API from one cache, so their entities are asked in turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from aiida_like.errors import QueryError
from querylang.ast import Boolean, Comparison, DateTime, Float, Integer, Literal, Null, Option, String
from querylang.compile import (
    RowsQuery,
    Statement,
    compile_facet,
    compile_matches,
    compile_object,
    compile_rows,
    compile_some,
    compile_total,
)
from querylang.condition import Condition, Order
from querylang.facets import facet_keys, facets
from querylang.graph.ast import GraphQuery
from querylang.graph.compile import compile_graph
from querylang.graph.index_scan import compile_frequency, type_filters_of
from querylang.graph.operators import JSON_TYPES
from querylang.graph.operators import OPERATORS as GRAPH_OPERATORS
from querylang.graph.read import read
from querylang.graph.schema import RELATIONS, VERTICES, Column, Vertex, Walk
from querylang.index_scan import scan_in_order
from querylang.keyset import compared, place_fields, reversed_order, rows_after, total_order
from querylang.lowering.lower import lower, order_by, type_prefix_conditions
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.relations import operators_of_relation
from querylang.options import OrderTerm, Window
from querylang.projection import projected, shown_keys
from querylang.schema import Entity, Field, FieldType
from querylang.terms import Every, Not, Some, Term, replaced
from restapi.dialects.aiida_v2 import entities as v2
from restapi.dialects.aiida_v4 import entities as v4
from tests.markers import Effort

DIALECTS = (sqlite.dialect(), postgresql.psycopg.dialect())
ENTITIES = (
    *(v2.NODES, v2.NODE_ENTITIES["codes"], v2.COMPUTERS, v2.USERS, v2.GROUPS),
    *(v4.NODES, v4.INCOMING, v4.OUTGOING, v4.COMPUTERS, v4.USERS, v4.GROUPS),
)
UUID = "338357f4-f236-4f9c-8fbe-cd550dc6b858"
PATHS = st.sampled_from([("a",), ("a", "0"), ("a b",), ("b",)])
TEXTS = st.sampled_from(["a", "a%", "%a", "a_", "_a_", "ä", "", UUID, UUID[:6], UUID[:6] + "%"])
NUMBERS = st.integers(-3, 2**40)


class Seen:
    """The SQL of each cache key so far, and how many keys came again."""

    def __init__(self) -> None:
        self.sql: dict[Any, Any] = {}
        self.repeated = 0

    def check(self, statement: Statement) -> None:
        compiled = [statement.build().compile(dialect=dialect) for dialect in DIALECTS]
        # Parameters that a request does not bring are constants of the statement.
        constants = [sorted((k, v) for k, v in each.params.items() if k not in statement.values) for each in compiled]
        sql = [str(each) for each in compiled], constants, sorted(statement.values)
        self.repeated += statement.cache_key in self.sql
        assert self.sql.setdefault(statement.cache_key, sql) == sql


LITERALS: dict[FieldType, st.SearchStrategy[Literal]] = {
    FieldType.INTEGER: st.builds(Integer, NUMBERS),
    FieldType.STRING: st.builds(String, TEXTS),
    FieldType.UUID: st.builds(String, TEXTS),
    FieldType.BOOLEAN: st.builds(Boolean, st.booleans()),
    FieldType.DATETIME: st.builds(
        DateTime,
        st.datetimes(datetime(2016, 1, 1), datetime(2017, 1, 1), timezones=st.just(timezone.utc)),  # noqa: DTZ001
        st.sampled_from([timedelta(days=1), timedelta(hours=1)]),
    ),
    FieldType.JSON: st.one_of(
        st.builds(Integer, NUMBERS),
        st.builds(Float, st.floats(-1, 1)),
        st.builds(String, TEXTS),
        st.builds(Boolean, st.booleans()),
        st.just(Null()),
    ),
}


@st.composite
def comparisons(draw: st.DrawFn, entity: Entity) -> Comparison:
    relations = [relation for relation in entity.relations if draw(st.booleans())]
    if relations:
        relation = draw(st.sampled_from(relations))
        node: Literal = draw(st.sampled_from([String(UUID), String(UUID[:5]), Integer(5), Integer(6)]))
        types = draw(st.lists(st.sampled_from([String("create"), String("return")]), max_size=2))
        values = (node, *types) if relation.links is not None else (node,)
        return Comparison(relation.key, draw(st.sampled_from(operators_of_relation(relation))), values)
    field = draw(st.sampled_from([each for each in entity.fields.values() if each.is_filterable]))
    operator = draw(st.sampled_from(list(LOWERINGS[field.type])))
    is_null = draw(st.booleans()) and operator.value == "=isnull="
    literals = LITERALS[FieldType.BOOLEAN if is_null else field.type]
    values = tuple(draw(st.lists(literals, min_size=1, max_size=3 if operator.takes_list else 1)))
    return Comparison(field.name, operator, values, draw(PATHS) if field.type is FieldType.JSON else ())


def terms(entity: Entity) -> st.SearchStrategy[Term[Comparison]]:
    return st.recursive(
        comparisons(entity),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(Every, st.lists(inner, min_size=2, max_size=2).map(tuple)),
            st.builds(Some, st.lists(inner, min_size=2, max_size=2).map(tuple)),
        ),
        max_leaves=3,
    )


def names_of(entity: Entity) -> list[str]:
    fields = [name for name, field in entity.fields.items() if field.is_filterable]
    return fields + list(entity.synonyms)


def lowered(asked: list[Term[Comparison]], entity: Entity) -> tuple[Term[Condition], ...]:
    try:
        return lower(asked, entity)
    except QueryError:
        return ()


def of_other_types(comparison: Comparison) -> Comparison:
    """The same comparison of a place in JSON, where text becomes a number and everything else text."""
    values = (Integer(5) if isinstance(value, String) else String("a") for value in comparison.values)
    return replace(comparison, values=tuple(values)) if comparison.path else comparison


@st.composite
def orders(draw: st.DrawFn, entity: Entity) -> tuple[Order, ...]:
    asked = [
        OrderTerm(name, draw(st.booleans()), draw(PATHS) if entity.field(name).type is FieldType.JSON else ())
        for name in draw(st.lists(st.sampled_from(names_of(entity)), max_size=2))
    ]
    return order_by(tuple(asked), entity)


@st.composite
def places(draw: st.DrawFn, order: tuple[Order, ...]) -> tuple[Any, ...]:
    """A place as a cursor holds it, with a value of the type of each term."""
    values: list[Any] = []
    for term in order:
        field = compared(term)
        value = draw(VALUES.get(type(field.expression.type).__name__, TEXTS))
        values.append(None if field.is_nullable and draw(st.booleans()) else value)
    return tuple(values)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Integer": NUMBERS,
    "Float": st.floats(-1, 1),
    "Boolean": st.booleans(),
}


@st.composite
def fields_of(draw: st.DrawFn, entity: Entity) -> tuple[Field, ...]:
    if draw(st.booleans()):
        return entity.shown
    names = draw(st.lists(st.sampled_from(names_of(entity)), min_size=1, max_size=2))
    paths = [".a" if entity.field(name).type is FieldType.JSON and draw(st.booleans()) else "" for name in names]
    words = [name + path for name, path in zip(names, paths, strict=True)]
    return projected(shown_keys(Option("fields", tuple(words))), entity)


@st.composite
def rows_queries(draw: st.DrawFn, others: list[RowsQuery] | None = None) -> RowsQuery:
    """A query; to `others` come queries that differ from it in one part, which their keys must tell."""
    entity = draw(st.sampled_from(ENTITIES))
    asked = draw(st.lists(terms(entity), max_size=2))
    found = (*type_prefix_conditions(entity), *lowered(asked, entity))
    query = RowsQuery(entity, draw(fields_of(entity)), found, draw(orders(entity)), with_total=draw(st.booleans()))
    if draw(st.booleans()):
        order = total_order(query.order, entity)
        order = reversed_order(order) if draw(st.booleans()) else order
        after = (rows_after(order, draw(places(order))),) if draw(st.booleans()) else ()
        query = replace(query, fields=(*query.fields, *place_fields(order)), order=order, after=after)
    if others is not None:
        typed = lowered([replaced(each, of_other_types) for each in asked], entity)
        others += [*nearly_the_same(query), replace(query, conditions=(*type_prefix_conditions(entity), *typed))]
    return query


def compile_rows_keys_first(query: RowsQuery, offset: int) -> Statement:
    return compile_rows(query, Window(20, offset))


def compile_rows_at_once(query: RowsQuery, offset: int) -> Statement:
    return compile_rows(query, Window(20, offset), keys_first=False)


COMPILERS: tuple[Callable[[RowsQuery, int], Statement], ...] = (
    compile_rows_keys_first,
    compile_rows_at_once,
    compile_some,
    compile_total,
    lambda query, _: compile_object(query),
    lambda query, _: compile_total(query),
    lambda query, _: compile_matches(query),
)


def nearly_the_same(query: RowsQuery) -> list[RowsQuery]:
    turned = tuple(replace(term, descending=not term.descending) for term in query.order[:1])
    return [
        replace(query, after=()),
        replace(query, conditions=query.conditions[:-1]),
        replace(query, conditions=tuple(map(Not, query.conditions))),
        replace(query, order=query.order[:-1]),
        replace(query, order=(*turned, *query.order[1:])),
        replace(query, fields=query.fields[:-1]),
        replace(query, with_total=not query.with_total),
        scan_in_order(query),
    ]


@st.composite
def statements(draw: st.DrawFn) -> list[Statement]:
    others: list[RowsQuery] = []
    query = draw(rows_queries(others))
    compiler, offset = draw(st.sampled_from(COMPILERS)), draw(st.sampled_from([0, 3, 5000]))
    # The last one differs only where values lie in JSON, and then it is the most alike.
    return [compiler(each, offset) for each in (query, draw(st.sampled_from(others)), others[-1])]


@st.composite
def statements_of_facets(draw: st.DrawFn) -> Iterator[Statement]:
    query = draw(rows_queries())
    name = draw(st.sampled_from([*names_of(query.entity), *(each.key for each in query.entity.relations)]))
    is_json = name in names_of(query.entity) and query.entity.field(name).type is FieldType.JSON
    try:
        found = facets(facet_keys(Option("facet", (f"{name}.a" if is_json else name,))), query.entity)
    except QueryError:
        found = ()
    return (compile_facet(query, each, 5) for each in found)


def test_rows(effort: Effort) -> None:
    seen = Seen()

    @settings(max_examples=effort.either(80, 500))
    @given(statements())
    def check(made: list[Statement]) -> None:
        for statement in made:
            seen.check(statement)

    check()
    assert seen.repeated > effort.either(2, 10)


def test_facets() -> None:
    seen = Seen()

    @settings(max_examples=60)
    @given(statements_of_facets())
    def check(made: Iterator[Statement]) -> None:
        for statement in made:
            seen.check(statement)

    check()
    assert seen.repeated > 0


# Dictionaries of the QueryBuilder

JSON_OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "in": st.one_of(st.lists(TEXTS, min_size=1, max_size=2), st.lists(NUMBERS, min_size=1, max_size=2)),
    "of_type": st.sampled_from(JSON_TYPES),
    "contains": st.one_of(NUMBERS, TEXTS),
    "has_key": TEXTS,
    **dict.fromkeys(("like", "ilike"), TEXTS),
    **dict.fromkeys(("of_length", "longer", "shorter"), NUMBERS),
}
COMPARED = st.one_of(NUMBERS, TEXTS, st.booleans(), st.floats(-1, 1))
OPERANDS: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.INTEGER: NUMBERS,
    FieldType.STRING: TEXTS,
    FieldType.UUID: TEXTS,
    FieldType.DATETIME: st.just("2016-04-23"),
}


@st.composite
def graph_filters(draw: st.DrawFn, columns: list[Column]) -> dict[str, Any]:
    column = draw(st.sampled_from(columns))
    operator = draw(st.sampled_from(list(GRAPH_OPERATORS[column.type])))
    if column.type is FieldType.JSON:
        path, value = f".{draw(st.sampled_from('ab'))}", draw(JSON_OPERANDS.get(operator, COMPARED))
    else:
        path, value = "", draw(OPERANDS[column.type])
        value = [value, value][: draw(st.integers(1, 2))] if operator == "in" else value
    negation = draw(st.sampled_from(["", "!"]))
    return {column.name + path: {negation + operator: value}}


@st.composite
def dictionaries(draw: st.DrawFn) -> dict[str, Any]:
    vertex: Vertex = draw(st.sampled_from(list(VERTICES.values())))
    path: list[dict[str, Any]] = [{"entity_type": vertex.name, "tag": "t0"}]
    vertices = [vertex]
    for number in range(draw(st.integers(0, 2))):
        joins = [(of, keyword) for (of, keyword), relation in RELATIONS.items() if relation.to is vertices[-1]]
        of, keyword = draw(st.sampled_from(joins))
        vertices.append(of)
        item = {"entity_type": of.name, "tag": f"t{number + 1}", keyword: f"t{number}", "edge_tag": f"e{number}"}
        path.append(item | ({"outerjoin": True} if draw(st.integers(0, 3)) == 0 else {}))
    if vertices[0].name == "node" and draw(st.booleans()):
        path[0]["entity_type"] = draw(st.sampled_from(["data.core.dict.Dict.", "process.ProcessNode."]))
    filters = {}
    for number, of in enumerate(vertices):
        asked = draw(st.lists(graph_filters(list(of.columns.values())), max_size=2))
        if asked:
            filters[f"t{number}"] = {draw(st.sampled_from(["and", "or", "!or"])): asked}
    tag = draw(st.integers(0, len(vertices) - 1))
    column = draw(st.sampled_from([each for each in vertices[tag].columns.values() if each.type is not FieldType.JSON]))
    direction = draw(st.sampled_from(["asc", "desc"]))
    functions = draw(st.booleans()) and draw(st.booleans())
    return {
        "path": path,
        "filters": filters,
        "project": {f"t{len(vertices) - 1}": [{"id": {"func": "count"}}] if functions else draw(PROJECTIONS)},
        "order_by": [{f"t{tag}": [{column.name: direction}]}] if draw(st.booleans()) and not functions else [],
        "limit": draw(st.sampled_from([None, 5, 7])),
        "offset": draw(st.sampled_from([None, 3])),
        "distinct": draw(st.booleans()) and draw(st.booleans()),
    }


PROJECTIONS = st.sampled_from([["id"], ["**"], ["id", "uuid"]])


CHANGES: tuple[dict[str, Any], ...] = (
    {"distinct": True},
    {"limit": None, "offset": None},
    {"limit": 5},
    {"order_by": []},
    {"filters": {}},
    {"project": {"t0": ["uuid"]}},
)
"""Of each dictionary there is another one that differs in one part, which their keys must tell."""


def longer_lists(filters: Any) -> Any:
    """The same filters, with one value more after each `in`."""
    match filters:
        case {"in": [first, *more]} | {"!in": [first, *more]}:
            return {next(iter(filters)): [first, first, *more]}
        case dict():
            return {key: longer_lists(value) for key, value in filters.items()}
        case list():
            return [longer_lists(each) for each in filters]
        case _:
            return filters


def graph_statements(query: GraphQuery) -> Iterator[Statement]:
    yield compile_graph(query, 5)
    tags = {step.tag for step in query.steps}
    if (
        query.order
        and query.order[0].operand.tag in tags
        and not any(isinstance(s.relation, Walk) for s in query.steps)
    ):
        yield compile_graph(replace(query, forces_order_index=True), 5)
    yield from (compile_frequency(each, 5) for each in type_filters_of(query, has_statistics=False))


def test_dictionaries(effort: Effort) -> None:
    seen = Seen()

    @settings(max_examples=effort.either(60, 400))
    @given(dictionaries(), st.sampled_from(CHANGES))
    def check(asked: dict[str, Any], change: dict[str, Any]) -> None:
        for each in (asked, asked | change, asked | {"filters": longer_lists(asked["filters"])}):
            with suppress(QueryError):
                for statement in graph_statements(read(each)):
                    seen.check(statement)

    check()
    assert seen.repeated > effort.either(2, 10)
