"""A path -> Operation Objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from inspect import getdoc
from typing import Any

from querylang.schema import Entity
from restapi.config import Settings
from restapi.dialects.resource import Dialect, ListResource
from restapi.openapi import parameters
from restapi.openapi.answer import BYTES, JSON, AnswerSpec, DescribedPath, Header
from restapi.openapi.schema import TEXT, Component, Shape
from restapi.openapi.shared import ERROR

_WITH_TAGS = ("contents", "links", "lineage")
"""Modules whose resources have a tag of their own, in all dialects; for others it is the beginning of the path."""

_TAG = Header("ETag", TEXT, "Is sent back with `If-None-Match`", is_certain=False)
_CACHING = Header("Cache-Control", TEXT, "How long the answer may be kept")


def operations_at(described: DescribedPath, dialect: Dialect, settings: Settings) -> dict[str, dict[str, Any]]:
    """The Operation Objects of a path, by their methods in lower case."""
    resource, answer = described.resource, described.resource.answer_about(described.subject)
    asked = list(_parameters(described, dialect, settings))
    if resource.body is None:
        conditions = [
            parameters.IF_NONE_MATCH,
            parameters.IF_MATCH,
            *([parameters.RANGE] if BYTES in answer.content else []),
        ]
        asked += [_parameter(str(each["name"]), each) for each in conditions]
        cached = replace(answer, headers=(*answer.headers, _TAG, _CACHING))
        responses = {**_responses(described, dialect, cached), "304": _UNCHANGED, "412": _NO_MATCH}
        if BYTES in answer.content:
            responses |= _PARTS
        return {"get": {**_named(described, "get"), "parameters": asked, "responses": responses}}
    posted = {
        **_named(described, "post"),
        "parameters": asked,
        "requestBody": {"required": True, "content": {JSON: {"schema": resource.body}}},
        "responses": _responses(described, dialect, answer),
    }
    if resource.refusal is None:
        return {"post": posted}
    refused = {"405": _response("Says how it is asked", resource.refusal.content, resource.refusal.headers)}
    return {"post": posted, "get": {**_named(described, "get"), "responses": refused}}


def _named(described: DescribedPath, method: str) -> dict[str, Any]:
    examples, _, what = (getdoc(described.resource) or "").partition("\n")[0].partition("`: ")
    page = "" if not described.is_page else ": the first page" if described.path.endswith("/page") else ": one page"
    return {
        "operationId": _operation_id(described, method),
        "tags": [_tag(described)],
        "summary": what[:1].upper() + what[1:].rstrip(".") + page,
        "description": f"For example {examples}`.",
    }


def _operation_id(described: DescribedPath, method: str) -> str:
    """`get_nodes_by_id_links_incoming`"""
    words = re.sub(r"\{(\w+)\}", lambda found: _IN_IDS[found[1]], described.path).strip("/") or "root"
    return re.sub(r"[^A-Za-z0-9]+", "_", f"{method}_{words}")


_IN_IDS = {"kind": "nodes", "id": "by_id", "page": "n"}
"""What parameters of paths are called in ids of operations."""


def anchor_of(described: DescribedPath) -> str:
    """Where the page of the documentation shows what GET of a path answers, as Swagger UI names it."""
    return f"/{_tag(described)}/{_operation_id(described, 'get')}"


def _tag(described: DescribedPath) -> str:
    module = described.resource.__module__.rpartition(".")[2]
    first = described.path.split("/")[1]
    return module if module in _WITH_TAGS else _TAGS_OF_PATHS.get(first, first)


_TAGS_OF_PATHS = {"": "server", "openapi.json": "server", "{kind}": "nodes"}


def listed_entity(described: DescribedPath) -> Entity | None:
    """The entity whose rows a path lists, by whose keys they can be filtered."""
    return described.subject.entity if issubclass(described.resource, ListResource) else None


def _parameters(
    described: DescribedPath, dialect: Dialect, settings: Settings
) -> Iterator[Component | Mapping[str, Any]]:
    resource, entity = described.resource, listed_entity(described)
    reserved, taken = {**dialect.options, **resource.reserved}, resource.allowed | dialect.anywhere
    yield from described.parameters
    for name in (each for each in reserved if each in taken - _WITHOUT[described.is_page]):
        option = parameters.of_option(name, reserved[name], settings, entity)
        if name in resource.reserved or name in resource.required:
            yield {**option, "required": name in resource.required}
        else:
            of = f"{entity.name}." if entity is not None and parameters.names_fields(reserved[name]) else ""
            yield _parameter(f"{of}{name}", option)
    if entity is not None:
        yield _parameter("filter", parameters.FILTER)
        for found in parameters.of_filters(entity):
            if found["name"] not in reserved:
                yield _parameter(f"{entity.name}.{found['name']}", found)
    yield from resource.parameters
    if "cursor" in resource.allowed:
        yield _parameter("Prefer", parameters.PREFER)


_WITHOUT: Mapping[bool, frozenset[str]] = {
    True: frozenset({"limit", "offset", "cursor"}),
    False: frozenset({"perpage"}),
}
"""Options that have no meaning on a page, and those that need one."""


def _parameter(name: str, definition: Mapping[str, Any]) -> Component:
    return Component(name, definition, "parameters")


def _responses(described: DescribedPath, dialect: Dialect, answer: AnswerSpec) -> dict[str, Any]:
    return {
        "200": _response("Here it is", answer.content, answer.headers),
        "400": _REFUSED,
        **({"404": _response("There is no such thing", dialect.not_found)} if described.parameters else {}),
        **({} if answer.is_everywhere else {"501": _UNAVAILABLE}),
        "503": _CLOSED,
    }


def _response(text: str, content: Mapping[str, Shape | None], headers: Iterable[Header] = ()) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": text,
        "content": {media: {} if shape is None else {"schema": shape} for media, shape in content.items()},
    }
    return described | {"headers": {each.name: _header(each) for each in headers}} if headers else described


def _header(header: Header) -> dict[str, Any]:
    return {"description": header.help, "required": header.is_certain, "schema": header.schema}


_FAULT: Mapping[str, Shape] = {JSON: ERROR}
_UNCHANGED = Component(
    "NotModified", {"description": "The client has it already: `If-None-Match` holds its `ETag`"}, "responses"
)
_NO_MATCH = Component(
    "PreconditionFailed", _response("`If-Match` does not hold the `ETag` of the answer", _FAULT), "responses"
)
_RANGE = Header("Content-Range", TEXT, "Which bytes these are, and how many the file has")
_PARTS: Mapping[str, Component] = {
    "206": Component(
        "PartialContent", _response("The part that `Range` asks for", {BYTES: None}, (_RANGE, _TAG)), "responses"
    ),
    "416": Component(
        "RangeNotSatisfiable", _response("The file has no bytes in this `Range`", _FAULT, (_RANGE,)), "responses"
    ),
}
"""Further answers of files: one range of bytes, see `restapi.http.ranges`."""
_REFUSED = Component(
    "BadRequest",
    _response("The request is at fault; the message says what is wrong, and what is allowed", _FAULT),
    "responses",
)
_UNAVAILABLE = Component(
    "NotImplemented", _response("This node, or this installation, cannot give what was asked", _FAULT), "responses"
)
_CLOSED = Component(
    "Unavailable",
    _response("The database took too long, and the message says how to ask for less; or it cannot be opened", _FAULT),
    "responses",
)
