"""The jobs API: files are uploaded, jobs are made of them and run, and what they leave is downloaded.

Its routes are those of the platform API of Rescale, version 2. They are below `/api/v2`, beside those of AiiDA's API,
and below `/USER/api/v2` for the account of that name.
"""

from __future__ import annotations

import re
from pathlib import Path

from aiida_like.storage import LazyStorage
from aiida_like_engine.client import Client
from aiida_like_engine.root.layout import Root
from restapi.accounts.gate import secret_of
from restapi.accounts.sessions import cookie_name
from restapi.config import Settings
from restapi.dialects.jobs.asked import Service
from restapi.dialects.jobs.description import DOCUMENT
from restapi.dialects.jobs.errors import not_allowed, not_found, refusal_of
from restapi.dialects.jobs.files import is_upload
from restapi.dialects.jobs.routes import LINKED, OF_USER, ROUTES
from restapi.dialects.jobs.shown import run_pages
from restapi.dialects.run_api import RunApi, as_private
from restapi.http.errors import MESSAGE, FailureLog
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply
from restapi.http.route_tree import USER

__all__ = ["NAMES", "is_upload", "message_key", "run_api"]

_MESSAGE_KEY = "detail"

PREFIX, OF_USERS = "/api/v2", f"/{USER}/api"

NAMES = ("analyses", "coretypes", "files", "jobs")
"""First parts of its paths below `/api/v2`, where version 2 of AiiDA's API has others."""

_OWN = re.compile(rf"/api/v2/(?:{'|'.join(NAMES)}|users/me)(?:/.*)?|/api/jobs/.*|/[^/]+/api/(?:v2|jobs)(?:/.*)?")

_PAGES = (f"{PREFIX}/jobs/docs", f"{PREFIX}/jobs/openapi.json")
"""Pages on this dialect, for whoever may read here; no job is called so."""


def message_key(path: str) -> str:
    """The key of the message in the answer to an error at a path of the engine's profile."""
    return _MESSAGE_KEY if _is_own(path) else MESSAGE


def _is_own(path: str) -> bool:
    return _OWN.fullmatch(path) is not None and not path.startswith(_PAGES)


def run_api(engine: str, storage: LazyStorage, settings: Settings, log: FailureLog) -> RunApi:
    """The jobs API of the engine in a folder; `storage` is its profile.

    Raises:
        TargetError: what signs cookies cannot be read.
    """
    root = Root(Path(engine).absolute())
    cookie = cookie_name(secret_of(root))
    service = Service(root, Client(root.socket), storage, settings)

    def refused(error: Exception, exchange: Exchange) -> Reply | None:
        found = refusal_of(error, log, exchange)
        return None if found is None else found.reply

    return RunApi(
        prefix=f"{PREFIX}/jobs",
        title=DOCUMENT.title,
        document=lambda mount: DOCUMENT.written(mount + PREFIX, cookie),
        routes={PREFIX: ROUTES, f"{OF_USERS}/v2": (*ROUTES, *OF_USER), "/api": LINKED, OF_USERS: LINKED},
        pages=_PAGES,
        below=(*(f"{PREFIX}/{name}" for name in NAMES), "/api/jobs", "/<user>/api"),
        begin=service.begin,
        refused=refused,
        missing=lambda _: as_private(not_found().reply),
        not_allowed=not_allowed,
        message_key=_MESSAGE_KEY,
        is_own=_is_own,
        streams=is_upload,
        log=log,
        shown=run_pages(service, log),
    )
