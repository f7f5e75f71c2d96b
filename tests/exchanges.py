"""A request and the whole of its response, as a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient


@dataclass(frozen=True)
class Exchange:
    """`body` is JSON, text or bytes. Other headers than `headers` may be there, but those with None may not."""

    url: str
    status: int
    headers: Mapping[str, str | None]
    body: Any
    method: str = "GET"
    sent: Any = None  # JSON
    sent_headers: Mapping[str, str] = field(default_factory=dict)


def check(client: FlaskClient, expected: Exchange) -> None:
    """Makes the request, and holds the response against what is expected."""
    response = client.open(
        expected.url, method=expected.method, json=expected.sent, headers=dict(expected.sent_headers), buffered=True
    )
    match expected.body:
        case bytes():
            body: Any = response.data
        case str():
            body = response.text
        case _:
            body = response.json
    assert (response.status_code, body) == (expected.status, expected.body)
    assert {name: response.headers.get(name) for name in expected.headers} == expected.headers
