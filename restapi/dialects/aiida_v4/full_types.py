"""The tree of all types that nodes have: namespaces, down to the full type of each.

The path of a data type is its module (`node.data.core.dict`), that of a process its kind and its entry point
(`node.process.calculation.calcjob.core.arithmetic.add`); a process type that is no entry point stands below
`~no-entry-point~`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiida_like.core_names import todays_type
from restapi.dialects.aiida_v4.full_type import SEPARATOR, WILDCARD, full_type

UNREGISTERED = "~no-entry-point~"

_ROOT = "node"

_LABELS = {
    "node": "Node",
    "node.data": "Data",
    "node.process": "Process",
    "node.process.calculation": "Calculation",
    "node.process.calculation.calcjob": "Calculation job",
    "node.process.calculation.calcfunction": "Calculation function",
    "node.process.workflow": "Workflow",
    "node.process.workflow.workchain": "Work chain",
    "node.process.workflow.workfunction": "Work function",
}

_PLUGINS = {
    "process.calculation.calcjob.": ("CalcJobNode.", "aiida.calculations:"),
    "process.calculation.calcfunction.": ("CalcFunctionNode.", "aiida.calculations:"),
    "process.workflow.workfunction.": ("WorkFunctionNode.", "aiida.workflows:"),
    "process.workflow.workchain.": ("WorkChainNode.", "aiida.workflows:"),
}
"""Namespaces of plugins: the class of their nodes, and the group of their entry points."""

_MOST_PARTS = 64
"""Of a path: each is two levels of JSON, of which `orjson` writes 254, and many clients read a few hundred."""

_ENTRY_POINT = re.compile("aiida[.](?:calculations|workflows):([^:]+)")


@dataclass(frozen=True)
class Leaf:
    """A type that occurs. `count` is None in a tree without counts."""

    path: tuple[str, ...]
    label: str
    full_type: str
    count: int | None


def _described(path: str, leaves: Iterable[Leaf], depth: int = 0) -> list[dict[str, Any]]:
    """The namespace at a path; types that share a path with nothing below it have one each."""
    own: list[dict[str, Any]] = []
    below: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        if depth == len(leaf.path):
            own.append(_description(path, leaf.full_type, leaf.label, [], leaf.count))
        else:
            below.setdefault(leaf.path[depth], []).append(leaf)
    if not below:
        return own
    subspaces = [*own, *(each for key in below for each in _described(f"{path}.{key}", below[key], depth + 1))]
    counts = [each["counter"] for each in subspaces if "counter" in each]
    return [_description(path, _inferred(path), _label(path), subspaces, sum(counts) if counts else None)]


def tree_of_types(counts: Mapping[tuple[str, str | None], int | None]) -> dict[str, Any]:
    """The tree, from the number of nodes of each node type and process type; None: without counts."""
    leaves = sorted(_leaves(counts), key=lambda leaf: ".".join(leaf.path))
    if not leaves:
        return _description(_ROOT, _inferred(_ROOT), _ROOT, [], None)
    (described,) = _described(_ROOT, leaves)
    return described | {"label": _ROOT}


def _leaves(counts: Mapping[tuple[str, str | None], int | None]) -> Iterable[Leaf]:
    merged: dict[tuple[str, str], int | None] = {}
    for (node_type, process_type), count in counts.items():
        key = (todays_type(node_type), process_type or "")
        before = merged.get(key)
        merged[key] = count if before is None or count is None else before + count
    for (node_type, process_type), count in merged.items():
        module, _, name = node_type.removesuffix(".").rpartition(".")
        below = _path_of_process(process_type)
        path = (*module.split("."), *below)
        label = below[-1] if below else name
        yield Leaf(_short(path), label, full_type(node_type, process_type), count)


def _short(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path; one of more parts than JSON can be nested has all that are beyond in its last part."""
    return path if len(path) <= _MOST_PARTS else (*path[: _MOST_PARTS - 1], ".".join(path[_MOST_PARTS - 1 :]))


def _path_of_process(process_type: str) -> tuple[str, ...]:
    found = _ENTRY_POINT.fullmatch(process_type)
    if found:
        return tuple(found[1].split("."))
    return (UNREGISTERED, *process_type.split(".")) if process_type else ()


def _inferred(path: str) -> str | None:
    """The full type that all types below a namespace match; None where no pattern tells them from others."""
    name = path.removeprefix(f"{_ROOT}.")
    if name.endswith(f".{UNREGISTERED}"):
        return None
    for start, (class_name, group) in _PLUGINS.items():
        if name.startswith(start):
            plugin = name.removeprefix(start)
            process_type = plugin.removeprefix(f"{UNREGISTERED}.")
            group_of_it = group if process_type == plugin else ""
            return f"{start}{class_name}{SEPARATOR}{group_of_it}{process_type}.{WILDCARD}"
    is_process = name == "process" or name.startswith("process.")
    return f"{name}.{WILDCARD}{SEPARATOR}" + (WILDCARD if is_process else "")


def _label(path: str) -> str:
    name = path.rpartition(".")[2]
    return "Unregistered" if name == UNREGISTERED else _LABELS.get(path, name)


def _description(
    path: str, full_type_: str | None, label: str, subspaces: list[dict[str, Any]], count: int | None
) -> dict[str, Any]:
    described = {
        "namespace": path.rpartition(".")[2],
        "full_type": full_type_,
        "label": label,
        "path": path,
        "subspaces": subspaces,
    }
    return described if count is None else described | {"counter": count}
