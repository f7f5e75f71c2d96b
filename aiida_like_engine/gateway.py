"""The gateway: a WSGI application on a unix socket, the one process that writes for web workers.

It is served by one process of gunicorn with threads. Requests write rows of `server.sqlite`; what concerns the graph is
done by the dispatcher, or in the ORM's thread. `protocol.py` says what there is to ask.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aiida_like import __version__
from aiida_like_engine import orm
from aiida_like_engine.catalogue import read_catalogue
from aiida_like_engine.dispatcher import Dispatcher, note
from aiida_like_engine.errors import Busy, Conflict, Invalid, NotFound, Refused, TooMuch
from aiida_like_engine.ids import Ids
from aiida_like_engine.layout import Root
from aiida_like_engine.limits import EngineSettings, read_settings
from aiida_like_engine.protocol import (
    ACCOUNT_HEADER,
    KINDS,
    Health,
    Message,
    RunRequest,
    StoredFile,
    StoredJob,
    StoredRun,
    refusal_as_json,
)
from aiida_like_engine.requests import check_name, read_request
from aiida_like_engine.server_db import (
    ACCOUNTS,
    FILES,
    JOBS,
    OUTPUTS,
    RUNS,
    ServerDatabase,
    inserted,
    now,
    open_to_write,
    salt,
)
from aiida_like_engine.uploads import Counter, MultipartBody, Received, Room, receive

LOGGER = logging.getLogger(__name__)

LONGEST_BODY = 8 << 20
"""Bytes of JSON."""
_FOREVER = 2**62


@dataclass(frozen=True)
class Call:
    """A request: what its path names, whose it is, and what comes with it."""

    account: Any
    name: str
    environ: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        if length > LONGEST_BODY:
            raise TooMuch(f"the document is longer than {LONGEST_BODY} bytes")
        try:
            value = json.loads(self.environ["wsgi.input"].read(length) or b"{}")
        except ValueError:
            raise Invalid("the body is no JSON") from None
        if not isinstance(value, dict):
            raise Invalid("the body has to be an object")
        return value

    @property
    def sees_all(self) -> bool:
        return bool(self.account.is_superuser)


@dataclass
class Gateway:
    root: Root
    settings: EngineSettings
    database: ServerDatabase
    thread: orm.OrmThread
    dispatcher: Dispatcher
    uploads: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self.uploads = threading.BoundedSemaphore(self.settings.limits.uploads)

    # what there is to ask

    def health(self) -> Message:
        with self.database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(RUNS).where(RUNS.c.state != "ended")
            active = connection.execute(query).scalar_one()
        broker = orm.broker(time.time())
        is_well = broker.age < 20  # noqa: PLR2004 - it says so each 5 s
        return Health(is_well, __version__, broker.workers, broker.age, active)

    def post_file(self, call: Call) -> Message:
        if not self.uploads.acquire(blocking=False):
            raise Busy(f"{self.settings.limits.uploads} uploads are under way; come again in some seconds")
        try:
            received = self._receive(call)
        finally:
            self.uploads.release()
        node = self.thread.call(
            orm.store_file,
            received.name,
            received.object_key,
            call.account.email,
            {"md5": received.md5, "size": received.size},
        )
        values = {
            **vars(received),
            "account_id": call.account.id,
            "node_uuid": node,
            "uploaded": now(),
        }
        with self.database.writing() as connection:
            row = inserted(connection, FILES.insert().values(**values, public_id=uuid.uuid4().hex))
            public_id = Ids(salt(connection)).of_file(row)
            connection.execute(FILES.update().where(FILES.c.id == row).values(public_id=public_id))
            return self._file(connection, public_id)

    def _receive(self, call: Call) -> Received:
        limits = self.settings.limits
        with self.database.reading() as connection:
            query = sa.select(sa.func.coalesce(sa.func.sum(FILES.c.size), 0))
            mine = (FILES.c.account_id == call.account.id) & FILES.c.deleted.is_(None)
            left = limits.account_bytes - connection.execute(query.where(mine)).scalar_one()
        if left < limits.upload_bytes:
            room = Room(
                left, f"what is left of the account's {limits.account_bytes} bytes", self.root.path, limits.free_bytes
            )
        else:
            words = f"the {limits.upload_bytes} bytes that a file may have"
            room = Room(limits.upload_bytes, words, self.root.path, limits.free_bytes)
        room.announced(int(call.environ.get("CONTENT_LENGTH") or 0))
        body = MultipartBody.of(call.environ["wsgi.input"], call.environ.get("CONTENT_TYPE", ""))
        call.environ["gunicorn.socket"].settimeout(limits.upload_idle_seconds)
        try:
            with orm.container() as container:
                return receive(body, room, lambda counter: _stored(container, counter))
        except TimeoutError:
            raise Invalid(f"the upload sent nothing for {limits.upload_idle_seconds} s", "file") from None

    def patch_file(self, call: Call) -> Message:
        given = call.json()
        values: dict[str, Any] = {}
        if "name" in given:
            if not isinstance(given["name"], str):
                raise Invalid("it has to be a text", "name")
            check_name(given["name"], "name")
            values["name"] = given["name"]
        if "type_id" in given:
            if type(given["type_id"]) is not int:
                raise Invalid("it has to be a whole number", "type_id")
            values["type_id"] = given["type_id"]
        with self.database.writing() as connection:
            row = self._file_row(connection, call)
            if values:
                connection.execute(FILES.update().where(FILES.c.id == row.id).values(**values))
            return self._file(connection, call.name)

    def delete_file(self, call: Call) -> Message:
        with self.database.writing() as connection:
            row = self._file_row(connection, call)
            connection.execute(FILES.update().where(FILES.c.id == row.id).values(deleted=now()))
        return Message()

    def post_job(self, call: Call) -> Message:
        given = call.json()
        values = {
            **_document(given),
            "api": str(given.get("api", "jobs")),
            "account_id": call.account.id,
            "created": now(),
        }
        with self.database.writing() as connection:
            row = inserted(connection, JOBS.insert().values(**values, public_id=uuid.uuid4().hex))
            public_id = Ids(salt(connection)).of_job(row)
            connection.execute(JOBS.update().where(JOBS.c.id == row).values(public_id=public_id))
        return StoredJob(public_id, values["name"], values["created"])

    def patch_job(self, call: Call) -> Message:
        values = _document(call.json())
        with self.database.writing() as connection:
            job = self._job_row(connection, call)
            if job.submitted is not None:
                raise Conflict("the job was submitted, and cannot be changed any more")
            connection.execute(JOBS.update().where(JOBS.c.id == job.id).values(**values))
        return StoredJob(job.public_id, values["name"], job.created)

    def delete_job(self, call: Call) -> Message:
        files = bool(call.json().get("files"))
        with self.database.writing() as connection:
            job = self._job_row(connection, call)
            runs = connection.execute(sa.select(RUNS).where(RUNS.c.job_id == job.id)).all()
            if any(run.state != "ended" for run in runs):
                raise Conflict("the job has not ended; stop it first")
            connection.execute(JOBS.update().where(JOBS.c.id == job.id).values(deleted=now()))
            if files:
                self._delete_inputs(connection, job, runs)
        return Message()

    def _delete_inputs(self, connection: sa.Connection, job: Any, runs: Iterable[Any]) -> None:
        """Delete the files that these runs began with, unless another job of the account did too."""
        others = (
            sa.select(RUNS.c.request)
            .join(JOBS, RUNS.c.job_id == JOBS.c.id)
            .where(JOBS.c.account_id == job.account_id, JOBS.c.deleted.is_(None), JOBS.c.id != job.id)
        )
        needed = {name for text in connection.execute(others).scalars() for name in _inputs(text)}
        own = {name for run in runs for name in _inputs(run.request)} - needed
        mine = (FILES.c.account_id == job.account_id) & FILES.c.public_id.in_(own) & FILES.c.deleted.is_(None)
        connection.execute(FILES.update().where(mine).values(deleted=now()))

    def submit(self, call: Call) -> Message:
        given = call.json()
        token = _token(given.get("token"))
        request = read_request(
            given.get("request"), self.dispatcher.catalogue, self.settings.limits, self.dispatcher.cores
        )
        with self.database.writing() as connection:
            job = self._job_row(connection, call)
            runs = connection.execute(sa.select(RUNS).where(RUNS.c.job_id == job.id)).all()
            for run in runs:
                if run.uuid == token:
                    return StoredRun(job.public_id, run.number, run.uuid, run.state)
            if job.submitted is not None:
                raise Conflict("the job was submitted already")
            self._check_queue(connection, job)
            self._check_inputs(connection, call, request)
            at = now()
            connection.execute(JOBS.update().where(JOBS.c.id == job.id).values(submitted=at))
            values = {
                "job_id": job.id,
                "number": 1,
                "uuid": token,
                "state": "submitting",
                "request": json.dumps(request.as_json()),
                "cores": max(step.cores for step in request.steps),
            }
            row = inserted(connection, RUNS.insert().values(**values))
            note(connection, row, {"pending": at})
        self.dispatcher.wake.set()
        return StoredRun(job.public_id, 1, token, "submitting")

    def _check_queue(self, connection: sa.Connection, job: Any) -> None:
        query = (
            sa.select(sa.func.count())
            .select_from(RUNS.join(JOBS, RUNS.c.job_id == JOBS.c.id))
            .where(RUNS.c.state != "ended", JOBS.c.account_id == job.account_id)
        )
        most = self.settings.limits.account_queued + self.settings.limits.account_running
        if connection.execute(query).scalar_one() >= most:
            raise TooMuch(f"{most} jobs of the account run or wait; wait until some have ended")

    def _check_inputs(self, connection: sa.Connection, call: Call, request: RunRequest) -> None:
        """Make sure that all inputs are there, and the account's own."""
        wanted = {
            each.file: f"steps.{number}.inputs.{position}.file"
            for number, step in enumerate(request.steps)
            for position, each in enumerate(step.inputs)
        }
        files = sa.select(FILES.c.public_id).where(FILES.c.public_id.in_(wanted), FILES.c.deleted.is_(None))
        outputs = (
            sa.select(OUTPUTS.c.public_id)
            .join(RUNS, OUTPUTS.c.run_id == RUNS.c.id)
            .join(JOBS, RUNS.c.job_id == JOBS.c.id)
            .where(OUTPUTS.c.public_id.in_(wanted))
        )
        if not call.sees_all:
            files = files.where(FILES.c.account_id == call.account.id)
            outputs = outputs.where(JOBS.c.account_id == call.account.id)
        found = {*connection.execute(files).scalars(), *connection.execute(outputs).scalars()}
        for name, place in wanted.items():
            if name not in found:
                raise Invalid(f"there is no file {name!r}", place)

    def stop(self, call: Call) -> Message:
        with self.database.writing() as connection:
            job = self._job_row(connection, call)
            query = sa.select(RUNS).where(RUNS.c.job_id == job.id).order_by(RUNS.c.number.desc())
            run = connection.execute(query).first()
            if run is None:
                raise Conflict("the job was not submitted")
            if run.state == "ended":
                return StoredRun(job.public_id, run.number, run.uuid, run.state)
            at = run.stop_requested or now()
            # One without a node stays `submitting`: it gets one, and stops then.
            state = run.state if run.state == "submitting" else "stopping"
            connection.execute(RUNS.update().where(RUNS.c.id == run.id).values(stop_requested=at, state=state))
            note(connection, run.id, {"stopping": at})
        if run.node_uuid is not None:
            self.root.stop_of_job(run.node_uuid).touch()
            self.thread.call(orm.mark_stop, run.node_uuid)
        self.dispatcher.wake.set()
        return StoredRun(job.public_id, run.number, run.uuid, state)

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
        if call.name != str(call.account.id) and not call.sees_all:
            raise NotFound("there is no such account")
        with self.database.writing() as connection:
            generation = ACCOUNTS.c.generation + 1
            change = ACCOUNTS.update().where(ACCOUNTS.c.id == int(call.name))
            if connection.execute(change.values(generation=generation, **values)).rowcount == 0:
                raise NotFound("there is no such account")

    # rows

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

    def _job_row(self, connection: sa.Connection, call: Call) -> Any:
        query = sa.select(JOBS).where(JOBS.c.public_id == call.name, JOBS.c.deleted.is_(None))
        row = connection.execute(query).first()
        if row is None or not (call.sees_all or row.account_id == call.account.id):
            raise NotFound(f"there is no job {call.name!r}")
        return row

    def _file_row(self, connection: sa.Connection, call: Call) -> Any:
        query = sa.select(FILES).where(FILES.c.public_id == call.name, FILES.c.deleted.is_(None))
        row = connection.execute(query).first()
        if row is None or not (call.sees_all or row.account_id == call.account.id):
            raise NotFound(f"there is no file {call.name!r}")
        return row

    def _file(self, connection: sa.Connection, public_id: str) -> StoredFile:
        row = connection.execute(sa.select(FILES).where(FILES.c.public_id == public_id)).one()
        return StoredFile(row.public_id, row.name, row.type_id, row.size, row.md5, row.sha512, row.uploaded)

    # WSGI

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
        except Exception:  # the edge: the client is told of it, and the log has all
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
    Route("POST", "/files", Gateway.post_file, HTTPStatus.CREATED),
    Route("PATCH", "/files/ID", Gateway.patch_file),
    Route("DELETE", "/files/ID", Gateway.delete_file),
    Route("POST", "/jobs", Gateway.post_job, HTTPStatus.CREATED),
    Route("PATCH", "/jobs/ID", Gateway.patch_job),
    Route("DELETE", "/jobs/ID", Gateway.delete_job),
    Route("POST", "/jobs/ID/submit", Gateway.submit),
    Route("POST", "/jobs/ID/stop", Gateway.stop),
    Route("POST", "/accounts/ID/generation", Gateway.raise_generation),
    Route("POST", "/accounts/ID/password", Gateway.set_password),
)


def _stored(container: Any, counter: Counter) -> str:
    return str(container.add_streamed_object(counter))


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    name = given.get("name")
    if not isinstance(name, str) or "document" not in given:
        raise Invalid("a job has a name and a document", "name")
    return {"name": name, "document": json.dumps(given["document"])}


def _token(text: Any) -> str:
    with suppress(ValueError, AttributeError, TypeError):
        return str(uuid.UUID(text))
    raise Invalid("it has to be a uuid", "token")


def _inputs(request: str) -> set[str]:
    return {each.file for step in RunRequest.from_json(json.loads(request)).steps for each in step.inputs}


def application() -> Gateway:
    """The gateway of the ROOT that `AIIDA_PATH` names, ready: its profile is loaded, its dispatcher works."""
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
    root = Root(Path(os.environ["AIIDA_PATH"]))
    settings = read_settings(root.settings)
    catalogue = read_catalogue(root.analyses)
    database = open_to_write(root.server_database)
    thread = orm.OrmThread()
    dispatcher = Dispatcher(root, settings, catalogue, database, thread)
    dispatcher.start()
    return Gateway(root, settings, database, thread, dispatcher)
