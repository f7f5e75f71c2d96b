"""Headers that every dialect gives."""

from __future__ import annotations

import re

from flask import Response

from querylang.options import Window
from restapi.exchange import Asked

_CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Total-Counts, X-Total-Count, Link, Content-Disposition, ETag",
}

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-Requested-With, Cache-Control, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


def allow_cross_origin(response: Response) -> Response:
    """Any page may read any answer, errors too: there is nothing here that a cookie protects."""
    response.headers.update(_CROSS_ORIGIN)
    return response


def allow_preflight(response: Response) -> Response:
    response.headers.update(_PREFLIGHT)
    return response


def vary_by_accept(response: Response) -> Response:
    """For pages that are HTML or JSON, as the client likes."""
    response.vary.add("Accept")
    return response


def set_total(response: Response, total: int) -> None:
    """Clients read either of the two names."""
    response.headers["X-Total-Counts"] = response.headers["X-Total-Count"] = str(total)


def last_page(total: int, size: int) -> int:
    """With no rows there is one page, and it is empty."""
    return max(1, -(-total // size))


def page_links(asked: Asked, window: Window, total: int) -> str:
    """A `Link` header with first, prev, next and last (RFC 8288), for a path that has a page in it."""
    page = window.page or 1
    last = last_page(total, window.limit)
    pages = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    return ", ".join(
        f'<{_target(asked, number)}>; rel="{relation}"' for relation, number in pages.items() if 1 <= number <= last
    )


def _target(asked: Asked, page: int) -> str:
    path = re.sub(r"/page(/\d*)?/?$", "", asked.path) + f"/page/{page}"
    query = f"?{asked.query_string}" if asked.query_string else ""
    # What a query may hold raw, a URI reference between angle brackets may not.
    return re.sub(r'[^!-~]|["<>\\^`{|}]', _escaped, asked.url_root.rstrip("/") + path + query)


def _escaped(character: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in character[0].encode())
