"""What viewers read of a node: its attributes, its files, and exports that the API makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aiida_like.errors import DamagedNode, FeatureUnavailable
from aiida_like.formats.node import StoredNode
from restapi.explorer.node.found import Node
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit

MOST_BYTES = 16_000_000
"""Of one file. A page shows no more than a part of it, but has to read it up to there."""


def stored(node: Node, attributes: Mapping[str, Any] | None = None) -> StoredNode:
    """The node as formats read it, without its files."""
    return StoredNode(
        uuid=node.uuid,
        node_type=node.node_type,
        label=str(node.row["label"] or ""),
        attributes=node.attributes if attributes is None else attributes,
    )


def read_file(visit: Visit, node: Node, path: str) -> bytes:
    """A file of the node.

    Raises:
        ApiRefused: there is no such file.
        FeatureUnavailable: it is larger than `MOST_BYTES`.
    """
    content = beginning_of(visit, node, path, MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise FeatureUnavailable(f"the file {path!r} is too large to be shown here: download it")
    return content


def beginning_of(visit: Visit, node: Node, path: str, most: int) -> bytes:
    """The first bytes of a file of the node. Raises ApiRefused: there is no such file."""
    return visit.api.begin_of(f"{node.path}/repo/contents", f"filename={quoted(path)}", most).content


def plot_url(visit: Visit, node: Node, number: int = 0) -> str:
    """The URL of a plot of the page as a file: of `Panel.plots` the one with this number, as the page shows it."""
    shown = {key: visit.options[key] for key in _OF_PLOTS if key in visit.options}
    return visit.link(f"{node.path}/plot.svg", {**shown, **({"plot": str(number)} if number else {})})


_OF_PLOTS = ("from", "to", "array", "at")
"""Options of pages that decide what their plots show."""


def exported(visit: Visit, node: Node, download_format: str = "json") -> Any:
    """What the API exports of the node as JSON.

    Raises:
        ApiRefused: it cannot.
        DamagedNode: it is no JSON.
    """
    answer = visit.api.get(f"{node.path}/download", f"download_format={download_format}&download=false")
    try:
        return orjson.loads(answer["download"]["data"])
    except (LookupError, TypeError, orjson.JSONDecodeError) as error:
        raise DamagedNode(f"the export of node {node.uuid} cannot be read: {error!r:.200}") from error


def text_of(value: Any, most: int = 200) -> str:
    """A stored value as text of a page; nothing for none."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[:most] + "…"


def listed(value: Any) -> Sequence[Any]:
    """A stored list; empty if it is something else."""
    return value if isinstance(value, list) else ()
