"""The form of a job: what it shows, and what is made of what it sends.

fields of a form -> the document of a job -> the API -> the job, or problems beside the fields
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from restapi.dialects.inner import Inner, Told
from restapi.dialects.jobs.asked import Asked
from restapi.dialects.jobs.records import FileRecord
from restapi.dialects.run_pages import Fields, Filled, Form, FormFile, Sent
from restapi.layout import Panel

_JOBS = "/api/v2/jobs/"

_RECENT = 20
"""Uploaded files that are offered."""

_MOST_FILES = 1000

DocumentPath = tuple[str | int, ...]
"""Where in a document something is wrong: keys, and positions in lists."""

_STEP: DocumentPath = ("jobanalyses", 0)

_OF_NO_FIELD = frozenset({"detail", "non_field_errors", "code", "version", "id"})
"""Keys that say no more than the field does."""

_FIELDS: Mapping[DocumentPath, str] = {
    ("name",): "name",
    (*_STEP, "analysis"): "analysis",
    (*_STEP, "command"): "command",
    (*_STEP, "hardware", "coreType"): "core_type",
    (*_STEP, "hardware", "coresPerSlot"): "cores",
    (*_STEP, "hardware", "walltime"): "wall_time",
    (*_STEP, "envVars"): "environment",
    (*_STEP, "inputFiles"): "file",
}
"""Fields of the form, by where the API says that something is wrong."""


class _Wrong(Exception):
    """What a field holds is no part of a document."""

    def __init__(self, field: str, problems: Sequence[str]) -> None:
        self.field, self.problems = field, problems
        super().__init__(field)


@dataclass(frozen=True)
class Choice:
    """A version of an analysis. `hint` is what its commands look like."""

    value: str
    name: str
    hint: str
    core_types: str


def shown(asked: Asked, inner: Inner, run: str | None, filled: Filled) -> Form:
    """The form, of a job that was not started, or of a new one. Raises ApiRefused, RootError."""
    analyses = inner.get("/api/v2/analyses/", "page_size=1000")["results"]
    core_types = inner.get("/api/v2/coretypes/", "page_size=1000")["results"]
    recent = inner.get("/api/v2/files/", f"page_size={_RECENT}")["results"]
    fields = filled.fields
    if run is not None and "name" not in fields:
        stored = _fields_of(inner.get(f"{_JOBS}{run}/"))
        # What was uploaded meanwhile comes with the URL.
        fields = {**stored, **fields, "file": [*stored["file"], *fields.get("file", ())]}
    chosen = _chosen(asked, fields.get("file", ()))
    values = {
        "groups": [(each["name"], each["description"], _choices(each)) for each in analyses],
        "core_types": [each for each in core_types if not each["isDeprecated"]],
        "given": {name: sent[-1] for name, sent in fields.items() if sent},
        "problems": filled.problems,
    }
    files = [FormFile(each.id, each.name, each.size) for each in chosen]
    taken = {each.id for each in files}
    offered = [FormFile(each["id"], each["name"], each["decryptedSize"]) for each in recent if each["id"] not in taken]
    return Form(Panel("job_form.html", values), files, offered, "Archives (zip, tar, tar.gz, tgz) are unpacked.")


def _choices(analysis: Mapping[str, Any]) -> Sequence[Choice]:
    return [
        Choice(
            _value(analysis["code"], each["versionCode"]),
            f"{analysis['name']} {each['version']}",
            each["stdCommand"],
            " ".join(each["allowedCoreTypes"]),
        )
        for each in analysis["versions"]
    ]


def _value(code: str, version: str) -> str:
    return f"{code} {version}"


def _chosen(asked: Asked, ids: Sequence[str]) -> Sequence[FileRecord]:
    """The files of these ids that there are, in this order."""
    with asked.reading() as reader:
        known = reader.named_files(ids[:_MOST_FILES])
    return [known[each] for each in dict.fromkeys(ids) if each in known and not known[each].is_deleted]


def _fields_of(job: Mapping[str, Any]) -> Fields:
    """What the form holds of a job with one analysis."""
    analysis = job["jobanalyses"][0]
    hardware = analysis["hardware"]
    hours = hardware["walltime"]
    return {
        "name": [job["name"]],
        "analysis": [_value(analysis["analysis"]["code"], analysis["analysis"]["version"])],
        "command": [analysis["command"]],
        "core_type": [hardware["coreType"]],
        "cores": [str(hardware["coresPerSlot"])],
        "wall_time": ["" if hours is None else f"{hours:g}"],
        "environment": ["\n".join(f"{name}={value}" for name, value in (analysis["envVars"] or {}).items())],
        "file": [each["id"] for each in analysis["inputFiles"]],
    }


def send(inner: Inner, run: str | None, fields: Fields) -> Sent:
    """Makes or changes a job of what a form holds, and submits it if it says so."""
    try:
        document = _document(inner, run, fields)
    except _Wrong as wrong:
        return Sent(run, Filled(fields, {wrong.field: wrong.problems}, HTTPStatus.BAD_REQUEST))
    stored = inner.send("POST", _JOBS, document) if run is None else inner.send("PATCH", f"{_JOBS}{run}/", document)
    if stored.is_refusal:
        return Sent(run, _refused(fields, stored))
    made = str(stored.value["id"])
    if "start" in fields.get("do", ()):
        started = inner.send("POST", f"{_JOBS}{made}/submit/")
        if started.is_refusal:
            return Sent(made, _refused(fields, started))
    return Sent(made)


def _refused(fields: Fields, told: Told) -> Filled:
    return Filled(fields, problems_by_field(told.value), told.status)


def _document(inner: Inner, run: str | None, fields: Fields) -> Mapping[str, Any]:
    """The document of a job; what the form does not show of one that is changed stays. Raises _Wrong, ApiRefused."""
    given = {name: values[-1] for name, values in fields.items() if values}
    stored: Mapping[str, Any] = {} if run is None else inner.get(f"{_JOBS}{run}/")["jobanalyses"][0]
    code, _, version = given.get("analysis", "").partition(" ")
    unpacked = {each["id"]: each["decompress"] for each in stored.get("inputFiles", ())}
    hardware = {
        **stored.get("hardware", {}),
        "coreType": given.get("core_type", ""),
        "coresPerSlot": given.get("cores", "").strip(),
        "walltime": given.get("wall_time", "").strip() or None,
    }
    analysis = {
        **stored,
        "analysis": {"code": code, "version": version or None},
        "command": _with_unix_lines(given.get("command", "")),
        "hardware": hardware,
        "envVars": _environment(_with_unix_lines(given.get("environment", ""))) or None,
        "inputFiles": [
            {"id": each, "decompress": unpacked.get(each, True)} for each in dict.fromkeys(fields.get("file", ()))
        ],
    }
    return {"name": given.get("name", "").strip(), "jobanalyses": [analysis]}


def _with_unix_lines(text: str) -> str:
    """The text of a field: a form ends each of its lines with CR and LF, which a shell takes for a part of a word."""
    return text.replace("\r\n", "\n")


def _environment(text: str) -> Mapping[str, str]:
    """Variables, of lines such as `NAME=value`. Raises _Wrong."""
    found: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(text.split("\n"), start=1):
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip()] = value
        elif line.strip():
            wrong.append(f"Line {number} has no =: write NAME=value.")
    if wrong:
        raise _Wrong("environment", wrong)
    return found


def problems_by_field(value: Any) -> Mapping[str, Sequence[str]]:
    """The problems that the API tells, nested like a document, by fields; of none of them under the empty name."""
    found: dict[str, list[str]] = {}
    for path, message in _flat(value, ()):
        depth = next((length for length in range(len(path), 0, -1) if path[:length] in _FIELDS), 0)
        rest = [each for each in path[depth:] if isinstance(each, str) and each not in _OF_NO_FIELD]
        words = f"{'.'.join(rest)}: {message}" if rest else message
        found.setdefault(_FIELDS.get(path[:depth], ""), []).append(words)
    return found


def _flat(value: Any, path: DocumentPath) -> Iterator[tuple[DocumentPath, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key != "request_id":
                yield from _flat(each, (*path, str(key)))
    elif isinstance(value, list) and not all(isinstance(each, str) for each in value):
        for number, each in enumerate(value):
            yield from _flat(each, (*path, number))
    elif isinstance(value, list):
        yield from ((path, each) for each in value)
    else:
        yield path, str(value)
