"""A dictionary, as `QueryBuilder.as_dict()` of AiiDA gives it or as one types it -> `ast.GraphQuery`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphQuery, Term
from querylang.graph.filters import Terms
from querylang.graph.projections import check_order
from querylang.graph.skeleton import QuerySkeleton, skeleton_of
from querylang.graph.validation import boolean_at, check_keys, number_at, object_at, source_at
from querylang.terms import Every, leaves

MAX_CONDITIONS = 500
MAX_ALL_VALUES = 10_000
"""How many values all lists of a query may have together: SQLite takes 32 766 parameters, PostgreSQL 65 535."""

KEYS = ("path", "filters", "project", "project_map", "order_by", "limit", "offset", "distinct")


def read(asked: Any) -> GraphQuery:
    """The query of a dictionary. Raises QueryError: it is no such dictionary, or names what does not exist."""
    given = object_at("a query", asked)
    check_keys("a query", given, KEYS)
    # AiiDA's as_dict gives a `project_map`, which its own server ignores.
    skeleton = skeleton_of(given.get("path"), given.get("project"), given.get("order_by"))
    filters = _read_filters(skeleton, object_at("filters", given.get("filters") or {}))
    distinct = boolean_at("distinct", given.get("distinct") or False)
    if distinct:
        check_order(skeleton.projections, skeleton.order)
    return GraphQuery(
        steps=skeleton.steps,
        filters=filters,
        projections=skeleton.projections,
        order=skeleton.order,
        limit=number_at("limit", given.get("limit")),
        offset=number_at("offset", given.get("offset")) or 0,
        distinct=distinct,
    )


def _read_filters(skeleton: QuerySkeleton, asked: Mapping[str, Any]) -> dict[str, Term]:
    for tag in asked:
        source_at("filters", skeleton.sources, tag)
    read_: dict[str, Term] = {
        tag: Every(tuple(_terms(skeleton, tag, own, asked))) for tag, own in skeleton.filters.items()
    }
    conditions = [condition for term in read_.values() for condition in leaves(term)]
    if len(conditions) > MAX_CONDITIONS:
        raise QueryError(f"the query has {len(conditions)} comparisons; at most {MAX_CONDITIONS} are allowed")
    values = sum(len(condition.values) for condition in conditions)
    if values > MAX_ALL_VALUES:
        raise QueryError(f"the query compares with {values} values; at most {MAX_ALL_VALUES} are allowed")
    return {tag: term for tag, term in read_.items() if term != Every(())}


def _terms(skeleton: QuerySkeleton, tag: str, own: Terms, asked: Mapping[str, Any]) -> Iterator[Term]:
    filters = object_at(f"filters.{tag}", asked.get(tag, {}))
    by_key = {**own, **skeleton.read_filters(tag, filters)} if filters else own
    return chain.from_iterable(by_key.values())
