"""Statistics and types of all nodes, and what the server is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import select

from aiida_like import __version__
from aiida_like.core_names import type_spellings
from aiida_like.models import node
from aiida_like.storage import Statement
from restapi.dialects.aiida_v2 import answers
from restapi.dialects.aiida_v2.aliases import old_type
from restapi.dialects.aiida_v2.entities import naming
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
        if self.context.settings.old_type_names:
            counted |= {"types": _merged(counted["types"])}
        return self.envelope("nodes", counted, total=counted["total"])


class Types(DialectResource):
    """`/nodes/types`: the types that occur."""

    answer = answers.TYPES

    def get(self) -> Reply:
        self.parse_options()
        found_types: dict[str, list[str]] = {name: [] for name in _GROUPS}
        name_of = naming(self.context.settings)
        for (node_type,) in fetch_remembered(self.context.snapshot, _TYPES):
            fitting = [name for name, prefixes in _GROUPS.items() if node_type.startswith(prefixes)]
            if fitting:
                found_types[fitting[-1]].append(name_of(node_type))
        # Sorted here: databases differ in how they order text. Several types may have one old name.
        return self.envelope("nodes", {name: sorted({*found}) for name, found in found_types.items()})


class Server(DialectResource):
    """`/server`: versions."""

    answer = answers.SERVER

    def get(self) -> Reply:
        self.parse_options()
        versions = [
            "REST API version: v2",
            f"REST API Prefix: {self.context.exchange.mount_path}{self.dialect.prefix}",
            "AiiDA==2",
            f"aiida-like=={__version__}",
        ]
        return self.envelope("server", versions)


def _merged(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts by old names, of which several types may have one."""
    merged: Counter[str] = Counter()
    for node_type, count in counts.items():
        merged[old_type(node_type)] += count
    return dict(sorted(merged.items()))


_TYPES = Statement("v2 types", lambda: select(node.c.node_type).distinct(), {})
