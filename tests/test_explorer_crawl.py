"""From the first page on, every link of every page answers, and the pages that it finds say nothing wrong."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from urllib.parse import urldefrag

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from restapi import create_app
from tests.conftest import Effort

HTML = {"Accept": "text/html"}
MOUNT = "/a%20b"
_LINK = re.compile(r'<(?![^>]*rel="nofollow")[^>]*(?:href|src|data-load)="([^"]*)"')
"""Of what is marked so, as the steps of a lineage are, there is no end."""


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app(demo(), {})
    yield made
    made.extensions["aiida_like_storage"].close()


def crawl(client: FlaskClient, most: int) -> tuple[dict[str, int], dict[str, str]]:
    """The status of each URL, and the text of each page, by URL; breadth first, at most so many."""
    waiting, statuses, pages = deque([f"{MOUNT}/"]), dict[str, int](), dict[str, str]()
    seen = set(waiting)
    while waiting and len(statuses) < most:
        url = waiting.popleft()
        path = url.removeprefix(MOUNT)
        with client.get(path, headers=HTML, environ_overrides={"SCRIPT_NAME": "/a b"}) as answer:
            statuses[url] = answer.status_code
            if answer.mimetype != "text/html":
                continue
            pages[url] = answer.text
        for found in _LINK.findall(pages[url]):
            link = urldefrag(unescape(found))[0]
            if link.startswith("?"):
                link = url.partition("?")[0] + link
            # Documents of Swagger UI, and what lies elsewhere or in the page itself.
            if link and not link.startswith(("http", "data:")) and link not in seen:
                seen.add(link)
                waiting.append(link)
    return statuses, pages


def test_all_links_answer(app: Flask, effort: Effort) -> None:
    statuses, pages = crawl(app.test_client(), effort.either(1500, 100_000))
    assert {url for url in statuses if not url.startswith(f"{MOUNT}/")} == set()
    assert {url: status for url, status in statuses.items() if status not in {200, 302, 303}} == {}
    assert len(pages) > 3
    for url, text in pages.items():
        assert "style=" not in text, url
        assert len(text) < 200_000, url
