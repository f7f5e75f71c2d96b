"""Process nodes, written as the engine would have left them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiida import orm
from aiida.common.links import LinkType
from lab import put_files, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Lab


@dataclass(frozen=True)
class Kind:
    """A process class, as far as its nodes remember it."""

    node_class: type[orm.ProcessNode]
    label: str
    process_type: str
    attributes: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How a process came to its end; what is None is not recorded."""

    process_state: str
    exit_status: int | None = None
    exit_message: str | None = None
    process_status: str | None = None
    exception: str | None = None


VERSION = {"core": "2.5.1", "plugin": "4.6.0"}
DONE = Ending("finished", 0)
LOG_LEVELS = {"REPORT": 23, "WARNING": 30, "ERROR": 40}


def plugin_kind(node_class: type[orm.ProcessNode], label: str, entry_point: str) -> Kind:
    """A calcjob or a workchain of an installed plugin."""
    group = "calculations" if issubclass(node_class, orm.CalculationNode) else "workflows"
    return Kind(node_class, label, f"aiida.{group}:{entry_point}", {"version": VERSION})


def function_kind(node_class: type[orm.ProcessNode], source: str) -> Kind:
    """A calcfunction or workfunction of the module `equation_of_state`; its source is kept in the node."""
    name = source.partition("def ")[2].partition("(")[0]
    attributes = {
        "function_name": name,
        "function_namespace": "equation_of_state",
        "function_starting_line_number": 1,
        "function_number_of_lines": source.count("\n"),
        "version": {"core": VERSION["core"]},
    }
    return Kind(node_class, name, f"equation_of_state.{name}", attributes, {"source_file": source})


def start(
    kind: Kind,
    inputs: Mapping[str, orm.Data],
    *,
    caller: orm.WorkflowNode | None = None,
    call_label: str = "CALL",
    computer: orm.Computer | None = None,
    files: Mapping[str, str | bytes] | None = None,
    attributes: Mapping[str, Any] | None = None,
    label: str = "",
    description: str = "",
    extras: Mapping[str, Any] | None = None,
    user: orm.User | None = None,
) -> orm.ProcessNode:
    """Store a process with its inputs and the call that started it."""
    process = kind.node_class(computer=computer, process_type=kind.process_type)
    process.set_process_label(kind.label)
    process.base.attributes.set_many({**kind.attributes, **(attributes or {})})
    put_files(process, {**kind.files, **(files or {})})
    is_calculation = issubclass(kind.node_class, orm.CalculationNode)
    link_type = LinkType.INPUT_CALC if is_calculation else LinkType.INPUT_WORK
    for name, node in inputs.items():
        process.base.links.add_incoming(node, link_type, name)
    if caller:
        call = LinkType.CALL_CALC if is_calculation else LinkType.CALL_WORK
        process.base.links.add_incoming(caller, call, call_label)
    owner = user or (caller.user if caller else None)
    return record(process, label, description, user=owner, extras=extras)


def finish(process: orm.ProcessNode, outputs: Mapping[str, orm.Data], ending: Ending = DONE) -> None:
    """Link what a calculation created or a workflow returned, record the ending and seal the process."""
    creates = isinstance(process, orm.CalculationNode)
    for name, node in outputs.items():
        node.base.links.add_incoming(process, LinkType.CREATE if creates else LinkType.RETURN, name)
        if creates:
            record(node, node.label, node.description, user=process.user)
    recorded = {name: value for name, value in vars(ending).items() if value is not None}
    process.base.attributes.set_many(recorded)
    process.seal()


def report(lab: Lab, process: orm.ProcessNode, step: str, message: str, level: str = "REPORT") -> None:
    """Log a message of a process, in the words of `WorkChain.report`."""
    name = f"aiida.orm.nodes.{process.node_type.rstrip('.')}"
    orm.Log(
        time=lab.clock.now(),
        loggername=name,
        levelname=level,
        dbnode_id=process.pk,
        message=f"[{process.pk}|{process.process_label}|{step}]: {message}",
        metadata={
            "name": name,
            "levelno": LOG_LEVELS[level],
            "funcName": "report",
            "processName": "MainProcess",
        },
    )
