"""The tree of full types, for types of which none stands above another, as in the profiles of `generate.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.limit.database import Row

PLUGINS = {
    "process.calculation.calcjob.": ("CalcJobNode.", "aiida.calculations:"),
    "process.calculation.calcfunction.": ("CalcFunctionNode.", "aiida.calculations:"),
    "process.workflow.workchain.": ("WorkChainNode.", "aiida.workflows:"),
}
LABELS = {
    "data": "Data",
    "process": "Process",
    "process.calculation": "Calculation",
    "process.calculation.calcjob": "Calculation job",
    "process.calculation.calcfunction": "Calculation function",
    "process.workflow": "Workflow",
    "process.workflow.workchain": "Work chain",
}
UNREGISTERED = "~no-entry-point~"

Namespace = dict[str, Any]
"""By the next part of the path: another namespace, or what `_leaf` gives."""


def tree_of_types(rows: Iterable[Row]) -> dict[str, Any]:
    """`rows` are node types, process types and, if they were counted, numbers."""
    root: Namespace = {}
    for node_type, process_type, *number in rows:
        module, _, name = node_type[:-1].rpartition(".")
        path = module.split(".")
        if process_type:
            _, colon, plugin = process_type.rpartition(":")
            path += plugin.split(".") if colon else [UNREGISTERED, *process_type.split(".")]
            name = path[-1]
        *above, last = path
        place = root
        for part in above:
            place = place.setdefault(part, {})
        place[last] = (name, f"{node_type}|{process_type or ''}", *number)
    return _namespace("", root) | {"namespace": "node", "full_type": "node.%|", "label": "node"}


def _namespace(path: str, below: Namespace) -> dict[str, Any]:
    subspaces = [
        _leaf(f"{path}.{key}", *content) if isinstance(content, tuple) else _namespace(f"{path}.{key}", content)
        for key, content in sorted(below.items())
    ]
    name = path[1:]
    described = {
        "namespace": name.rpartition(".")[2],
        "full_type": _pattern(name),
        "label": "Unregistered" if name.endswith(UNREGISTERED) else LABELS.get(name, name.rpartition(".")[2]),
        "path": f"node{path}",
        "subspaces": subspaces,
    }
    if "counter" in subspaces[0]:
        described["counter"] = sum(each["counter"] for each in subspaces)
    return described


def _leaf(path: str, label: str, full_type: str, number: int | None = None) -> dict[str, Any]:
    described = {
        "namespace": path.rpartition(".")[2],
        "full_type": full_type,
        "label": label,
        "path": f"node{path}",
        "subspaces": [],
    }
    return described if number is None else described | {"counter": number}


def _pattern(name: str) -> str | None:
    if name.endswith(UNREGISTERED):
        return None
    for start, (class_name, group) in PLUGINS.items():
        if name.startswith(start):
            plugin = name[len(start) :]
            process_type = plugin.removeprefix(f"{UNREGISTERED}.")
            return f"{start}{class_name}|{group if process_type == plugin else ''}{process_type}.%"
    return f"{name}.%|" + ("%" if name.startswith("process") else "")
