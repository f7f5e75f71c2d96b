"""The page at `/`: what is served here, and URLs to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy import Select, func, select

from aiida_like import __version__
from aiida_like.models import computer, group, link, node, user
from aiida_like.profiles import Profile
from aiida_like.storage import LazyStorage, Snapshot, Statement
from restapi.dialects.run_api import RunApi
from restapi.http import headers
from restapi.http.encoding import json_response
from restapi.http.exchange import Exchange

_TABLES = {"nodes": node, "links": link, "groups": group, "users": user, "computers": computer}


@dataclass(frozen=True)
class Example:
    """A URL worth a click, relative to the root, with a word on it."""

    url: str
    text: str


EXAMPLES = (
    Example("api/v2/nodes?limit=5&orderby=-ctime", "the five youngest nodes"),
    Example('api/v2/structures?label=ilike="si%"', "structures whose label begins with si"),
    Example('api/v2/calculations?state="FAILED"', "calculations that failed"),
    Example("api/v2/computers?enabled=true", "computers in use"),
    Example("api/v2/nodes/statistics", "how many nodes of which type, created when"),
    Example("api/v2/nodes/schema", "the fields of a node"),
    Example("api/v2", "all endpoints"),
    Example(
        'api/v4/nodes?full_type="process.%25|%25"&attributes=true&limit=5', "processes with all they hold, in API v4"
    ),
    Example(
        "api/v4/nodes?attributes.energy<0&orderby=attributes.energy&limit=5",
        "the five lowest energies, wherever they are",
    ),
    Example("api/v2/nodes?facet=type,state,user&limit=1", "how many nodes of each type, in each state, by whom"),
    Example("api/v4/nodes?fields=uuid,label,ctime,attributes.energy&format=csv", "all nodes as a table, a CSV file"),
    Example("api/v4/nodes/full_types_count", "the tree of all types"),
    Example("api/v4", "all endpoints of API v4"),
    Example("api/v4/docs", "all of API v4 to read and to try"),
    Example("api/v2/docs", "all of API v2 to read and to try"),
)


def blueprint(profile: Profile, storage: LazyStorage, run_apis: Sequence[RunApi] = ()) -> Blueprint:
    made = Blueprint("home", __name__)
    made.after_request(headers.vary_by_accept)
    made.after_request(headers.tag_page)

    @made.get("/")
    def home() -> Response | str:
        counts = count_all(storage.read())
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
            examples = (
                *(Example(f"{api.prefix[1:]}/docs", f"{api.title}: what can be run, and how") for api in run_apis),
                *EXAMPLES,
            )
            return render_template("home.html", profile=profile, counts=counts, examples=examples, version=__version__)
        root = Exchange(request.environ).decoded().url_root
        return json_response(
            {
                "profile": profile.name,
                "storage": profile.backend.value,
                "counts": counts,
                "api": {version: f"{root}api/{version}" for version in ("v2", "v4")}
                | {api.prefix.rpartition("/")[2]: f"{root}{api.prefix[1:]}/" for api in run_apis},
                "version": __version__,
            }
        )

    return made


def count_all(snapshot: Snapshot) -> dict[str, int]:
    """The numbers of nodes, links, groups, users and computers, read for the request that Flask serves."""
    Exchange(request.environ).efforts.append(snapshot.effort)
    (row,) = snapshot.rows(_COUNTS)
    return dict(zip(_TABLES, row, strict=True))


def _select_counts() -> Select[Any]:
    return select(*(select(func.count()).select_from(table).scalar_subquery() for table in _TABLES.values()))


_COUNTS = Statement("home", _select_counts, {})
