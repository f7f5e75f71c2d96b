"""Paths of run-APIs where nothing is run: the answer says what is missing, for whoever has a client of them."""

from __future__ import annotations

import re

from restapi.config import Settings
from restapi.http.encoding import json_reply
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply

NAMES = ("analyses", "coretypes", "files", "jobs")
"""First parts of paths of the jobs API below `/api/v2`, which nothing else has."""

_is_of_runs = re.compile(rf"/api/v2/(?:{'|'.join(NAMES)})(?:/.*)?").fullmatch

_NO_ENGINE = (
    "Nothing can be run here: what is served is only read. Its operator can serve an engine beside it: "
    "aiida-like serve --engine ROOT --with-engine"
)
_OF_ANOTHER = (
    "Nothing can be run here: this profile is only read. Jobs run in the profile of the engine, the first of this site"
)


def nothing_runs(exchange: Exchange, settings: Settings) -> Reply | None:
    """404 for a path of a run-API, in a profile in which nothing is run; None for another path."""
    if not _is_of_runs(exchange.path):
        return None
    return json_reply({"detail": _NO_ENGINE if settings.engine is None else _OF_ANOTHER}, 404)
