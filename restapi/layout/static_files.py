"""Static files of pages, below `/static/DIGEST/`: browsers keep them for ever, for another version has another URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePath

from restapi.http.encoding import json_reply
from restapi.http.exchange import SAFE, Exchange
from restapi.http.reply import BytesReply, Reply, bytes_reply

STATIC = "/static"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_FOLDERS = ("restapi.layout", "restapi.explorer")


@dataclass(frozen=True)
class StaticFiles:
    """All files by name, and the digest of all, which stands in their URLs."""

    digest: str
    contents: Mapping[str, bytes]


@cache
def static_files() -> StaticFiles:
    found = {
        each.name: each.read_bytes()
        for package in _FOLDERS
        for each in (files(package) / "static").iterdir()
        if PurePath(each.name).suffix in _TYPES
    }
    digest = sha256()
    for name, content in sorted(found.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return StaticFiles(digest.hexdigest()[:12], found)


def is_static(path: str) -> bool:
    """Whether there is a static file at a path below the mount, of this version or another."""
    before, _, rest = path.partition(f"{STATIC}/")
    digest, _, name = rest.partition("/")
    return not before and digest != "" and name in static_files().contents


def url_of(mount: str, name: str) -> str:
    """The URL of a static file of an application that is mounted there. Raises KeyError: there is no such file."""
    known = static_files()
    if name not in known.contents:
        raise KeyError(name)
    return f"{mount}{STATIC}/{known.digest}/{name}"


def answer_file(exchange: Exchange, rest: str) -> Reply:
    """The file at a path below `/static`. One of another version is given too, but not for ever."""
    if exchange.method not in SAFE:
        reply = json_reply({"message": "static files are read by GET"}, 405)
        reply.headers["Allow"] = "GET, HEAD"
        return reply
    digest, _, name = rest.partition("/")
    known = static_files()
    content = known.contents.get(name)
    if content is None:
        return json_reply({"message": "there is no such file"}, 404)
    reply = bytes_reply(content, 200, _TYPES[PurePath(name).suffix])
    is_this_version = digest == known.digest
    reply.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_this_version else "no-cache"
    return reply


@dataclass(frozen=True)
class StaticTarget:
    """The target of all paths below `/static`."""

    def answer(self, exchange: Exchange, arguments: Mapping[str, str]) -> BytesReply | Reply:
        return answer_file(exchange, arguments["rest"])
