"""What a picture of a lineage shows, as rows of a table: for who reads it, or hears it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from restapi.explorer.lineage.boxes import Drawing, process_state_of, type_of
from restapi.explorer.node.found import reference
from restapi.explorer.pictures.graph.lineage_svg import Badge, Box
from restapi.layout.kinds import State


@dataclass(frozen=True)
class Source:
    """A node that a link comes from; `how` says what the links are."""

    title: str
    url: str
    how: str


@dataclass(frozen=True)
class BoxRow:
    """A node, or a stack: that has neither an id nor a lineage. `step` is the link that opens or closes a node."""

    number: str
    title: str
    url: str
    type_name: str
    kind: str
    sources: Sequence[Source]
    state: State | None = None
    step: Badge | None = None
    lineage_url: str = ""


def rows_of(drawing: Drawing) -> list[BoxRow]:
    """A row for each node that is shown, by id, then one for each stack."""
    boxes = drawing.boxes()
    by_name = {box.name: box for box in boxes}
    sources: dict[str, list[Source]] = {}
    for link in drawing.arrows():
        source = by_name[link.source]
        sources.setdefault(link.target, []).append(Source(source.title, source.url, link.hint))
    return [_row(drawing, box, sources.get(box.name, ())) for box in boxes]


def _row(drawing: Drawing, box: Box, sources: Sequence[Source]) -> BoxRow:
    row = BoxRow("", box.title, box.url, box.text, box.kind, sources)
    if box.is_stack:
        return row
    node = drawing.shown.nodes[int(box.name)]
    return replace(
        row,
        number=box.name,
        type_name=type_of(node),
        state=process_state_of(node),
        step=box.badge,
        lineage_url=drawing.visit.url(f"/nodes/{reference(node)}/lineage"),
    )
