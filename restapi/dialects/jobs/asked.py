"""One request to the jobs API: who asks, what was sent, and what answers are made of."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from sqlalchemy.exc import DBAPIError

from aiida_like.repository import Repository
from aiida_like.storage import LazyStorage
from aiida_like_engine.client import Client
from aiida_like_engine.errors import RootError
from aiida_like_engine.root.catalogue import Catalogue, read_catalogue
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import read_settings
from aiida_like_engine.server_db.accounts import Account
from aiida_like_engine.server_db.database import ServerDatabase, open_to_read
from restapi.accounts.caller import caller_of
from restapi.config import Settings
from restapi.dialects.jobs.errors import not_authenticated, not_found, refusal, throttled
from restapi.dialects.jobs.pages import MOST, Page, page_of
from restapi.dialects.jobs.reading import Reader
from restapi.dialects.jobs.records import FileRecord, JobRecord, RunRecord
from restapi.dialects.jobs.render import Links
from restapi.dialects.run_api import RunResource
from restapi.http.body import BodyBreaksOff, BodyTooLong, read_body
from restapi.http.exchange import Exchange

T = TypeVar("T")

_JSON_TYPES = ("application/json", "")


@dataclass(frozen=True, eq=False)
class Service:
    """What all requests share. `storage` is the profile that the engine writes."""

    root: Root
    client: Client
    storage: LazyStorage
    settings: Settings
    _opened: dict[int, ServerDatabase] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @contextmanager
    def connected(self, account: int | None) -> Iterator[Reader]:
        """A reader, which sees one moment. Raises RootError."""
        process = os.getpid()
        with self._lock:
            database = self._opened.get(process)
            if database is None:
                database = self._opened[process] = open_to_read(self.root.server_database)
        try:
            with database.reading() as connection:
                yield Reader(connection, account)
        except DBAPIError as error:
            raise RootError(f"{database.path} cannot be read: {error.orig}") from error

    @cached_property
    def catalogue(self) -> Catalogue:
        """What can be run on this machine, as it was at the first look. Raises RootError."""
        return read_catalogue(self.root.analyses).within(read_settings(self.root.settings).cores)

    def begin(self, exchange: Exchange, arguments: dict[str, Any]) -> Asked:
        """The request, by an account; the name of a user in its path is that of the account. Raises Refusal."""
        caller = caller_of(exchange.environ)
        user = arguments.pop("user", None)
        if caller.wait:
            raise throttled(caller.wait)
        if caller.account is None:
            raise not_authenticated(caller.problem)
        if user is not None and not caller.owns_prefix(user):
            raise not_found()
        mount = exchange.mount_path + ("" if user is None else f"/{user}")
        links = Links(f"{exchange.environ['wsgi.url_scheme']}://{exchange.host}{mount}", mount)
        return Asked(self, exchange, caller.account, links)


@dataclass(frozen=True)
class Asked:
    """One request of an account."""

    service: Service
    exchange: Exchange
    account: Account
    links: Links

    @property
    def client(self) -> Client:
        return self.service.client

    @property
    def catalogue(self) -> Catalogue:
        """Raises RootError."""
        return self.service.catalogue

    @property
    def repository(self) -> Repository:
        """The files of the engine's profile. Raises TargetError."""
        return self.service.storage.read().storage.repository

    @property
    def query_string(self) -> str:
        return str(self.exchange.environ.get("QUERY_STRING", ""))

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader of what the account may see. Raises RootError."""
        with self.service.connected(None if self.account.is_superuser else self.account.id) as reader:
            yield reader

    def query(self) -> Mapping[str, str]:
        """The query string, as forms write it; of a key that stands twice, the last value."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def page(self, most: int = MOST) -> Page:
        """The page that is asked for, of `most` rows at most. Raises NoSuchPage."""
        return page_of(self.query(), most)

    def url(self) -> str:
        """The URL of the request without its query, with a slash at its end."""
        return self.exchange.url_of(self.exchange.path_info).partition("?")[0].rstrip("/") + "/"

    def body(self) -> Any:
        """The JSON that was sent. Raises Refusal."""
        environ = self.exchange.environ
        media = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if media not in _JSON_TYPES:
            raise refusal(415, f'Unsupported media type "{media}" in request.')
        longest = self.service.settings.max_body_length
        try:
            body = read_body(environ, longest)
        except BodyBreaksOff:
            raise refusal(400, "JSON parse error - the body breaks off") from None
        except BodyTooLong:
            raise refusal(413, f"The body has more than {longest} bytes.") from None
        try:
            found = orjson.loads(body or b"{}")
            # What cannot be written again could be stored, but not shown.
            orjson.dumps(found)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
            raise refusal(400, f"JSON parse error - {error}") from None
        return found


@dataclass(eq=False)
class JobsResource(RunResource):
    """A resource of the jobs API."""

    asked: Asked

    def found_file(self, reader: Reader, public_id: str) -> FileRecord:
        """Raises Refusal: there is no such file."""
        return _there(reader.file(public_id))

    def found_job(self, reader: Reader, public_id: str) -> JobRecord:
        """Raises Refusal: there is no such job."""
        return _there(reader.job(public_id))

    def found_run(self, reader: Reader, job: JobRecord, number: str) -> RunRecord:
        """Raises Refusal: the job has no such run."""
        runs = reader.runs([job.number])[job.number]
        return _there(next((each for each in runs if str(each.number) == number), None))


def _there(found: T | None) -> T:
    if found is None:
        raise not_found()
    return found
