"""The document of a job, as clients send it: its fields, what is stored where nothing is sent, and what it must fit.

    JSON -> checked by the table of fields -> fitted to what is offered here -> stored

Keys that no table names are stored and given back; so are designs of experiments, templates and optimizers, which are
not run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from aiida_like_engine.catalogue import Analysis, Catalogue, Version
from aiida_like_engine.errors import Invalid as NoSuchVersion
from restapi.dialects.jobs.checks import (
    Anything,
    Array,
    Boolean,
    Field,
    Integer,
    Invalid,
    Number,
    Record,
    Text,
    Texts,
    tried,
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
    for number, each in enumerate(document["jobanalyses"]):
        for position, given in enumerate(each["inputFiles"]):
            yield UsedFile(number, "inputFiles", position, given["id"])
        for key in ("preProcessScript", "postProcessScript"):
            if each[key] is not None:
                yield UsedFile(number, key, None, each[key]["id"])


def fitted(document: Mapping[str, Any], catalogue: Catalogue, known: Collection[str]) -> dict[str, Any]:
    """The document with the newest version of each analysis that names none. `known` are ids of the caller's files.

    Raises:
        Invalid: it asks for what is not offered, or names files that there are not.
    """
    found = [tried(partial(_fitted_analysis, catalogue), each) for each in document["jobanalyses"]]
    problems: list[dict[str, Any]] = [dict(each.problems) for each in found]
    for used in used_files(document):
        if used.id not in known:
            _add_unknown(problems[used.analysis], document["jobanalyses"][used.analysis], used)
    if any(problems):
        raise Invalid({"jobanalyses": problems})
    return {**document, "jobanalyses": [each.value for each in found]}


def _add_unknown(problems: dict[str, Any], job_analysis: Mapping[str, Any], used: UsedFile) -> None:
    unknown = {"id": [f'Invalid pk "{used.id}" - object does not exist.']}
    if used.position is None:
        problems[used.key] = unknown
    else:
        problems.setdefault(used.key, [{} for _ in job_analysis[used.key]])[used.position] = unknown


def _fitted_analysis(catalogue: Catalogue, job_analysis: Mapping[str, Any]) -> dict[str, Any]:
    analysis, hardware = job_analysis["analysis"], job_analysis["hardware"]
    offered = catalogue.analyses.get(analysis["code"])
    if offered is None:
        raise Invalid({"analysis": {"code": [_no_choice(analysis["code"], catalogue.analyses)]}})
    version = version_of(offered, analysis["version"])
    if version is None:
        raise Invalid({"analysis": {"version": [_no_choice(analysis["version"], offered.versions)]}})
    allowed = version.coretypes or tuple(catalogue.coretypes)
    core_type = catalogue.coretypes.get(hardware["coreType"])
    if core_type is None or core_type.code not in allowed:
        raise Invalid({"hardware": {"coreType": [_no_choice(hardware["coreType"], allowed)]}})
    most = max(core_type.cores, default=1)
    if hardware["coresPerSlot"] > most:
        raise Invalid({"hardware": {"coresPerSlot": [f"Ensure this value is less than or equal to {most}."]}})
    return {**job_analysis, "analysis": {**analysis, "version": analysis["version"] or version.code}}


def version_of(analysis: Analysis, text: str | None) -> Version | None:
    """The version of that code or that name, the newest without one; None: there is none such."""
    try:
        return analysis.version(text)
    except NoSuchVersion:
        return None


def _no_choice(given: str, choices: Collection[str]) -> str:
    return f'"{given}" is not a valid choice. There are: {", ".join(choices) or "none"}.'
