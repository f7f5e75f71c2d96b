"""The description of a resource: its path, what can be asked of it, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from querylang.schema import Entity
from restapi.openapi.schema import Parameter, Schema, Shape

if TYPE_CHECKING:
    from restapi.dialects.resource import DialectResource

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
    headers: tuple[Header, ...] = ()
    is_everywhere: bool = True


@dataclass(frozen=True)
class DescribedPath:
    """One path: `path` as OpenAPI writes it, and the `parameters` in it."""

    path: str
    resource: type[DialectResource]
    subject: Subject
    parameters: tuple[Parameter, ...] = ()

    @property
    def is_page(self) -> bool:
        return "/page" in self.path


def describe_path(
    path: str, resource: type[DialectResource], subject: Subject, markers: Mapping[str, Parameter]
) -> DescribedPath:
    """The path as OpenAPI writes it. `markers`: parameters by their markers in paths."""
    found = {marker: parameter for marker, parameter in markers.items() if marker in path}
    for marker, parameter in found.items():
        path = path.replace(marker, f"{{{parameter['name']}}}")
    return DescribedPath(path, resource, subject, tuple(found.values()))
