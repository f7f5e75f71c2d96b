"""Pages of lists: `{"count", "next", "previous", "results"}`, whose links clients follow as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

PAGE_SIZE, MOST = 10, 1000
"""Rows of a page without `page_size`, and with the largest one."""

MOST_JOBS = 100
"""Rows of the largest page of jobs: of each its whole document is read."""

_LONGEST_NUMBER = 9


class NoSuchPage(Exception):
    pass


@dataclass(frozen=True)
class Page:
    """The page that a client asks for, from 1, of `size` rows."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def page_of(asked: Mapping[str, str], most: int = MOST) -> Page:
    """The page of a query string, of `most` rows at most. A size that is none counts as the usual one.

    Raises:
        NoSuchPage: its number is none.
    """
    number = _positive(asked.get("page", "1"))
    if number is None:
        raise NoSuchPage
    return Page(number, min(_positive(asked.get("page_size", "")) or PAGE_SIZE, most))


def listed(url: str, query_string: str, page: Page, count: int, results: Sequence[Any]) -> dict[str, Any]:
    """The body of a list, whose URL without the query string is `url`. Raises NoSuchPage: it has fewer pages."""
    last = max(1, -(-count // page.size))
    if page.number > last:
        raise NoSuchPage

    def link(number: int) -> str | None:
        if not 1 <= number <= last:
            return None
        others = [(key, value) for key, value in parse_qsl(query_string, keep_blank_values=True) if key != "page"]
        # The first page is the one without a number.
        query = urlencode([*others, *([("page", str(number))] if number > 1 else [])])
        return f"{url}?{query}" if query else url

    return {"count": count, "next": link(page.number + 1), "previous": link(page.number - 1), "results": list(results)}


def part(rows: Sequence[Any], page: Page) -> Sequence[Any]:
    """The rows of a page, of all rows."""
    return rows[page.offset : page.offset + page.size]


def _positive(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) or None if is_number else None
