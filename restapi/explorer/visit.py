"""One request for a page: what was asked, and what pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from restapi.explorer.ask import Api, ApiRefused
from restapi.http.exchange import Exchange, Request
from restapi.layout import url_below

if TYPE_CHECKING:
    from restapi.explorer.mount import Explorer

_MOST_OPTIONS = 100
_MOST_FIELDS = 300
"""A table can have a hundred columns, each a field of its form."""


@dataclass
class Visit:
    """One request for a page of a profile."""

    explorer: Explorer
    exchange: Exchange
    api: Api

    @cached_property
    def request(self) -> Request:
        return self.exchange.decoded()

    @cached_property
    def query(self) -> str:
        """The query string as text of the query language."""
        return self.request.text

    @cached_property
    def options(self) -> dict[str, str]:
        """The query string of a page that takes no filters, as a form of HTML sends it; the last of a name counts.

        Raises ApiRefused: it has too many parts.
        """
        return dict(self._parts(_MOST_OPTIONS))

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The same with all values of a name, for a form with many fields. Raises ApiRefused."""
        found: dict[str, list[str]] = {}
        for name, value in self._parts(_MOST_FIELDS):
            found.setdefault(name, []).append(value)
        return found

    def _parts(self, most: int) -> list[tuple[str, str]]:
        sent = self.exchange.environ.get("QUERY_STRING", "")
        try:
            return parse_qsl(sent, keep_blank_values=True, max_num_fields=most, errors="replace")
        except ValueError:
            message = f"a query string of a page has at most {most} parts"
            raise ApiRefused(HTTPStatus.BAD_REQUEST, message, {}) from None

    def url(self, path: str, query: str = "") -> str:
        """The path of another page in URLs. `path` is below the mount; `query` is text of the query language."""
        return url_below(self.exchange.mount_path, path, query)

    def form_url(self, path: str, values: Mapping[str, str]) -> str:
        """As `url`, of a page that takes no filters: its query is that of a form."""
        return f"{self.url(path)}?{urlencode(values)}" if values else self.url(path)
