"""Statistics and types of all nodes, and what the server is."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy import BigInteger, Select, bindparam, func, select

from aiida_like import __version__
from aiida_like.models import node
from aiida_like.storage.expressions import utc_day
from restapi.dialects.aiida_v2 import options, render
from restapi.exchange import asked
from restapi.headers import set_total
from restapi.routing import DialectResource

_GROUPS = {
    "calculation": ("process.",),
    "data": ("data.",),
    "code": ("data.core.code.",),
}
"""What `/nodes/types` sorts types into, by how they begin; the last that fits counts."""


class Statistics(DialectResource):
    """`/nodes/statistics?user=1`: how many nodes of which type, created on which day (UTC)."""

    def get(self) -> Response:
        request = asked()
        user = self.context.parse_options(request, options.STATISTICS).get("user")
        types = self._counts("type", user)
        total = sum(types.values())
        statistics = {"total": total, "types": types, "ctime_by_day": self._counts("day", user)}
        response = render.envelope(request, "nodes", statistics)
        set_total(response, total)
        return response

    def _counts(self, by: str, user: int | None) -> dict[str, int]:
        of_user = {} if user is None else {"user": user}
        rows = self.context.storage.rows(
            ("v2 statistics", by, user is None), lambda: _select_counts(by, is_of_user=user is not None), of_user
        )
        return dict(sorted((str(key), int(count)) for key, count in rows))


class Types(DialectResource):
    """`/nodes/types`: the types that occur."""

    def get(self) -> Response:
        request = asked()
        self.context.parse_options(request, options.ANYWHERE)
        sorted_types: dict[str, list[str]] = {name: [] for name in _GROUPS}
        # Sorted here: databases differ in how they order text.
        for node_type in sorted(row[0] for row in self.context.storage.rows("v2 types", _select_types, {})):
            fitting = [name for name, prefixes in _GROUPS.items() if node_type.startswith(prefixes)]
            if fitting:
                sorted_types[fitting[-1]].append(node_type)
        response = render.envelope(request, "nodes", sorted_types)
        set_total(response, 1)
        return response


class Server(DialectResource):
    """`/server`: versions."""

    def get(self) -> Response:
        request = asked()
        self.context.parse_options(request, options.ANYWHERE)
        response = render.envelope(
            request,
            "server",
            [
                "REST API version: v2",
                f"REST API Prefix: {self.context.prefix}",
                "AiiDA==2",
                f"aiida-like=={__version__}",
            ],
        )
        set_total(response, 1)
        return response


def _select_counts(by: str, *, is_of_user: bool) -> Select[Any]:
    key: Any = node.c.node_type if by == "type" else utc_day(node.c.ctime).label("day")
    counts = select(key, func.count()).group_by(key)
    return counts.where(node.c.user_id == bindparam("user", type_=BigInteger())) if is_of_user else counts


def _select_types() -> Select[Any]:
    return select(node.c.node_type).distinct()
