"""The rows of a table, as its page shows them: cells, heads that order them, chips of filters, links to other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

from querylang.ast import Option, Query
from querylang.decode import decode
from querylang.unparse import unparse
from restapi.explorer import filters
from restapi.explorer.ask import ApiAnswer, ApiRefused
from restapi.explorer.tables.cells import Cell, RowShow
from restapi.explorer.tables.columns import Column, column, fields_of, whole_json
from restapi.explorer.tables.definitions import Table
from restapi.explorer.tables.names import names_in_filters, names_in_rows
from restapi.explorer.tables.wording import words_of
from restapi.explorer.visit import Visit
from restapi.layout import API

_ROWS = 50
"""Rows of a page, if its query has no `limit=`."""

_MOST_CHIPS = 30
"""Filters that are shown: the link of each holds all others, so that their size grows with the square of the number."""


_MOST_OF_LINKS = 60_000
"""Characters of the links of one kind. Most links of a table hold its query, which can have thousands of characters."""


@dataclass(frozen=True)
class Chip:
    """A filter of the query: in words, as text, and the URL without it."""

    words: str
    text: str
    url: str


@dataclass(frozen=True)
class Header:
    """The head of a column. `order` is ascending, descending or empty; `url` orders by it, the other way if it does;
    it is empty where the query is so long that a page has few links.

    `is_number`: its cells are numbers, as far as they are seen.
    """

    column: Column
    order: str
    url: str
    is_number: bool


@dataclass(frozen=True)
class TableRows:
    """The rows of a page. `number` is that of all rows, None if it is not known; `total` is what people read of it.

    URLs are None where there are no such rows.
    """

    number: int | None
    headers: Sequence[Header]
    rows: Sequence[Sequence[Cell]]
    total: str
    total_title: str
    is_one: bool
    exports: Mapping[str, str]
    first_url: str | None
    previous_url: str | None
    next_url: str | None


@dataclass(frozen=True)
class TableRequest:
    """One request for a table. `page` is the number in the path."""

    visit: Visit
    table: Table
    query: Query
    page: int | None = None

    @cached_property
    def columns(self) -> Sequence[Column]:
        return [column(key) for key in dict.fromkeys(filters.words_of(self.query, "fields") or self.table.columns)]

    def url(self, query: Query) -> str:
        return self.visit.url(self.table.path, unparse(query))

    @cached_property
    def most_links(self) -> int:
        """How many links with the query the page may have, of each kind."""
        return _MOST_OF_LINKS // len(self.url(self.query))

    def chips(self) -> Sequence[Chip]:
        """The first filters."""
        names = names_in_filters(self.visit, self.query)
        return [
            Chip(
                words_of(pair, self.table.entity, names),
                filters.pair_text(pair),
                self.url(filters.removed(self.query, pair)),
            )
            for pair in self._filters[: self._chips]
        ]

    @property
    def more_filters(self) -> int:
        """The number of filters without a chip."""
        return len(self._filters[self._chips :])

    @property
    def _chips(self) -> int:
        return min(_MOST_CHIPS, self.most_links)

    @cached_property
    def _filters(self) -> Sequence[filters.Pair]:
        return tuple(dict.fromkeys(filters.filters_of(self.query).pairs))

    def rows(self) -> TableRows:
        """Raises ApiRefused."""
        whole = whole_json((each.key for each in self.columns), self.table.entity)
        if whole:
            raise ApiRefused(
                HTTPStatus.BAD_REQUEST,
                f"{whole[0]} as a whole is no column, because it can be of any size: name what lies in it, as in "
                f"{whole[0]}.energy",
            )
        answer = self._ask()
        rows = answer.data[self.table.entity.name]
        show = RowShow(self.visit, self.table.entity.name, names_in_rows(self.visit, rows))
        cells = [show.cells(each, self.columns) for each in rows]
        if self.table.counts:
            counts = self._counts()
            for row, shown in zip(rows, cells, strict=True):
                shown.append(self._count(row["id"], counts))
        estimated_rows = self.visit.explorer.tuning.estimated_rows
        is_estimate = answer.headers.get("Preference-Applied") == "count=estimated"
        return TableRows(
            number=answer.total,
            headers=[
                self._header(place, each, is_number=any(row[place].look == "number" for row in cells))
                for place, each in enumerate(self.columns)
            ],
            rows=cells,
            total="" if answer.total is None else f"{estimated_rows:,}+" if is_estimate else f"{answer.total:,}",
            total_title=f"about {answer.total:,}" if is_estimate else "",
            is_one=answer.total == 1,
            exports=self._exports(None if is_estimate else answer.total),
            **self._places(answer),
        )

    def _asked(self) -> Query:
        """What is asked of the API: the query with an order and the fields of the columns."""
        order = filters.words_of(self.query, "orderby") or (self.table.order,)
        rest = filters.without_options(self.query, "facet")
        ordered = filters.with_option(rest, "orderby", order)
        return filters.with_option(ordered, "fields", fields_of(self.columns, self.table.entity))

    def _ask(self) -> ApiAnswer:
        asked, path = self._asked(), self.table.api_path
        given = {each.key for each in asked.pairs if isinstance(each, Option)}
        most = str(self.visit.at_most(_ROWS))
        # Where they make no sense together, the API says so.
        if self.page is not None:
            path = f"{path}/page/{self.page}"
            defaults = {"perpage": most}
        elif "perpage" in given:
            defaults = {}
        else:
            defaults = {"limit": most} | ({} if "offset" in given else {"cursor": ""})
        for key, word in defaults.items():
            if key not in given:
                asked = filters.with_option(asked, key, (word,))
        return self.visit.api.ask(path, filters.joined(self.table.scope, unparse(asked)), prefer="count=estimated")

    def _counts(self) -> Mapping[int, int]:
        key = self.table.counts
        found = self.visit.api.ask("/nodes", f"facet={key}&fields=id&limit=1", prefer="count=none").data["facets"][key]
        return {each["value"]: each["count"] for each in found["values"]}

    def _count(self, number: int, counts: Mapping[int, int]) -> Cell:
        url = self.visit.url("/nodes", f"{self.table.counts}={number}")
        return Cell("number", f"{counts.get(number, 0):,}", url=url)

    def _header(self, place: int, shown: Column, *, is_number: bool) -> Header:
        first, *_ = filters.words_of(self.query, "orderby") or (self.table.order,)
        is_first = first.lstrip("+-") == shown.key
        order = "" if not is_first else "descending" if first.startswith("-") else "ascending"
        # Names are read from A to Z, times and numbers from the latest or largest.
        goes_down = order == "ascending" or (not order and shown.key in _LARGEST_FIRST)
        word = f"-{shown.key}" if goes_down else shown.key
        url = self.url(filters.from_start(filters.with_option(self.query, "orderby", (word,))))
        return Header(shown, order, url if place < self.most_links else "", is_number)

    def _exports(self, total: int | None) -> Mapping[str, str]:
        """URLs of all rows that fulfil the filters, with the fields of these columns, by what they are called."""
        asked = filters.without_options(self._asked(), "limit", "perpage", *filters.PLACES)
        text = filters.joined(self.table.scope, unparse(asked))
        most = self.visit.explorer.settings.max_limit
        whole = text if total is not None and total <= most else f"{text}&cursor="
        url = f"{API}{self.table.api_path}"
        return {
            "CSV": self.visit.url(url, f"{text}&format=csv"),
            "NDJSON": self.visit.url(url, f"{text}&format=ndjson"),
            "JSON": self.visit.url(url, whole),
        }

    def _places(self, answer: ApiAnswer) -> dict[str, str | None]:
        """URLs of other rows of the list."""
        if self.page is not None:
            text = unparse(filters.from_start(self.query))
            has_next = answer.next_link is not None
            return {
                "first_url": self.visit.url(f"{self.table.path}/page/1", text) if self.page > 1 else None,
                "previous_url": self.visit.url(f"{self.table.path}/page/{self.page - 1}", text)
                if self.page > 1
                else None,
                "next_url": self.visit.url(f"{self.table.path}/page/{self.page + 1}", text) if has_next else None,
            }
        is_further = any(any(filters.words_of(self.query, key)) for key in filters.PLACES)
        cursor = _cursor_of(answer)
        return {
            "first_url": self.url(filters.from_start(self.query)) if is_further else None,
            "previous_url": None,
            "next_url": self.url(filters.with_option(self.query, "cursor", cursor)) if cursor else None,
        }


_LARGEST_FIRST = frozenset({"id", "ctime", "mtime", "time"})


def _cursor_of(answer: ApiAnswer) -> tuple[str, ...]:
    """The words of the cursor of the next rows; none if there are no others."""
    link = answer.next_link
    if link is None:
        return ()
    text = decode(link.partition("?")[2].encode())
    return filters.words_of(filters.read(text), "cursor")
