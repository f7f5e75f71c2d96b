"""Statistics and types of all nodes, and what the server is."""

from __future__ import annotations

from sqlalchemy import select

from aiida_like import __version__
from aiida_like.models import node
from aiida_like.storage import Statement
from restapi.dialects.aiida_v2 import answers, options, render
from restapi.dialects.resource import DialectResource
from restapi.fetching.reading import fetch_remembered
from restapi.fetching.statistics import statistics, user_of
from restapi.http.reply import Reply
from restapi.openapi.parameters import USER

_GROUPS = {
    "calculation": ("process.",),
    "data": ("data.",),
    "code": ("data.core.code.",),
}
"""The groups of `/nodes/types`, and how their types begin; the last that fits counts."""


class Statistics(DialectResource):
    """`/nodes/statistics?user=1`: how many nodes of which type, created on which day (UTC)."""

    allowed, answer = options.ANYWHERE, answers.COUNTS
    parameters = (USER,)

    def get(self) -> Reply:
        request = self.context.request
        user = user_of(self.context.parse(self.allowed)[1])
        counted = statistics(self.context.snapshot, user)
        return render.envelope(request, "nodes", counted, total=counted["total"])


class Types(DialectResource):
    """`/nodes/types`: the types that occur."""

    allowed, answer = options.ANYWHERE, answers.TYPES

    def get(self) -> Reply:
        request = self.context.request
        self.context.parse_options(self.allowed)
        sorted_types: dict[str, list[str]] = {name: [] for name in _GROUPS}
        # Sorted here: databases differ in how they order text.
        for node_type in sorted(row[0] for row in fetch_remembered(self.context.snapshot, _TYPES)):
            fitting = [name for name, prefixes in _GROUPS.items() if node_type.startswith(prefixes)]
            if fitting:
                sorted_types[fitting[-1]].append(node_type)
        return render.envelope(request, "nodes", sorted_types)


class Server(DialectResource):
    """`/server`: versions."""

    allowed, answer = options.ANYWHERE, answers.SERVER

    def get(self) -> Reply:
        request = self.context.request
        self.context.parse_options(self.allowed)
        return render.envelope(
            request,
            "server",
            [
                "REST API version: v2",
                f"REST API Prefix: {self.context.mount.prefix}",
                "AiiDA==2",
                f"aiida-like=={__version__}",
            ],
        )


_TYPES = Statement("v2 types", lambda: select(node.c.node_type).distinct(), {})
