"""The gateway: a WSGI application on a unix socket, the one process that writes for web workers.

It is served by one process of gunicorn with threads. Requests write rows of `server.sqlite`; what concerns the graph is
done by the dispatcher, or in the ORM's thread. `protocol.py` says what there is to ask.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aiida_like import __version__
from aiida_like_engine.errors import Conflict, Invalid, NotFound, Refused
from aiida_like_engine.graph import orm
from aiida_like_engine.graph.broker import state_of_broker
from aiida_like_engine.graph.error_messages import refusal_of_passing
from aiida_like_engine.protocol import ACCOUNT_HEADER, KINDS, Health, Message, NewKey, refusal_as_json
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import read_settings
from aiida_like_engine.server_db.accounts import Account, AccountError, account_called
from aiida_like_engine.server_db.database import ServerDatabase, open_to_write
from aiida_like_engine.server_db.own_keys import add_own_key, revoke_own_key
from aiida_like_engine.server_db.tables import ACCOUNTS, RUNS
from aiida_like_engine.services.calls import Call
from aiida_like_engine.services.dispatcher import Dispatcher
from aiida_like_engine.services.file_calls import FileCalls
from aiida_like_engine.services.halves import halves
from aiida_like_engine.services.job_calls import JobCalls
from aiida_like_engine.services.log import write_log

LOGGER = logging.getLogger(__name__)

LONGEST_LABEL, MOST_DAYS = 200, 3660
"""Characters of the label of a key, and days that it may be valid for."""


@dataclass(frozen=True)
class Gateway:
    database: ServerDatabase
    files: FileCalls
    jobs: JobCalls

    def health(self) -> Message:
        with self.database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(RUNS).where(RUNS.c.state != "ended")
            active = connection.execute(query).scalar_one()
        broker = state_of_broker(time.time())
        is_well = broker.age < 20  # noqa: PLR2004 - it says so each 5 s
        return Health(is_well, __version__, broker.workers, broker.age, active)

    def raise_generation(self, call: Call) -> Message:
        self._change_account(call)
        return Message()

    def set_password(self, call: Call) -> Message:
        given = call.json().get("hash")
        if not isinstance(given, str) or not given:
            raise Invalid("it has to be a text", "hash")
        self._change_account(call, password_hash=given)
        return Message()

    def _change_account(self, call: Call, **values: Any) -> None:
        if not call.name.isdecimal() or (call.name != str(call.account.id) and not call.sees_all):
            raise NotFound("there is no such account")
        with self.database.writing() as connection:
            generation = ACCOUNTS.c.generation + 1
            change = ACCOUNTS.update().where(ACCOUNTS.c.id == int(call.name))
            if connection.execute(change.values(generation=generation, **values)).rowcount == 0:
                raise NotFound("there is no such account")

    def add_key(self, call: Call) -> Message:
        given = call.json()
        label, days = given.get("label", ""), given.get("days")
        if not isinstance(label, str) or len(label) > LONGEST_LABEL:
            raise Invalid(f"it has to be a text of at most {LONGEST_LABEL} characters", "label")
        if days is not None and (type(days) is not int or not 1 <= days <= MOST_DAYS):
            raise Invalid(f"it has to be a whole number from 1 to {MOST_DAYS}", "days")
        lifetime = None if days is None else timedelta(days=days)
        with self._writing_account(call) as (connection, account):
            return NewKey(add_own_key(connection, account, label, lifetime))

    def revoke_key(self, call: Call) -> Message:
        if not call.name.isdecimal():
            raise NotFound("there is no such key")
        with self._writing_account(call) as (connection, account):
            revoke_own_key(connection, account, int(call.name))
        return Message()

    @contextmanager
    def _writing_account(self, call: Call) -> Iterator[tuple[sa.Connection, Account]]:
        """A connection to write with, and the account that asks. What is wrong with it is a conflict."""
        try:
            with self.database.writing() as connection:
                yield connection, account_called(connection, call.account.name)
        except AccountError as error:
            raise Conflict(str(error)) from None

    def account(self, environ: Mapping[str, Any]) -> Any:
        text = environ.get("HTTP_" + ACCOUNT_HEADER.upper().replace("-", "_"), "")
        with self.database.reading() as connection:
            found = (
                connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.id == int(text))).first()
                if text.isdecimal()
                else None
            )
        if found is None or found.is_disabled:
            raise NotFound("there is no such account")
        return found

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, body = self._answer(environ)
        data = json.dumps(body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        if status >= HTTPStatus.BAD_REQUEST:
            # What of the body was not read must not be taken for the next request.
            headers.append(("Connection", "close"))
        start(f"{status.value} {status.phrase}", headers)
        return [data]

    def _answer(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Any]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        try:
            if (method, path) == ("GET", "/health"):
                return HTTPStatus.OK, self.health().as_json()
            for route in ROUTES:
                found = re.fullmatch(route.pattern, path) if route.method == method else None
                if found:
                    call = Call(self.account(environ), found["name"] if route.has_name else "", environ)
                    return route.status, route.do(self, call).as_json()
            return _refused(NotFound(f"there is no {method} {path}"))
        except Refused as refused:
            return _refused(refused)
        except Exception as error:  # the edge: the client is told of it, and the log has all
            passing = refusal_of_passing(error)
            if passing is not None:
                LOGGER.error("%s %s: %s", method, path, error)  # noqa: TRY400 - its place says nothing
                return _refused(passing)
            LOGGER.exception("%s %s", method, path)
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"message": "the engine's gateway failed; its log says why"}


def _refused(refused: Refused) -> tuple[HTTPStatus, Any]:
    return KINDS[type(refused)].status, refusal_as_json(refused)


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    do: Callable[[Gateway, Call], Message]
    status: HTTPStatus = HTTPStatus.OK

    @property
    def has_name(self) -> bool:
        return "ID" in self.path

    @property
    def pattern(self) -> str:
        return self.path.replace("ID", r"(?P<name>[A-Za-z0-9]+)")


ROUTES = (
    Route("POST", "/room", lambda gateway, call: gateway.files.check_room(call)),
    Route("POST", "/files", lambda gateway, call: gateway.files.post(call), HTTPStatus.CREATED),
    Route("PATCH", "/files/ID", lambda gateway, call: gateway.files.patch(call)),
    Route("DELETE", "/files/ID", lambda gateway, call: gateway.files.delete(call)),
    Route("POST", "/jobs", lambda gateway, call: gateway.jobs.post(call), HTTPStatus.CREATED),
    Route("PATCH", "/jobs/ID", lambda gateway, call: gateway.jobs.patch(call)),
    Route("DELETE", "/jobs/ID", lambda gateway, call: gateway.jobs.delete(call)),
    Route("POST", "/jobs/ID/submit", lambda gateway, call: gateway.jobs.submit(call)),
    Route("POST", "/jobs/ID/stop", lambda gateway, call: gateway.jobs.stop(call)),
    Route("POST", "/accounts/ID/generation", Gateway.raise_generation),
    Route("POST", "/accounts/ID/password", Gateway.set_password),
    Route("POST", "/keys", Gateway.add_key, HTTPStatus.CREATED),
    Route("DELETE", "/keys/ID", Gateway.revoke_key),
)


def application() -> Gateway:
    """The gateway of the ROOT that `AIIDA_PATH` names, ready: its profile is loaded, its dispatcher works."""
    write_log("gateway")
    root = Root(Path(os.environ["AIIDA_PATH"]))
    settings = read_settings(root.settings)
    catalogue = read_catalogue(root.analyses)
    database = open_to_write(root.server_database)
    thread = orm.OrmThread()
    dispatcher = Dispatcher(root, settings, catalogue, database, thread, halves(root))
    dispatcher.start()
    limits = settings.limits
    files = FileCalls(root, limits, database, thread)
    return Gateway(database, files, JobCalls(root, limits, database, thread, dispatcher))
