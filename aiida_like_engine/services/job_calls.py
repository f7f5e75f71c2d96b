"""Calls of the gateway on jobs: drafts are kept, changed and deleted, and runs of them submitted and stopped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from aiida_like_engine.errors import Conflict, Invalid, TooMuch, check_all
from aiida_like_engine.graph import orm
from aiida_like_engine.protocol import Message, RunRequest, StoredJob, StoredRun
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import Limits
from aiida_like_engine.server_db.database import ServerDatabase, in_parts, inserted, now, salt
from aiida_like_engine.server_db.ids import Ids
from aiida_like_engine.server_db.tables import FILES, JOBS, OUTPUTS, RUNS
from aiida_like_engine.services.calls import Call
from aiida_like_engine.services.dispatcher import Dispatcher
from aiida_like_engine.services.request_checks import MOST_OF_JOB, read_request
from aiida_like_engine.services.sealing import note


@dataclass(frozen=True)
class JobCalls:
    root: Root
    limits: Limits
    database: ServerDatabase
    thread: orm.OrmThread
    dispatcher: Dispatcher

    def post(self, call: Call) -> Message:
        given = call.json()
        values = {
            **self._document(given),
            "api": str(given.get("api", "jobs")),
            "account_id": call.account.id,
            "created": now(),
        }
        with self.database.writing() as connection:
            self._check_drafts(connection, call)
            row = inserted(connection, JOBS.insert().values(**values, public_id=uuid.uuid4().hex))
            public_id = Ids(salt(connection)).of_job(row)
            connection.execute(JOBS.update().where(JOBS.c.id == row).values(public_id=public_id))
        return StoredJob(public_id, values["name"], values["created"])

    def patch(self, call: Call) -> Message:
        values = self._document(call.json())
        with self.database.writing() as connection:
            job = call.row(connection, JOBS, "job")
            if job.submitted is not None:
                raise Conflict("the job was submitted, and cannot be changed any more")
            connection.execute(JOBS.update().where(JOBS.c.id == job.id).values(**values))
        return StoredJob(job.public_id, values["name"], job.created)

    def delete(self, call: Call) -> Message:
        files = _texts(call.json().get("files", []), "files")
        with self.database.writing() as connection:
            job = call.row(connection, JOBS, "job")
            active = sa.select(RUNS.c.id).where(RUNS.c.job_id == job.id, RUNS.c.state != "ended")
            if connection.execute(active).first():
                raise Conflict("the job has not ended; stop it first")
            this = JOBS.c.id == job.id
            if job.submitted is None:  # it left nothing, and documents of any number could be piled up
                connection.execute(JOBS.delete().where(this))
            else:
                connection.execute(JOBS.update().where(this).values(deleted=now()))
            # Of a superuser, too, only what belongs to whom the job does.
            theirs = (FILES.c.account_id == job.account_id) & FILES.c.deleted.is_(None)
            for some in in_parts(files):
                connection.execute(FILES.update().where(theirs, FILES.c.public_id.in_(some)).values(deleted=now()))
        return Message()

    def submit(self, call: Call) -> Message:
        given = call.json()
        token = _token(given.get("token"))
        request = read_request(given.get("request"), self.dispatcher.catalogue, self.limits, self.dispatcher.cores)
        with self.database.writing() as connection:
            job = call.row(connection, JOBS, "job")
            known = connection.execute(sa.select(RUNS).where(RUNS.c.uuid == token)).first()
            if known is not None and known.job_id == job.id:
                return StoredRun(job.public_id, known.number, known.uuid, known.state)
            if known is not None:
                raise Conflict("another job was submitted with this token")
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

    def _document(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given.get("name")
        if not isinstance(name, str) or "document" not in given:
            raise Invalid("a job has a name and a document", "name")
        document = json.dumps(given["document"])
        most = self.limits.document_bytes
        if len(document) > most:
            raise TooMuch(f"a job may have {most} bytes at most, as JSON; longer scripts are files that it names")
        return {"name": name, "document": document}

    def _check_drafts(self, connection: sa.Connection, call: Call) -> None:
        drafts = (JOBS.c.account_id == call.account.id) & JOBS.c.deleted.is_(None) & JOBS.c.submitted.is_(None)
        count = connection.execute(sa.select(sa.func.count()).select_from(JOBS).where(drafts)).scalar_one()
        if count >= self.limits.account_drafts:
            raise TooMuch(f"{count} jobs of the account were not submitted; submit or delete some of them first")

    def _check_queue(self, connection: sa.Connection, job: Any) -> None:
        query = (
            sa.select(sa.func.count())
            .select_from(RUNS.join(JOBS, RUNS.c.job_id == JOBS.c.id))
            .where(RUNS.c.state != "ended", JOBS.c.account_id == job.account_id)
        )
        most = self.limits.account_queued + self.limits.account_running
        if connection.execute(query).scalar_one() >= most:
            raise TooMuch(f"{most} jobs of the account run or wait; wait until some have ended")

    def _check_inputs(self, connection: sa.Connection, call: Call, request: RunRequest) -> None:
        """Make sure that all inputs are there, and the account's own."""
        wanted = {
            each.file: f"steps.{number}.inputs.{position}.file"
            for number, step in enumerate(request.steps)
            for position, each in enumerate(step.inputs)
        }
        files = sa.select(FILES.c.public_id).where(FILES.c.deleted.is_(None))
        outputs = (
            sa.select(OUTPUTS.c.public_id)
            .join(RUNS, OUTPUTS.c.run_id == RUNS.c.id)
            .join(JOBS, RUNS.c.job_id == JOBS.c.id)
            .where(JOBS.c.deleted.is_(None))
        )
        if not call.sees_all:
            files = files.where(FILES.c.account_id == call.account.id)
            outputs = outputs.where(JOBS.c.account_id == call.account.id)
        found: set[str] = set()
        for some in in_parts(wanted):
            found.update(connection.execute(files.where(FILES.c.public_id.in_(some))).scalars())
            found.update(connection.execute(outputs.where(OUTPUTS.c.public_id.in_(some))).scalars())
        check_all(Invalid(f"there is no file {name!r}", place) for name, place in wanted.items() if name not in found)

    def stop(self, call: Call) -> Message:
        with self.database.writing() as connection:
            job = call.row(connection, JOBS, "job")
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
            self._mark_stop(run)
        self.dispatcher.wake.set()
        return StoredRun(job.public_id, run.number, run.uuid, state)

    def _mark_stop(self, run: Any) -> None:
        mark = self.root.stop_of_job(run.node_uuid)
        mark.touch()
        self.thread.call(orm.mark_stop, run.node_uuid)
        with self.database.reading() as connection:
            state = connection.execute(sa.select(RUNS.c.state).where(RUNS.c.id == run.id)).scalar_one()
        if state == "ended":  # meanwhile, and what is left of it was removed
            mark.unlink(missing_ok=True)


def _token(text: Any) -> str:
    with suppress(ValueError, AttributeError, TypeError):
        return str(uuid.UUID(text))
    raise Invalid("it has to be a uuid", "token")


def _texts(value: Any, place: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Invalid("it has to be a list of texts", place)
    if len(value) > MOST_OF_JOB:
        raise Invalid(f"it may name {MOST_OF_JOB} files at most", place)
    return value
