"""The document of a job, as clients send it: its fields, what is stored where nothing is sent, and what it must fit.

    JSON -> checked by the table of fields -> fitted to what is offered here -> stored

Keys that no table names are stored and given back; so are designs of experiments, templates and optimizers, which are
not run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from aiida_like_engine.errors import Invalid as NoSuchVersion
from aiida_like_engine.root.catalogue import Analysis, Catalogue, Version
from restapi.dialects.jobs.checks import (
    Anything,
    Array,
    Boolean,
    Field,
    Integer,
    Invalid,
    Number,
    Problems,
    Record,
    Text,
    Texts,
)

NAME = Text(255)

_COMMAND = Text(65_536)
_MOST_HOURS = 24.0 * 366

FILE_KEYS = frozenset(
    {
        *("typeId", "name", "dateUploaded", "relativePath", "encodedEncryptionKey", "sharedWith", "decryptedSize"),
        *("owner", "path", "isUploaded", "viewInBrowser", "md5", "downloadUrl", "isDeleted", "fileChecksums"),
    }
)
"""What a file is shown with: clients send back what they were shown, and only its id says something."""

FILE = Record({"id": Field(Text(64))}, FILE_KEYS)

INPUT_FILE = Record({**FILE.fields, "decompress": Field(Boolean(), default=True)}, FILE_KEYS)

ANALYSIS = Record(
    {"code": Field(Text(100)), "version": Field(Text(100), default=None, may_be_null=True)},
    frozenset({"name", "versionName"}),
)

HARDWARE = Record(
    {
        "coreType": Field(Text(100)),
        "coresPerSlot": Field(Integer(least=1)),
        "slots": Field(Integer(least=1), default=1),
        "walltime": Field(Number(most=_MOST_HOURS), default=None, may_be_null=True),
    },
    frozenset({"coreSummary"}),
)

JOB_ANALYSIS = Record(
    {
        "analysis": Field(ANALYSIS),
        "command": Field(_COMMAND),
        "hardware": Field(HARDWARE),
        "inputFiles": Field(Array(INPUT_FILE, most=1000), default=()),
        "envVars": Field(
            Texts(
                re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}").fullmatch,
                "a letter or _, then letters, digits and _",
                most=500,
                value=Text(65_536, may_be_blank=True),
            ),
            default=None,
            may_be_null=True,
        ),
        "useMpi": Field(Boolean(), default=False),
        "flags": Field(Record({}), default={}),
        "preProcessScript": Field(FILE, default=None, may_be_null=True),
        "preProcessScriptCommand": Field(Text(65_536, may_be_blank=True), default=""),
        "postProcessScript": Field(FILE, default=None, may_be_null=True),
        "postProcessScriptCommand": Field(Text(65_536, may_be_blank=True), default=""),
        "useRescaleLicense": Field(Boolean(), default=False),
        "templateTasks": Field(Anything(), default=(), may_be_null=True),
    }
)


def _resource_filter(name: str) -> dict[str, Any]:
    return {"caseSensitive": False, "include": True, "filterType": name, "selector": name}


NOT_RUN: Mapping[str, Any] = {
    "monteCarloIterations": None,
    "paramFile": None,
    "includeNominalRun": False,
    "resourceFilters": tuple(
        _resource_filter(name) for name in ("Analysis generated files", "Completed templates", "Input files")
    ),
    "jobvariables": (),
    "isTemplateDryRun": False,
    "remoteVizConfig": None,
    "caseFile": None,
    "isLowPriority": False,
    "optimizer": None,
    "expectedRuns": None,
    "archiveFilters": (),
}
"""Fields that are stored and given back, and decide nothing, with their defaults."""

JOB = Record(
    {
        "name": Field(NAME),
        "jobanalyses": Field(Array(JOB_ANALYSIS, most=50, may_be_empty=False)),
        **{name: Field(Anything(), default, may_be_null=True) for name, default in NOT_RUN.items()},
    },
    frozenset({"id", "owner"}),
)


class UsedFile(NamedTuple):
    """A file that an analysis names: under which key, and if a list is there, at which position."""

    analysis: int
    key: str
    position: int | None
    id: str


def used_files(document: Mapping[str, Any]) -> Iterator[UsedFile]:
    """The files that a document names, which may lack what could not be read of it."""
    for number, each in enumerate(document.get("jobanalyses") or ()):
        for position, given in enumerate(_part(each, "inputFiles")):
            if _part(given, "id"):
                yield UsedFile(number, "inputFiles", position, given["id"])
        for key in ("preProcessScript", "postProcessScript"):
            script = _part(each, key)
            if _part(script, "id"):
                yield UsedFile(number, key, None, script["id"])


def _part(value: Mapping[str, Any] | None, key: str) -> Any:
    """What an object has under a key; where there is none, an empty text."""
    return (value or {}).get(key) or ""


def fitted(document: Mapping[str, Any], catalogue: Catalogue, known: Collection[str]) -> dict[str, Any]:
    """The document with the newest version of each analysis that names none. `known` are ids of the caller's files.

    Raises:
        Invalid: it asks for what is not offered, or names files that there are not; all of it is told.
    """
    problems = misfits(document, catalogue, known)
    if problems:
        raise Invalid(problems)
    return {**document, "jobanalyses": [_with_version(each, catalogue) for each in document["jobanalyses"]]}


def _with_version(job_analysis: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    analysis = job_analysis["analysis"]
    version = analysis["version"] or catalogue.analyses[analysis["code"]].version(None).code
    return {**job_analysis, "analysis": {**analysis, "version": version}}


def misfits(document: Mapping[str, Any], catalogue: Catalogue, known: Collection[str]) -> Problems:
    """What is asked for that is not offered, and files that there are not, by a document which may lack what could not
    be read of it. `known` are ids of the caller's files.
    """
    analyses = document.get("jobanalyses") or ()
    problems = [_misfits_of(each, catalogue) for each in analyses]
    for used in used_files(document):
        if used.id not in known:
            _add_unknown(problems[used.analysis], analyses[used.analysis], used)
    return {"jobanalyses": problems} if any(problems) else {}


def _add_unknown(problems: dict[str, Any], job_analysis: Mapping[str, Any], used: UsedFile) -> None:
    unknown = {"id": [f'Invalid pk "{used.id}" - object does not exist.']}
    if used.position is None:
        problems[used.key] = unknown
    else:
        problems.setdefault(used.key, [{} for _ in job_analysis[used.key]])[used.position] = unknown


def _misfits_of(job_analysis: Mapping[str, Any] | None, catalogue: Catalogue) -> dict[str, Any]:
    version, of_analysis = _offered(_part(job_analysis, "analysis"), catalogue)
    of_hardware = _misfits_of_hardware(_part(job_analysis, "hardware"), version, catalogue)
    problems = {"analysis": of_analysis, "hardware": of_hardware}
    return {key: found for key, found in problems.items() if found}


def _offered(analysis: Mapping[str, Any] | None, catalogue: Catalogue) -> tuple[Version | None, dict[str, Any]]:
    """The version that is meant, if there is one, or what is wrong."""
    code, text = _part(analysis, "code"), _part(analysis, "version") or None
    if not code:
        return None, {}
    if code not in catalogue.analyses:
        return None, {"code": [_no_choice(code, catalogue.analyses)]}
    version = version_of(catalogue.analyses[code], text)
    problem = [_no_choice(str(text), catalogue.analyses[code].versions)]
    return version, {} if version is not None else {"version": problem}


def _misfits_of_hardware(
    hardware: Mapping[str, Any] | None, version: Version | None, catalogue: Catalogue
) -> dict[str, Any]:
    """Of what runs in a version; where none is known, in any."""
    allowed = (version.coretypes if version else ()) or tuple(catalogue.coretypes)
    given, cores = _part(hardware, "coreType"), _part(hardware, "coresPerSlot")
    problems: dict[str, Any] = {}
    if given and given not in allowed:
        problems["coreType"] = [_no_choice(given, allowed)]
    core_type = catalogue.coretypes.get(given)
    most = max(core_type.cores, default=1) if core_type else None
    if most and cores and cores > most:
        problems["coresPerSlot"] = [f"Ensure this value is less than or equal to {most}."]
    return problems


def version_of(analysis: Analysis, text: str | None) -> Version | None:
    """The version of that code or that name, the newest without one; None: there is none such."""
    try:
        return analysis.version(text)
    except NoSuchVersion:
        return None


def _no_choice(given: str, choices: Collection[str]) -> str:
    return f'"{given}" is not a valid choice. There are: {", ".join(choices) or "none"}.'
