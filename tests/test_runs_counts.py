"""Lists of runs take about as long however many there are: what is counted lies in one index, and nothing is sorted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from restapi.hosting.app import Application
from tests.conftest import Golden
from tests.jobs_rows import make_jobs
from tests.people import People


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_jobs(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def client(people: People, serve: Callable[..., Application]) -> FlaskClient:
    return serve(None, {"ENGINE": str(people.root.path)}).test_client()


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Statements on jobs, with their values, that are carried out meanwhile."""
    found: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        if "FROM jobs" in statement:
            found.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def plans(path: Path, found: list[tuple[str, Any]]) -> list[list[str]]:
    with closing(sqlite3.connect(path)) as database:
        return [
            [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in found
        ]


@pytest.mark.parametrize("who", ["ada", "zoe"])
@pytest.mark.parametrize("query", ["", "?state=done", "?state=running"])
def test_pages(client: FlaskClient, people: People, who: str, query: str) -> None:
    with statements() as found:
        assert client.get(f"/runs{query}", headers=people.header(who)).status_code == 200
    counted, listed = plans(people.root.server_database, found)
    assert len(counted) == 1
    assert "USING COVERING INDEX jobs_by_phase" in counted[0]
    assert not any("TEMP B-TREE" in line for line in listed), listed


@pytest.mark.parametrize("who", ["ada", "zoe"])
def test_the_api(client: FlaskClient, people: People, who: str) -> None:
    with statements() as found:
        assert client.get("/api/v2/jobs/", headers=people.header(who)).status_code == 200
    counted, listed, *_ = plans(people.root.server_database, found)
    assert "USING COVERING INDEX" in counted[0]
    assert not any("TEMP B-TREE" in line for line in listed), listed
