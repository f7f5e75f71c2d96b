"""Pages of requests that fail: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from restapi.explorer.ask import ApiRefused
from restapi.http.errors import GENERIC
from restapi.http.exchange import Exchange
from restapi.layout import Page

_TITLES: Mapping[int, str] = {
    400: "This cannot be asked so",
    403: "This was not taken",
    404: "There is nothing here",
    413: "This is too long",
    501: "This cannot be shown",
    503: "This cannot be answered now",
}

_ADVICE: Mapping[int, str] = {
    400: "Change the part that is named above, or begin with one of the pages in the head.",
    403: "Go back, load the page again, and send its form once more.",
    404: "Ids change when an archive is imported, uuids do not: search for the uuid or the label above.",
    503: "Load the page again in a few seconds.",
}


def page_of(refused: ApiRefused, advice: Mapping[int, str] = _ADVICE) -> Page:
    """`advice` by status goes before what is usually advised."""
    status = refused.status
    headers = {name: refused.headers[name] for name in ("Retry-After",) if name in refused.headers}
    values = {"message": refused.message, "advice": advice.get(status, _ADVICE.get(status, ""))}
    return Page("failure.html", _TITLES.get(status, "This did not work"), values, status=status, headers=headers)


def missing(exchange: Exchange) -> Page:
    return page_of(ApiRefused(HTTPStatus.NOT_FOUND, f"No page has the path {exchange.path}"))


def broken(exchange: Exchange) -> Page:
    message = f"{GENERIC}, under the id {exchange.id}"
    return page_of(ApiRefused(HTTPStatus.INTERNAL_SERVER_ERROR, message))
