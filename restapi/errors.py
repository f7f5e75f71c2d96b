"""Errors -> statuses. The one table of it; what a body looks like is the same in both dialects of AiiDA."""

from __future__ import annotations

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from aiida_like.errors import AiidaLikeError, FeatureUnavailable, RequestError, StatementTimeout
from restapi.encoding import json_response

log = logging.getLogger(__name__)

STATUSES: dict[type[AiidaLikeError], int] = {
    RequestError: 400,
    FeatureUnavailable: 501,
    StatementTimeout: 503,
    AiidaLikeError: 500,
}
"""The most special class of an error that stands here decides."""

GENERIC = "Internal server error: the cause is in the log of the server"


def register(app: Flask) -> None:
    app.register_error_handler(AiidaLikeError, render)
    app.register_error_handler(NotFound, render_no_route)
    app.register_error_handler(HTTPException, render_http)
    app.register_error_handler(InternalServerError, render_internal)


def render(error: AiidaLikeError) -> Response:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    if status == STATUSES[AiidaLikeError]:
        # It may name paths and SQL: for the log only.
        log.error("%s", error, exc_info=error)
        return json_response({"message": GENERIC}, status)
    return json_response({"message": str(error)}, status)


def render_no_route(_: NotFound) -> Response:
    """No JSON, says the manual."""
    return Response(
        "No resource has this URL. GET /api/v2 lists all endpoints.\n", 404, content_type="text/plain; charset=utf-8"
    )


def render_http(error: HTTPException) -> Response:
    response = json_response({"message": error.description}, error.code or 500)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def render_internal(_: InternalServerError) -> Response:
    """Flask has logged the traceback."""
    return json_response({"message": GENERIC}, 500)
