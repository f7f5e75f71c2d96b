"""The page at `PREFIX/docs` of each dialect: its operations to read and to try, by Swagger UI.

All that a browser loads comes from here: the files of Swagger UI are those of the package `flask-swagger-ui`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, request, send_from_directory

from aiida_like import __version__
from aiida_like.profiles import Profile
from restapi.dialects.run_api import RunApi
from restapi.http.exchange import Exchange
from restapi.http.reply import as_response
from restapi.layout import Page, answer_with, frame_of
from restapi.layout.frame import NavLink
from restapi.openapi.answer import JSON

_POLICY = (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; style-src 'self' 'unsafe-inline'"
)
"""Swagger UI sets styles of elements; nothing else may stand in the page itself."""

_HERE = "/api/v4/docs"
"""The page of the documentation that the head of all pages leads to."""

_SECONDS = 86_400
"""Seconds that browsers keep the files; the page asks for them under their version."""


class Documented(Protocol):
    """A dialect, whose document is at `PREFIX/openapi.json`."""

    @property
    def prefix(self) -> str: ...

    @property
    def title(self) -> str: ...


def blueprint(
    profile: Profile, aiida: Sequence[Documented], run_apis: Sequence[RunApi] = (), nav: Sequence[NavLink] = ()
) -> Blueprint:
    """The pages of dialects; those of AiiDA answer their documents themselves. `nav` are in the head of each."""
    made = Blueprint("docs", __name__)
    folders = _folders()
    dialects = [*aiida, *run_apis]
    for api in run_apis:
        made.add_url_rule(f"{api.prefix}/openapi.json", f"document_{_name(api)}", partial(_document, api))
    names = ",".join(f'"{name}"' for name in folders)
    for dialect in dialects:
        path = f"{dialect.prefix}/docs"
        made.add_url_rule(path, f"page_{_name(dialect)}", partial(_page, profile, dialect, dialects, nav))
        made.add_url_rule(f"{path}/<any({names}):name>", f"file_{_name(dialect)}", partial(_file, folders))
    return made


def _name(dialect: Documented) -> str:
    return dialect.prefix.rpartition("/")[2]


def _document(api: RunApi) -> Response:
    return Response(api.document(Exchange(request.environ).mount_path), content_type=JSON)


def _folders() -> Mapping[str, Path]:
    """The folder of each file of the page."""
    own = Path(str(files("restapi.layout"))) / "static"
    swagger_ui = Path(str(files("flask_swagger_ui"))) / "dist"
    return {
        "swagger-ui.css": swagger_ui,
        "swagger-ui-bundle.js": swagger_ui,
        "docs.css": own,
        "docs.js": own,
    }


def _page(profile: Profile, dialect: Documented, dialects: Sequence[Documented], nav: Sequence[NavLink]) -> Response:
    exchange = Exchange(request.environ)
    values = {
        "dialect": dialect,
        "dialects": dialects,
        "of_files": f"{__version__}-{version('flask-swagger-ui')}",
    }
    page = Page("docs.html", dialect.title, values, headers={"Content-Security-Policy": _POLICY})
    return as_response(answer_with(page, frame_of(exchange, profile.name, nav, here=_HERE), exchange))


def _file(folders: Mapping[str, Path], name: str) -> Response:
    return send_from_directory(folders[name], name, max_age=_SECONDS)
