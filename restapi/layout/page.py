"""A page -> an answer. There is one Jinja environment for all applications: to compile a template takes 20 ms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from flask import Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from aiida_like import __version__
from restapi.http.exchange import Exchange
from restapi.http.headers import check_match, tag_by_content
from restapi.http.reply import Reply
from restapi.layout.frame import API, Frame
from restapi.layout.kinds import kind_of, short_type, shortened, state_of
from restapi.layout.quantities import duration, size
from restapi.layout.static_files import url_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


_OF_PICTURES = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_FOLDERS = ("layout", "explorer", "dialects/jobs")
"""Where templates are; no two are called the same."""


@dataclass(frozen=True)
class Page:
    """A page: `values` are what its template reads. `styles` and `scripts` are static files besides those of all."""

    template: str
    title: str
    values: Mapping[str, Any]
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_with(page: Page, frame: Frame, exchange: Exchange) -> Reply:
    """The answer to GET: the page with an ETag of its bytes, or 304 if the client has them."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "Vary": "Accept", **page.headers}
    response = Response(render(page, frame), page.status, headers, content_type="text/html; charset=utf-8")
    return check_match(tag_by_content(response, exchange), exchange)


def answer_picture(svg: str, name: str, exchange: Exchange) -> Reply:
    """The answer with an SVG as a file to keep, with an ETag of its bytes; it loads nothing, and runs nothing."""
    headers = {"Content-Security-Policy": _OF_PICTURES, "Content-Disposition": f'attachment; filename="{name}"'}
    written = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", svg).encode(errors="replace")
    response = Response(written, headers=headers, content_type="image/svg+xml")
    return check_match(tag_by_content(response, exchange), exchange)


def render(page: Page, frame: Frame) -> str:
    template = environment().get_template(page.template)
    return template.render({**page.values, "page": page, "frame": frame, "url": frame.url})


def wants_page(exchange: Exchange) -> bool:
    """Whether a browser asks for something to look at."""
    return "text/html" in exchange.environ.get("HTTP_ACCEPT", "").lower()


@cache
def environment() -> Environment:
    made = Environment(
        loader=ChoiceLoader([PackageLoader("restapi", f"{folder}/templates") for folder in _FOLDERS]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        API=API, static=url_of, version=__version__, kind_of=kind_of, short_type=short_type, state_of=state_of
    )
    made.globals["python_for"] = _python_for
    made.filters.update(number=_number, minute=_minute, bytes=size, duration=duration, beginning=_beginning)
    return made


def _python_for(url: str, with_key: bool) -> str:  # noqa: FBT001 templates call it
    """A program that asks for a URL, with the key of an account if there are accounts."""
    part = '["data"]' if f"{API}/" in url else ""
    if not with_key:
        return (
            "import json\nfrom urllib.request import urlopen\n\n"
            f"with urlopen({json.dumps(url)}) as answer:\n    data = json.load(answer){part}\n"
        )
    return (
        "import json\nimport os\nfrom urllib.request import Request, urlopen\n\n"
        f'request = Request({json.dumps(url)}, headers={{"Authorization": f"Token {{os.environ[\'KEY\']}}"}})\n'
        f"with urlopen(request) as answer:\n    data = json.load(answer){part}\n"
    )


def _number(value: int) -> str:
    """`12,345`, as people read it."""
    return f"{value:,}"


_LONGEST = 200
"""Characters of a name."""


def _beginning(text: object) -> str:
    """The beginning of a name, which a stranger may have made of any length."""
    return shortened(str(text), _LONGEST)


def _minute(value: datetime | None) -> str:
    """A time as tables show it, in UTC, down to the minute; nothing for none."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"
