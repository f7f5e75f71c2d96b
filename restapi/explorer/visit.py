"""One request for a page: what was asked, and what pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlencode

from restapi.explorer.ask import Api, ApiRefused
from restapi.http.exchange import Exchange, Request
from restapi.layout import url_below

if TYPE_CHECKING:
    from restapi.explorer.mount import Explorer


@dataclass
class Visit:
    """One request for a page of a profile.

    `headers` are those of all answers to such requests. `advice` stands below an error, by its status, in the place of
    what it usually says. A query string or a form has at most `most_fields` values: a table can have a hundred columns,
    each a field of its form.
    """

    explorer: Explorer
    exchange: Exchange
    api: Api

    headers: ClassVar[Mapping[str, str]] = {}
    advice: ClassVar[Mapping[int, str]] = {}
    most_fields: ClassVar[int] = 300

    @classmethod
    def begin(cls, explorer: Explorer, exchange: Exchange) -> Visit:
        return cls(explorer, exchange, Api(explorer.routes, exchange))

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
        return {name: values[-1] for name, values in self.option_lists.items()}

    @cached_property
    def option_lists(self) -> dict[str, list[str]]:
        """The same with all values of a name. Raises ApiRefused."""
        return self._fields_in(self.exchange.environ.get("QUERY_STRING", ""))

    def _fields_in(self, text: str) -> dict[str, list[str]]:
        """What a form of HTML has sent. Raises ApiRefused."""
        try:
            return parse_qs(text, keep_blank_values=True, max_num_fields=self.most_fields, errors="replace")
        except ValueError:
            message = f"a form, or the query string of a page, has at most {self.most_fields} values"
            raise ApiRefused(HTTPStatus.BAD_REQUEST, message) from None

    def at_most(self, rows: int) -> int:
        """So many rows as a page wants, if the API gives as many at once."""
        return min(rows, self.explorer.settings.max_limit)

    def url(self, path: str, query: str = "") -> str:
        """The path of another page in URLs. `path` is below the mount; `query` is text of the query language."""
        return url_below(self.exchange.mount_path, path, query)

    def link(self, path: str, options: Mapping[str, Any] | None = None) -> str:
        """As `url`, of a page that takes no filters: its query is that of a form; empty options are left out."""
        given = {name: value for name, value in (options or {}).items() if value}
        return self.url(path) + (f"?{urlencode(given, doseq=True)}" if given else "")
