"""Reserved keys: how their values are read, and what a request asks for besides filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from aiida_like.errors import QueryError
from querylang.ast import Comparison, Filter, Option, Query
from querylang.keys import KEY, split_key
from querylang.terms import Term

_INT64_END = 2**63


@dataclass(frozen=True)
class OptionSpec:
    """One reserved key: `read` makes a value of its words, `help` is one sentence for the documentation.

    `choices` are what it can be, or be a list of, if that is little. A number is at least `least`; `most` names the
    setting that it may not exceed.
    """

    read: Callable[[Option], Any]
    help: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: str | None = None


@dataclass(frozen=True)
class Options:
    """The values of the reserved keys of one request."""

    values: Mapping[str, Any]

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self.values


NO_OPTIONS = Options(MappingProxyType({}))


@dataclass(frozen=True)
class OrderTerm:
    key: str
    descending: bool
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """Which of the matching rows are asked for. `page` counts from 1; None: no pages were asked for."""

    limit: int
    offset: int = 0
    page: int | None = None


@dataclass(frozen=True)
class WindowLimits:
    max_limit: int = 400
    page_size: int = 20


def split(
    query: Query, specs: Mapping[str, OptionSpec], allowed: Iterable[str]
) -> tuple[Options, tuple[Term[Comparison], ...]]:
    """The options and the filters of a query, all of which must be fulfilled.

    `allowed` are the reserved keys that make sense for the resource.

    Raises:
        QueryError: an option that makes no sense here, stands twice, or has a value that cannot be read.
    """
    options: dict[str, Any] = {}
    filters: list[Term[Comparison]] = []
    usable = frozenset(allowed)
    for pair in query.pairs:
        if isinstance(pair, Comparison):
            filters.append(pair)
        elif isinstance(pair, Filter):
            filters.append(pair.term)
        elif pair.key in options:
            raise QueryError(f"{pair.key} is given twice; it can stand only once in a query string")
        elif pair.key not in usable:
            raise QueryError(f"{pair.key} has no meaning for this resource; {_usable(usable, specs)}")
        else:
            options[pair.key] = specs[pair.key].read(pair)
    for positive, negative in (("alist", "nalist"), ("elist", "nelist")):
        if positive in options and negative in options:
            raise QueryError(f"{positive} is incompatible with {negative}: give one of them")
    return Options(MappingProxyType(options)), tuple(filters)


def window(options: Options, page: int | None, limits: WindowLimits) -> Window:
    """Raises QueryError: limits and pages are mixed, or out of range."""
    limit, offset, size = options.get("limit"), options.get("offset"), options.get("perpage")
    if "cursor" in options and (page is not None or offset is not None or size is not None):
        raise QueryError("cursor is incompatible with offset, perpage and a page in the path: it says where to go on")
    if page is not None:
        if limit is not None or offset is not None:
            raise QueryError("requesting a specific page is incompatible with limit and offset")
        size = in_range("perpage", limits.page_size if size is None else size, limits.max_limit)
        if page < 1:
            raise QueryError("pages are counted from 1")
        if page * size >= _INT64_END:
            raise QueryError(f"page {page} is out of any range")
        return Window(size, (page - 1) * size, page)
    if size is not None:
        if limit is not None or offset is not None:
            raise QueryError("perpage key is incompatible with limit and offset")
        raise QueryError("perpage needs a page in the path: append /page/1 to the resource")
    return Window(in_range("limit", limits.max_limit if limit is None else limit, limits.max_limit), offset or 0)


def in_range(key: str, value: int, most: int) -> int:
    """Raises QueryError: a number of rows or nodes is not within its limits."""
    if not 1 <= value <= most:
        raise QueryError(f"{key}={value} is out of range: it goes from 1 to {most}")
    return value


def _usable(usable: frozenset[str], specs: Mapping[str, OptionSpec]) -> str:
    names = [key for key in specs if key in usable and key != "_"]
    return "it takes " + ", ".join(names) if names else "it takes no options"


def integer(option: Option) -> int:
    """A number of rows, from 0 to 2^63 - 1."""
    (word, *more) = option.words
    if more or not (word.isascii() and word.isdigit()):
        raise QueryError(f"{option.key} takes an integer without a sign, not {','.join(option.words)!r}")
    digits = word.lstrip("0") or "0"
    # Length first: Python refuses to convert thousands of digits.
    if len(digits) > len(str(_INT64_END)) or int(digits) >= _INT64_END:
        raise QueryError(f"{option.key} is too large: it can be at most {_INT64_END - 1}")
    return int(digits)


@lru_cache(maxsize=256)
def order_terms(option: Option) -> tuple[OrderTerm, ...]:
    """`-ctime,+id,label`"""
    terms = []
    for word in option.words:
        text = word.removeprefix("-") if word.startswith("-") else word.removeprefix("+")
        if not re.fullmatch(KEY, text):
            raise QueryError(f"orderby takes keys such as id, +label or -ctime, separated by commas, not {word!r}")
        key, path = split_key(text)
        terms.append(OrderTerm(key, word.startswith("-"), path))
    return tuple(terms)


def words(option: Option) -> tuple[str, ...]:
    return option.words


def word(option: Option) -> str:
    """One word, which may hold commas."""
    return ",".join(option.words)


def boolean(option: Option) -> bool:
    """Clients write `true`, `False`, `"true"`."""
    text = ",".join(option.words).lower()
    if text not in {"true", "false"}:
        raise QueryError(f"{option.key} takes true or false, not {','.join(option.words)!r}")
    return text == "true"


def ignored(_: Option) -> None:
    return None
