"""The paths of a dialect, as its document has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restapi.openapi.answer import Subject

if TYPE_CHECKING:
    from restapi.dialects.resource import DialectResource, Route


@dataclass(frozen=True)
class DescribedPath:
    """One path: `path` as OpenAPI writes it, and the `parameters` in it."""

    path: str
    route: Route
    subject: Subject
    parameters: tuple[Mapping[str, Any], ...] = ()

    @property
    def resource(self) -> type[DialectResource]:
        return self.route.resource

    @property
    def is_page(self) -> bool:
        return "/page" in self.path


def describe_path(
    route: Route, subject: Subject, markers: Mapping[str, Mapping[str, Any]], path: str | None = None
) -> DescribedPath:
    """The described path. `markers`: parameters by their markers in paths; `path`: if not that of the route."""
    path = route.path if path is None else path
    found = {marker: parameter for marker, parameter in markers.items() if marker in path}
    for marker, parameter in found.items():
        path = path.replace(marker, f"{{{parameter['name']}}}")
    return DescribedPath(path, route, subject, tuple(found.values()))
