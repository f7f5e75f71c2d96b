"""Checks of the parts of a dictionary, by their types. All raise QueryError; `where` is the beginning of its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from aiida_like.errors import QueryError
from querylang.graph.schema import Source

_NUMBERS = range(2**63)


def object_at(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise QueryError(f"{where} is an object in braces, not {value!r}")
    return value


def list_at(where: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise QueryError(f"{where} is a list, not {value!r}")
    return value


def source_at(where: str, sources: Mapping[str, Source], tag: str) -> Source:
    """The entity or edge of a tag."""
    if tag not in sources:
        raise QueryError(f"{where}: there is no tag {tag!r} in the path; there are {', '.join(sources)}")
    return sources[tag]


def json_of(value: Any) -> bytes:
    """A value as JSON. Raises QueryError: it is nested deeper than orjson can write, though it could be read."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise QueryError("the query is nested too deep") from None


def check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    names = tuple(known)
    for key in given:
        if key not in names:
            raise QueryError(f"{where} has no key {key!r}; there are {', '.join(names)}")


def number_at(where: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value not in _NUMBERS):
        raise QueryError(f"{where} is a number of rows, not {value!r}")
    return value


def boolean_at(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"{where} is true or false, not {value!r}")
    return value
