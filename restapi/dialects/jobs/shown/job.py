"""A job on its own page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select

from aiida_like_engine.server_db.tables import ACCOUNTS, FILES, JOBS, RUNS
from restapi.dialects.inner import Inner
from restapi.dialects.jobs.asked import Asked
from restapi.dialects.jobs.reading import API, Reader
from restapi.dialects.jobs.shown.listing import RUN_COLUMNS, program_of, status_of, time_of, with_runs
from restapi.dialects.run_pages import Action, Happened, Phase, Repeat, RunFile, RunLog, ShownRun
from restapi.layout import Panel
from restapi.layout.quantities import duration, size

PREFIX = "/api/v2"

_OUTPUTS = 100
"""Outputs that a page lists."""

_NO_OUTPUTS: dict[str, Any] = {"results": [], "count": 0}

_LOG = "process_output.log"


def shown(asked: Asked, inner: Inner, public_id: str) -> ShownRun | None:
    """The job; None: the account sees none of this id.

    Raises:
        ApiRefused, RootError
    """
    with asked.reading() as reader:
        row = _row(reader, public_id)
        if row is None:
            return None
    path = f"{PREFIX}/jobs/{public_id}/"
    job = inner.get(path)
    has_run = row.run is not None
    statuses = inner.get(f"{path}statuses/", "page_size=100")["results"] if has_run else []
    has_ended = row.state == "ended"
    outputs: dict[str, Any] = inner.get(f"{path}files/", f"page_size={_OUTPUTS}") if has_ended else _NO_OUTPUTS
    phase = Phase(row.phase)
    return ShownRun(
        id=public_id,
        label=row.name,
        owner=row.owner,
        program=program_of(job, asked.catalogue),
        phase=phase,
        status=status_of(row),
        created=time_of(row.created),
        started=None if row.started is None else time_of(row.started),
        ended=None if row.ended is None else time_of(row.ended),
        message=(row.message or "") if phase is Phase.FAILED else "",
        node=row.node_uuid,
        facts=list(_facts(row)),
        happened=[_happened(each) for each in reversed(statuses)],
        log=RunLog(f"{path}runs/{row.number}/tail/{_LOG}", _LOG) if has_run else None,
        panel=Panel("job_steps.html", {"steps": [_step(each) for each in job["jobanalyses"]]}),
        inputs=_inputs(asked, job),
        outputs=[_output(each) for each in outputs["results"]],
        outputs_total=outputs["count"],
        actions=list(_actions(path, phase, may_be_edited=len(job["jobanalyses"]) == 1)),
        repeat=Repeat(f"{PREFIX}/jobs/", document_to_repeat(job), f"{PREFIX}/jobs/ID/submit/"),
        may_be_edited=phase is Phase.DRAFT and len(job["jobanalyses"]) == 1,
    )


def of_node(asked: Asked, row: Mapping[str, Any]) -> str | None:
    """The id of the job that has run as a node; None: there is none such, or it is not for the account.

    Raises:
        RootError
    """
    run = (row["attributes"] or {}).get("run")
    if not isinstance(run, str):
        return None
    with asked.reading() as reader:
        wanted = [RUNS.c.uuid == run, RUNS.c.node_uuid == row["uuid"], *_seen(reader)]
        found = select(JOBS.c.public_id).join(RUNS, RUNS.c.job_id == JOBS.c.id).where(*wanted)
        return reader.connection.execute(found).scalar_one_or_none()


def _seen(reader: Reader) -> Sequence[ColumnElement[bool]]:
    """The conditions of jobs that there are for the account."""
    own = [] if reader.account is None else [JOBS.c.account_id == reader.account]
    return [JOBS.c.deleted.is_(None), JOBS.c.api == API, *own]


def _row(reader: Reader, public_id: str) -> Row[Any] | None:
    columns = (
        *(JOBS.c.name, JOBS.c.created, JOBS.c.phase, ACCOUNTS.c.name.label("owner"), *RUN_COLUMNS),
        *(RUNS.c.number, RUNS.c.node_uuid, RUNS.c.message, RUNS.c.exit_status, RUNS.c.cores),
        *(RUNS.c.cpu_seconds, RUNS.c.peak_bytes, RUNS.c.output_bytes),
    )
    return reader.connection.execute(
        with_runs(*columns).where(JOBS.c.public_id == public_id, *_seen(reader))
    ).one_or_none()


def _facts(row: Row[Any]) -> Iterator[tuple[str, str]]:
    if row.cores is not None:
        yield "Cores", str(row.cores)
    if row.cpu_seconds is not None:
        yield "Processor time", duration(row.cpu_seconds)
    if row.peak_bytes is not None:
        yield "Memory of its largest process", size(row.peak_bytes)
    if row.exit_status is not None:
        yield "Exit status of the node", str(row.exit_status)


def _happened(status: Mapping[str, Any]) -> Happened:
    at = datetime.fromisoformat(status["statusDate"].replace("Z", "+00:00"))
    return Happened(status["status"], at, status["statusReason"])


def _step(analysis: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a template shows of an analysis of a job."""
    hardware = analysis["hardware"]
    hours = hardware["walltime"]
    commands = [
        (word, analysis[key])
        for word, key in (
            ("Before it", "preProcessScriptCommand"),
            ("Command", "command"),
            ("After it", "postProcessScriptCommand"),
        )
        if analysis[key]
    ]
    return {
        "program": analysis["analysis"]["name"],
        "version": analysis["analysis"]["versionName"],
        "cores": hardware["coresPerSlot"],
        "core_type": hardware["coreType"],
        "limit": None if hours is None else duration(hours * 3600),
        "commands": commands,
        "environment": analysis["envVars"] or {},
    }


def _inputs(asked: Asked, job: Mapping[str, Any]) -> Sequence[RunFile]:
    given = {each["id"]: each for analysis in job["jobanalyses"] for each in _files_of(analysis)}
    with asked.reading() as reader:
        known = reader.named_files(given)
        wanted = FILES.c.public_id.in_(list(known)[:_OUTPUTS])
        rows = reader.connection.execute(select(FILES.c.public_id, FILES.c.node_uuid).where(wanted))
        nodes = {row.public_id: row.node_uuid for row in rows}
    return [_input(each, nodes.get(public_id)) for public_id, each in given.items()]


def _files_of(analysis: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    scripts = (analysis[key] for key in ("preProcessScript", "postProcessScript"))
    return [*analysis["inputFiles"], *(each for each in scripts if each is not None)]


def _input(file: Mapping[str, Any], node: str | None) -> RunFile:
    if "name" not in file:
        return RunFile(file["id"], note="is not there any more")
    if file["isDeleted"]:
        page = None if node is None else f"/nodes/{node}"
        return RunFile(file["name"], file["decryptedSize"], page=page, note="deleted")
    return RunFile(
        file["name"],
        file["decryptedSize"],
        f"{PREFIX}/files/{file['id']}/contents/",
        None if node is None else f"/nodes/{node}",
        note="" if file.get("decompress", True) else "is not unpacked",
    )


def _output(file: Mapping[str, Any]) -> RunFile:
    return RunFile(file["relativePath"], file["decryptedSize"], f"{PREFIX}/files/{file['id']}/contents/")


def _actions(path: str, phase: Phase, *, may_be_edited: bool) -> Iterator[Action]:
    if phase.is_active:
        question = "Stop it now? What it has written so far is kept."
        yield Action("stop", "Stop", "POST", f"{path}stop/", question)
    if phase is Phase.DRAFT and not may_be_edited:
        yield Action("start", "Start", "POST", f"{path}submit/")
    if phase is not Phase.DRAFT:
        yield Action("clone", "Clone", "POST", f"{path}clone/", leads_on=True)
    if not phase.is_active:
        kept = "It was not started, so nothing of it is kept."
        question = kept if phase is Phase.DRAFT else "It leaves this list. The graph keeps what was run."
        yield Action("remove", "Remove", "DELETE", path, f"Remove it? {question}", removes=True)


def document_to_repeat(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """What has to be sent to the API to run the same, without what is as it would be anyhow."""
    return {"name": job["name"], "jobanalyses": [_analysis_to_repeat(each) for each in job["jobanalyses"]]}


def _analysis_to_repeat(analysis: Mapping[str, Any]) -> Mapping[str, Any]:
    hardware = analysis["hardware"]
    kept = {key: hardware[key] for key in ("coreType", "coresPerSlot", "walltime") if hardware[key] is not None}
    found: dict[str, Any] = {
        "analysis": {key: analysis["analysis"][key] for key in ("code", "version")},
        "command": analysis["command"],
        "hardware": kept,
        "inputFiles": [_file_to_repeat(each) for each in analysis["inputFiles"]],
    }
    for key in ("envVars", "preProcessScriptCommand", "postProcessScriptCommand"):
        if analysis[key]:
            found[key] = analysis[key]
    for key in ("preProcessScript", "postProcessScript"):
        if analysis[key]:
            found[key] = {"id": analysis[key]["id"]}
    return found


def _file_to_repeat(file: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"id": file["id"]} if file.get("decompress", True) else {"id": file["id"], "decompress": False}
