"""A request to the gateway: what its path names, whose it is, and the JSON that comes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from aiida_like_engine.errors import Invalid, NotFound, TooMuch

LONGEST_BODY = 8 << 20
"""Bytes of JSON."""


@dataclass(frozen=True)
class Call:
    """A request: what its path names, whose it is, and what comes with it."""

    account: Any
    name: str
    environ: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        if length > LONGEST_BODY:
            raise TooMuch(f"the document is longer than {LONGEST_BODY} bytes")
        try:
            value = json.loads(self.environ["wsgi.input"].read(length) or b"{}")
        except (ValueError, RecursionError):
            raise Invalid("the body is no JSON, or too deep") from None
        if not isinstance(value, dict):
            raise Invalid("the body has to be an object")
        return value

    def row(self, connection: sa.Connection, table: sa.Table, what: str) -> Any:
        """The row of the file or job that the path names, and the caller may change.

        Raises:
            NotFound: there is none, it was deleted, or it is another account's.
        """
        query = sa.select(table).where(table.c.public_id == self.name, table.c.deleted.is_(None))
        row = connection.execute(query).first()
        if row is None or not (self.sees_all or row.account_id == self.account.id):
            raise NotFound(f"there is no {what} {self.name!r}")
        return row

    @property
    def sees_all(self) -> bool:
        return bool(self.account.is_superuser)
