"""A dictionary, as `QueryBuilder.as_dict()` of AiiDA gives it or as one types it -> `ast.GraphQuery`."""

from __future__ import annotations

from typing import Any

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphQuery, Term
from querylang.graph.filters import FilterReader
from querylang.graph.path import Path
from querylang.graph.projections import check_aggregates, check_order, read_order, read_projections
from querylang.graph.shape import boolean_at, check_keys, list_at, number_at, object_at
from querylang.terms import Every, leaves

MAX_TESTS = 500
MAX_ALL_VALUES = 10_000
"""Behind all `in` of a query together: SQLite takes 32 766 parameters, PostgreSQL 65 535."""

KEYS = ("path", "filters", "project", "project_map", "order_by", "limit", "offset", "distinct")


def read(asked: Any) -> GraphQuery:
    """Raises QueryError: it is no such dictionary, or asks for what there is not."""
    given = object_at("a query", asked)
    check_keys("a query", given, KEYS)
    path = Path()
    for number, item in enumerate(list_at("path", given.get("path"))):
        path.append(
            f"path[{number}]", {"entity_type": item} if isinstance(item, str) else object_at(f"path[{number}]", item)
        )
    if not path.steps:
        raise QueryError('path is empty: name at least one vertex, as in {"path": [{"entity_type": "node"}]}')
    for tag, filters in object_at("filters", given.get("filters") or {}).items():
        path.source("filters", tag)
        path.filters.setdefault(tag, {}).update(object_at(f"filters.{tag}", filters))
    for tag, names in object_at("project", given.get("project") or {}).items():
        path.source("project", tag)
        path.projected[tag] = names
    filters = _read_filters(path)
    # `project_map` is part of what AiiDA's as_dict gives; its own server does nothing with it.
    projections = tuple(read_projections(path))
    order = tuple(read_order(path, given.get("order_by") or []))
    distinct = boolean_at("distinct", given.get("distinct") or False)
    check_aggregates(projections, order)
    if distinct:
        check_order(projections, order)
    return GraphQuery(
        steps=tuple(path.steps),
        filters=filters,
        projections=projections,
        order=order,
        limit=number_at("limit", given.get("limit")),
        offset=number_at("offset", given.get("offset")) or 0,
        distinct=distinct,
    )


def _read_filters(path: Path) -> dict[str, Term]:
    outer = {tag for step in path.steps if step.is_outer for tag in (step.tag, step.edge_tag)}
    read_ = {
        tag: FilterReader(tag, path.sources[tag], f"filters.{tag}", is_outer=tag in outer).read(filters)
        for tag, filters in path.filters.items()
    }
    tests = [test for term in read_.values() for test in leaves(term)]
    if len(tests) > MAX_TESTS:
        raise QueryError(f"the query has {len(tests)} comparisons; at most {MAX_TESTS} are allowed")
    values = sum(len(test.values) for test in tests)
    if values > MAX_ALL_VALUES:
        raise QueryError(f"the query compares with {values} values; at most {MAX_ALL_VALUES} are allowed")
    return {tag: term for tag, term in read_.items() if term != Every(())}
