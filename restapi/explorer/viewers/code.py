"""Codes: what runs, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restapi.explorer.node.found import Node
from restapi.explorer.viewers.computer import computer_of
from restapi.explorer.viewers.reading import text_of
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

_LINES: Mapping[str, tuple[str, ...]] = {
    "Runs": ("filepath_executable", "remote_exec_path", "local_executable"),
    "In the image": ("image_name",),
    "Started by": ("engine_command",),
    "For the plug-in": ("input_plugin",),
    "With MPI": ("with_mpi",),
    "Before it": ("prepend_text",),
    "After it": ("append_text",),
}
"""What is said, and the attributes that may say it: the first that does counts. Old codes have other names."""

_SCRIPTS = ("Before it", "After it")


def view(visit: Visit, node: Node) -> Panel:
    attributes = node.attributes
    facts = [(name, text_of(_first(attributes, keys))) for name, keys in _LINES.items() if name not in _SCRIPTS]
    scripts = [(name, text_of(_first(attributes, _LINES[name]), 4000).strip()) for name in _SCRIPTS]
    values = {
        "computer": computer_of(visit, node),
        "facts": [(name, text) for name, text in facts if text],
        "scripts": [(name, text) for name, text in scripts if text],
        "note": "" if node.row.get("dbcomputer_id") or attributes.get("remote_exec_path") else _PORTABLE,
    }
    return Panel("viewers/facts.html", values, title="What runs where")


_PORTABLE = "It is stored with its files, and copied to the computer that it runs on."


def _first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((attributes[key] for key in keys if _says_something(attributes.get(key))), None)


def _says_something(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and value != "")
