"""The description of a resource: what can be asked of it, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from querylang.schema import Entity
from restapi.openapi.schema import Schema, Shape

JSON, BYTES, ZIP, PLAIN = "application/json", "application/octet-stream", "application/zip", "text/plain"
CSV, NDJSON = "text/csv", "application/x-ndjson"


@dataclass(frozen=True)
class Subject:
    """The subject of a path: an entity, under one name or any of several."""

    entity: Entity
    names: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """`is_certain`: each such answer has it."""

    name: str
    schema: Schema
    help: str
    is_certain: bool = True


@dataclass(frozen=True)
class AnswerSpec:
    """Status 200: a schema for each media type, None for files.

    `is_everywhere` is false where some nodes, or some installations, have no such answer: status 501.
    """

    content: Mapping[str, Shape | None]
    headers: tuple[Header, ...] = field(default=())
    is_everywhere: bool = True
