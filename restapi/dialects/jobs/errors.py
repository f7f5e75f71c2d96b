"""Errors -> answers, as Django REST framework writes them: `{"detail": ...}`, or problems nested like what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.exceptions import HTTPException

from aiida_like.errors import AiidaLikeError, TargetError
from aiida_like_engine.errors import (
    Busy,
    Conflict,
    EngineAway,
    EngineError,
    NoRoom,
    NotFound,
    Refused,
    RootError,
    SchemaMismatch,
    TooMuch,
)
from aiida_like_engine.errors import Invalid as RefusedValue
from restapi.dialects.jobs.checks import Invalid
from restapi.dialects.jobs.pages import NoSuchPage
from restapi.http.encoding import json_reply
from restapi.http.errors import STATUSES, FailureLog, told_of
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply

RETRY_SECONDS = 5


@dataclass
class Refusal(Exception):
    """An answer to a request that is refused."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def reply(self) -> Reply:
        reply = json_reply(self.body, self.status)
        reply.headers.update(self.headers)
        return reply


def refusal(status: int, detail: str, **headers: str) -> Refusal:
    """`headers`: names with `_` for `-`."""
    return Refusal(status, {"detail": detail}, {name.replace("_", "-"): value for name, value in headers.items()})


def not_found() -> Refusal:
    return refusal(404, "Not found.")


def not_authenticated(problem: str | None) -> Refusal:
    """`problem`: why what was sent is not taken; None if nothing was."""
    detail = "Authentication credentials were not provided." if problem is None else "Invalid token."
    return refusal(401, detail, WWW_Authenticate="Token")


def throttled(seconds: int) -> Refusal:
    detail = f"Request was throttled. Expected available in {seconds} seconds."
    return refusal(429, detail, Retry_After=str(seconds))


def no_permission(detail: str = "You do not have permission to perform this action.") -> Refusal:
    return refusal(403, detail)


def not_allowed(exchange: Exchange) -> Reply:
    return refusal(405, f'Method "{exchange.method}" not allowed.').reply


_KINDS: Mapping[type[Refused], int] = {NotFound: 404, RefusedValue: 400, Conflict: 400, TooMuch: 400, NoRoom: 507}
"""Statuses by the class of what the engine refuses; the body says why."""


def _of_engine(error: EngineError, log: FailureLog, exchange: Exchange) -> Refusal:
    match error:
        case NotFound():
            return not_found()
        case Busy():
            return refusal(503, str(error), Retry_After=str(RETRY_SECONDS))
        case TooMuch() if exchange.environ.get("CONTENT_TYPE", "").startswith("multipart/"):
            return refusal(413, str(error))
        case Refused():
            status = next(_KINDS[kind] for kind in type(error).__mro__ if kind in _KINDS)
            return Refusal(status, {error.field: [str(error)]} if error.field else {"detail": str(error)})
        case SchemaMismatch():
            detail = error.reason
        case EngineAway():
            detail = "The engine does not answer now: ask again in some seconds."
        case _:
            detail = "The engine's folder cannot be read now: the cause is in the log of the server."
    if isinstance(error, EngineAway):
        log.write_once(exchange, TargetError(str(error)))
    elif isinstance(error, RootError):
        log.write(exchange, error)
    return Refusal(503, {"detail": detail, "request_id": exchange.id}, {"Retry-After": str(RETRY_SECONDS)})


def refusal_of(error: Exception, log: FailureLog, exchange: Exchange) -> Refusal | None:
    """The answer to an error; None: it is none that is known here."""
    match error:
        case Refusal():
            found = error
        case Invalid():
            found = Refusal(400, error.problems)
        case NoSuchPage():
            found = refusal(404, "Invalid page.")
        case EngineError():
            found = _of_engine(error, log, exchange)
        case AiidaLikeError():
            told = told_of(error, STATUSES, log, exchange)
            found = Refusal(told.status, {"detail": told.message, "request_id": exchange.id}, told.headers)
        case HTTPException():
            found = refusal(error.code or 500, error.description or error.name)
        case _:
            return None
    return found
