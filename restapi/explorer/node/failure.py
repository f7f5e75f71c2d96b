"""Why a process failed: what it says itself, and the called process that failed first, down to the cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.calls import CALLS
from restapi.explorer.node.found import Node, NodeRow, has_failed, reference
from restapi.explorer.node.outputs import Output, all_printed
from restapi.explorer.node.report import Entry, report_of
from restapi.explorer.visit import Visit

_MOST_LEVELS = 8
_LAST_ENTRIES = 4
_MOST_TEXT = 4000

_PROCESS = ("process_label", "process_state", "exit_status", "exit_message", "exception")
_FILES = ("scheduler_stderr", "output_filename")
"""Attributes of jobs that name files which may say why one failed."""

_FIELDS = ",".join(("id", "uuid", "label", "node_type", *(f"attributes.{each}" for each in (*_PROCESS, *_FILES))))
_FAILED = (
    'filter=attributes.process_state IN ("excepted","killed") '
    'OR (attributes.process_state="finished" AND attributes.exit_status!=0)'
)


@dataclass(frozen=True)
class FailedCall:
    """A process that failed, below one that failed.

    `others` is the number of its sisters that failed after it, `all_query` the query of a table of all of them.
    """

    node: NodeRow
    others: int
    all_query: str

    @property
    def message(self) -> str:
        return _message({name: self.node.attribute(name) for name in _PROCESS})


@dataclass(frozen=True)
class Failure:
    """Why a process failed. `calls` lead from the first of its calls that failed to the cause.

    `entries` are the last of the log, and `printed` the ends of files, of the cause.
    """

    message: str
    calls: Sequence[FailedCall]
    entries: Sequence[Entry]
    printed: Sequence[Output]


def failure_of(visit: Visit, node: Node, folder: str | None) -> Failure | None:
    """Why a process failed; None of one that did not. `folder` is the name in paths of what came back from the node."""
    if not node.has_failed:
        return None
    calls = _failed_calls(visit, node)
    if calls:
        cause = calls[-1].node
        ref, names = cause.ref, [cause.attribute(name) for name in _FILES]
        folder = _retrieved(visit, cause) if any(names) else None
    else:
        ref, names = node.ref, [node.attributes.get(name) for name in _FILES]
    printed = all_printed(visit, folder, names) if folder is not None and any(names) else ()
    return Failure(_message(node.attributes), calls, _last_entries(visit, ref), printed)


def _retrieved(visit: Visit, job: NodeRow) -> str | None:
    """The name in paths of the folder that came back from a job; None: there is none, or it cannot be found."""
    asked = 'link_label="retrieved"&link_type="create"&limit=1&fields=id,uuid'
    try:
        rows = visit.api.get(f"{job.path}/links/outgoing", asked)["outgoing"]
    except ApiRefused:
        return None
    return reference(rows[0]) if rows else None


def _failed_calls(visit: Visit, node: Node) -> list[FailedCall]:
    found: list[FailedCall] = []
    seen = {node.id}
    key, is_workflow = node.id, node.is_workflow
    while is_workflow and len(found) < _MOST_LEVELS:
        failed = f"outgoing_of={key},{CALLS}&{_FAILED}"
        try:
            answer = visit.api.ask("/nodes", f"{failed}&orderby=id&limit=1&fields={_FIELDS}")
        except ApiRefused:
            break
        rows = [row for row in answer.data["nodes"] if row["id"] not in seen and _is_failed(row)]
        if not rows:
            break
        (row,) = rows
        found.append(FailedCall(NodeRow(row), (answer.total or 1) - 1, failed))
        seen.add(row["id"])
        key, is_workflow = row["id"], found[-1].node.node_type.startswith("process.workflow.")
    return found


def _is_failed(row: Mapping[str, Any]) -> bool:
    return has_failed(row.get("attributes.process_state"), row.get("attributes.exit_status"))


def _last_entries(visit: Visit, ref: str) -> Sequence[Entry]:
    try:
        return report_of(visit, ref).entries[-_LAST_ENTRIES:]
    except ApiRefused:
        return ()


def _message(found: Mapping[str, Any]) -> str:
    """What a process says of its end, in the words of its plug-in; empty if it says nothing."""
    texts = (found.get(name) for name in ("exit_message", "exception"))
    return next((text.strip()[:_MOST_TEXT] for text in texts if isinstance(text, str) and text.strip()), "")
