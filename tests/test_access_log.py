"""The line that each request leaves in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from aiida_like.profiles import find
from restapi import create_site
from restapi.hosting.site import Site
from tests.asking import get
from tests.conftest import COMMAND, Golden
from tests.golden import graph
from tests.servers import free_port, serving, wait_until

NODES = '/api/v2/nodes?limit=3&label=like="%25i%25"'


def entries(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "aiida_like.access"]


def test_a_request(target: dict[str, Any], serve: Callable[..., Flask], caplog: pytest.LogCaptureFixture) -> None:
    app = serve(find(**target), {"ACCESS_LOG": True})
    client = app.test_client()
    with caplog.at_level(logging.INFO, "aiida_like.access"):
        answer = client.get(NODES, buffered=True)
        client.get(f"/api/v4/nodes/{graph.relax}/links/incoming", buffered=True)
        client.get("/api/v2/nodes?nonsense=1", buffered=True)
        client.head("/healthz", buffered=True)
    first, *others = entries(caplog)
    assert datetime.fromisoformat(first.pop("time")).utcoffset() is not None
    assert first.pop("milliseconds") > 0
    assert first == {
        "profile": find(**target).name,
        "client": "127.0.0.1",
        "method": "GET",
        "url": NODES,
        "status": 200,
        "bytes": len(answer.data),
        # SQLite has counted all rows before it was asked for three; PostgreSQL tells the number with them.
        "rows": 3 if "repository" in target else 1 + 3,
    }
    assert [(each["method"], each["status"]) for each in others] == [("GET", 200), ("GET", 400), ("HEAD", 200)]
    assert others[0]["rows"] > 1
    assert [each["rows"] for each in others[1:]] == [0, 0]


def test_a_file_of_rows(golden: Golden, serve: Callable[..., Flask], caplog: pytest.LogCaptureFixture) -> None:
    """What is read while it is sent counts too: the number of rows, the keys of ten, and the rows."""
    client = serve(find(str(golden.archive)), {"ACCESS_LOG": True}).test_client()
    with caplog.at_level(logging.INFO, "aiida_like.access"):
        client.get("/api/v4/nodes?format=csv&limit=10", buffered=True)
    assert [each["rows"] for each in entries(caplog)] == [1 + 10 + 10]


def test_what_a_client_sends_stays_on_its_line(
    golden: Golden, serve: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(str(golden.archive), {"ACCESS_LOG": "yes"}).test_client()
    with caplog.at_level(logging.INFO, "aiida_like.access"):
        client.get('/ä%0A"b', query_string='label=ö\n"', buffered=True)
    (record,) = caplog.records
    assert (record.getMessage().isascii(), "\n" in record.getMessage()) == (True, False)
    assert entries(caplog)[0]["url"].startswith("/%C3%A4%0A%22b?label=")


def test_it_is_off_unless_asked_for(
    golden: Golden, serve: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        serve(str(golden.archive), {}).test_client().get(NODES, buffered=True)
        site = create_site([f"a={golden.archive}", f"b={golden.archive}"], {})
        assert isinstance(site, Site)
        Client(site).get("/", buffered=True)
    site.open.close()
    assert entries(caplog) == []


def test_the_list_of_profiles(golden: Golden, caplog: pytest.LogCaptureFixture) -> None:
    site = create_site([f"a={golden.archive}", f"b={golden.archive}"], {"ACCESS_LOG": "on"})
    assert isinstance(site, Site)
    with caplog.at_level(logging.INFO, "aiida_like.access"):
        for url in ("/", "/b" + NODES):
            Client(site).get(url, buffered=True)
    site.open.close()
    assert [(each["profile"], each["url"], each["rows"]) for each in entries(caplog)] == [
        (None, "/", 2),
        ("b", "/b" + NODES, 1 + 3),
    ]


def test_as_users_see_it(golden: Golden) -> None:
    root = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", str(golden.archive), "--access-log", "-P", root.rpartition(":")[2]]
    with serving(command, root) as server:
        get(root + NODES.replace('"', "%22"))
        # Written when an answer is sent, a moment after it arrived: the line of `/` may come behind this one.
        wait_until(lambda: '"rows":4}\n' in server.stderr)
        written = next(json.loads(line) for line in server.stderr.splitlines() if line.endswith('"rows":4}'))
    assert written["url"] == NODES.replace('"', "%22")
