"""What stands at the foot of each page can be taken along: curl and Python ask for what the page was made of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

from aiida_like.profiles import demo
from tests.html_reader import read
from tests.servers import require

PAGES = (
    "/",
    "/groups",
    "/nodes/64",
    '/nodes?group="papers/2025/Zoë\'s silicon"&user="Ada Lindqvist"',
    '/nodes?label=like="%da_%"&filter=attributes.energy<-3 OR label="a+b"&fields=id,label',
    "/compare?a=64&b=89",
)
"""Quotes, blanks, percent signs and letters of others go through a shell and a program of Python."""


@pytest.fixture(scope="module")
def root(serve: Callable[..., Flask]) -> Iterator[str]:
    """The application, as a server in a thread."""
    server = make_server("127.0.0.1", 0, serve(demo(), {}), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def requests_of(root: str, path: str) -> Iterator[tuple[str, str, str]]:
    """The URL of each request behind a page, and how curl and Python ask for it."""
    answer = httpx.get(root + path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    for item in read(answer.text).one("footer").all("li"):
        copied = {each.words: each.attributes["data-copy"] for each in item.all("button")}
        yield item.one("code").one("a").attributes["href"], copied["curl"], copied["Python"]


@pytest.mark.parametrize("path", PAGES)
def test_curl_and_python_get_what_the_page_has(root: str, path: str) -> None:
    """Of files, which are no JSON, only that they are there."""
    asked = list(requests_of(root, path))
    assert asked
    for link, in_curl, in_python in asked:
        answer = httpx.get(root + link)
        assert answer.status_code == 200, link
        by_curl = subprocess.run(
            ["bash", "-c", in_curl.replace("curl ", f"{require('curl')} -sS ", 1)], capture_output=True, check=True
        )
        assert by_curl.stdout == answer.content
        if answer.headers["Content-Type"] == "application/json":
            told: dict[str, Any] = {}
            exec(in_python, told)
            assert told["data"] == json.loads(answer.text)["data"]
