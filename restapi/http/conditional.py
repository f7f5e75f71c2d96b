"""Conditional requests (RFC 9110, 13.1.2): who has an answer already pays for one tiny query, if nothing has changed.

Both AiiDA dialects only read what is stored, so the URL, the data version, this program and two headers of the client
decide each byte that they answer with status 200; those headers are named in `Vary`.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from flask import Response
from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from aiida_like.storage import Storage
from restapi.config import Settings
from restapi.http.answer_cache import AnswerCache, Kept
from restapi.http.exchange import READ, SAFE, Exchange
from restapi.http.headers import tag_by_content
from restapi.http.lazy_storage import LazyStorage
from restapi.http.preferences import VARY, preferred
from restapi.http.reply import Reply, Whole, as_response

_MADE_BY = ("aiida-like", "ase", "numpy", "orjson", "prov", "rocrate", "seekpath", "upf-to-json")
"""What writes answers; each has its own way of spelling a number or a file."""

_ASKED_BY = ("wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "RAW_URI", "REQUEST_URI", "QUERY_STRING")
"""All of the request that shows in a body, with the host: answers name the URL as it was sent."""

_FIELD = "HTTP_IF_NONE_MATCH"


_OF_VERSION = frozenset({HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value})
"""Statuses of answers that a data version stands for."""

Answer = Reply | Kept


class Conditional:
    """What is done before a request is answered, and behind it."""

    def __init__(self, opening: LazyStorage, settings: Settings) -> None:
        self._opening = opening
        # Not all settings: nothing that anybody can see may be made of a password.
        of_lists = (settings.max_limit, settings.page_size, settings.max_query_length, settings.max_export_rows)
        limits = (*of_lists, settings.graph_nodes, settings.max_graph_nodes)
        self._constant = blake2b(repr((limits, _programs())).encode(), digest_size=16)
        self._answers = AnswerCache() if settings.cache else None
        self._for_archives = f"public, max-age={settings.archive_max_age}"

    def answer_again(self, exchange: Exchange) -> Answer | None:
        """304 for a client that has the answer, or the answer once more if it is kept; without looking any further.

        To be called before a request. A tag is given with status 200 only, and to one URL only. So who sends one that
        fits holds the proof that this request is valid, and that its answer was the same at this data version; a wrong
        request has no such tag, and goes on to its 400 or 404.

        Raises:
            TargetError, StatementTimeout, StorageError: as `Storage.version`.
        """
        if exchange.method not in READ:
            return None
        storage = self._opening()
        storage.begin()
        exchange.storage = storage
        return self._known(exchange, storage) if exchange.method in SAFE else None

    def _known(self, exchange: Exchange, storage: Storage) -> Answer | None:
        exchange.key = _key(exchange)
        kept = self._answers.get(exchange.key) if self._answers is not None else None
        tags = _tags(exchange)
        if kept is None and tags is None:
            # As there is nothing to compare it with, the version comes with the rows.
            return None
        version = storage.version_begun()
        if version is None:
            return None
        if tags is not None and _has(tags, self._tag(exchange, storage, version)):
            return self.mark(exchange, Response(status=HTTPStatus.NOT_MODIFIED))
        if kept is None or kept.version != version or _has_any(tags):
            return None
        exchange.storage = None
        return kept

    def mark(self, exchange: Exchange, reply: Reply) -> Answer:
        """The answer with its headers. To be called behind it."""
        storage = exchange.storage
        if storage is None or exchange.method not in SAFE or reply.status_code not in _OF_VERSION:
            return reply
        reply.headers["Vary"] = VARY
        reply.headers["Cache-Control"] = self._for_archives if storage.data_version.is_constant else "no-cache"
        version = storage.version_begun() if storage.is_of_one_server else None
        if version is None:
            return tag_by_content(as_response(reply))
        reply.headers["ETag"] = f'"{self._tag(exchange, storage, version)}"'
        # `*` is no proof: only now is it known that there is such a resource.
        is_new = reply.status_code == HTTPStatus.OK and not _has_any(_tags(exchange))
        if is_new and isinstance(reply, Whole):
            kept = Kept(version, reply.body, tuple(reply.headers.items()))
            if self._answers is not None:
                self._answers.keep(exchange.key, kept)
            return kept
        response = as_response(reply)
        response.status_code = HTTPStatus.OK if is_new else HTTPStatus.NOT_MODIFIED
        return response

    def _tag(self, exchange: Exchange, storage: Storage, version: str) -> str:
        """The entity tag of the answer at a data version."""
        digest = self._constant.copy()
        # Each of the first two says itself where it ends.
        digest.update(f"{storage.profile.name!r}{exchange.key}{version}".encode())
        return digest.hexdigest()


def _key(exchange: Exchange) -> str:
    environ = exchange.environ
    # Other tuples have other representations, which joined texts have not.
    return repr((exchange.host, *map(environ.get, _ASKED_BY), *preferred(environ)))


def answer_as_response(answer: Answer) -> Response:
    """For Flask."""
    return Response(answer.body, headers=answer.headers) if isinstance(answer, Kept) else as_response(answer)


def _tags(exchange: Exchange) -> ETags | None:
    """Those of the client; None, as nearly always, where it has sent none."""
    field = exchange.environ.get(_FIELD)
    return None if field is None else parse_etags(field)


def _has(tags: ETags, tag: str) -> bool:
    """Whether the client says that it has this representation, be it compressed on the way: then the tag is weak.

    Apache says so in its own way: `-gzip` at the end of the tag (DeflateAlterETag).
    """
    return not tags.star_tag and (tags.contains_weak(tag) or tags.contains_weak(f"{tag}-gzip"))


def _has_any(tags: ETags | None) -> bool:
    return tags is not None and tags.star_tag


@cache
def _programs() -> tuple[str, ...]:
    return tuple(map(_version, _MADE_BY))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
