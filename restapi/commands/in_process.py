"""A query without a server: the same application answers it, in this process."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from werkzeug.test import Client

from aiida_like.errors import AiidaLikeError
from aiida_like.profiles import Profile
from restapi.config import Settings
from restapi.dialects.resource import Endpoint, ListResource
from restapi.hosting.app import Application, create_app
from restapi.hosting.open_profiles import storage_of

Row = Mapping[str, Any]

DEFAULT = "/api/v4/"
_RAW = string.ascii_letters + string.digits + string.punctuation


class Refused(AiidaLikeError):
    """The query is at fault, or its profile; the message is that of the answer."""


@dataclass(frozen=True)
class Found:
    """The `data` of an answer. `rows` is None if it is no list of rows; `total` is the number of all rows."""

    data: Any
    rows: Sequence[Row] | None
    total: int = 0

    @property
    def facets(self) -> Mapping[str, Any]:
        """Counts beside the rows, see `restapi.answering.facets`."""
        return self.data.get("facets", {}) if self.rows is not None else {}


def ask(profile: Profile, settings: Settings, query: str, accept: str = "*/*") -> Found | bytes:
    """The answer to a query: a path and a query string below `/api/v4/`, or below the root if it begins with `/`.

    What is no JSON comes as it is. `accept`: media types (RFC 9110, 12.5.1).

    Raises:
        Refused: the status of the answer is not 200.
    """
    application = create_app(profile, settings.without_accounts())
    with closing(storage_of(application)):
        return ask_application(application, query, accept)


def ask_application(application: Application, query: str, accept: str = "*/*") -> Found | bytes:
    """The answer of an application. Raises Refused."""
    path, _, text = query.partition("?")
    path = path if path.startswith("/") else DEFAULT + path
    response = Client(application).get(
        path, query_string=quote(text, safe=_RAW), headers={"Accept": accept}, buffered=True
    )
    is_answered = response.status_code == HTTPStatus.OK
    if not response.is_json and is_answered:
        return response.get_data()
    if not response.is_json:
        raise Refused(response.text.strip() or f"status {response.status_code}")
    body: Any = response.json
    if not is_answered:
        raise Refused(body.get("data", body)["message"])
    data = body.get("data", body)
    rows = _rows_of(data)
    if rows is None:
        return Found(data, None)
    target, _ = application.routes.find(path) or (None, {})
    # Elsewhere the header counts what the path names, such as one node, not the rows.
    is_list = isinstance(target, Endpoint) and issubclass(target.resource, ListResource)
    total = response.headers.get("X-Total-Count", len(rows), int) if is_list else len(rows)
    return Found(data, rows, total)


def _rows_of(data: Any) -> Sequence[Row] | None:
    """The one list of objects in `data`, if there is nothing but facets beside it."""
    lists = [value for key, value in data.items() if key != "facets"] if isinstance(data, dict) else []
    if len(lists) == 1 and isinstance(lists[0], list) and all(isinstance(row, dict) for row in lists[0]):
        return lists[0]
    return None
