"""A dialect -> a document of OpenAPI 3.1, and the resource that answers it; the query language, in Markdown.

Paths are the routes of the dialect, summaries the docstrings of its resources, parameters its options and the fields of
its entities, answers what its resources declare. Only tags, and words for ids of operations, stand here and in
`operations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from aiida_like import __version__
from querylang.ast import Operator
from restapi.config import Settings
from restapi.dialects.resource import Dialect, DialectResource
from restapi.http.reply import Reply, bytes_reply
from restapi.openapi.operations import operations_at
from restapi.openapi.schema import Component
from restapi.openapi.shared import DOCUMENT

VERSION = "3.1.0"

TAGS: Mapping[str, str] = {
    "nodes": "Data and processes, by what they are and what they are related to",
    "contents": "What a node holds: attributes, extras, comments, files, downloads and pictures",
    "links": "What is one link away from a node",
    "lineage": "What is any number of links away: ancestors, descendants, graphs, and exports of them",
    "processes": "What was run",
    "calcjobs": "What was run by a scheduler, and its files",
    "querybuilder": "Queries over several entities, as AiiDA's QueryBuilder writes them",
    "groups": "Groups of nodes",
    "computers": "Where processes ran",
    "users": "Who created what",
    "server": "What is served here",
}


_OPERATORS = "\n".join(f"| `{operator.value}` | {operator.meaning} |" for operator in Operator)

LANGUAGE = f"""
A query string is a list of `KEY OPERATOR VALUE`, joined by `&`. **Options** have reserved keys, such as `limit`,
and take only `=`. All other keys are **filters**, conditions that must hold together. Keys and operators can be typed
as they are, with raw quotes, `<`, `>` and `%`:

    nodes?id>45&label=like="si%"&attributes.energy<-3.5&orderby=-ctime&limit=5

Text stands in double quotes; times are `2016-04-23` or `2016-04-23T05:45+03:45`, and mean the whole day or minute.
A dotted path names what lies in attributes and extras. `filter=` takes an expression with `AND`, `OR`, `NOT` and
parentheses. A comparison of another sort than `=` is written here behind the key's `=`, as far as its operator begins
with one: `like="si%"` for the key `label`; or in `filter`.

| operator | meaning |
| --- | --- |
{_OPERATORS}

More of it stands in `docs/query-language.md`, which comes with the program, in `share/doc/aiida-like` of its
environment.
"""
"""The query language in short, in Markdown."""


class Document(DialectResource):
    """`/openapi.json`: this interface, described for programs (OpenAPI 3.1)."""

    answer = DOCUMENT

    def get(self) -> Reply:
        self.parse_options()
        return bytes_reply(written(self.dialect, self.context.settings, self.context.exchange.mount_path))


@lru_cache(maxsize=16)
def written(dialect: Dialect, settings: Settings, mount: str) -> bytes:
    """The document as JSON, made once for each mount point; `mount` is the part of URLs before the prefix.

    Raises:
        ValueError: two routes have the same path, or two components the same name.
    """
    paths: dict[str, dict[str, Any]] = {}
    for described in (each for route in dialect.offered(settings) for each in dialect.described(route)):
        if described.path in paths:
            raise ValueError(f"two routes have the path {described.path}")
        paths[described.path] = operations_at(described, dialect, settings)
    return as_document(dialect.title, dialect.about, mount + dialect.prefix, paths, TAGS)


def as_document(
    title: str,
    about: str,
    server: str,
    paths: Mapping[str, Mapping[str, Any]],
    tags: Mapping[str, str],
    security: Mapping[str, Any] = {},
) -> bytes:
    """A document as JSON. `server` is the path that `paths` are below; of `tags` those stand there that are used.

    Raises:
        ValueError: two components have the same name.
    """
    used = {tag for operations in paths.values() for operation in operations.values() for tag in operation["tags"]}
    components: dict[str, dict[str, Any]] = {"securitySchemes": dict(security)} if security else {}
    document = {
        "openapi": VERSION,
        "info": {
            "title": title,
            "version": __version__,
            "description": about,
            "license": {"name": "MIT License", "identifier": "MIT"},
        },
        # A path alone: clients ask the server that they have the document from.
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": text} for name, text in tags.items() if name in used],
        "paths": resolved(paths, components),
        **({"security": [{name: []} for name in security]} if security else {}),
    }
    document["components"] = {section: dict(sorted(found.items())) for section, found in sorted(components.items())}
    return orjson.dumps(document)


def resolved(part: Any, components: dict[str, dict[str, Any]]) -> Any:
    """A part as JSON, with references to its components; their definitions are added to `components`, by section.

    Raises:
        ValueError: two components of a section have the same name.
    """
    match part:
        case Component():
            definition = resolved(part.definition, components)
            if components.setdefault(part.section, {}).setdefault(part.name, definition) != definition:
                raise ValueError(f"two {part.section} are called {part.name}")
            return part.reference
        case dict():
            return {key: resolved(each, components) for key, each in part.items()}
        case list() | tuple():
            return [resolved(each, components) for each in part]
        case _:
            return part
