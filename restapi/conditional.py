"""Conditional requests (RFC 9110, 13.1.2): who has an answer already pays for one tiny query, if nothing has changed.

Both AiiDA dialects only read what is stored, so the URL, the data version, this program and two headers of the client
decide each byte that they answer with status 200; those headers are named in `Vary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from flask import Response, g, request

from aiida_like.storage import Storage
from restapi.answer_cache import AnswerCache, Kept
from restapi.config import Settings
from restapi.data_version import read_version
from restapi.encoding import WholeResponse
from restapi.headers import tag_by_content
from restapi.opening import LazyStorage
from restapi.preferences import VARY, preferred

_MADE_BY = ("aiida-like", "ase", "numpy", "orjson", "prov", "rocrate", "seekpath", "upf-to-json")
"""What writes answers; each has its own way of spelling a number or a file."""

_ASKED_BY = ("wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "RAW_URI", "REQUEST_URI", "QUERY_STRING")
"""All of the request that shows in a body, with the host: answers name the URL as it was sent."""

_FIELD = "HTTP_IF_NONE_MATCH"


@dataclass(frozen=True)
class _Asked:
    """What is known of an answer before it is made. `tag` is None where no data version could be told."""

    storage: Storage
    tag: str | None


class Conditional:
    """Hooks of a blueprint."""

    def __init__(self, opening: LazyStorage, settings: Settings) -> None:
        self._opening = opening
        # Not all settings: nothing that anybody can see may be made of a password.
        of_lists = (settings.max_limit, settings.page_size, settings.max_query_length, settings.max_export_rows)
        limits = (*of_lists, settings.graph_nodes, settings.max_graph_nodes)
        self._constant = repr((limits, _programs()))
        self._answers = AnswerCache() if settings.cache else None
        self._for_archives = f"public, max-age={settings.archive_max_age}"

    def answer_again(self) -> Response | None:
        """304 for a client that has the answer, or the answer once more if it is kept; without looking any further.

        To be called before a request. A tag is given with status 200 only, and to one URL only. So who sends one that
        fits holds the proof that this request is valid, and that its answer was the same at this data version; a wrong
        request has no such tag, and goes on to its 400 or 404.

        Raises:
            TargetError, StatementTimeout, StorageError: as `Storage.version`.
        """
        if request.method not in {"GET", "HEAD"}:
            return None
        storage = self._opening()
        data = read_version(storage)
        tag = None if data is None else self._tag(storage, data)
        g.aiida_like_asked = _Asked(storage, tag)
        if tag is None:
            return None
        if _has(tag):
            return Response(status=HTTPStatus.NOT_MODIFIED)
        given = self._answers.get(tag) if self._answers is not None and not _has_any() else None
        if given is None:
            return None
        g.aiida_like_asked = None
        return WholeResponse(given.body, headers=given.headers)

    def mark(self, response: Response) -> Response:
        """Gives an answer its headers. To be called behind it."""
        known: _Asked | None = g.pop("aiida_like_asked", None)
        if known is None or response.status_code not in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            return response
        constant = known.storage.data_version.is_constant
        response.headers.add("Vary", VARY)
        response.headers.add("Cache-Control", self._for_archives if constant else "no-cache")
        if known.tag is None or not known.storage.is_of_one_server:
            return tag_by_content(response)
        response.headers.add("ETag", f'"{known.tag}"')
        if response.status_code == HTTPStatus.OK and _has_any():
            # `*` is no proof: only now is it known that there is such a resource.
            response.status_code = HTTPStatus.NOT_MODIFIED
        self._keep(known, response)
        return response

    def _keep(self, known: _Asked, response: Response) -> None:
        is_whole = response.status_code == HTTPStatus.OK and response.is_sequence and request.method == "GET"
        if self._answers is not None and is_whole and known.tag is not None:
            self._answers.keep(known.tag, Kept(response.get_data(), tuple(response.headers)))

    def _tag(self, storage: Storage, data: str) -> str:
        environ = request.environ
        asked = (request.host, *map(environ.get, _ASKED_BY), preferred(environ))
        # Other tuples have other representations, which joined texts have not.
        facts = repr((data, storage.profile.name, self._constant, asked))
        return blake2b(facts.encode(), digest_size=16).hexdigest()


def _has(tag: str) -> bool:
    """Whether the client says that it has this representation, be it compressed on the way: then the tag is weak.

    Apache says so in its own way: `-gzip` at the end of the tag (DeflateAlterETag).
    """
    if _FIELD not in request.environ:
        return False
    tags = request.if_none_match
    return not tags.star_tag and (tags.contains_weak(tag) or tags.contains_weak(f"{tag}-gzip"))


def _has_any() -> bool:
    return _FIELD in request.environ and request.if_none_match.star_tag


@cache
def _programs() -> tuple[str, ...]:
    return tuple(map(_version, _MADE_BY))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
