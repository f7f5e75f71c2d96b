"""Overviews: statistics, types and formats of all nodes, and the server."""

from __future__ import annotations

from aiida_like import __version__
from aiida_like.core_names import todays_type
from aiida_like.formats import all_download_formats
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.full_type import full_type
from restapi.dialects.aiida_v4.full_types import tree_of_types
from restapi.dialects.resource import DialectResource
from restapi.fetching.reading import json_remembered
from restapi.fetching.statistics import bound_user, statistics, type_counts, types, user_of
from restapi.http.reply import Reply
from restapi.openapi.parameters import USER

API_VERSION = (4, 1, 0)
AIIDA_VERSION = "2.9"
"""The version of aiida-core whose REST API this is, and whose snapshot is read."""


class Statistics(DialectResource):
    """`/nodes/statistics?user=1`: how many nodes of which type, created on which day (UTC)."""

    parameters, answer = (USER,), answers.COUNTS

    def get(self) -> Reply:
        _, filters = self.parse()
        user = user_of(filters)
        snapshot = self.context.snapshot
        counted = json_remembered(
            snapshot, ("v4 statistics", user is None), bound_user(user), lambda: statistics(snapshot, user)
        )
        return self.envelope("nodes", counted, total=None)


class FullTypes(DialectResource):
    """`/nodes/full_types`: the tree of all types that nodes have."""

    answer = answers.TYPES

    def get(self) -> Reply:
        self.parse_options()
        snapshot = self.context.snapshot
        tree = json_remembered(snapshot, "v4 types", {}, lambda: tree_of_types(dict.fromkeys(types(snapshot))))
        return self.envelope("nodes", tree, total=None)


class FullTypesCount(DialectResource):
    """`/nodes/full_types_count?user=1`: the same with the number of nodes."""

    parameters, answer = (USER,), answers.TYPES

    def get(self) -> Reply:
        _, filters = self.parse()
        user = user_of(filters)
        snapshot = self.context.snapshot
        tree = json_remembered(
            snapshot,
            ("v4 type counts", user is None),
            bound_user(user),
            lambda: tree_of_types(type_counts(snapshot, user)),
        )
        return self.envelope("nodes", tree, total=None)


class DownloadFormats(DialectResource):
    """`/nodes/download_formats?full_type="data.core.cif.CifData.|"`: how nodes of each type can be downloaded."""

    allowed, answer = options.FORMATS, answers.FORMATS

    def get(self) -> Reply:
        asked_type = self.parse_options().get("full_type")
        formats = {full_type(kind, None): list(names) for kind, names in all_download_formats().items()}
        if asked_type is not None:
            formats = {str(asked_type): formats.get(todays_type(str(asked_type)), [])}
        return self.envelope("nodes", formats, total=None)


class Server(DialectResource):
    """`/server`: versions."""

    answer = answers.SERVER

    def get(self) -> Reply:
        self.parse_options()
        major, minor, revision = map(str, API_VERSION)
        info = {
            "API_major_version": major,
            "API_minor_version": minor,
            "API_revision_version": revision,
            "API_prefix": self.context.exchange.mount_path + self.dialect.prefix,
            "AiiDA_version": AIIDA_VERSION,
            "server": f"aiida-like {__version__}",
        }
        return render.envelope_without_id(self.context.request, "Info", info)
