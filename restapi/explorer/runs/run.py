"""`/runs/ID`: what became of a run, what it prints, what it began with and what it left, and what can be done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from restapi.dialects.inner import ApiRefused, Told
from restapi.dialects.run_pages import Action, Happened, Phase, RunLog, RunPages, ShownRun
from restapi.explorer.runs import form
from restapi.explorer.runs.repeat import in_curl, in_json, in_python
from restapi.explorer.runs.visit import RunVisit
from restapi.http.reply import Reply
from restapi.layout import Page

_LOG_BYTES = 32_768
"""Bytes of the end of the log that a page begins with."""

_LAST_LINES = 8
"""Lines of the log of what failed that stand on top of its page."""

_ALL = 100.0
"""Per cent."""


@dataclass(frozen=True)
class Stage:
    """A status, for how long it lasted in seconds, None of the last one, and its share of all in per cent.

    `is_of_another_day`: than the one before.
    """

    happened: Happened
    words: str
    is_of_another_day: bool
    seconds: float | None
    start: float
    share: float


def read(visit: RunVisit, path_id: str) -> Page:
    api, found = visit.find(path_id)
    return _page(visit, api, found)


def live(visit: RunVisit, path_id: str) -> Page:
    """The parts of the page that change while something goes on."""
    api, found = visit.find(path_id)
    return visit.page("runs/live.html", found.label, _values(visit, api, found))


def take(visit: RunVisit, path_id: str) -> Page | Reply:
    """Does what a button says, by a request to the API, and leads back to the page."""
    api, found = visit.find(path_id)
    wanted = visit.fields.get("action", [""])[-1]
    if not wanted and found.may_be_edited:
        return form.sent(visit, api, path_id)
    action = next((each for each in found.actions if each.name == wanted), None)
    if action is None:
        message = f"{found.label} is {found.status}: it cannot do {wanted or 'nothing'!r} now"
        return _page(visit, api, found, message, HTTPStatus.CONFLICT)
    told = visit.inner.send(action.method, action.path)
    if told.is_refusal:
        return _page(visit, api, found, _reason(told), told.status)
    return visit.see(_after(action, told, path_id))


def _reason(told: Told) -> str:
    """What the API says; it may name the fields of what it cannot run."""
    if told.message:
        return told.message
    return "; ".join(_messages(told.value)) or "The API refused this, and did not say why"


def _messages(value: Any) -> Sequence[str]:
    if isinstance(value, dict):
        return [message for each in value.values() for message in _messages(each)]
    if isinstance(value, list):
        return [message for each in value for message in _messages(each)]
    return [str(value)]


def _after(action: Action, told: Told, path_id: str) -> str:
    if action.removes:
        return "/runs"
    return f"/runs/{told.value['id']}" if action.leads_on else f"/runs/{path_id}"


def _page(visit: RunVisit, api: RunPages, found: ShownRun, failure: str = "", status: int = 200) -> Page:
    if found.may_be_edited and not failure:
        return form.page(visit, api, None, found)
    root = visit.exchange.decoded().url_root.rstrip("/")
    repeat = found.repeat
    values = {
        **_values(visit, api, found),
        "failure": failure,
        "repeat": None
        if repeat is None
        else {
            "json": in_json(repeat),
            "curl": in_curl(repeat, root),
            "python": in_python(repeat, root),
        },
    }
    scripts = ("run_live.js", "run_log.js")
    return visit.page("runs/run.html", found.label, values, *scripts, panel=found.panel, status=status)


def _values(visit: RunVisit, api: RunPages, found: ShownRun) -> dict[str, Any]:
    log = None if found.log is None else _log(visit, found.log)
    last = log["text"].splitlines(keepends=True)[-_LAST_LINES:] if log and found.phase is Phase.FAILED else ()
    path = f"/runs/{found.id}"
    return {
        "run": found,
        "api": api,
        "stages": stages(found),
        "action_path": visit.link(path),
        "live": visit.link(f"{path}/parts/live"),
        "is_of_all": visit.account.is_superuser,
        "log": log,
        "last_lines": "".join(last),
    }


def _log(visit: RunVisit, log: RunLog) -> dict[str, Any]:
    """The end of the log, as its API tells it; `partial` is the rest of a line that began before."""
    try:
        told = visit.inner.get(log.path, f"position=-{_LOG_BYTES}&bytes={_LOG_BYTES}")
    except ApiRefused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        told = {"fileType": "text", "lines": [], "position": 0, "next": 0, "size": 0}
    lines = told["lines"]
    partial = lines[0] if told["position"] and len(lines) > 1 else ""
    return {
        "text": "".join(lines[1:] if partial else lines),
        "partial": partial,
        "position": told["position"],
        "next": told["next"],
        "size": told["size"],
        "path": visit.link(log.path),
        "name": log.name,
    }


def stages(run: ShownRun) -> Sequence[Stage]:
    """Each status with the time until the next one, which the last one does not have."""
    times = [each.at for each in run.happened]
    whole = (times[-1] - times[0]).total_seconds() if times and run.ended else 0.0
    days = [run.created.date(), *(at.date() for at in times)]
    found = []
    for number, each in enumerate(run.happened):
        seconds = (times[number + 1] - each.at).total_seconds() if number + 1 < len(times) else None
        start = _ALL * (each.at - times[0]).total_seconds() / whole if whole else 0.0
        share = _ALL * (seconds or 0.0) / whole if whole else 0.0
        found.append(Stage(each, _words(each, run.message), days[number] != days[number + 1], seconds, start, share))
    return found


def _words(happened: Happened, message: str) -> str:
    """A status and its reason, without the message that stands on top of the page."""
    reason = (happened.reason or "").removesuffix(f": {message}")
    if not reason:
        return happened.status
    return reason if reason.startswith(happened.status) else f"{happened.status}: {reason}"
