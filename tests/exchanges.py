"""A request and the whole of its response, as a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ROOT = "http://localhost"

ON_ALL = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "X-Total-Counts, X-Total-Count, Link, Content-Disposition, ETag, Preference-Applied, Accept-Ranges, "
        "Content-Range, X-Request-ID"
    ),
    "X-Content-Type-Options": "nosniff",
}

PREFLIGHT = {"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS", **ON_ALL}

ERROR = {"Content-Type": "application/json", "X-Total-Counts": None, "Link": None, "ETag": None, **ON_ALL}


@dataclass(frozen=True)
class Exchange:
    """`body` is JSON, text or bytes. Other headers than `headers` may be there, but those with None may not."""

    url: str
    status: int
    headers: Mapping[str, str | None]
    body: Any
    method: str = "GET"
    sent: Any = None  # JSON, or bytes as they are
    sent_headers: Mapping[str, str] = field(default_factory=dict)


def check(client: FlaskClient, expected: Exchange) -> None:
    """Makes the request, and holds the response against what is expected."""
    sent: dict[str, Any] = {"data" if isinstance(expected.sent, bytes) else "json": expected.sent}
    response = client.open(
        expected.url, method=expected.method, headers=dict(expected.sent_headers), buffered=True, **sent
    )
    match expected.body:
        case bytes():
            body: Any = response.data
        case str():
            body = response.text
        case _:
            body = response.json
    whole = with_id(response, expected.body) if expected.status >= 500 and expected.status != 501 else expected.body
    assert (response.status_code, body) == (expected.status, whole)
    assert {name: response.headers.get(name) for name in expected.headers} == expected.headers


def with_id(response: TestResponse, body: dict[str, Any]) -> dict[str, Any]:
    """The body of an error that is no fault of the request, which names the request."""
    return {**body, "request_id": response.headers["X-Request-ID"]}


def pages(url: str, **numbers: int) -> str:
    """The header `Link`; the number of the page goes where the URL has `%d`."""
    return ", ".join(f'<{ROOT}{url.replace("%d", str(page))}>; rel="{name}"' for name, page in numbers.items())
