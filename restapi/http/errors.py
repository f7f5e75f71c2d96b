"""Errors -> statuses, in one table a dialect; what a body looks like is the same in both dialects of AiiDA."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from aiida_like.errors import (
    AiidaLikeError,
    FeatureUnavailable,
    FileNotFound,
    RequestError,
    StatementTimeout,
    TargetError,
)
from aiida_like.errors import NotFound as NoSuchEntity
from restapi.http.encoding import json_response

Statuses = Mapping[type[AiidaLikeError], int]

STATUSES: Statuses = {
    RequestError: 400,
    FeatureUnavailable: 501,
    StatementTimeout: 503,
    TargetError: 503,
    AiidaLikeError: 500,
}
"""The most special class of an error that stands here decides."""

V4_STATUSES: Statuses = {**STATUSES, NoSuchEntity: 404, FileNotFound: 404}

RETRY_SECONDS = 10
"""When clients may ask again for a profile that cannot be opened."""

GENERIC = "Internal server error: the cause is in the log of the server"


def register(app: Flask) -> None:
    register_for(app, STATUSES)
    app.register_error_handler(NotFound, render_no_route)
    app.register_error_handler(HTTPException, render_http)
    app.register_error_handler(InternalServerError, render_internal)


def register_for(dialect: Flask | Blueprint, statuses: Statuses) -> None:
    dialect.register_error_handler(AiidaLikeError, partial(render, statuses=statuses))
    dialect.register_error_handler(TargetError, render_closed)


def render(error: AiidaLikeError, statuses: Statuses) -> Response:
    status = next(statuses[kind] for kind in type(error).__mro__ if kind in statuses)
    if status == statuses[AiidaLikeError]:
        # It may name paths and SQL: for the log only.
        current_app.log_exception(sys.exc_info())
        return json_response({"message": GENERIC}, status)
    return json_response({"message": str(error)}, status)


def render_closed(error: TargetError) -> Response:
    """The profile cannot be opened now."""
    current_app.logger.error("%s", error)
    response = json_response({"message": f"this profile cannot be served now: {error.reason}"}, STATUSES[TargetError])
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def render_no_route(_: NotFound) -> Response:
    """In v2 no JSON, says its manual."""
    if request.path.startswith("/api/v4"):
        return json_response({"message": "No resource has this URL. GET /api/v4 lists all endpoints."}, 404)
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
