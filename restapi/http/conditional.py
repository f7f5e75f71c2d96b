"""Conditional requests (RFC 9110, 13.1), and a cache of answers: as long as nothing has changed, one tiny query each.

Both AiiDA dialects only read what is stored, so the URL, the data version, this program and two headers of the client
decide each byte that they answer with status 200; those headers are named in `Vary`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from flask import Response
from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from aiida_like.storage import Snapshot
from aiida_like.tuning import Tuning
from restapi.config import Settings
from restapi.http.exchange import Exchange
from restapi.http.headers import IF_MATCH, TAGGED, make_conditional, tag_by_content
from restapi.http.preferences import VARY
from restapi.http.ranges import RANGE
from restapi.http.reply import Answer, BytesReply, CachedAnswer, Reply, as_response

_MADE_BY = ("aiida-like", "ase", "numpy", "orjson", "prov", "rocrate", "seekpath", "upf-to-json")
"""Packages that write answers: another version may write a number or a file differently."""

_ASKED_BY = ("wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "RAW_URI", "REQUEST_URI", "QUERY_STRING")
"""Parts of a request that show in a body, beside the host: answers name the URL as it was sent."""

_FIELD = "HTTP_IF_NONE_MATCH"


class Conditional:
    """Entity tags and cached answers of one application; `name` is that of the profile."""

    def __init__(self, name: str, settings: Settings, tuning: Tuning) -> None:
        self._constant = blake2b(repr((name, settings.in_answers, _programs())).encode(), digest_size=16)
        self._answers = AnswerCache(tuning) if settings.cache else None
        self._for_archives = f"public, max-age={settings.archive_max_age}"

    def answer_again(self, exchange: Exchange, snapshot: Snapshot, key: str) -> Answer | None:
        """304 if If-None-Match matches, else the cached answer, else None. Reads only the data version.

        A tag is given with status 200 only, and to one URL only. So a tag that matches proves that the request is
        valid, and that its answer was the same at this data version; a wrong request goes on to its 400 or 404.

        Raises:
            StatementTimeout, StorageError: as `Snapshot.version`.
        """
        environ = exchange.environ
        # Of what is cached, no part is, and nobody looks at it again.
        is_plain = RANGE not in environ and IF_MATCH not in environ
        cached = self._answers.get(key) if self._answers is not None and is_plain else None
        field = environ.get(_FIELD)
        if cached is None and field is None:
            # There is nothing to compare the version with, so it comes with the rows.
            return None
        version = snapshot.version
        if version is None:
            return None
        tags = None if field is None else parse_etags(field)
        if tags is not None and _has(tags, self._tag(key, version)):
            return self.mark(exchange, snapshot, key, Response(status=HTTPStatus.NOT_MODIFIED))
        has_any = tags is not None and tags.star_tag
        return cached if cached is not None and cached.version == version and not has_any else None

    def mark(self, exchange: Exchange, snapshot: Snapshot, key: str, reply: Reply) -> Reply:
        """The reply with its headers. Call this after all is read that is read before the first byte.

        A file of the repository has a tag already, which fits as long as its content is the same.
        """
        if reply.status_code not in TAGGED:
            return reply
        reply.headers["Vary"] = VARY
        is_constant = snapshot.storage.data_version.constant is not None
        reply.headers["Cache-Control"] = self._for_archives if is_constant else "no-cache"
        if "ETag" in reply.headers:
            if isinstance(reply, BytesReply) and _FIELD not in exchange.environ:
                return reply
            return make_conditional(as_response(reply), exchange)
        version = snapshot.version_of_all
        if version is None:
            return tag_by_content(as_response(reply), exchange)
        reply.headers["ETag"] = f'"{self._tag(key, version)}"'
        # `*` proves nothing: only now is it known that the resource exists.
        field = exchange.environ.get(_FIELD)
        is_new = reply.status_code == HTTPStatus.OK and not (field and parse_etags(field).star_tag)
        if is_new and isinstance(reply, BytesReply):
            if self._answers is not None:
                self._answers.keep(key, CachedAnswer(version, reply.body, tuple(reply.headers.items())))
        else:
            reply = as_response(reply)
            reply.status_code = HTTPStatus.OK if is_new else HTTPStatus.NOT_MODIFIED
        return reply

    def _tag(self, key: str, version: str) -> str:
        """The entity tag of the answer at a data version."""
        digest = self._constant.copy()
        # The key says itself where it ends.
        digest.update(f"{key}{version}".encode())
        return digest.hexdigest()


class AnswerCache:
    """The last answer to each request, by its key; those that were not asked for longest are forgotten first.

    The first answer to a request is not kept: it may be the only one, and would take the place of others.

    Safe to use from several threads.
    """

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, CachedAnswer] = OrderedDict()
        self._bytes = 0
        self._noted: set[int] = set()  # by hash

    def get(self, key: str) -> CachedAnswer | None:
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def keep(self, key: str, answer: CachedAnswer) -> None:
        """Keeps an answer, unless it is the first to its request."""
        with self._lock:
            if self._is_new(key):
                return
            size = len(key) + answer.size
            if size > self._tuning.answer_bytes:
                return
            replaced = self._kept.pop(key, None)
            self._kept[key] = answer
            self._bytes += size - (len(key) + replaced.size if replaced else 0)
            while self._bytes > self._tuning.answers_bytes:
                forgotten, its_answer = self._kept.popitem(last=False)
                self._bytes -= len(forgotten) + its_answer.size

    def _is_new(self, key: str) -> bool:
        """Whether the request comes for the first time; one of two with the same hash is taken for the other."""
        hashed = hash(key)
        if hashed in self._noted:
            return False
        if len(self._noted) >= self._tuning.answers_noted:
            self._noted.clear()
        self._noted.add(hashed)
        return True


def key_of(exchange: Exchange) -> str:
    """The part of a request that decides its answer."""
    environ = exchange.environ
    # Different tuples differ in `repr`; joined texts might not.
    return repr((exchange.host, *map(environ.get, _ASKED_BY), exchange.accepts, exchange.prefers))


def _has(tags: ETags, tag: str) -> bool:
    """Whether the client has this representation; its tag is weak if a proxy compressed the answer.

    Apache adds `-gzip` to the tag instead (DeflateAlterETag).
    """
    return not tags.star_tag and (tags.contains_weak(tag) or tags.contains_weak(f"{tag}-gzip"))


@cache
def _programs() -> tuple[str, ...]:
    return tuple(map(_version, _MADE_BY))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
