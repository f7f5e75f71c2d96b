"""The skeleton of a query: all of a dictionary but its filters.

Programs send the same skeleton with many filters, so skeletons are remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from aiida_like.errors import QueryError
from querylang.graph.ast import Projection, Sorting, Step
from querylang.graph.filters import FilterReader, Terms
from querylang.graph.path import Path
from querylang.graph.projections import check_aggregates, read_order, read_projections
from querylang.graph.schema import Source
from querylang.graph.validation import json_of, list_at, object_at, source_at

MAX_REMEMBERED = 4000
"""How many bytes of JSON a skeleton may have to be remembered."""


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
    return _remembered(text) if len(text) <= MAX_REMEMBERED else _read(text)


def _read(text: bytes) -> QuerySkeleton:
    asked_path, project, order_by = orjson.loads(text)
    path = Path()
    for number, item in enumerate(list_at("path", asked_path)):
        path.append(
            f"path[{number}]", {"entity_type": item} if isinstance(item, str) else object_at(f"path[{number}]", item)
        )
    if not path.steps:
        raise QueryError('path is empty: name at least one vertex, as in {"path": [{"entity_type": "node"}]}')
    for tag, names in object_at("project", project or {}).items():
        source_at("project", path.sources, tag)
        path.projected[tag] = names
    steps = tuple(path.steps)
    filters = {tag: _reader(tag, path.sources[tag], steps).read(own) for tag, own in path.filters.items()}
    projections = tuple(read_projections(path))
    order = tuple(read_order(path, order_by or []))
    check_aggregates(projections, order)
    return QuerySkeleton(steps, path.sources, filters, projections, order)


_remembered = lru_cache(maxsize=256)(_read)


def _reader(tag: str, source: Source, steps: tuple[Step, ...]) -> FilterReader:
    is_outer = any(step.is_outer and tag in {step.tag, step.edge_tag} for step in steps)
    return FilterReader(tag, source, f"filters.{tag}", is_outer=is_outer)
