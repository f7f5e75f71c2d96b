"""The frame of a page: where its site is, who is signed in, and the requests behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from restapi.http.exchange import ACCOUNT, BY_COOKIE, Exchange

SAFE_IN_URLS = "!$&'()*+,-./:;=@_~"
"""Characters that paths and queries may hold raw (RFC 3986)."""


API = "/api/v4"
"""The prefix of the API that pages ask and lead to."""


@dataclass(frozen=True)
class Requested:
    """A request to an API that a page shows the answer of. `path` is below the mount, `query` as it stands in URLs.

    `status` is that of an answer that is an error, else 200. `anchor` is where the page of the API's documentation has
    it, empty if nowhere.
    """

    path: str
    query: str = ""
    status: int = 200
    anchor: str = ""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True)
class NavLink:
    """A page that each page leads to."""

    path: str
    name: str


@dataclass(frozen=True)
class Frame:
    """What stands around a page.

    `mount` is the path that the application is mounted at, as it stands in URLs, `site` that of the whole site; both
    are empty at the root. `url_root` is the URL of the mount, if there are requests to show. `profile` is the name of
    what is served at the mount; None: the page is of no profile. `nav` are pages of the profile that each page
    leads to, `here` the path of the one that this page belongs to. `account` is who has signed in, None for nobody.
    """

    mount: str
    site: str
    url_root: str
    profile: str | None = None
    nav: Sequence[NavLink] = ()
    here: str = ""
    account: str | None = None
    requested: Sequence[Requested] = ()

    @property
    def is_one_of_several(self) -> bool:
        return self.mount != self.site

    def url(self, path: str, query: str = "") -> str:
        return url_below(self.mount, path, query)


def url_below(mount: str, path: str, query: str = "") -> str:
    """The path of a page in URLs. `path` is below the mount; `query` is text of the query language."""
    written = mount + quote(path, safe=SAFE_IN_URLS)
    return f"{written}?{quote(query, safe=SAFE_IN_URLS)}" if query else written


def frame_of(
    exchange: Exchange,
    profile: str | None = None,
    nav: Sequence[NavLink] = (),
    here: str = "",
    requested: Sequence[Requested] = (),
) -> Frame:
    return Frame(
        mount=exchange.mount_path,
        site=exchange.site_path,
        # Whoever names no valid host still gets a page to sign in.
        url_root=exchange.decoded().url_root if requested else "",
        profile=profile,
        nav=nav,
        here=here,
        account=exchange.environ.get(ACCOUNT) if exchange.environ.get(BY_COOKIE) else None,
        requested=requested,
    )
