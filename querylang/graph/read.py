"""A dictionary, as `QueryBuilder.as_dict()` of AiiDA gives it or as one types it -> `ast.GraphQuery`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphQuery, Term
from querylang.graph.filters import Terms
from querylang.graph.outline import Outline, outline_of
from querylang.graph.projections import check_order
from querylang.graph.shape import boolean_at, check_keys, number_at, object_at, source_at
from querylang.terms import Every, leaves

MAX_TESTS = 500
MAX_ALL_VALUES = 10_000
"""Behind all `in` of a query together: SQLite takes 32 766 parameters, PostgreSQL 65 535."""

KEYS = ("path", "filters", "project", "project_map", "order_by", "limit", "offset", "distinct")


def read(asked: Any) -> GraphQuery:
    """Raises QueryError: it is no such dictionary, or asks for what there is not."""
    given = object_at("a query", asked)
    check_keys("a query", given, KEYS)
    # `project_map` is part of what AiiDA's as_dict gives; its own server does nothing with it.
    outline = outline_of(given.get("path"), given.get("project"), given.get("order_by"))
    filters = _read_filters(outline, object_at("filters", given.get("filters") or {}))
    distinct = boolean_at("distinct", given.get("distinct") or False)
    if distinct:
        check_order(outline.projections, outline.order)
    return GraphQuery(
        steps=outline.steps,
        filters=filters,
        projections=outline.projections,
        order=outline.order,
        limit=number_at("limit", given.get("limit")),
        offset=number_at("offset", given.get("offset")) or 0,
        distinct=distinct,
    )


def _read_filters(outline: Outline, asked: Mapping[str, Any]) -> dict[str, Term]:
    for tag in asked:
        source_at("filters", outline.sources, tag)
    read_: dict[str, Term] = {
        tag: Every(tuple(_terms(outline, tag, own, asked))) for tag, own in outline.filters.items()
    }
    tests = [test for term in read_.values() for test in leaves(term)]
    if len(tests) > MAX_TESTS:
        raise QueryError(f"the query has {len(tests)} comparisons; at most {MAX_TESTS} are allowed")
    values = sum(len(test.values) for test in tests)
    if values > MAX_ALL_VALUES:
        raise QueryError(f"the query compares with {values} values; at most {MAX_ALL_VALUES} are allowed")
    return {tag: term for tag, term in read_.items() if term != Every(())}


def _terms(outline: Outline, tag: str, own: Terms, asked: Mapping[str, Any]) -> Iterator[Term]:
    filters = object_at(f"filters.{tag}", asked.get(tag, {}))
    by_key = {**own, **outline.read_filters(tag, filters)} if filters else own
    return chain.from_iterable(by_key.values())
