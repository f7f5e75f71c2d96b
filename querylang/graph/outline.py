"""What a dictionary says beside its filters: the same for all values that a program asks for, so it is read once."""

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
from querylang.graph.shape import json_of, list_at, object_at, source_at

MAX_REMEMBERED = 4000
"""Bytes of JSON; what is longer was hardly written by hand, and is read each time."""


@dataclass(frozen=True)
class Outline:
    """`filters` are those that the path has, by tag; a filter of the dictionary on the same key takes their place."""

    steps: tuple[Step, ...]
    sources: Mapping[str, Source]
    filters: Mapping[str, Terms]
    projections: tuple[Projection, ...]
    order: tuple[Sorting, ...]

    def read_filters(self, tag: str, filters: Mapping[str, Any]) -> Terms:
        """Raises QueryError."""
        return _reader(tag, self.sources[tag], self.steps).read(filters)


def outline_of(path: Any, project: Any, order_by: Any) -> Outline:
    """Raises QueryError: it is no such dictionary, or asks for what there is not."""
    text = json_of((path, project, order_by))
    return _remembered(text) if len(text) <= MAX_REMEMBERED else _read(text)


def _read(text: bytes) -> Outline:
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
    return Outline(steps, path.sources, filters, projections, order)


_remembered = lru_cache(maxsize=256)(_read)


def _reader(tag: str, source: Source, steps: tuple[Step, ...]) -> FilterReader:
    is_outer = any(step.is_outer and tag in {step.tag, step.edge_tag} for step in steps)
    return FilterReader(tag, source, f"filters.{tag}", is_outer=is_outer)
