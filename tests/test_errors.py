"""Errors -> answers: what the class of an error decides, or the nearest one that it is made from."""

from __future__ import annotations

import logging

import pytest

from aiida_like.errors import (
    AiidaLikeError,
    BeingOpened,
    MissingExtra,
    OddValue,
    QueryError,
    StatementCancelled,
    StatementTimeout,
    StorageAway,
    TargetError,
    TargetMissing,
    TooManySlowQueries,
)
from restapi.http.errors import STATUSES, FailureLog, reply_to, retry_seconds
from restapi.http.exchange import Exchange

ANSWERS: dict[AiidaLikeError, tuple[int, int | None]] = {
    TargetError("x"): (503, 10),
    TargetMissing("x"): (503, 10),
    StorageAway("x"): (503, 10),
    TooManySlowQueries(1): (503, 5),
    StatementTimeout(1): (503, None),
    StatementCancelled(): (503, None),
    MissingExtra("x", "y"): (501, None),
    OddValue("x"): (500, None),
    QueryError("x"): (400, None),
}


@pytest.mark.parametrize("error", ANSWERS, ids=lambda error: type(error).__name__)
def test_answers(error: AiidaLikeError) -> None:
    status, seconds = ANSWERS[error]
    reply = reply_to(error, STATUSES, FailureLog(logging.getLogger("x"), has_tracebacks=False), asked())
    assert (reply.status_code, reply.headers.get("Retry-After")) == (status, None if seconds is None else str(seconds))
    assert retry_seconds(error) == seconds


def test_what_is_missing_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    log = FailureLog(logging.getLogger("x"), has_tracebacks=False)
    for _ in range(3):
        reply_to(TargetMissing("/data/x is missing", "it is missing"), STATUSES, log, asked())
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == ["/data/x is missing"]


def test_what_is_being_opened_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log = FailureLog(logging.getLogger("x"), has_tracebacks=False)
    for error in (BeingOpened("papers takes longer"), TargetMissing("papers is missing")):
        reply_to(error, STATUSES, log, asked())
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def asked() -> Exchange:
    return Exchange({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "localhost", "SERVER_PORT": "80"})
