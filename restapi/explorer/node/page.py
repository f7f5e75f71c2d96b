"""The page of a node: its head, why it failed, what it is, where it comes from and leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from markupsafe import Markup

from restapi.explorer.ask import ApiRefused
from restapi.explorer.files.listing import FileList, file_list
from restapi.explorer.json_tree import Leaves, tree
from restapi.explorer.node import candidates
from restapi.explorer.node.calls import call_tree
from restapi.explorer.node.comments import comments
from restapi.explorer.node.failure import failure_of
from restapi.explorer.node.found import Node, find
from restapi.explorer.node.links import Neighbours, neighbours
from restapi.explorer.node.outputs import all_printed
from restapi.explorer.node.report import report_of
from restapi.explorer.query_values import quoted
from restapi.explorer.times import moment
from restapi.explorer.viewers import panels_of
from restapi.explorer.visit import Visit
from restapi.layout import API, Page
from restapi.layout.panel import Panel

T = TypeVar("T")

_LEAVES_OF_OTHERS = 500
"""Values that extras, and what is derived, show at most, so that much is left for attributes."""


@dataclass(frozen=True)
class Section(Generic[T]):
    """A part of the page that the API is asked for; where it refuses, `error` says why."""

    content: T | None
    error: str = ""


def view(visit: Visit, path_id: str) -> Page:
    try:
        node = find(visit, path_id)
    except ApiRefused as refused:
        return candidates.page_of(visit, path_id, refused)
    panels = _section(lambda: panels_of(visit, node) if node.is_whole else ())
    around = _section(lambda: neighbours(visit, node))
    of_process = _of_process(visit, node, around.content)
    values = {
        "node": node,
        "created": moment(node.row["ctime"]),
        "changed": moment(node.row["mtime"]),
        "python": f'load_node("{node.uuid}")' if node.ref == node.uuid else f"load_node({node.id})",
        "run": _section(lambda: _run_of(visit, node)).content,
        "panels": panels,
        "around_error": around.error,
        "sections": _around(around.content, has_calls=of_process["calls"] is not None),
        "files": _section(lambda: _files(visit, node)),
        "comments": _section(lambda: comments(visit, node)),
        "formats": _section(lambda: _formats(visit, node)),
        **_trees(visit, node),
        **of_process,
    }
    styles, scripts = _static(panels.content or ())
    return Page("node/page.html", node.title, values, styles=("node.css", *styles), scripts=("node.js", *scripts))


def _run_of(visit: Visit, node: Node) -> str | None:
    """The id of the run whose node it is, if the caller may see it."""
    if not node.is_calcjob:
        return None
    found = (api.shown.of_node(visit.exchange, node.row) for api in visit.explorer.run_apis)
    return next(filter(None, found), None)


def _section(ask: Callable[[], T]) -> Section[T]:
    try:
        return Section(ask())
    except ApiRefused as refused:
        return Section(None, refused.message or "this cannot be answered")


def _around(found: tuple[Neighbours, Neighbours] | None, *, has_calls: bool) -> Sequence[tuple[str, Neighbours]]:
    """What leads to the node and from it, with titles; calls stand elsewhere, if they do."""
    if found is None:
        return ()
    incoming, outgoing = found
    return [("Inputs and origin", incoming), ("Outputs and use", outgoing.without_calls() if has_calls else outgoing)]


def _static(panels: Sequence[Panel]) -> tuple[list[str], list[str]]:
    """The styles and scripts of all panels, each once."""
    styles = dict.fromkeys(name for panel in panels for name in ("viewers.css", *panel.styles))
    return list(styles), list(dict.fromkeys(name for panel in panels for name in panel.scripts))


def _trees(visit: Visit, node: Node) -> Mapping[str, Any]:
    """Attributes, extras and what is derived; `attributes` may show what the others leave of the values of a page."""
    leaves = Leaves()
    others = {"extras": Section(node.extras), "derived": _section(lambda: _derived(visit, node))}
    drawn: dict[str, Any] = {"derived_error": others["derived"].error}
    for name, section in others.items():
        own = Leaves(_LEAVES_OF_OTHERS)
        drawn[name] = _tree(visit, node, _JSON_OF[name], section.content or {}, own)
        leaves.left -= _LEAVES_OF_OTHERS - own.left
    drawn["attributes"] = _tree(visit, node, _JSON_OF["attributes"], node.attributes, leaves)
    return drawn


_JSON_OF = {"attributes": "attributes", "extras": "extras", "derived": "derived_properties"}


_LONGEST_KEY = 200
"""Longer ones are not named in URLs."""


def _tree(visit: Visit, node: Node, name: str, value: Mapping[str, Any], leaves: Leaves) -> Markup | None:
    """The tree of an object; None: it has no keys."""
    path = f"{API}{node.path}/contents/{name}"
    is_filtered = name != "derived_properties"

    def url_of(key: str) -> str:
        return visit.url(
            path, f"{name}_filter={quoted(key)}" if key and is_filtered and len(key) < _LONGEST_KEY else ""
        )

    return tree(value, url_of, leaves) if value else None


_NOT_DERIVED = ("data.core.array.kpoints.", "data.array.kpoints.")
"""Of k-points the Brillouin zone is derived, hundreds of numbers for which scipy is loaded: the API alone gives it."""


def _derived(visit: Visit, node: Node) -> Mapping[str, Any]:
    if not node.node_type.startswith("data.") or node.node_type.startswith(_NOT_DERIVED):
        return {}
    found = visit.api.get(f"{node.path}/contents/derived_properties")["derived_properties"]
    return found if isinstance(found, dict) else {}


def _files(visit: Visit, node: Node) -> FileList | None:
    found = file_list(visit, f"{node.path}/repo/list")
    return found if found.total else None


def _formats(visit: Visit, node: Node) -> Sequence[str]:
    """The formats that the node can be downloaded in."""
    full_type = str(node.row["full_type"])
    if not node.node_type.startswith("data.") or len(full_type) > _LONGEST_TYPE:
        return ()
    found = visit.api.get("/nodes/download_formats", f"full_type={quoted(full_type)}")
    return next(iter(found.values()), ())


_LONGEST_TYPE = 1000
"""Characters: there are formats only of types that are known."""

_PRINTED = ("scheduler_stdout", "scheduler_stderr")


def _of_process(visit: Visit, node: Node, around: tuple[Neighbours, Neighbours] | None) -> Mapping[str, Any]:
    """What only processes have; all names are there for others too."""
    if not node.is_process:
        return {"failure": None, "report": None, "calls": None, "printed": (), "output_files": None, "retrieved": None}
    folder = around[1].by("create", "retrieved") if around is not None and node.is_calcjob else None
    retrieved = None if folder is None else folder.node.ref
    return {
        "failure": failure_of(visit, node, retrieved),
        "report": _section(lambda: report_of(visit, node.ref)),
        "calls": _section(lambda: call_tree(visit, node)) if node.is_workflow else None,
        "retrieved": retrieved,
        "printed": all_printed(visit, retrieved, map(node.attributes.get, _PRINTED)) if retrieved else (),
        "output_files": _section(lambda: file_list(visit, f"/nodes/{retrieved}/repo/list")) if retrieved else None,
    }
