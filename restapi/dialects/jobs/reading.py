"""Rows of `server.sqlite` -> records. A reader sees what one account may see, and of a superuser's all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select

from aiida_like_engine.server_db.tables import ACCOUNTS, EVENTS, FILES, JOBS, OUTPUTS, RUNS
from restapi.dialects.jobs.job_document import used_files
from restapi.dialects.jobs.pages import Page
from restapi.dialects.jobs.records import (
    OUTPUT,
    FileRecord,
    JobRecord,
    ListedJob,
    Owner,
    RunRecord,
    input_path,
    output_path,
)
from restapi.dialects.jobs.statuses import Event

API = "jobs"
"""Whose jobs these are, of those that share the table."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_MOST_AT_ONCE = 500
"""Values of one IN."""

_FILE_COLUMNS = (FILES, ACCOUNTS.c.name.label("owner"), ACCOUNTS.c.email)
_OUTPUT_COLUMNS = (
    OUTPUTS,
    RUNS.c.number,
    RUNS.c.ended,
    JOBS.c.public_id.label("job"),
    ACCOUNTS.c.name.label("owner"),
    ACCOUNTS.c.email,
)


def iso(microseconds: int | None) -> str | None:
    """`2014-11-12T22:20:09.596996Z`"""
    return None if microseconds is None else _iso(microseconds)


def _iso(microseconds: int) -> str:
    at = _EPOCH + timedelta(microseconds=microseconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Reader:
    """What `account` may see, by its id; None: all accounts'."""

    connection: Connection
    account: int | None

    def files(self, search: str, page: Page) -> tuple[int, list[FileRecord]]:
        """The number of uploaded files whose names hold a text, and those of a page, the newest first."""
        wanted = [*self._own(FILES.c.account_id), FILES.c.deleted.is_(None), *_holds(FILES.c.name, search)]
        count = self.connection.execute(select(func.count()).select_from(FILES).where(*wanted)).scalar_one()
        found = self._rows(_uploaded().where(*wanted).order_by(FILES.c.id.desc()), page)
        return count, [_uploaded_file(row) for row in found]

    def file(self, public_id: str) -> FileRecord | None:
        """A file, uploaded or output, that was not deleted."""
        found = self.named_files([public_id]).get(public_id)
        return None if found is None or found.is_deleted else found

    def named_files(self, public_ids: Iterable[str]) -> dict[str, FileRecord]:
        """Files, uploaded or outputs, by their ids; deleted ones too, for jobs that name them."""
        wanted = sorted(set(public_ids))
        found: dict[str, FileRecord] = {}
        for start in range(0, len(wanted), _MOST_AT_ONCE):
            some = wanted[start : start + _MOST_AT_ONCE]
            uploaded = _uploaded().where(*self._own(FILES.c.account_id), FILES.c.public_id.in_(some))
            found |= {row.public_id: _uploaded_file(row) for row in self.connection.execute(uploaded)}
            left = [each for each in some if each not in found]
            if left:
                outputs = _outputs().where(*self._own(JOBS.c.account_id), OUTPUTS.c.public_id.in_(left))
                found |= {
                    row.public_id: _output_file(row)
                    for row in self.connection.execute(outputs.where(JOBS.c.deleted.is_(None)))
                }
        return found

    def jobs(self, wanted: Sequence[ColumnElement[bool]], page: Page) -> tuple[int, list[ListedJob]]:
        """The number of jobs that fulfil conditions, and those of a page, the newest first."""
        conditions = [*self._own(JOBS.c.account_id), JOBS.c.deleted.is_(None), JOBS.c.api == API, *wanted]
        count = self.connection.execute(select(func.count()).select_from(JOBS).where(*conditions)).scalar_one()
        found = _jobs().where(*conditions).order_by(JOBS.c.id.desc()).limit(page.size).offset(page.offset)
        # One after the other: a document can be large.
        return count, [_listed_job(row) for row in self.connection.execute(found)]

    def job(self, public_id: str) -> JobRecord | None:
        conditions = [*self._own(JOBS.c.account_id), JOBS.c.deleted.is_(None), JOBS.c.api == API]
        row = self.connection.execute(_jobs().where(*conditions, JOBS.c.public_id == public_id)).one_or_none()
        return None if row is None else _job(row)

    def runs(self, jobs: Iterable[int]) -> dict[int, list[RunRecord]]:
        """The runs of jobs, by the numbers of their jobs, in their order."""
        found: dict[int, list[RunRecord]] = {number: [] for number in jobs}
        statement = select(RUNS).where(RUNS.c.job_id.in_(list(found))).order_by(RUNS.c.job_id, RUNS.c.number)
        for row in self.connection.execute(statement):
            found[row.job_id].append(_run(row))
        return found

    def events(self, runs: Iterable[int]) -> dict[int, list[Event]]:
        """What happened to runs, by their rows, in the order in which it did."""
        found: dict[int, list[Event]] = {row: [] for row in runs}
        statement = select(EVENTS).where(EVENTS.c.run_id.in_(list(found))).order_by(EVENTS.c.at, EVENTS.c.id)
        for row in self.connection.execute(statement):
            found[row.run_id].append((row.name, _iso(row.at), row.reason))
        return found

    def outputs(self, runs: Sequence[int], search: str, page: Page) -> tuple[int, list[FileRecord]]:
        """The number of output files of runs whose paths hold a text, and those of a page, in their order."""
        wanted = [OUTPUTS.c.run_id.in_(list(runs)), *_holds(OUTPUTS.c.path, search)]
        count = self.connection.execute(select(func.count()).select_from(OUTPUTS).where(*wanted)).scalar_one()
        found = self._rows(_outputs().where(*wanted).order_by(OUTPUTS.c.run_id, OUTPUTS.c.position), page)
        return count, [_output_file(row) for row in found]

    def documents_beside(self, job: JobRecord) -> Iterator[Mapping[str, Any]]:
        """The documents of all other jobs of the account that a job is of."""
        owner = select(JOBS.c.account_id).where(JOBS.c.id == job.number).scalar_subquery()
        others = [JOBS.c.account_id == owner, JOBS.c.deleted.is_(None), JOBS.c.api == API, JOBS.c.id != job.number]
        yield from map(orjson.loads, self.connection.execute(select(JOBS.c.document).where(*others)).scalars())

    def folder(self, run: int) -> str | None:
        """The absolute path of the folder of a run, while there is one."""
        found: str | None = self.connection.execute(select(RUNS.c.folder).where(RUNS.c.id == run)).scalar_one()
        return found

    def _own(self, owner: ColumnElement[int]) -> list[ColumnElement[bool]]:
        return [] if self.account is None else [owner == self.account]

    def _rows(self, statement: Select[Any], page: Page) -> Sequence[Row[Any]]:
        return self.connection.execute(statement.limit(page.size).offset(page.offset)).all()


def has_ended() -> ColumnElement[bool]:
    """Whether a run of the job has."""
    # Of the bare column SQLite would look through all runs that have ended, for each job.
    state = func.coalesce(RUNS.c.state, "")
    return exists().where(RUNS.c.job_id == JOBS.c.id, state == "ended")


def has_status(event: str) -> ColumnElement[bool]:
    """Whether an event is the last one of the job."""
    last = (
        select(EVENTS.c.name)
        .join_from(EVENTS, RUNS, EVENTS.c.run_id == RUNS.c.id)
        .where(RUNS.c.job_id == JOBS.c.id)
        .order_by(RUNS.c.number.desc(), EVENTS.c.at.desc(), EVENTS.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return last == event


def _holds(column: ColumnElement[str], search: str) -> list[ColumnElement[bool]]:
    """Without regard to upper and lower case, of ASCII."""
    return [column.icontains(search, autoescape=True)] if search else []


def _uploaded() -> Select[Any]:
    return select(*_FILE_COLUMNS).join_from(FILES, ACCOUNTS, FILES.c.account_id == ACCOUNTS.c.id)


def _outputs() -> Select[Any]:
    return (
        select(*_OUTPUT_COLUMNS)
        .join_from(OUTPUTS, RUNS, OUTPUTS.c.run_id == RUNS.c.id)
        .join(JOBS, RUNS.c.job_id == JOBS.c.id)
        .join(ACCOUNTS, JOBS.c.account_id == ACCOUNTS.c.id)
    )


def _jobs() -> Select[Any]:
    return select(JOBS, ACCOUNTS.c.name.label("owner"), ACCOUNTS.c.email).join_from(
        JOBS, ACCOUNTS, JOBS.c.account_id == ACCOUNTS.c.id
    )


def _uploaded_file(row: Row[Any]) -> FileRecord:
    owner = Owner(row.owner, row.email)
    return FileRecord(
        id=row.public_id,
        name=row.name,
        type_id=row.type_id,
        size=row.size,
        md5=row.md5,
        sha512=row.sha512,
        key=row.object_key,
        date=_iso(row.uploaded),
        owner=owner,
        relative_path=row.name,
        path=input_path(owner, row.name, row.node_uuid or row.public_id),
        is_deleted=row.deleted is not None,
    )


def _output_file(row: Row[Any]) -> FileRecord:
    owner = Owner(row.owner, row.email)
    return FileRecord(
        id=row.public_id,
        name=row.path.rpartition("/")[2],
        type_id=OUTPUT,
        size=row.size,
        md5=row.md5,
        sha512=row.sha512,
        key=row.object_key,
        date=_iso(row.ended or 0),
        owner=owner,
        relative_path=row.path,
        path=output_path(owner, row.job, row.number, row.path),
        is_output=True,
    )


def _job(row: Row[Any]) -> JobRecord:
    document: Mapping[str, Any] = orjson.loads(row.document)
    owner = Owner(row.owner, row.email)
    return JobRecord(row.id, row.public_id, owner, row.name, document, _iso(row.created), row.submitted)


def _listed_job(row: Row[Any]) -> ListedJob:
    document: Mapping[str, Any] = orjson.loads(row.document)
    return ListedJob(
        number=row.id,
        id=row.public_id,
        owner=Owner(row.owner, row.email),
        name=row.name,
        analyses=tuple(each["analysis"]["code"] for each in document["jobanalyses"]),
        files=frozenset(each.id for each in used_files(document)),
        created=_iso(row.created),
    )


def _run(row: Row[Any]) -> RunRecord:
    return RunRecord(
        row=row.id,
        number=row.number,
        uuid=row.node_uuid,
        state=row.state,
        started=iso(row.started),
        ended=iso(row.ended),
        output_count=row.output_count or 0,
        output_bytes=row.output_bytes,
        reason=row.reason,
        message=row.message,
    )
