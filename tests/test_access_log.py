"""The line that each request leaves in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client, TestResponse

from aiida_like.errors import TargetError
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
    assert first.pop("id") == answer.headers["X-Request-ID"]
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


PROXIES = "10.0.0.0/8, 2001:db8::1"
CHAIN = "192.0.2.1, 198.51.100.7, 10.0.0.9"

CLIENTS = {
    # what is set, who is connected, what is sent: who asks
    (None, "127.0.0.1", CHAIN): "127.0.0.1",
    (None, "", CHAIN): "10.0.0.9",  # a Unix socket
    (None, "", ""): None,
    (PROXIES, "", CHAIN): "198.51.100.7",
    (PROXIES, "10.1.2.3", CHAIN): "198.51.100.7",
    (PROXIES, "2001:db8::1", CHAIN): "198.51.100.7",
    (PROXIES, "2001:db8::2", CHAIN): "2001:db8::2",
    (PROXIES, "10.1.2.3", "10.0.0.1,10.0.0.2"): "10.0.0.1",
    (PROXIES, "10.1.2.3", "192.0.2.1, unknown"): "10.1.2.3",
    (PROXIES, "10.1.2.3", ""): "10.1.2.3",
    ("*", "192.0.2.99", CHAIN): "192.0.2.1",
    ("*", "2001:db8::2", CHAIN): "192.0.2.1",
    ("*", "", CHAIN): "192.0.2.1",
    ("2001:db8::1, *", "192.0.2.99", CHAIN): "192.0.2.1",
}

IDS = {
    (None, "127.0.0.1", "abc"): False,
    (None, "", "abc"): True,
    (PROXIES, "10.1.2.3", "a-Z0.9:/+=@_~"): True,
    (PROXIES, "10.1.2.3", "x" * 128): True,
    (PROXIES, "10.1.2.3", "x" * 129): False,
    (PROXIES, "10.1.2.3", "a b"): False,
    (PROXIES, "10.1.2.3", "a\tb"): False,
    (PROXIES, "10.1.2.3", ""): False,
    (PROXIES, "192.0.2.1", "abc"): False,
    ("*", "192.0.2.1", "abc"): True,
    ("*", "2001:db8::2", "abc"): True,
    (PROXIES, "::ffff:10.1.2.3", "abc"): True,  # as a listener for both versions of IP says it
}


@pytest.fixture
def asked(
    golden: Golden, serve: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> Callable[..., tuple[TestResponse, dict[str, Any]]]:
    """A request by somebody, its answer, and its line in the log."""

    def ask(proxies: str | None, address: str, **headers: str) -> tuple[TestResponse, dict[str, Any]]:
        settings = {"ACCESS_LOG": True} | ({"TRUSTED_PROXIES": proxies} if proxies else {})
        client = serve(str(golden.archive), settings).test_client()
        sent = {f"HTTP_{name}": value for name, value in headers.items()}
        with caplog.at_level(logging.INFO, "aiida_like.access"):
            answer = client.get("/api/v4/users", environ_overrides={"REMOTE_ADDR": address, **sent}, buffered=True)
        return answer, entries(caplog)[-1]

    return ask


@pytest.mark.parametrize("case", CLIENTS)
def test_who_asks(case: tuple[str | None, str, str], asked: Callable[..., Any]) -> None:
    proxies, address, sent = case
    assert asked(proxies, address, X_FORWARDED_FOR=sent)[1]["client"] == CLIENTS[case]


@pytest.mark.parametrize("case", IDS)
def test_the_id_of_a_request(case: tuple[str | None, str, str], asked: Callable[..., Any]) -> None:
    proxies, address, sent = case
    answer, entry = asked(proxies, address, X_REQUEST_ID=sent)
    assert entry["id"] == answer.headers["X-Request-ID"]
    assert (entry["id"] == sent) is IDS[case]


def test_ids_of_requests_differ(archive_client: FlaskClient) -> None:
    """Whoever answers: the cache, a resource, a page, what cannot be found."""
    urls = ["/api/v4/users"] * 3 + ["/", "/healthz", "/nothing", "/api/v4/nothing", "/api/v4/docs"]
    ids = [archive_client.get(url).headers["X-Request-ID"] for url in urls]
    assert len(set(ids)) == len(urls)
    by_apache = archive_client.get("/", environ_overrides={"UNIQUE_ID": "aSdF@-1"})
    assert by_apache.headers["X-Request-ID"] == "aSdF@-1"


def test_proxies_that_are_none(serve: Callable[..., Flask], golden: Golden) -> None:
    for value, culprit in (("127.0.0.1,nginx", "nginx"), ("10.0.0.*", r"10\.0\.0\.\*")):
        with pytest.raises(
            TargetError, match=rf"TRUSTED_PROXIES takes addresses and networks, or \* for all, not '{culprit}'$"
        ):
            serve(str(golden.archive), {"TRUSTED_PROXIES": value})


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
    wait_until(lambda: Client(site).get("/readyz").status_code == 200)
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
