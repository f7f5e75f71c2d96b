"""A job as it is stored -> the request for a run, in which the engine knows nothing of this dialect."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from aiida_like_engine.protocol import RunRequest, Step, StepInput
from aiida_like_engine.root.catalogue import Catalogue
from restapi.dialects.jobs.checks import Problems
from restapi.dialects.jobs.job_document import used_files

_HOUR = 3600


def run_request(document: Mapping[str, Any], catalogue: Catalogue, names: Mapping[str, str]) -> RunRequest:
    """The request for a run of a job that is fitted to the catalogue. `names` are those of its files, by their ids."""
    description = document.get("description")
    return RunRequest(
        label=document["name"],
        description=description if isinstance(description, str) else "",
        steps=tuple(_step(each, catalogue, names) for each in document["jobanalyses"]),
    )


def _step(job_analysis: Mapping[str, Any], catalogue: Catalogue, names: Mapping[str, str]) -> Step:
    analysis, hardware = job_analysis["analysis"], job_analysis["hardware"]
    hours = hardware["walltime"]
    return Step(
        analysis=analysis["code"],
        version=catalogue.version(analysis["code"], analysis["version"]).code,
        command=job_analysis["command"],
        pre=_script_command(job_analysis, "preProcessScript", names),
        post=_script_command(job_analysis, "postProcessScript", names),
        environment=job_analysis["envVars"] or {},
        cores=hardware["coresPerSlot"],
        wall_seconds=None if hours is None else max(1, math.ceil(hours * _HOUR)),
        inputs=tuple(_inputs(job_analysis, names)),
    )


def _script_command(job_analysis: Mapping[str, Any], key: str, names: Mapping[str, str]) -> str | None:
    """The command before or after the analysis: a script alone is run by a shell. None: there is nothing to run."""
    command = job_analysis[f"{key}Command"].strip()
    if command:
        return str(command)
    script = job_analysis[key]
    return None if script is None else f"bash {shlex.quote('./' + names[script['id']])}"


def _inputs(job_analysis: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[StepInput]:
    """The files of an analysis, each once. Scripts are never unpacked."""
    unpacked = {each["id"]: each["decompress"] for each in job_analysis["inputFiles"]}
    for key in ("preProcessScript", "postProcessScript"):
        if job_analysis[key] is not None:
            unpacked.setdefault(job_analysis[key]["id"], False)
    for file, unpack in unpacked.items():
        yield StepInput(file, names[file], unpack)


def clashes(document: Mapping[str, Any], names: Mapping[str, str]) -> Problems:
    """Problems of a job two files of which would have the same name in the folder that it runs in."""
    problems: list[dict[str, Any]] = [{} for _ in document["jobanalyses"]]
    owners: dict[str, str] = {}
    for used in used_files(document):
        name = names.get(used.id)
        if name is not None and owners.setdefault(name, used.id) != used.id:
            message = f"Another file of this job is called {name}, too: rename one of them."
            problems[used.analysis].setdefault(used.key, [message])
    return {"jobanalyses": problems} if any(problems) else {}


_OF_STEPS: Mapping[str, tuple[str, ...]] = {
    "analysis": ("analysis", "code"),
    "version": ("analysis", "version"),
    "command": ("command",),
    "pre": ("preProcessScriptCommand",),
    "post": ("postProcessScriptCommand",),
    "environment": ("envVars",),
    "cores": ("hardware", "coresPerSlot"),
    "wall_seconds": ("hardware", "walltime"),
    "inputs": ("inputFiles",),
}
"""Where the parts of a step come from in a job."""


def in_words_of_jobs(field: str, message: str, steps: int) -> Problems | None:
    """Problems of a job, for what the engine refuses of a request with so many steps. None: it is of no part of a job.

    `field` is such as `steps.0.cores`.
    """
    match field.split("."):
        case ["label"]:
            return {"name": [message]}
        case ["steps"]:
            return {"jobanalyses": [message]}
        case ["steps", number, part, *_] if part in _OF_STEPS and number.isdecimal() and int(number) < steps:
            problems: dict[str, Any] | list[str] = [message]
            for key in reversed(_OF_STEPS[part]):
                problems = {key: problems}
            return {"jobanalyses": [problems if each == int(number) else {} for each in range(steps)]}
    return None
