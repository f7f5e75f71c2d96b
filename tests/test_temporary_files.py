"""Temporary files of PostgreSQL, where a role may not limit them: a query is refused that would write large ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from aiida_like.storage import storage as opened
from aiida_like.storage.databases.temporary_files import expected_kilobytes
from tests.conftest import GoldenPostgreSQL


def node(kind: str, rows: int, width: int, *below: Any, **more: Any) -> dict[str, Any]:
    return {"Node Type": kind, "Plan Rows": rows, "Plan Width": width, "Plans": list(below), **more}


SCAN = node("Seq Scan", 1_000_000, 968)


@pytest.mark.parametrize(
    ("plan", "window", "expected"),
    [
        (SCAN, None, 0),
        (node("Sort", 1_000_000, 968, SCAN), None, 1_000_000),
        (node("Limit", 50, 968, node("Sort", 1_000_000, 968, SCAN)), 50, 50),
        (node("Limit", 50, 968, node("Sort", 1_000_000, 968, SCAN)), 250_050, 250_050),
        (node("Limit", 50, 968, node("Sort", 1000, 968, SCAN)), 250_050, 1000),
        (node("Limit", 50, 968, node("Result", 9, 9, node("Sort", 1_000_000, 968, SCAN))), 50, 50),
        # The limit cuts what is sorted, not what is joined before.
        (node("Limit", 50, 8, node("Sort", 10, 8, node("Hash Join", 10, 8, node("Hash", 9000, 968, SCAN)))), 50, 9000),
        (node("Nested Loop", 1, 8, node("Materialize", 2000, 468, SCAN), node("Hash", 1000, 968)), None, 2000),
        (node("Aggregate", 3000, 968, SCAN, Strategy="Hashed"), None, 3000),
        (node("Aggregate", 3000, 968, SCAN, Strategy="Sorted"), None, 0),
    ],
)
def test_what_is_kept(plan: Any, window: int | None, expected: int) -> None:
    assert expected_kilobytes(plan, window) == expected


@pytest.fixture(scope="module")
def plain(golden_postgresql: GoldenPostgreSQL) -> Iterator[str]:
    """The URL of a role that may read, and set no limit."""
    with psycopg.connect(golden_postgresql.url, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE reader LOGIN PASSWORD 'x'")
        superuser.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        try:
            yield re.sub("//.*@", "//reader:x@", golden_postgresql.url)
        finally:
            superuser.execute("DROP OWNED BY reader")
            superuser.execute("DROP ROLE reader")


Serving = Callable[[str], FlaskClient]


@pytest.fixture
def serving(golden_postgresql: GoldenPostgreSQL, serve: Callable[..., Flask]) -> Serving:
    return lambda url: serve(find(url, str(golden_postgresql.repository)), {"CACHE": "no"}).test_client()


PAIRS = {
    "path": [{"entity_type": "node", "tag": "a"}, {"entity_type": "node", "tag": "b", "with_incoming": "a"}],
    "project": {"a": ["attributes"], "b": ["attributes"]},
    "order_by": [{"a": ["label"]}],
    "limit": 5,
}
REFUSAL = (
    "the query sorts or joins more than fits: narrow it with more filters, or ask for fewer columns, a smaller limit "
    "or another order"
)


def test_too_much_is_refused(
    serving: Serving, plain: str, golden_postgresql: GoldenPostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is below what this graph needs; a role with a limit of its own is not asked."""
    monkeypatch.setattr(opened, "MOST_KILOBYTES", 0)
    answer = serving(plain).post("/api/v4/querybuilder", json={**PAIRS, "limit": 5000})
    assert (answer.status_code, answer.json) == (400, {"message": REFUSAL})
    one = {"path": PAIRS["path"][:1], "project": {"a": ["id"]}}
    assert serving(plain).post("/api/v4/querybuilder", json=one).status_code == 200
    assert serving(golden_postgresql.url).post("/api/v4/querybuilder", json=PAIRS).status_code == 200


def test_usual_queries_are_answered_alike(serving: Serving, plain: str, golden_postgresql: GoldenPostgreSQL) -> None:
    answers = [serving(url).post("/api/v4/querybuilder", json=PAIRS) for url in (plain, golden_postgresql.url)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json["data"] == answers[1].json["data"]
    assert len(answers[0].json["data"]["a"]) == 5
