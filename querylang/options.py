"""Reserved keys: how their values are read, and what a request asks for besides filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aiida_like.errors import QueryError
from querylang.ast import Comparison, Filter, Option, Query
from querylang.keys import KEY, split_key
from querylang.limits import AXES, FIELDS, ORDER
from querylang.terms import Term

_INT64_END = 2**63


@dataclass(frozen=True)
class OptionSpec:
    """One reserved key: `read` makes a value of its words, `help` is one sentence for the documentation.

    In the sentence `{max_limit}` stands for the value of that setting.

    `choices` are all words that the key takes, one or a list of them; empty: it takes others too. A number is at least
    `least`, and at most the setting that `most` names.
    """

    read: Callable[[Option], Any]
    help: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: str | None = None


Options = Mapping[str, Any]
"""The values of the reserved keys of one request."""

NO_OPTIONS: Options = {}


@dataclass(frozen=True)
class OrderTerm:
    key: str
    descending: bool
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """The part of the matching rows that is asked for. `page` counts from 1; None: no pages were asked for."""

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
    """The options of a query and its filters, all of which a row must fulfil.

    `allowed` are the reserved keys that the resource takes.

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
    return options, tuple(filters)


def window(options: Options, page: int | None, limits: WindowLimits) -> Window:
    """The window that the options and the page in the path ask for; `page` None: the path names no page.

    Raises:
        QueryError: limits and pages are mixed, or out of range.
    """
    if "cursor" in options and (page is not None or "offset" in options or "perpage" in options):
        raise QueryError("cursor is incompatible with offset, perpage and a page in the path: it says where to go on")
    if "perpage" in options and _names_rows(options):
        raise QueryError("perpage key is incompatible with limit and offset")
    if page is not None:
        return _window_of_page(options, page, limits)
    if "perpage" in options:
        raise QueryError("perpage needs a page in the path: append /page/1 to the resource")
    limit = options.get("limit", limits.max_limit)
    check_range("limit", limit, limits.max_limit)
    return Window(limit, options.get("offset", 0))


def _window_of_page(options: Options, page: int, limits: WindowLimits) -> Window:
    if _names_rows(options):
        raise QueryError("requesting a specific page is incompatible with limit and offset")
    size = options.get("perpage", limits.page_size)
    check_range("perpage", size, limits.max_limit)
    if page < 1:
        raise QueryError("pages are counted from 1")
    if page * size >= _INT64_END:
        raise QueryError(f"page {page} is out of any range")
    return Window(size, (page - 1) * size, page)


def _names_rows(options: Options) -> bool:
    return "limit" in options or "offset" in options


def last_page(total: int, size: int) -> int:
    """The number of the last page. With no rows there is one page, and it is empty."""
    return max(1, -(-total // size))


def check_range(key: str, value: int, most: int) -> None:
    """Raises QueryError: a number of rows or nodes is not between 1 and `most`."""
    if not 1 <= value <= most:
        raise QueryError(f"{key}={value} is out of range: it goes from 1 to {most}")


def _usable(usable: frozenset[str], specs: Mapping[str, OptionSpec]) -> str:
    names = [key for key in specs if key in usable and key != "_"]
    return "it takes " + ", ".join(names) if names else "it takes no options"


def integer(option: Option) -> int:
    """A number of rows, from 0 to 2^63 - 1. Raises QueryError: it is none."""
    (word, *more) = option.words
    if more or not (word.isascii() and word.isdigit()):
        raise QueryError(f"{option.key} takes an integer without a sign, not {','.join(option.words)!r}")
    digits = word.lstrip("0") or "0"
    # Length first: Python refuses to convert thousands of digits.
    if len(digits) > len(str(_INT64_END)) or int(digits) >= _INT64_END:
        raise QueryError(f"{option.key} is too large: it can be at most {_INT64_END - 1}")
    return int(digits)


def positive(option: Option) -> int:
    """A number from 1 on. Raises QueryError: it is none."""
    number = integer(option)
    if not number:
        raise QueryError(f"{option.key}=0 is out of range: it goes from 1")
    return number


@lru_cache(maxsize=128)
def order_terms(option: Option) -> tuple[OrderTerm, ...]:
    """The terms of an order such as `-ctime,+id,label`. Raises QueryError: one is no key."""
    ORDER.check(len(option.words), option.key)
    terms = []
    for word in option.words:
        text = word.removeprefix("-") if word.startswith("-") else word.removeprefix("+")
        if not re.fullmatch(KEY, text):
            raise QueryError(f"orderby takes keys such as id, +label or -ctime, separated by commas, not {word!r}")
        key, path = split_key(text)
        terms.append(OrderTerm(key, word.startswith("-"), path))
    return tuple(terms)


def keys(option: Option) -> tuple[str, ...]:
    """Keys in JSON. Raises QueryError: there are too many."""
    FIELDS.check(len(option.words), option.key)
    return option.words


def slices(option: Option) -> tuple[str, ...]:
    """Words, one for each axis of an array. Raises QueryError: there are too many."""
    AXES.check(len(option.words), option.key)
    return option.words


def word(option: Option) -> str:
    """The whole value as one word, in which there may be commas."""
    return ",".join(option.words)


def boolean(option: Option) -> bool:
    """True or false, in any case and with or without quotes, as clients write it. Raises QueryError: it is neither."""
    text = ",".join(option.words).lower()
    if text not in {"true", "false"}:
        raise QueryError(f"{option.key} takes true or false, not {','.join(option.words)!r}")
    return text == "true"


def ignored(_: Option) -> None:
    return None
