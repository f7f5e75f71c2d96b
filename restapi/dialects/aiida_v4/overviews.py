"""Overviews: statistics, types and formats of all nodes, and the server."""

from __future__ import annotations

from typing import Any

from aiida_like import __version__
from aiida_like.formats import all_download_formats
from aiida_like.storage import Snapshot
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.full_type import FullType, full_type
from restapi.dialects.aiida_v4.full_types import tree_of_types
from restapi.dialects.aiida_v4.rows import V4Resource
from restapi.fetching.node_types import type_counts, types, values_of
from restapi.fetching.reading import json_remembered
from restapi.fetching.statistics import statistics, user_of
from restapi.http.reply import Reply
from restapi.openapi.parameters import USER

API_VERSION = (4, 1, 0)
AIIDA_VERSION = "2.9"
"""The version of aiida-core whose REST API this is, and whose snapshot is read."""


class Statistics(V4Resource):
    """`/nodes/statistics?user=1`: how many nodes of which type, created on which day (UTC)."""

    parameters, answer = (USER,), answers.COUNTS

    def get(self) -> Reply:
        request = self.context.request
        user = user_of(self.parse(self.allowed)[1])
        snapshot = self.context.snapshot
        counted = json_remembered(
            snapshot, ("v4 statistics", user is None), values_of(user), lambda: statistics(snapshot, user)
        )
        return render.envelope(request, "nodes", counted, total=0)


class FullTypes(V4Resource):
    """`/nodes/full_types`: the tree of all types that nodes have."""

    answer = answers.TYPES

    def get(self) -> Reply:
        request = self.context.request
        self.parse_options(self.allowed)
        snapshot = self.context.snapshot
        tree = json_remembered(snapshot, "v4 types", {}, lambda: tree_of_types(dict.fromkeys(types(snapshot))))
        return render.envelope(request, "nodes", tree, total=0)


class FullTypesCount(V4Resource):
    """`/nodes/full_types_count?user=1`: the same with the number of nodes."""

    parameters, answer = (USER,), answers.TYPES

    def get(self) -> Reply:
        request = self.context.request
        user = user_of(self.parse(self.allowed)[1])
        snapshot = self.context.snapshot
        tree = json_remembered(
            snapshot, ("v4 type counts", user is None), values_of(user), lambda: _counted_tree(snapshot, user)
        )
        return render.envelope(request, "nodes", tree, total=0)


class DownloadFormats(V4Resource):
    """`/nodes/download_formats?full_type="data.core.cif.CifData.|"`: how nodes of each type can be downloaded."""

    allowed, answer = options.FORMATS, answers.FORMATS

    def get(self) -> Reply:
        request = self.context.request
        asked_type = self.parse_options(self.allowed).get("full_type")
        formats = {full_type(kind, None): list(names) for kind, names in all_download_formats().items()}
        return render.envelope(request, "nodes", _only(asked_type, formats), total=0)


class Server(V4Resource):
    """`/server`: versions."""

    answer = answers.SERVER

    def get(self) -> Reply:
        request = self.context.request
        self.parse_options(self.allowed)
        major, minor, revision = map(str, API_VERSION)
        info = {
            "API_major_version": major,
            "API_minor_version": minor,
            "API_revision_version": revision,
            "API_prefix": self.context.mount.prefix,
            "AiiDA_version": AIIDA_VERSION,
            "server": f"aiida-like {__version__}",
        }
        return render.envelope_without_id(request, "Info", info)


def _counted_tree(snapshot: Snapshot, user: int | None) -> dict[str, Any]:
    counts: dict[tuple[str, str | None], int | None] = {**type_counts(snapshot, user)}
    return tree_of_types(counts)


def _only(asked_type: FullType | None, formats: dict[str, Any]) -> dict[str, Any]:
    if asked_type is None:
        return formats
    return {str(asked_type): formats.get(str(asked_type), [])}
