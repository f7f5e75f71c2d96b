"""What a page shows of a node besides its properties, by the type of the node.

`VIEWERS` is the table of all. Functions are named, `module:function`, and imported when they are called, because numpy
is a fifth of the time to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name

from aiida_like.errors import FeatureUnavailable
from aiida_like.formats.content import known_type
from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import Node
from restapi.explorer.viewers.reading import stored
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel

Viewer = Callable[[Visit, Node], Panel | None]

VIEWERS: Mapping[str, str] = {
    "data.core.structure.": "structure:view",
    "data.core.cif.": "cif:view",
    "data.core.array.trajectory.": "trajectory:view",
    "data.core.array.bands.": "bands:view",
    "data.core.array.kpoints.": "kpoints:view",
    "data.core.array.xy.": "xy:view",
    "data.core.array.": "arrays:view",
    "data.core.upf.": "upf:view",
    "data.core.code.": "code:view",
    "data.core.remote.": "remote:view",
    "data.core.singlefile.": "files:view",
}
"""By the start of the node type, the longer before the shorter."""


def panels_of(visit: Visit, node: Node) -> Sequence[Panel]:
    """What is shown of a node besides its properties; a sentence where its content is not what its type promises."""
    viewer = _viewer_of(node)
    if viewer is None:
        return ()
    try:
        panel = viewer(visit, node)
    except FeatureUnavailable as error:
        return (_sentence(str(error)),)
    except ApiRefused as refused:
        return (_sentence(refused.message),)
    return () if panel is None else (panel,)


def _viewer_of(node: Node) -> Viewer | None:
    node_type = known_type(stored(node))
    name = next((name for start, name in VIEWERS.items() if node_type.startswith(start)), None)
    if name is None:
        return None
    viewer: Viewer = resolve_name(f"{__name__}.{name}")
    return viewer


def _sentence(text: str) -> Panel:
    return Panel("viewers/sentence.html", {"text": text})
