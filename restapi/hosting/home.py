"""`/`: what is served here, as JSON; browsers get the first page of the explorer."""

from __future__ import annotations

from collections.abc import Sequence
from logging import Logger
from typing import Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy import Select, func, select

from aiida_like import __version__
from aiida_like.description import described
from aiida_like.errors import TargetError
from aiida_like.models import computer, group, link, node, user
from aiida_like.profiles import Profile
from aiida_like.storage import LazyStorage, Snapshot, Statement
from restapi.dialects.run_api import RunApi
from restapi.explorer import Explorer
from restapi.http import headers
from restapi.http.encoding import json_response
from restapi.http.exchange import Exchange
from restapi.http.reply import as_response

_TABLES = {"nodes": node, "links": link, "groups": group, "users": user, "computers": computer}


def blueprint(
    profile: Profile, storage: LazyStorage, run_apis: Sequence[RunApi] = (), explorer: Explorer | None = None
) -> Blueprint:
    made = Blueprint("home", __name__)
    made.after_request(headers.vary_by_accept)
    made.after_request(headers.tag_page)

    @made.get("/")
    def home() -> Response:
        if explorer is not None and prefers_page():
            return as_response(explorer.home(Exchange(request.environ)))
        counts = count_all(storage.read())
        root = Exchange(request.environ).decoded().url_root
        return json_response(
            {
                "profile": profile.name,
                "about": about_of(profile, current_app.logger),
                "storage": profile.backend.value,
                "counts": counts,
                "api": {version: f"{root}api/{version}" for version in ("v2", "v4")}
                | {api.prefix.rpartition("/")[2]: f"{root}{api.prefix[1:]}/" for api in run_apis},
                "version": __version__,
            }
        )

    return made


def about_of(profile: Profile, log: Logger) -> dict[str, Any]:
    """What the operator says of a profile; nothing, and why in the log, if that cannot be read."""
    try:
        return described(profile)
    except TargetError as error:
        log.warning("%s", error)
        return {}


def prefers_page() -> bool:
    """Whether the current request of Flask is for something to look at."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def count_all(snapshot: Snapshot) -> dict[str, int]:
    """The numbers of nodes, links, groups, users and computers, read for the request that Flask serves."""
    Exchange(request.environ).efforts.append(snapshot.effort)
    (row,) = snapshot.rows(_COUNTS)
    return dict(zip(_TABLES, row, strict=True))


def _select_counts() -> Select[Any]:
    return select(*(select(func.count()).select_from(table).scalar_subquery() for table in _TABLES.values()))


_COUNTS = Statement("home", _select_counts, {})
