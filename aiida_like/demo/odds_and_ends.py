"""One node of every other kind of data, and what people hang on nodes: groups, comments, extras."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from aiida import orm
from aiida.common.links import LinkType
from lab import record
from pw import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab import Lab

NOTES: dict[str, str | bytes] = {
    "readme.txt": "Notes of the measurement.\n",
    "empty.txt": "",
    "bin/random.dat": bytes(range(256)) * 2,
    "Größen/Übersicht (neu).txt": "Länge = 5,43 Å\n",
    "Größen/données 図.csv": "step,value\n1,0.5\n2,0.25\n",
}
PAGE = b"<!doctype html>\n<title>Report</title>\n<script>document.title = 'not to be run'</script>\n"
SETTINGS = {
    "Ångström": "✓ Übergröße",
    "integer": 2**60,
    "tiny": -1e-30,
    "nothing": None,
    "empty": {"dict": {}, "list": [], "text": ""},
    "nested": {"dotted.key": 1, "a": [{"b": [1, 2.5, "three", True, None]}]},
    'a "quoted" key': "it's 100 % & more",
}


def store_data(lab: Lab) -> dict[str, orm.Data]:
    """Store the lot, all at once and all Bruno's; the answer goes by label."""
    lab.clock.move_to("2025-01-22 14:00")
    dirty = orm.ArrayData()
    dirty.set_array("clean", np.arange(12.0).reshape(3, 4))
    dirty.set_array("counts", np.arange(5))
    dirty.set_array("dirty", np.array([[1.0, np.nan], [np.inf, -np.inf]]))
    decay = orm.XyData()
    decay.set_x(np.linspace(0, 4, 9), "time", "ps")
    decay.set_y([np.exp2(-np.linspace(0, 4, 9)), np.zeros(9)], ["signal", "background"], ["V", "V"])
    table: list[tuple[str, orm.Data, str]] = [
        ("settings", orm.Dict(SETTINGS), "Values that are hard to print"),
        ("shopping list", orm.List([1, "a", None, 2.5, {"b": [True]}]), ""),
        ("greeting", orm.Str("Grüß Gott\n— 你好"), "Text of two lines"),
        ("answer", orm.Int(42), ""),
        ("π", orm.Float(3.141592653589793), "Rounded"),
        ("yes", orm.Bool(True), ""),  # noqa: FBT003 (the value is all there is)
        ("link type", orm.EnumData(LinkType.CREATE), "A member of an enumeration"),
        ("arrays", dirty, "With NaN and infinities"),
        ("decay", decay, "Two curves over one axis"),
        ("notes", folder(NOTES), "Files of all kinds"),
        ("report.html", orm.SinglefileData(io.BytesIO(PAGE), filename="report.html"), "A page with a script"),
        ("offset mesh", mesh_with_offset(), "Shifted in the plane only"),
    ]
    bruno = lab.users["bruno"]
    return {label: record(node, label, description, user=bruno) for label, node, description in table}


def mesh_with_offset() -> orm.KpointsData:
    kpoints = orm.KpointsData()
    kpoints.set_kpoints_mesh([4, 4, 2], offset=[0.5, 0.5, 0.0])
    return kpoints


def annotate(
    lab: Lab,
    structures: Mapping[str, orm.StructureData],
    data: Mapping[str, orm.Data],
    workchains: Mapping[str, orm.WorkChainNode],
) -> None:
    """Groups of all kinds, comments of two people, and extras that came later."""
    lab.clock.move_to("2025-03-03 10:10")
    ada, zoe = lab.users["ada"], lab.users["zoe"]
    bands = workchains["bands"]
    called: list[orm.Node] = list(bands.called_descendants)
    groups: list[tuple[orm.Group, list[orm.Node]]] = [
        (orm.Group("structures", description="All that we began with"), list(structures.values())),
        (orm.Group("papers/2025/Zoë's silicon", user=zoe), [bands, workchains["eos"], structures["silicon"]]),
        (orm.Group("nothing yet", description="An empty group"), []),
        (orm.AutoGroup("Verdi autogroup on 2024-06-18 09:12:00"), [bands, *called]),
        (orm.ImportGroup("20250303-101000"), [data["arrays"], data["decay"], data["notes"]]),
    ]
    for group, members in groups:
        lab.clock.wait(4)
        group.store().add_nodes(members)
    groups[1][0].base.extras.set_many({"doi": "10.1000/demo.2", "authors": ["Zoë", "Ada"]})
    comments: list[tuple[orm.Node, orm.User, str]] = [
        (bands, ada, "Only nearest neighbours: the gap is far too large, ΔE ≈ 2.2 eV"),
        (bands, zoe, "Agreed ✓ — Größenordnung passt.\n\nSee <b>table 2</b> of the paper."),
        (structures["silicon"], zoe, "Taken from the handbook, 300 K"),
        (data["settings"], ada, "Who needs 2**60?"),
    ]
    for node, user, content in comments:
        lab.clock.wait(25)
        node.base.comments.add(content, user=user)
    lab.clock.move_to("2025-03-17 08:00")
    structures["silicon"].base.extras.set("checked", {"by": "ada", "deviation": {"percent": 0.72, "ok": True}})
