"""A request and the whole of its response, as a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

ROOT = "http://localhost"

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "X-Total-Counts, X-Total-Count, Link, Content-Disposition, ETag, Preference-Applied, Accept-Ranges, "
        "Content-Range"
    ),
}

PREFLIGHT = {"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS", **CORS}

ERROR = {"Content-Type": "application/json", "X-Total-Counts": None, "Link": None, "ETag": None, **CORS}


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
    assert (response.status_code, body) == (expected.status, expected.body)
    assert {name: response.headers.get(name) for name in expected.headers} == expected.headers


def pages(url: str, **numbers: int) -> str:
    """The header `Link`; the number of the page goes where the URL has `%d`."""
    return ", ".join(f'<{ROOT}{url.replace("%d", str(page))}>; rel="{name}"' for name, page in numbers.items())
