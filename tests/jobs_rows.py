"""A folder of an engine that never runs, with files, jobs and runs of accounts, as an engine would have left them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from aiida_like_engine.server_db.tables import ACCOUNTS, EVENTS, FILES, JOBS, OUTPUTS, RUNS
from restapi.dialects.jobs.job_document import JOB
from tests.conftest import Golden
from tests.jobs_catalogue import CATALOGUE
from tests.people import People, make_people

ARCHIVE, LOG, LARGE = b"PK\x05\x06" + bytes(18), "line 1\nline 2, ü\nlast".encode(), bytes(range(256)) * 1000
"""Contents of an uploaded archive and of output files."""


def at(second: float) -> int:
    """Microseconds of a moment of 2014-11-12, 22:20 and so many seconds."""
    return int(datetime(2014, 11, 12, 22, 20, tzinfo=timezone.utc).timestamp()) * 10**6 + round(second * 10**6)


def iso(second: float) -> str:
    moment = datetime.fromtimestamp(at(second) / 10**6, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Rows:
    """Puts rows into `server.sqlite`, and contents into the store."""

    people: People
    connection: Connection

    def account(self, name: str) -> int:
        accounts = ACCOUNTS
        return int(self.connection.execute(select(accounts.c.id).where(accounts.c.name == name)).scalar_one())

    def file(self, public_id: str, owner: str, name: str, content: bytes = ARCHIVE, **values: Any) -> None:
        stored = {
            "public_id": public_id,
            "account_id": self.account(owner),
            "name": name,
            "uploaded": at(9.596996),
            "node_uuid": "06feda72-6b3d-4f24-86e2-cd56722d1a42",
            **self.content(content),
            **values,
        }
        self.connection.execute(insert(FILES).values(**stored))

    def job(self, public_id: str, owner: str, document: dict[str, Any], **values: Any) -> int:
        """The row of a job."""
        stored = JOB.of(document)
        made = self.connection.execute(
            insert(JOBS).values(
                public_id=public_id,
                account_id=self.account(owner),
                name=stored["name"],
                document=json.dumps(stored),
                **{"created": at(600), **values},
            )
        )
        return int(made.inserted_primary_key[0])

    def run(self, job: int, events: dict[str, float | tuple[float, str]], **values: Any) -> int:
        """The row of a run; `events` are seconds of events, with the reasons of some."""
        stored = {"job_id": job, "number": 1, "uuid": f"run-{job}", "request": "{}", "cores": 1, **values}
        made = self.connection.execute(insert(RUNS).values(**stored))
        run = int(made.inserted_primary_key[0])
        for name, told in events.items():
            second, reason = told if isinstance(told, tuple) else (told, None)
            self.connection.execute(insert(EVENTS).values(run_id=run, name=name, at=at(second), reason=reason))
        return run

    def output(self, public_id: str, run: int, position: int, path: str, content: bytes) -> None:
        self.connection.execute(
            insert(OUTPUTS).values(
                run_id=run, public_id=public_id, position=position, path=path, **self.content(content)
            )
        )

    def content(self, content: bytes) -> dict[str, Any]:
        """Stores a content; the columns that tell of it."""
        key = hashlib.sha256(content).hexdigest()
        path = self.people.root.store / "container" / "loose" / key[:2] / key[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {
            "size": len(content),
            "md5": hashlib.md5(content).hexdigest(),
            "sha512": hashlib.sha512(content).hexdigest(),
            "object_key": key,
        }


BASIC_JOB: dict[str, Any] = {
    "name": "Basic Job",
    "jobanalyses": [
        {
            "useMpi": False,
            "command": "./airFoil2D/Allrun",
            "analysis": {"code": "openfoam", "version": "2.3.0-openmpi"},
            "hardware": {"coresPerSlot": 1, "slots": 1, "coreType": "standard-plus"},
            "inputFiles": [{"id": "XkpTse"}],
        }
    ],
}
"""The job of the examples."""


def make_jobs(path: Path, golden: Golden) -> People:
    """A folder where ada has a draft, a job that runs and one that was stopped; bob a file and a draft."""
    people = make_people(path, golden)
    people.root.analyses.write_text(CATALOGUE)
    people.root.settings.write_text("[limits]\ncores = 4\n")
    with people.writing() as connection:
        rows = Rows(people, connection)
        rows.file("XkpTse", "ada", "airfoil2d.zip")
        rows.file("gone01", "ada", "gone.txt", deleted=at(20))
        rows.file("Script", "ada", "Script_100%.sh", b"echo")
        rows.file("BobsFi", "bob", "airfoil2d.zip")
        rows.job("QTVia0", "ada", BASIC_JOB)
        named = {**BASIC_JOB, "name": "Of bob"}
        rows.job("BobsJo", "bob", named)
        running = rows.job("Runnin", "ada", {**BASIC_JOB, "name": "Running"}, submitted=at(700))
        rows.run(
            running,
            {"pending": 700, "queued": 701.0731, "started": 702, "validated": 702.5, "executing": 703.804},
            state="running",
            started=at(703.804),
            folder=str(people.root.work / "running" / "work"),
        )
        stopped = rows.job("Stoppe", "ada", {**BASIC_JOB, "name": "Stopped"}, submitted=at(800))
        run = rows.run(
            stopped,
            {
                "pending": 800,
                "queued": 801,
                "started": 802,
                "validated": 802,
                "executing": 802,
                "stopping": 803,
                "completed": (804, "stopped"),
            },
            state="ended",
            started=at(802),
            ended=at(804),
            reason="stopped",
            output_count=2,
            output_bytes=len(LOG) + len(LARGE),
            sealed=True,
        )
        rows.output("Log000", run, 0, "process_output.log", LOG)
        rows.output("Large0", run, 1, "results/large ü.dat", LARGE)
    work = people.root.work / "running" / "work"
    (work / "deep").mkdir(parents=True)
    (work / "process_output.log").write_bytes(LOG)
    (work / "deep" / "a b.txt").write_text("x\n" * 100_000)
    (work / "passwd").symlink_to("/etc/passwd")
    (work / "up").symlink_to(people.root.path)
    return people
