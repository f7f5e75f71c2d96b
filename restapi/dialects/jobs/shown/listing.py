"""Jobs in the list of all runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from aiida_like_engine.root.catalogue import Catalogue
from aiida_like_engine.server_db.tables import ACCOUNTS, JOBS, RUNS
from restapi.dialects.jobs.asked import Asked
from restapi.dialects.jobs.reading import API
from restapi.dialects.run_pages import ListedRun, Phase, RunList, Wanted

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_STATES: Mapping[str, str] = {
    "submitting": "submitted",
    "created": "waits for room",
    "queued": "is prepared",
    "running": "running",
    "stopping": "is stopped",
}

_REASONS: Mapping[str, str] = {
    "done": "done",
    "failed": "failed",
    "stopped": "stopped",
    "walltime": "out of time",
    "signal": "killed by a signal",
    "no_room": "disk full",
    "lost": "lost",
    "engine": "engine failed",
}


def listed(asked: Asked, wanted: Wanted) -> RunList:
    """The jobs that the account may see. Raises RootError."""
    with asked.reading() as reader:
        some = [JOBS.c.deleted.is_(None), JOBS.c.api == API, *_holds(wanted.text)]
        if reader.account is not None:
            some.append(JOBS.c.account_id == reader.account)
        # Account by account, in the order of an index: nothing is sorted.
        grouped = (JOBS.c.account_id, JOBS.c.phase)
        numbers = (
            select(JOBS.c.phase, func.count()).join(ACCOUNTS) if wanted.text else select(JOBS.c.phase, func.count())
        )
        counts: Counter[Phase] = Counter()
        for phase, number in reader.connection.execute(numbers.where(*some).group_by(*grouped)):
            counts[Phase(phase)] += number
        statement = with_runs(JOBS, ACCOUNTS.c.name.label("owner"), *RUN_COLUMNS)
        if wanted.phase is not None:
            some.append(JOBS.c.phase == wanted.phase.value)
        if wanted.before is not None:
            some.append(_is_before(*wanted.before))
        # Rows are numbered in the order in which they are made, so that none has to be sorted. One is read after the
        # other: a document can be large.
        rows = reader.connection.execute(statement.where(*some).order_by(JOBS.c.id.desc()).limit(wanted.most))
        return RunList(counts, [_listed(row, asked.catalogue) for row in rows])


RUN_COLUMNS: tuple[Any, ...] = (
    RUNS.c.id.label("run"),
    RUNS.c.state,
    RUNS.c.reason,
    RUNS.c.started,
    RUNS.c.ended,
)


def with_runs(*columns: Any) -> Select[Any]:
    """A row for each job, with its account and, if there is one, its newest run."""
    runs = RUNS.alias()
    newest = select(func.max(runs.c.number)).where(runs.c.job_id == JOBS.c.id).correlate(JOBS).scalar_subquery()
    return (
        select(*columns)
        .select_from(JOBS)
        .join(ACCOUNTS, JOBS.c.account_id == ACCOUNTS.c.id)
        .join(RUNS, and_(RUNS.c.job_id == JOBS.c.id, RUNS.c.number == newest), isouter=True)
    )


def status_of(row: Row[Any]) -> str:
    """What a job does, or why it has ended, in a word or two."""
    if row.state is None:
        return "draft"
    return _REASONS.get(row.reason, "failed") if row.state == "ended" else _STATES[row.state]


def time_of(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def program_of(document: Mapping[str, Any], catalogue: Catalogue) -> str:
    """The analyses of a job, by their names."""
    codes = dict.fromkeys(each["analysis"]["code"] for each in document["jobanalyses"])
    known = catalogue.analyses
    return ", ".join(known[code].name or code if code in known else code for code in codes)


def _holds(text: str) -> list[ColumnElement[bool]]:
    if not text:
        return []
    named = (column.icontains(text, autoescape=True) for column in (JOBS.c.name, ACCOUNTS.c.name))
    return [or_(*named, JOBS.c.public_id == text)]


def _is_before(created: int, public_id: str) -> ColumnElement[bool]:
    return or_(JOBS.c.created < created, and_(JOBS.c.created == created, JOBS.c.public_id < public_id))


def _listed(row: Row[Any], catalogue: Catalogue) -> ListedRun:
    return ListedRun(
        id=row.public_id,
        label=row.name,
        owner=row.owner,
        program=program_of(orjson.loads(row.document), catalogue),
        phase=Phase(row.phase),
        status=status_of(row),
        created=row.created,
        started=None if row.started is None else time_of(row.started),
        ended=None if row.ended is None else time_of(row.ended),
    )
