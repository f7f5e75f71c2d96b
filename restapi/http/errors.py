"""Errors -> statuses, in one table a dialect; what a body looks like is the same in both dialects of AiiDA."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound

from aiida_like.errors import (
    AiidaLikeError,
    BeingOpened,
    FeatureUnavailable,
    FileNotFound,
    RequestError,
    StatementCancelled,
    StatementTimeout,
    StorageAway,
    TargetError,
    TooManySlowQueries,
)
from aiida_like.errors import NotFound as NoSuchEntity
from restapi.http.encoding import json_reply, json_response
from restapi.http.exchange import Exchange
from restapi.http.reply import Answer, Reply, as_response, bytes_reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Statuses = Mapping[type[AiidaLikeError], int]

STATUSES: Statuses = {
    RequestError: 400,
    FeatureUnavailable: 501,
    StatementTimeout: 503,
    StatementCancelled: 503,
    TooManySlowQueries: 503,
    TargetError: 503,
    StorageAway: 503,
    AiidaLikeError: 500,
}
"""Statuses by the class of an error; the most specific one counts."""

V4_STATUSES: Statuses = {**STATUSES, NoSuchEntity: 404, FileNotFound: 404}

RETRY_SECONDS: Mapping[type[AiidaLikeError], int] = {TargetError: 10, StorageAway: 10, TooManySlowQueries: 5}
"""When clients may ask again, by the class of an error; the most specific one counts, and nothing is said of others."""

MESSAGE = "message"
"""The key of the message in the answer to an error, where a dialect says nothing else."""

_MOST_REASONS = 100

GENERIC = "Internal server error: the cause is in the log of the server"

NO_RESOURCE = "No resource has this URL. GET {} lists all endpoints."


@dataclass(frozen=True)
class FailureLog:
    """The log of errors that clients get no message of; `has_tracebacks`: whether with a traceback."""

    logger: logging.Logger
    has_tracebacks: bool
    _written: dict[str, float] = field(default_factory=dict, init=False)

    def write_once(self, exchange: Exchange, error: TargetError | StorageAway) -> None:
        """Writes why a profile cannot be read now; once, as long as clients go on asking."""
        message, now = str(error), time.monotonic()
        last = self._written.get(message, float("-inf"))
        if len(self._written) >= _MOST_REASONS:
            self._written.clear()
        self._written[message] = now
        if now - last > 2 * (retry_seconds(error) or 0):
            level = logging.WARNING if isinstance(error, BeingOpened) else logging.ERROR
            self.logger.log(level, "%s: %s", exchange.id, message)

    def watch(self, exchange: Exchange, response: Response) -> None:
        """Writes what goes wrong after the first byte of a body, which then breaks the connection off."""
        blocks = response.response
        response.response = self._watched(exchange, blocks)
        if hasattr(blocks, "close"):
            response.call_on_close(blocks.close)

    def _watched(self, exchange: Exchange, blocks: Iterable[Any]) -> Iterator[Any]:
        try:
            yield from blocks
        except Exception as error:  # whatever it is: the log has it, and it is raised again
            self.write(exchange, error)
            raise

    def write(self, exchange: Exchange, error: BaseException) -> None:
        message = "%s: %s %s: %s: %s"
        self.logger.error(
            message,
            exchange.id,
            exchange.method,
            quote(exchange.path_info.encode("latin-1")),  # in ASCII, so that nothing begins a line of its own
            type(error).__name__,
            error,
            exc_info=error if self.has_tracebacks else None,
        )


def retry_seconds(error: AiidaLikeError) -> int | None:
    return next((RETRY_SECONDS[kind] for kind in type(error).__mro__ if kind in RETRY_SECONDS), None)


@dataclass(frozen=True)
class Told:
    """What a client is told of an error."""

    message: str
    status: int
    headers: Mapping[str, str]


def told_of(error: AiidaLikeError, statuses: Statuses, log: FailureLog, exchange: Exchange) -> Told:
    """What a client is told; the rest is written to the log."""
    status = next(statuses[kind] for kind in type(error).__mro__ if kind in statuses)
    message = str(error)
    if isinstance(error, TargetError | StorageAway):
        log.write_once(exchange, error)
        message = f"this profile cannot be served now: {error.reason}"
    elif status == statuses[AiidaLikeError]:
        # The message may name paths and SQL: for the log only.
        log.write(exchange, error)
        message = GENERIC
    seconds = retry_seconds(error)
    return Told(message, status, {} if seconds is None else {"Retry-After": str(seconds)})


def reply_to(error: AiidaLikeError, statuses: Statuses, log: FailureLog, exchange: Exchange) -> Reply:
    """The answer to an error."""
    told = told_of(error, statuses, log, exchange)
    reply = failure(told.message, told.status, exchange)
    reply.headers.update(told.headers)
    return reply


def failure(message: str, status: int, exchange: Exchange, key: str = MESSAGE) -> Reply:
    """An answer with a message; if it is no fault of the request, with the id by which it is found in the logs."""
    is_ours = status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE}
    return json_reply({key: message} | ({"request_id": exchange.id} if is_ours else {}), status)


def no_route_as_text(prefix: str) -> Reply:
    """404, as the manual of v2 has it: no JSON."""
    return bytes_reply(f"{NO_RESOURCE.format(prefix)}\n".encode(), 404, "text/plain; charset=utf-8")


def no_route(prefix: str) -> Reply:
    return json_reply({"message": NO_RESOURCE.format(prefix)}, 404)


def not_allowed() -> Reply:
    return json_reply({"message": MethodNotAllowed.description}, 405)


def register(
    app: Flask,
    log: FailureLog,
    missing: Callable[[Exchange], Answer],
    broken: Callable[[Exchange], Answer] | None = None,
    key_of: Callable[[WSGIEnvironment], str] = lambda _: MESSAGE,
) -> None:
    """Registers error handlers for the pages that Flask serves.

    `missing` makes the answer to a path that Flask does not know, `broken` that to a request which an error of ours
    has ended. `key_of`: the key under which the answer to a request has its message.
    """
    broken = broken or _broken

    def render(error: AiidaLikeError) -> Response:
        return as_response(reply_to(error, STATUSES, log, Exchange(request.environ)))

    def check_host() -> None:
        Exchange(request.environ).host  # noqa: B018 it raises what is rendered here

    app.before_request(check_host)
    app.register_error_handler(AiidaLikeError, render)
    app.register_error_handler(NotFound, lambda _: as_response(missing(Exchange(request.environ))))
    app.register_error_handler(HTTPException, lambda error: reply_to_http(error, key_of(request.environ)))
    app.register_error_handler(InternalServerError, lambda _: as_response(broken(Exchange(request.environ))))


def _broken(exchange: Exchange) -> Reply:
    return failure(GENERIC, 500, exchange)


def reply_to_http(error: HTTPException, key: str = MESSAGE) -> Response:
    response = json_response({key: error.description}, error.code or 500)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response
