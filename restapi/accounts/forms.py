"""What the pages of accounts share: forms, places to go to, and answers."""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response
from werkzeug.wrappers import Request

from restapi.accounts.sessions import site_of_request
from restapi.http.encoding import json_response
from restapi.http.exchange import Exchange
from restapi.http.reply import as_response, redirect
from restapi.layout import Frame, Page, answer_with, frame_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_MOST_BYTES = 20_000
"""Bytes that a form may have."""

HOSTILE = "The form did not come from a page of this site, or your browser keeps no cookies. Try again."

_is_local = re.compile(r"/(?![/\\])[!-~]*").fullmatch
"""Whether this is a path of this host: `//host` and `/\\host` are others to browsers."""


class Form(Request):
    max_content_length = _MOST_BYTES
    max_form_memory_size = _MOST_BYTES


SAFE_IN_TARGETS = "!$%&'()*+,-./:;=?@_~[]"
"""Characters that stay raw in the URL that somebody wanted; it may have escapes."""


def page_of(
    environ: WSGIEnvironment,
    template: str,
    title: str,
    status: HTTPStatus,
    *,
    frame: Frame | None = None,
    **values: object,
) -> Response:
    """The answer with a page; without a frame it leads nowhere, as somebody who has not signed in may read nothing."""
    exchange = Exchange(environ)
    scripts = ("login.js",) if template == "login.html" else ()
    page = Page(template, title, values, scripts=scripts, status=status, headers={"Cache-Control": "no-store"})
    return as_response(answer_with(page, frame or replace(frame_of(exchange), account=None), exchange))


def wants_page(environ: WSGIEnvironment) -> bool:
    return "text/html" in environ.get("HTTP_ACCEPT", "").lower()


def target_of(environ: WSGIEnvironment, wanted: str) -> str:
    """Where to go after signing in: what was wanted, if it is here, else the site's first page."""
    site = quote(site_of_request(environ).encode("latin-1"), safe=SAFE_IN_TARGETS) + "/"
    return wanted if _is_local(wanted) else site


def see_other(path: str) -> Response:
    return as_response(redirect(path, cache_control="no-store"))


def not_allowed() -> Response:
    answer = json_response({"message": "this page is read by GET, and its form sent by POST"}, 405)
    answer.headers["Allow"] = "GET, HEAD, POST"
    return answer
