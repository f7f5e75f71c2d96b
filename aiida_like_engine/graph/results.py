"""What nodes say of runs that have ended: their ends, events, and files that were kept. Called in the ORM's thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida import orm
from aiida.manage import get_manager

from aiida_like_engine.graph.error_messages import told_of_aiida
from aiida_like_engine.plugins.wrapper.checksums import Checksums
from aiida_like_engine.plugins.wrapper.record import RECORD

LATEST = 2**53
"""Microseconds: what no clock of ours will say."""


@dataclass(frozen=True)
class KeptFile:
    path: str
    size: int
    md5: str
    sha512: str
    object_key: str


@dataclass(frozen=True)
class Ended:
    """What a sealed node says. `record` is what the wrapper wrote at the end, if it did; `events` name microseconds.

    `exception` is what AiiDA could not cope with, with its traceback if there is one; it is for the log.
    """

    exit_status: int | None
    message: str
    record: Mapping[str, Any]
    events: Mapping[str, int]
    files: Sequence[KeptFile]
    exception: str = ""


def ended(uuid: str) -> Ended:
    """What a node says that has ended."""
    node = orm.load_node(uuid)
    _give_to_user(node)
    folder = _output(node, node.link_label_retrieved)
    message = told_of_aiida(node.exception or "") or node.exit_message or node.process_status or ""
    if folder is None:
        return Ended(node.exit_status, message.strip(), {}, {}, (), _exception_of(node))
    keys = dict(_keys(folder.base.repository.metadata))
    record = json.loads(_text(folder, "end.json") or "{}")
    known = {each["path"]: each for each in json.loads(_text(folder, "outputs.json") or "[]")}
    found = {path.removeprefix("work/"): key for path, key in keys.items() if path.startswith("work/")}
    order = [path for path in known if path in found] + sorted(path for path in found if path not in known)
    files = [_kept(path, found[path], known.get(path), folder) for path in order]
    events = events_of(_text(folder, "events.jsonl"))
    return Ended(node.exit_status, message.strip(), record, events, files, _exception_of(node))


def _exception_of(node: orm.CalcJobNode) -> str:
    """What has ended a process that has no exit status: its exception, and what AiiDA noted of it."""
    if not node.exception:
        return ""
    notes = [log.message for log in orm.Log.collection.get_logs_for(node)]
    return "\n".join([node.exception.strip(), *(each.strip() for each in notes)])


def retrieved(uuid: str) -> str:
    """The uuid of the folder that was collected of a node that has ended."""
    return str(_output(orm.load_node(uuid), "retrieved").uuid)


def _output(node: orm.CalcJobNode, label: str) -> Any:
    return getattr(node.base.links.get_outgoing(link_label_filter=label).first(), "node", None)


def _give_to_user(node: orm.CalcJobNode) -> None:
    """Outputs that AiiDA has given to the engine's own user belong to the user of the process."""
    session = get_manager().get_profile_storage().get_session()
    for output in node.base.links.get_outgoing().all_nodes():
        model = output.backend_entity.bare_model
        if model.user_id != node.user.pk:
            model.user_id = node.user.pk
    session.commit()


def _keys(metadata: Mapping[str, Any], below: str = "") -> Iterator[tuple[str, str]]:
    for name, entry in metadata.get("o", {}).items():
        if "k" in entry:
            yield below + name, entry["k"]
        else:
            yield from _keys(entry, f"{below}{name}/")


def _text(folder: Any, name: str) -> str:
    try:
        return str(folder.base.repository.get_object_content(f"{RECORD}/{name}", mode="r"))
    except (OSError, ValueError):
        return ""


def events_of(text: str) -> dict[str, int]:
    """The events in the lines that a wrapper wrote; one that is not complete yet is left out."""
    found = {}
    for line in text.splitlines():
        try:
            event = json.loads(line)
            name, at = str(event["name"]), int(event["at"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        if 0 <= at < LATEST:
            found[name] = at
    return found


def _kept(path: str, key: str, known: Mapping[str, Any] | None, retrieved: Any) -> KeptFile:
    if known is not None:
        return KeptFile(path, known["size"], known["md5"], known["sha512"], key)
    with retrieved.base.repository.open(f"work/{path}", "rb") as file:
        found = Checksums.of(file)
    return KeptFile(path, found.size, found.md5, found.sha512, key)
