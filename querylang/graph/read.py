"""A dictionary, as `QueryBuilder.as_dict()` of AiiDA gives it or as one types it -> `ast.GraphQuery`.

Programs send the same dictionary with many filters, so all of it but its filters, the skeleton, is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphCondition, GraphQuery, Projection, Sorting, Step, Term, is_outer
from querylang.graph.filters import FilterReader, Terms
from querylang.graph.path import Path
from querylang.graph.projections import check_aggregates, check_order, read_order, read_projections
from querylang.graph.schema import Source, Walk
from querylang.graph.validation import boolean_at, check_keys, json_of, list_at, number_at, object_at, source_at
from querylang.limits import (
    ALL_VALUES,
    CONDITIONS,
    ENDLESS_EDGES,
    JSON_COMPARISONS,
    OBJECTS,
    PATTERNS,
    STEPS,
    Limit,
)
from querylang.lowering.as_type import AsType
from querylang.lowering.lower import PATTERN_PREDICATES
from querylang.terms import Every, leaves

MAX_REMEMBERED = 4000
"""How many bytes of JSON a skeleton may have to be remembered."""

_COLUMNS = frozenset({AsType.ITSELF, AsType.CASEFOLDED})

_COUNTED: Mapping[Limit, Callable[[GraphCondition], int]] = {
    CONDITIONS: lambda _: 1,
    JSON_COMPARISONS: lambda each: each.operand.as_type not in _COLUMNS,
    PATTERNS: lambda each: each.predicate in PATTERN_PREDICATES,
    ALL_VALUES: lambda each: len(each.values),
}
"""How much of each limit a condition takes."""

KEYS = ("path", "filters", "project", "project_map", "order_by", "limit", "offset", "distinct")


_NUL, _ESCAPE_OF_NUL = rb"\u0000", re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of the character, and where it is not the text after an escaped backslash."""


def read_json(body: bytes) -> GraphQuery:
    """The query of a dictionary in JSON. Raises QueryError: as `read`, or it is no JSON, or has too many objects."""
    if _NUL in body and _ESCAPE_OF_NUL.search(body):
        raise QueryError("the body holds the character NUL, \\u0000, which no text in a database does")
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise QueryError(f"the body is no JSON: {error}") from None
    if body.count(b"{") > OBJECTS.most:
        OBJECTS.check(_objects_in(asked))  # not all braces need be of objects
    return read(asked)


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
    for limit, taken in _COUNTED.items():
        limit.check(sum(map(taken, conditions)))
    return {tag: term for tag, term in read_.items() if term != Every(())}


def _terms(skeleton: QuerySkeleton, tag: str, own: Terms, asked: Mapping[str, Any]) -> Iterator[Term]:
    filters = object_at(f"filters.{tag}", asked.get(tag, {}))
    by_key = {**own, **skeleton.read_filters(tag, filters)} if filters else own
    return chain.from_iterable(by_key.values())


@dataclass(frozen=True)
class QuerySkeleton:
    """A query without the filters of the dictionary.

    `filters` are those of the path, by tag; a filter of the dictionary on the same key replaces them.
    """

    steps: tuple[Step, ...]
    sources: Mapping[str, Source]
    filters: Mapping[str, Terms]
    projections: tuple[Projection, ...]
    order: tuple[Sorting, ...]

    def read_filters(self, tag: str, filters: Mapping[str, Any]) -> Terms:
        """The filters of a tag. Raises QueryError."""
        return _reader(tag, self.sources[tag], self.steps).read(filters)


def skeleton_of(path: Any, project: Any, order_by: Any) -> QuerySkeleton:
    """The skeleton of a query. Raises QueryError: it is no such dictionary, or names what does not exist."""
    text = json_of((path, project, order_by))
    return _remembered(text) if len(text) <= MAX_REMEMBERED else _read_skeleton(text)


def _read_skeleton(text: bytes) -> QuerySkeleton:
    asked_path, project, order_by = orjson.loads(text)
    path = Path()
    STEPS.check(len(list_at("path", asked_path)), "the path")
    for number, item in enumerate(asked_path):
        path.append(
            f"path[{number}]", {"entity_type": item} if isinstance(item, str) else object_at(f"path[{number}]", item)
        )
    if not path.steps:
        raise QueryError('path is empty: name at least one vertex, as in {"path": [{"entity_type": "node"}]}')
    for tag, names in object_at("project", project or {}).items():
        source_at("project", path.sources, tag)
        path.projected[tag] = names
    steps = tuple(path.steps)
    ENDLESS_EDGES.check(sum(isinstance(step.relation, Walk) for step in steps), "the path")
    filters = {tag: _reader(tag, path.sources[tag], steps).read(own) for tag, own in path.filters.items()}
    projections = tuple(read_projections(path))
    order = tuple(read_order(path, order_by or []))
    check_aggregates(projections, order)
    return QuerySkeleton(steps, path.sources, filters, projections, order)


def _objects_in(value: Any) -> int:
    """How many objects there are in JSON, however deep, and itself."""
    number, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            number += 1
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return number


_remembered = lru_cache(maxsize=256)(_read_skeleton)


def _reader(tag: str, source: Source, steps: tuple[Step, ...]) -> FilterReader:
    return FilterReader(tag, source, is_outer(steps, tag))
