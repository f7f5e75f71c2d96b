"""A query without a server: the same application answers it, in this process."""

from __future__ import annotations

import csv
import string
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from werkzeug.test import Client, TestResponse

from aiida_like.errors import AiidaLikeError
from aiida_like.profiles import Profile
from restapi.config import Settings
from restapi.dialects.resource import ListResource
from restapi.hosting.app import Application, create_app
from restapi.hosting.open_profiles import storage_of

Row = Mapping[str, Any]

DEFAULT = "/api/v4/"
_RAW = string.ascii_letters + string.digits + string.punctuation


class Refused(AiidaLikeError):
    """The query is at fault, or its profile; the message is that of the answer."""


@dataclass(frozen=True)
class Found:
    """The `data` of an answer. `rows` is None if it is no list of rows.

    `columns` are the keys of rows, known even if there is none; `total` is the number of all rows.
    """

    data: Any
    rows: Sequence[Row] | None
    columns: Sequence[str] = ()
    total: int = 0

    @property
    def facets(self) -> Mapping[str, Any]:
        """Counts beside the rows, see `restapi.answering.facets`."""
        return self.data.get("facets", {}) if self.rows is not None else {}


def ask(profile: Profile, settings: Settings, query: str) -> Found | bytes:
    """The answer to a query: a path and a query string below `/api/v4/`, or below the root if it begins with `/`.

    What is no JSON comes as it is.

    Raises:
        Refused: the status of the answer is not 200.
    """
    application = create_app(profile, settings)
    with closing(storage_of(application)):
        found = ask_application(application, query)
        if isinstance(found, Found) and found.rows == []:
            # A file in CSV has a header in any case.
            header = _response(application, query, Accept="text/csv")
            names = csv.reader([header.text]) if header.mimetype == "text/csv" else ()
            return replace(found, columns=next(iter(names), ()))
        return found


def _path_of(query: str) -> str:
    path = query.partition("?")[0]
    return path if path.startswith("/") else DEFAULT + path


def _response(application: Application, query: str, **headers: str) -> TestResponse:
    text = quote(query.partition("?")[2], safe=_RAW)
    return Client(application).get(_path_of(query), query_string=text, headers=headers, buffered=True)


def ask_application(application: Application, query: str) -> Found | bytes:
    """The answer of an application. Raises Refused."""
    response = _response(application, query)
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
    endpoint = application.routes.find(_path_of(query))
    # Elsewhere the header counts what the path names, such as one node, not the rows.
    is_list = endpoint is not None and issubclass(endpoint[0].resource, ListResource)
    total = response.headers.get("X-Total-Count", len(rows), int) if is_list else len(rows)
    return Found(data, rows, list(dict.fromkeys(key for row in rows for key in row)), total)


def _rows_of(data: Any) -> Sequence[Row] | None:
    """The one list of objects in `data`, if there is nothing but facets beside it."""
    lists = [value for key, value in data.items() if key != "facets"] if isinstance(data, dict) else []
    if len(lists) == 1 and isinstance(lists[0], list) and all(isinstance(row, dict) for row in lists[0]):
        return lists[0]
    return None
