"""The computer of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import Node
from restapi.explorer.visit import Visit


def computer_of(visit: Visit, node: Node) -> Mapping[str, Any] | None:
    """Its name, host and the URL of its nodes; None: the node has no computer, or it is not known any more."""
    number = node.row.get("dbcomputer_id")
    if number is None:
        return None
    try:
        found = visit.api.get(f"/computers/{number}")["computers"]
    except ApiRefused:
        return None
    computer = found[0] if isinstance(found, list) else found
    return {
        "name": computer.get("label") or computer.get("name") or str(number),
        "host": computer.get("hostname") or "",
        "url": visit.url("/nodes", f"computer={number}"),
    }
