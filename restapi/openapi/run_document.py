"""A run-API -> a document of OpenAPI 3.1: what each method of each path takes and answers, and who may ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from restapi.openapi.answer import JSON
from restapi.openapi.document import as_document
from restapi.openapi.schema import Component, Parameter, Schema, Shape


@dataclass(frozen=True)
class Operation:
    """What a method of a path does.

    `answers` are contents by status: a schema for each media type, None for a file; no content is no body.
    """

    summary: str
    answers: Mapping[int, Mapping[str, Shape | None]]
    body: Mapping[str, Schema] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Described:
    """A path as OpenAPI writes it, the parameters in it, and its operations by their methods in lower case."""

    path: str
    parameters: tuple[Parameter, ...]
    tag: str
    operations: Mapping[str, Operation]


@dataclass(frozen=True)
class RunDocument:
    """All that a document says besides where it is served. `error` is the content of all refusals."""

    title: str
    about: str
    tags: Mapping[str, str]
    paths: tuple[Described, ...]
    error: Shape
    refusals: Mapping[int, str]

    def written(self, server: str, cookie: str) -> bytes:
        """The document as JSON; `server` is the path that all others are below, `cookie` that of sessions."""
        paths = {each.path: dict(self._operations(each)) for each in self.paths}
        return as_document(self.title, self.about, server, paths, self.tags, _security(cookie))

    def _operations(self, described: Described) -> Iterator[tuple[str, dict[str, Any]]]:
        for method, operation in described.operations.items():
            body = {"requestBody": {"required": True, "content": _content(operation.body)}} if operation.body else {}
            yield (
                method,
                {
                    "operationId": _operation_id(method, described.path),
                    "tags": [described.tag],
                    "summary": operation.summary,
                    "parameters": [*described.parameters, *operation.parameters],
                    **body,
                    "responses": {**_answers(operation), **self._refusals(operation)},
                },
            )

    def _refusals(self, operation: Operation) -> dict[str, Any]:
        return {
            str(status): Component(
                f"Status{status}", {"description": text, "content": {JSON: {"schema": self.error}}}, "responses"
            )
            for status, text in self.refusals.items()
            if status not in operation.answers
        }


def _security(cookie: str) -> Mapping[str, Any]:
    """What tells who asks; one of them is enough."""
    return {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token KEY`, with a key of `aiida-like key add`",
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "The same key, as `Bearer KEY`"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "Of who signed in at `/login`, for pages of this server: they alone may write with it",
        },
    }


def _answers(operation: Operation) -> dict[str, Any]:
    return {
        str(status): {
            "description": _WORDS[status],
            **({"headers": {"Location": _LOCATION}} if status == HTTPStatus.CREATED else {}),
            **({"content": _content(content)} if content else {}),
        }
        for status, content in operation.answers.items()
    }


_LOCATION: Mapping[str, Any] = {"description": "Its URL", "schema": {"type": "string", "format": "uri"}}

_WORDS: Mapping[int, str] = {
    200: "Done, or here it is",
    201: "It was made",
    202: "It will be done",
    204: "It is gone",
    206: "A part of it",
}


def _content(content: Mapping[str, Shape | None]) -> dict[str, Any]:
    return {media: {} if shape is None else {"schema": shape} for media, shape in content.items()}


def _operation_id(method: str, path: str) -> str:
    """`get_jobs_by_id_runs`"""
    words = re.sub(r"\{(\w+)\}", r"by_\1", path).strip("/") or "root"
    return re.sub(r"[^A-Za-z0-9]+", "_", f"{method}_{words}").strip("_")


def with_markers(path: str, markers: Mapping[str, Parameter]) -> tuple[str, tuple[Parameter, ...]]:
    """The path as OpenAPI writes it, and the parameters of its markers."""
    found = {marker: parameter for marker, parameter in markers.items() if marker in path}
    for marker, parameter in found.items():
        path = path.replace(marker, f"{{{parameter['name']}}}")
    return path, tuple(found.values())
