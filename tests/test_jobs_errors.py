"""Errors of the jobs API, each with its status and body; pages of lists; and what is not offered any more."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest
from werkzeug.test import EnvironBuilder

from aiida_like.errors import StorageAway, StorageError
from aiida_like_engine import errors
from aiida_like_engine.root.catalogue import read_catalogue
from restapi.dialects.jobs import pages, render
from restapi.dialects.jobs.errors import refusal_of
from restapi.dialects.jobs.job_document import JOB
from restapi.dialects.jobs.records import JobRecord, ListedJob, Owner, input_path
from restapi.dialects.jobs.statuses import end_of
from restapi.http.errors import GENERIC, FailureLog
from restapi.http.exchange import Exchange
from tests.jobs_catalogue import CATALOGUE
from tests.jobs_rows import BASIC_JOB

SECRET = "/srv/secret is broken"
UNREADABLE = "The engine's folder cannot be read now: the cause is in the log of the server."

ERRORS: list[tuple[Exception, int, dict[str, Any], str | None]] = [
    (errors.NotFound("no file x"), 404, {"detail": "Not found."}, None),
    (errors.Invalid("no"), 400, {"detail": "no"}, None),
    (errors.Invalid("no", "name"), 400, {"name": ["no"]}, None),
    (errors.Conflict("it runs"), 400, {"detail": "it runs"}, None),
    (errors.TooMuch("1000 wait"), 400, {"detail": "1000 wait"}, None),
    (errors.NoRoom("the disk is full"), 507, {"detail": "the disk is full"}, None),
    (errors.Busy("4 come"), 503, {"detail": "4 come"}, "5"),
    (errors.SchemaMismatch(SECRET, "it is older"), 503, {"detail": "it is older", "request_id": "me"}, "5"),
    (errors.RootError(SECRET), 503, {"detail": UNREADABLE, "request_id": "me"}, "5"),
    (
        errors.EngineAway(SECRET),
        503,
        {"detail": "The engine does not answer now: ask again in some seconds.", "request_id": "me"},
        "5",
    ),
    (
        StorageAway(SECRET),
        503,
        {"detail": "this profile cannot be served now: its database does not answer", "request_id": "me"},
        "10",
    ),
    (StorageError(SECRET), 500, {"detail": GENERIC, "request_id": "me"}, None),
    (BadRequest("the header Host is no name of a host"), 400, {"detail": "the header Host is no name of a host"}, None),
]


def exchange(**options: Any) -> Exchange:
    return Exchange({**EnvironBuilder(**options).get_environ(), "aiida_like.request_id": "me"})


LOG = FailureLog(logging.getLogger("tests"), has_tracebacks=False)


@pytest.mark.parametrize(("error", "status", "body", "wait"), ERRORS, ids=lambda each: type(each).__name__)
def test_errors(
    error: Exception, status: int, body: dict[str, Any], wait: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """What names paths is for the log alone."""
    log = FailureLog(logging.getLogger("tests"), has_tracebacks=False)
    refusal = refusal_of(error, log, exchange())
    assert refusal is not None
    assert (refusal.status, refusal.body, refusal.headers.get("Retry-After")) == (status, body, wait)
    assert (SECRET in caplog.text) == (SECRET in str(error))


def test_a_file_that_is_too_large() -> None:
    refusal = refusal_of(
        errors.TooMuch("10 GiB at most"), LOG, exchange(content_type="multipart/form-data; boundary=x")
    )
    assert refusal is not None
    assert (refusal.status, refusal.body) == (413, {"detail": "10 GiB at most"})


def test_other_errors_are_no_refusals() -> None:
    assert refusal_of(ZeroDivisionError(), LOG, exchange()) is None


PAGES = [
    ("", "", 0, None, None),
    ("", "", 10, None, None),
    ("", "", 11, "?page=2", None),
    ("page=2", "", 11, None, ""),
    (
        "page=2",
        "page_size=3&search=%C3%BC+b&page=2",
        31,
        "?page_size=3&search=%C3%BC+b&page=3",
        "?page_size=3&search=%C3%BC+b",
    ),
]


@pytest.mark.parametrize(("page", "query", "count", "following", "previous"), PAGES)
def test_pages(page: str, query: str, count: int, following: str | None, previous: str | None) -> None:
    asked = dict(each.split("=") for each in page.split("&") if each)
    found = pages.listed("http://host/files/", query or page, pages.page_of(asked), count, [])
    links = [None if each is None else f"http://host/files/{each}" for each in (following, previous)]
    assert [found["count"], found["next"], found["previous"]] == [count, *links]


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "1" * 30, "²"])
def test_no_pages(number: str) -> None:
    with pytest.raises(pages.NoSuchPage):
        pages.page_of({"page": number})


@pytest.mark.parametrize(("size", "found"), [("5", 5), ("0", 10), ("x", 10), ("5000", 1000)])
def test_sizes_of_pages(size: str, found: int) -> None:
    assert pages.page_of({"page_size": size}) == pages.Page(1, found)


def test_pages_of_jobs_are_smaller() -> None:
    assert pages.page_of({"page_size": "1000"}, pages.MOST_JOBS) == pages.Page(1, 100)


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        (None, None, None),
        ("done", None, "Completed successfully"),
        ("stopped", "by somebody", "User Terminated"),
        ("failed", "exit code 7", "A run failed: exit code 7"),
        ("lost", None, "A run failed"),
    ],
)
def test_the_end_of_a_run(reason: str | None, message: str | None, told: str | None) -> None:
    assert end_of(reason, message) == told


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.tar.gz", "user/user_ada/a.tar-id.gz"),
        ("Makefile", "user/user_ada/Makefile-id"),
        (".hidden", "user/user_ada/.hidden-id"),
    ],
)
def test_paths_of_files(name: str, path: str) -> None:
    assert input_path(Owner("ada", "ada@example.org"), name, "id") == path


def test_a_job_of_what_is_not_offered_any_more(tmp_path: Path) -> None:
    """It is shown, by the codes."""
    (tmp_path / "analyses.toml").write_text(CATALOGUE.replace("openfoam", "other").replace("standard-plus", "marble"))
    catalogue = read_catalogue(tmp_path / "analyses.toml")
    owner = Owner("ada", "ada@example.org")
    job = JobRecord(1, "QTVia", owner, "Basic Job", JOB.of(BASIC_JOB), "now", None)
    (shown,) = render.job_object(job, {}, catalogue, render.Links("http://host", ""))["jobanalyses"]
    assert shown["analysis"] == {
        "code": "openfoam",
        "version": "2.3.0-openmpi",
        "name": "openfoam",
        "versionName": "2.3.0-openmpi",
    }
    assert shown["hardware"]["coreSummary"] is None
    assert shown["inputFiles"] == [{"id": "XkpTse", "decompress": True}]
    listed = ListedJob(1, "QTVia", owner, "Basic Job", ("openfoam",), frozenset(), "now")
    assert render.job_summary(listed, catalogue, None, "Not Started", 0)["analysisNames"] == ["openfoam"]
