"""Headers that every dialect gives, and entity tags of pages that have no data version."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import parse_etags, unquote_etag

from aiida_like.errors import QueryError
from querylang.ast import Option, Query
from querylang.options import Window
from querylang.unparse import unparse
from restapi.http.encoding import json_reply
from restapi.http.exchange import SAFE, Exchange, Request
from restapi.http.reply import ID_HEADER, ON_ALL, Reply, as_response

_SAFE = "!$&'()*+,-./:;=?@_~"
"""Characters that a query may hold raw (RFC 3986)."""

_SAFE_SENT = "!#$%&'()*+,/:;=?@[]"
"""Characters that stay raw in a URL that was sent; it may have escapes, and stands between angle brackets."""

_PAGE = re.compile(r"/page(/\d*)?/?$")

_OF_PAGES = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
}

IF_MATCH = "HTTP_IF_MATCH"

TAGGED = frozenset({HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value})
"""Statuses of answers with an entity tag, which stay the same as long as the tag does."""

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type, Authorization, X-Requested-With, Cache-Control, If-Match, If-None-Match, Prefer, Range, If-Range"
    ),
    "Access-Control-Max-Age": "86400",
}


def complete(response: Response, exchange: Exchange) -> Response:
    """Adds what all answers have; unless a page says something else, it runs no script and stands in no frame."""
    if response.mimetype == "text/html" and response.status_code != HTTPStatus.NOT_MODIFIED:
        for name, value in _OF_PAGES.items():
            response.headers.setdefault(name, value)
    response.headers.extend([*ON_ALL, (ID_HEADER, exchange.id)])
    return response


def complete_page(response: Response) -> Response:
    """`complete` for the current request of Flask."""
    return complete(response, Exchange(request.environ))


def allow_preflight(response: Response) -> Response:
    response.headers.update(_PREFLIGHT)
    return response


def vary_by_accept(response: Response) -> Response:
    """Adds `Vary` to a page that is HTML or JSON, as the client accepts."""
    response.vary.add("Accept")
    return response


def tag_by_content(response: Response, exchange: Exchange) -> Response:
    """Adds a strong ETag of the bytes to a whole answer without a data version; 304 if the client has them."""
    if response.status_code != HTTPStatus.OK or exchange.method not in SAFE or not response.is_sequence:
        return response
    response.headers.setdefault("Cache-Control", "no-cache")
    response.add_etag()
    return make_conditional(response, exchange)


def make_conditional(response: Response, exchange: Exchange) -> Response:
    """The response, 304 if the client has its tag. Without Werkzeug's If-Match, which knows no `*`."""
    response.make_conditional({name: value for name, value in exchange.environ.items() if name != IF_MATCH})
    return response


def check_match(reply: Reply, exchange: Exchange) -> Reply:
    """The reply, if its tag is one of If-Match, or that is `*`; else 412. A reply of another status stays as it is."""
    if reply.status_code not in TAGGED or exchange.method not in SAFE or IF_MATCH not in exchange.environ:
        return reply
    tags, (tag, is_weak) = parse_etags(exchange.environ[IF_MATCH]), unquote_etag(reply.headers.get("ETag"))
    # Apache adds `-gzip` to the tag of what it compresses.
    if tags.star_tag or (tag is not None and not is_weak and (tags.is_strong(tag) or tags.is_strong(f"{tag}-gzip"))):
        return reply
    if isinstance(reply, Response):
        reply.close()
    return json_reply({"message": _NO_MATCH}, HTTPStatus.PRECONDITION_FAILED)


_NO_MATCH = "If-Match names no answer that is given now: ask without it, and go on with the ETag of that answer"


def tag_page(response: Response) -> Response:
    """`tag_by_content` and `check_match` for the current request of Flask."""
    exchange = Exchange(request.environ)
    return as_response(check_match(tag_by_content(response, exchange), exchange))


def page_links(asked: Request, window: Window, last: int | None, *, has_next: bool) -> str:
    """A `Link` header with first, prev, next and last (RFC 8288), for a path that has a page in it.

    `last` is None where it is not known; then `has_next` says whether there is a next one.
    """
    page = window.page or 1
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last or 0}
    most = last or (page + 1 if has_next else page)
    path = asked.url_root.rstrip("/") + quote(_PAGE.sub("", asked.path), safe=_SAFE_SENT)
    query = f"?{quote(asked.query_string, safe=_SAFE_SENT)}" if asked.query_string else ""
    return ", ".join(
        f'<{path}/page/{number}{query}>; rel="{relation}"' for relation, number in pages.items() if 1 <= number <= most
    )


def cursor_link(asked: Request, query: Query, cursor: str, longest: int) -> str:
    """A `Link` header with the next rows of a list: the same query with another cursor.

    Raises:
        QueryError: its query string would have more than `longest` bytes, which are refused.
    """
    pairs = (pair for pair in query.pairs if not (isinstance(pair, Option) and pair.key == "cursor"))
    text = unparse(Query((*pairs, Option("cursor", (cursor,)))))
    written = quote(text, safe=_SAFE)
    if len(written) > longest:
        raise QueryError(
            f"the link to the next rows would have a query string of {len(written)} bytes, and at most {longest} are "
            "read: shorten the filters, or ask for pages with limit= and offset="
        )
    return f'<{asked.url_root.rstrip("/")}{quote(asked.path, safe=_SAFE_SENT)}?{written}>; rel="next"'
