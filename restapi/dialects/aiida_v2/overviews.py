"""Statistics and types of all nodes, and what the server is."""

from __future__ import annotations

from sqlalchemy import select

from aiida_like import __version__
from aiida_like.core_names import type_spellings
from aiida_like.models import node
from aiida_like.storage import Statement
from restapi.dialects.aiida_v2 import answers
from restapi.dialects.resource import DialectResource
from restapi.fetching.reading import fetch_remembered
from restapi.fetching.statistics import statistics, user_of
from restapi.http.reply import Reply
from restapi.openapi.parameters import USER

_GROUPS = {
    "calculation": ("process.",),
    "data": ("data.",),
    "code": type_spellings("data.core.code."),
}
"""The groups of `/nodes/types`, and how their types begin; the last that fits counts."""


class Statistics(DialectResource):
    """`/nodes/statistics?user=1`: how many nodes of which type, created on which day (UTC)."""

    parameters, answer = (USER,), answers.COUNTS

    def get(self) -> Reply:
        _, filters = self.parse()
        counted = statistics(self.context.snapshot, user_of(filters))
        return self.envelope("nodes", counted, total=counted["total"])


class Types(DialectResource):
    """`/nodes/types`: the types that occur."""

    answer = answers.TYPES

    def get(self) -> Reply:
        self.parse_options()
        sorted_types: dict[str, list[str]] = {name: [] for name in _GROUPS}
        # Sorted here: databases differ in how they order text.
        for node_type in sorted(row[0] for row in fetch_remembered(self.context.snapshot, _TYPES)):
            fitting = [name for name, prefixes in _GROUPS.items() if node_type.startswith(prefixes)]
            if fitting:
                sorted_types[fitting[-1]].append(node_type)
        return self.envelope("nodes", sorted_types)


class Server(DialectResource):
    """`/server`: versions."""

    answer = answers.SERVER

    def get(self) -> Reply:
        self.parse_options()
        versions = [
            "REST API version: v2",
            f"REST API Prefix: {self.dialect.prefix}",
            "AiiDA==2",
            f"aiida-like=={__version__}",
        ]
        return self.envelope("server", versions)


_TYPES = Statement("v2 types", lambda: select(node.c.node_type).distinct(), {})
