"""Viewers: what is shown of nodes of each type, and of nodes that do not hold what their type promises."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest

from aiida_like.errors import FeatureUnavailable
from aiida_like.formats import FORMATS
from aiida_like.formats.cif_structure import structure_in_cif
from aiida_like.profiles import demo
from restapi.explorer.ask import ApiRefused
from restapi.explorer.pictures.plots.bands import bands_plot
from restapi.explorer.pictures.plots.plot import Line, Plot, plot_svg
from restapi.explorer.viewers import VIEWERS
from restapi.explorer.viewers.bands import energy_in
from restapi.explorer.viewers.upf import header_of
from tests.viewing import node_of, shown, visit_of, words

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture(scope="module")
def app(serve: Callable[..., Flask]) -> Flask:
    return serve(demo(), {})


def labelled(app: Flask, label: str) -> dict[str, Any]:
    nodes = visit_of(app).api.get("/nodes", f'label="{label}"&limit=1')["nodes"]
    return node_of(app, nodes[0]["id"])


def scene_in(html: str) -> Any:
    found = re.search(r'<script type="application/json" class="scene">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


# Each with words that stand in its panel, in this order.
@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (
            "silicon",
            ["Si", "Formula Si₂", "Sites 2", "Repeats along a, b, c", "a 3.8396 Å", "60.00°", "Volume 40.026 Å³"],
        ),
        ("graphene", ["Repeats along a, b", "Angle 120.00°", "Area 5.241 Å²"]),
        ("water", ["O H", "Formula H₂O", "Sites 3", "Repeats along no axis"]),
        ("CuAu alloy", ["Cu 0.75, Au 0.25", "Cu 0.5, vacant 0.5", "a 3.6100 Å"]),
        ("NaCl (CIF)", ["Na", "Cl", "Formula Cl₄Na₄", "Sites 8", "a 5.6402 Å", "90.00°, 90.00°, 90.00°"]),
        ("Si bands", ["L Γ X W K", "E − E(Fermi) / eV", "relative to the Fermi energy, 6.25 eV", "output parameters"]),
        ("offset mesh", ["Mesh 4 × 4 × 2", "K-points 32 before symmetry", "Offset 0.5, 0.5, 0 of a step"]),
        ("Si.upf", ["Element Si", "Type NC", "Functional PBE", "Valence electrons 4.00", "Author Ada Lindqvist"]),
        ("report.html", ["88 bytes", "Download", "1 <!doctype html>", "'not to be run'"]),
        ("pw-7.3", ["Computer", "Runs", "pw.x", "For the plug-in quantumespresso.pw"]),
        ("unfold", ["copied to the computer that it runs on"]),
    ],
)
def test_panels(app: Flask, label: str, expected: list[str]) -> None:
    text = words(shown(app, labelled(app, label)))
    place = 0
    for each in expected:
        assert each in text[place:], text
        place = text.index(each, place) + len(each)


@pytest.mark.parametrize(
    ("label", "query", "expected"),
    [
        ("decay", "", ["time / ps", "V", "signal / V", "background / V"]),
        ("L-Γ-X-W-K-Γ", "", ["K-points 51", "Path L – Γ – X – W – K – Γ", "label", "0 0.5 0.5 0.5 L", "10 0 0 0 Γ"]),
        (
            "arrays",
            "",
            ["clean 3 × 4 float64", "counts 5 int64", "dirty 2 × 2 float64", "row 0 row 1 row 2", "2 8 9 10 11"],
        ),
        ("arrays", "array=counts", ["counts", "0 0 1 1 2 2 3 3 4 4"]),
        ("arrays", "array=dirty", ["dirty", "0 1 0 1 – 1 – –"]),
        ("arrays", "array=clean&row=1&column=2", ["2 3 1 6 7 2 10 11", "rows above columns before"]),
        ("arrays", "array=nothing&row=99999999999999999999&at=x,-1", ["clean", "0 1 2 3"]),
    ],
)
def test_panels_of_arrays(app: Flask, label: str, query: str, expected: list[str]) -> None:
    text = words(shown(app, labelled(app, label), query))
    place = 0
    for each in expected:
        assert each in text[place:], text
        place = text.index(each, place) + len(each)


@pytest.mark.parametrize(
    ("query", "index", "beside"),
    [("", "0", ["at=1"]), ("&at=1", "1", ["at=0", "at=2"]), ("&at=2", "2", ["at=1"]), ("&at=9", "2", ["at=1"])],
)
def test_one_index_of_an_array_with_three_axes(app: Flask, query: str, index: str, beside: list[str]) -> None:
    """Links lead to the indices beside it that there are."""
    (found,) = visit_of(app).api.get("/nodes", 'node_type=like="%Trajectory%"&orderby=id&limit=1')["nodes"]
    node = {**node_of(app, found["id"]), "node_type": "data.core.array.ArrayData."}
    html = shown(app, node, f"array=positions{query}")
    assert re.search(rf"axis 0 \S {index} of 0 to 2", words(html))
    assert re.findall(r'button small" href="[^"]*(at=[0-9]+)"', html)[: len(beside)] == beside


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["−10", "−5", "0", "5", "10"]),
        ("from=-2&to=2.5", ["−2", "−1", "0", "1", "2"]),
        ("from=2&to=-2", ["−10", "−5", "0", "5", "10"]),
        ("from=nan&to=inf", ["−10", "−5", "0", "5", "10"]),
        ("from=x", ["−10", "−5", "0", "5", "10"]),
    ],
)
def test_a_part_of_the_bands(app: Flask, query: str, expected: list[str]) -> None:
    html = shown(app, labelled(app, "Si bands"), query)
    assert [text for text in re.findall(r"<text[^>]*>([^<]*)</text>", html) if re.match(r"−?\d", text)] == expected


def test_the_range_of_bands_is_what_is_shown(app: Flask) -> None:
    node = labelled(app, "Si bands")
    assert re.findall(r'name="(?:from|to)"[^>]*', shown(app, node, "")) == [
        'name="from" required placeholder="-5"',
        'name="to" required placeholder="5"',
    ]
    assert re.findall(r'name="(?:from|to)"[^>]*', shown(app, node, "from=-2&to=2.5")) == [
        'name="from" required value="-2"',
        'name="to" required value="2.5"',
    ]


def test_steps_of_a_trajectory(app: Flask) -> None:
    """Of each step its own cell; energies as a plot."""
    (found,) = visit_of(app).api.get("/nodes", 'node_type=like="%Trajectory%"&orderby=id&limit=1')["nodes"]
    node = node_of(app, found["id"])
    first, last = shown(app, node), shown(app, node, "step=2")
    assert scene_in(first)["lattice"] != scene_in(last)["lattice"]
    assert f'href="/nodes/{node["uuid"]}?step=1"' in first
    assert "of 0 to 2" in words(first)
    assert scene_in(shown(app, node, "step=99")) == scene_in(last)
    assert scene_in(shown(app, node, "step=-1")) == scene_in(first)
    assert first.count('class="viewer plot-figure"') == 1


def test_spelling_of_old_archives(app: Flask) -> None:
    node = labelled(app, "silicon")
    assert shown(app, {**node, "node_type": "data.structure.StructureData."}) == shown(app, node)
    assert shown(app, {**node, "node_type": "data.mycode.structure.MyStructure."}) == shown(app, node)


@pytest.mark.parametrize("label", ["settings", "shopping list", "greeting", "answer", "π", "yes", "link type", "notes"])
def test_values_have_no_panel(app: Flask, label: str) -> None:
    assert shown(app, labelled(app, label)) == ""


def test_processes_have_no_panel(app: Flask) -> None:
    assert (
        shown(
            app, node_of(app, visit_of(app).api.get("/nodes", 'node_type=like="process.%"&limit=1')["nodes"][0]["id"])
        )
        == ""
    )


def test_each_format_has_a_viewer() -> None:
    """What can be downloaded as something else than its files can be looked at."""
    assert {*FORMATS} <= {*VIEWERS}


STRUCTURE: dict[str, Any] = {
    "cell": [[3, 0, 0], [0, 3, 0], [0, 0, 3]],
    "pbc1": True,
    "pbc2": True,
    "pbc3": True,
    "kinds": [{"name": "Si", "symbols": ["Si"], "weights": [1.0]}],
    "sites": [{"kind_name": "Si", "position": [0, 0, 0]}],
}
SITE = STRUCTURE["sites"][0]
KIND = STRUCTURE["kinds"][0]
HOSTILE = '"></script><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "does not hold what a structure node holds: KeyError('cell')"),
        (None, "does not hold what a structure node holds: KeyError('cell')"),
        ([1], "does not hold what a structure node holds: KeyError('cell')"),
        (STRUCTURE | {"cell": None}, "does not hold what a structure node holds: TypeError"),
        (STRUCTURE | {"cell": [[1, 2], [3, 4], [5, 6]]}, "does not hold what a structure node holds: ValueError"),
        (STRUCTURE | {"cell": [["x", 0, 0], [0, 3, 0], [0, 0, 3]]}, "does not hold what a structure node holds"),
        (STRUCTURE | {"cell": [[math.nan] * 3] * 3}, "its cell spans nothing there: no cell is drawn."),
        (STRUCTURE | {"cell": [[0, 0, 0]] * 3}, "its cell spans nothing there: no cell is drawn."),
        (STRUCTURE | {"cell": [[3, 0, 0], [6, 0, 0], [0, 0, 3]]}, "its cell spans nothing there: no cell is drawn."),
        (STRUCTURE | {"cell": [[1e-9, 0, 0], [0, 1e-9, 0], [0, 0, 1e-9]]}, "its cell spans nothing there"),
        (STRUCTURE | {"cell": [[10**400, 0, 0], [0, 3, 0], [0, 0, 3]]}, "does not hold what a structure node holds"),
        (STRUCTURE | {"sites": None}, "does not hold what a structure node holds: TypeError"),
        (STRUCTURE | {"sites": {"a": 1}}, "does not hold what a structure node holds: TypeError"),
        (STRUCTURE | {"sites": []}, "The structure has no sites."),
        (
            STRUCTURE | {"sites": [SITE | {"kind_name": "Fe"}]},
            "does not hold what a structure node holds: KeyError('Fe')",
        ),
        (STRUCTURE | {"sites": [SITE | {"kind_name": [1]}]}, "does not hold what a structure node holds: TypeError"),
        (STRUCTURE | {"sites": [SITE | {"position": [math.nan, 0, 0]}]}, "1 site has no finite position"),
        (STRUCTURE | {"sites": [SITE | {"position": [1e308, 0, 0]}]}, "1 site has no finite position"),
        (STRUCTURE | {"sites": [SITE | {"position": "abc"}]}, "does not hold what a structure node holds"),
        (STRUCTURE | {"kinds": [KIND | {"symbols": [1]}]}, "does not hold what a structure node holds: TypeError"),
        (STRUCTURE | {"kinds": [KIND | {"symbols": []}]}, "does not hold what a structure node holds: ValueError"),
        (STRUCTURE | {"kinds": [KIND | {"weights": ["a"]}]}, "does not hold what a structure node holds: ValueError"),
        (STRUCTURE | {"kinds": [KIND | {"weights": [math.nan]}]}, "Sites 1"),
        (STRUCTURE | {"kinds": [KIND | {"symbols": ["Xx"]}]}, "Sites 1"),
        (STRUCTURE | {"kinds": [KIND | {"name": HOSTILE}], "sites": [SITE | {"kind_name": HOSTILE}]}, HOSTILE),
        (STRUCTURE | {"kinds": [KIND | {"symbols": [HOSTILE]}]}, 'Si ("></script>'),
        (STRUCTURE | {"sites": [SITE] * 5000}, "The first 3,000 of 5,000 sites are drawn."),
        (STRUCTURE | {"pbc1": "no", "pbc2": None}, "Sites 1"),
    ],
)
def test_structures_that_are_none(app: Flask, attributes: Any, expected: str) -> None:
    html = shown(app, stored_as("data.core.structure.StructureData.", attributes))
    assert expected in words(html)
    assert "<script>alert" not in html


def stored_as(node_type: str, attributes: Any) -> dict[str, Any]:
    """A node that is not stored: what is asked of the API of it is not found."""
    return {"uuid": str(uuid4()), "id": 1, "label": HOSTILE, "node_type": node_type, "attributes": attributes}


HUGE = 10**2000
ODD: list[Any] = [
    *(None, {}, [], 0, "", "x", [None], [[]], {"a": 1}, True, math.nan, [1, "x", None], -1, 10**30),
    *([HUGE, HUGE, HUGE], [math.inf, -math.inf, 0.5]),
]


@pytest.mark.parametrize(
    ("node_type", "keys"),
    [
        ("data.core.array.kpoints.KpointsData.", ("mesh", "offset")),
        ("data.core.array.kpoints.KpointsData.", ("array|kpoints", "labels", "label_numbers", "cell")),
        ("data.core.array.bands.BandsData.", ("units", "labels")),
        ("data.core.array.xy.XyData.", ("y_names", "y_units", "x_name", "x_units", "array|x_array")),
        ("data.core.array.trajectory.TrajectoryData.", ("array|positions", "symbols", "pbc")),
        ("data.core.array.ArrayData.", ("array|x",)),
        ("data.core.upf.UpfData.", ("element", "filename")),
        ("data.core.cif.CifData.", ("filename",)),
        (
            "data.core.code.installed.InstalledCode.",
            ("filepath_executable", "prepend_text", "input_plugin", "with_mpi"),
        ),
        ("data.core.remote.RemoteData.", ("remote_path", "source_list")),
        ("data.core.singlefile.SinglefileData.", ("filename",)),
    ],
)
@pytest.mark.parametrize("value", ODD)
def test_odd_attributes_are_no_fault(app: Flask, node_type: str, keys: tuple[str, ...], value: Any) -> None:
    """Each of them, and all at once: there is a panel, maybe with a sentence, or none."""
    for attributes in ({}, *({key: value} for key in keys), dict.fromkeys(keys, value)):
        html = shown(app, stored_as(node_type, attributes))
        assert "<script>alert" not in html


@pytest.mark.parametrize(
    ("mesh", "offset", "expected"),
    [
        ([2, 2, 2], [0.5, HUGE, 0], "K-points 8 before symmetry Offset 0.5, 0 of a step"),
        ([2, 2, 2], [HUGE], "K-points 8 before symmetry"),
        ([HUGE, 2, 2], [], ", not three whole numbers"),
    ],
)
def test_a_mesh_of_huge_numbers(app: Flask, mesh: list[Any], offset: list[Any], expected: str) -> None:
    html = shown(app, stored_as("data.core.array.kpoints.KpointsData.", {"mesh": mesh, "offset": offset}))
    assert words(html).endswith(expected)


def test_a_node_that_is_gone_is_told_in_a_sentence(app: Flask) -> None:
    node = stored_as("data.core.singlefile.SinglefileData.", {})
    with pytest.raises(ApiRefused) as refused:
        visit_of(app).api.get(f"/nodes/{node['uuid']}/repo/list")
    assert words(shown(app, node)) == refused.value.message


@pytest.mark.parametrize(
    ("attributes", "energy"),
    [
        ({"fermi_energy": 6.25}, 6.25),
        ({"fermi_energy": 6, "fermi_energy_units": "eV"}, 6.0),
        ({"fermi_energy": [5.5, 5.6]}, 5.5),
        ({"fermi_energy_up": 5.5, "fermi_energy_down": 5.6}, 5.5),
        ({"fermi_energy": 0.4, "fermi_energy_units": "Ry"}, None),
        ({"fermi_energy": 0.4, "fermi_energy_units": ["eV"]}, None),
        ({"fermi_energy": True}, None),
        ({"fermi_energy": "6.25"}, None),
        ({"fermi_energy": math.nan}, None),
        ({"fermi_energy": 10**400}, None),
        ({"fermi_energy": []}, None),
        ({}, None),
    ],
)
def test_fermi_energies(attributes: dict[str, Any], energy: float | None) -> None:
    assert energy_in(attributes) == energy


OLD_UPF = """<PP_INFO>
Generated by hand
</PP_INFO>
<PP_HEADER>
   0                   Version Number
  Si                   Element
   NC                  Norm - Conserving pseudopotential
    F                  Nonlinear Core Correction
 SLA  PZ   NOGX NOGC   Exchange-Correlation functional
    4.00000000000      Z valence
    1                  Max angular momentum component
  431                  Number of points in mesh
</PP_HEADER>
"""


def test_headers_of_pseudopotentials() -> None:
    assert dict(header_of(OLD_UPF)) == {
        "Element": "Si",
        "Type": "NC",
        "Non-linear core correction": "F",
        "Functional": "SLA PZ NOGX NOGC",
        "Valence electrons": "4.00000000000",
        "Largest angular momentum": "1",
        "Points of the radial mesh": "431",
    }
    assert header_of('<PP_HEADER element=\'Si\' pseudo_type = "PAW" z_valence="4 &lt; 5"') == []
    assert header_of("<PP_HEADER element='Si' z_valence=\"4 &lt; 5\"/>") == [
        ("Element", "Si"), ("Valence electrons", "4 < 5")
    ]  # fmt: skip
    assert header_of("") == header_of("nothing") == header_of("<PP_HEADER") == []


# Plots as files


@pytest.mark.parametrize(
    ("label", "query", "words_in_it"),
    [
        ("Si bands", "", ["Fermi energy", "Γ", "E − E(Fermi) / eV"]),
        ("Si bands", "?from=-1.5&to=1.5", ["−1.5", "1.5"]),
        ("offset mesh", None, []),
    ],
)
def test_plots_are_files_too(app: Flask, label: str, query: str | None, words_in_it: list[str]) -> None:
    """A file needs no style sheet of the page, and shows what the page shows."""
    client, path = app.test_client(), f"/nodes/{labelled(app, label)['uuid']}"
    links = re.findall(r'href="([^"]*plot\.svg[^"]*)" download', client.get(path + (query or "")).text)
    assert links == ([] if query is None else [f"{path}/plot.svg{query.replace('&', '&amp;')}"])
    answer = client.get(f"{path}/plot.svg{query or ''}")
    if query is None:
        assert answer.status_code == 404
        return
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert re.fullmatch(r'attachment; filename="plot-\d+.svg"', answer.headers["Content-Disposition"])
    root = ET.fromstring(answer.data)
    (style, paper, *_) = root
    assert (style.tag.rpartition("}")[2], paper.get("class")) == ("style", "paper")
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(words_in_it) <= set(texts)
    assert not [each for each in root.iter() if "href" in each.attrib]


def test_each_plot_of_a_trajectory_is_a_file(app: Flask) -> None:
    (found,) = visit_of(app).api.get("/nodes", 'node_type=like="%Trajectory%"&orderby=id&limit=1')["nodes"]
    client, path = app.test_client(), f"/nodes/{found['uuid']}"
    names = re.findall(r'aria-label="(\w+) over steps: arrow', client.get(path).text)
    links = re.findall(r'href="([^"]*plot\.svg[^"]*)" download', client.get(path).text)
    assert links == [f"{path}/plot.svg{f'?plot={number}' if number else ''}" for number in range(len(names))]
    for name, link in zip(names, links, strict=True):
        assert f'aria-label="{name} over steps"' in client.get(link).text
    for number in (len(names), -1, "x", ""):
        assert client.get(f"{path}/plot.svg?plot={number}").status_code == 404


def test_forms_and_links_of_viewers_name_the_uuid(app: Flask) -> None:
    """Ids change when an archive is imported, and what a form leads to is what people send to others."""
    client = app.test_client()
    found = visit_of(app).api.get("/nodes", 'node_type=like="data.core.array.%"&fields=id,uuid')["nodes"]
    assert len(found) > 3
    for node in found:
        main = client.get(f"/nodes/{node['id']}?array=positions&from=-1&to=1").text.partition("<footer")[0]
        leading = re.findall(r'(?:href|action)="(\?[^"]*|/nodes/\d+[^"]*)"', main.partition("</header>")[2])
        assert [each for each in leading if each.startswith(("?", f"/nodes/{node['id']}"))] == []
        for form in re.findall(r"<form[^>]*>", main.partition("</header>")[2]):
            assert f'action="/nodes/{node["uuid"]}"' in form


# What is large


def crystal_in_cif(sites: int, spacegroup: str = "P 1", occupancy: str = "1") -> str:
    """A file whose sites lie at random in a cubic cell of 30 angstrom."""
    places = random.Random(sites)
    head = f"data_x\n_symmetry_space_group_name_H-M '{spacegroup}'\n"
    cell = [f"_cell_length_{axis} 30" for axis in "abc"] + [
        f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")
    ]
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"]
    rows = [f"C{each} C {' '.join(f'{places.random():.4f}' for _ in 'xyz')} {occupancy}" for each in range(sites)]
    return head + "\n".join([*cell, "loop_", *(f"_atom_site_{each}" for each in columns), *rows]) + "\n"


def test_many_sites_in_a_cif_file_without_symmetry() -> None:
    """To compare each with each other, as ase does, takes 20 s; there is nothing to compare here."""
    start = time.process_time()
    structure = structure_in_cif(crystal_in_cif(3000))
    assert (len(structure.sites), structure.sites[0].species.name) == (3000, "C")
    assert structure.cell[0] == pytest.approx((30, 0, 0))
    assert time.process_time() - start < 2
    some = structure_in_cif(crystal_in_cif(20, occupancy="0.5"))
    assert some.sites[0].species.weights == (0.5,)


@pytest.mark.parametrize(("sites", "spacegroup", "operations"), [(3000, "P -1", 2), (300, "F m -3 m", 192)])
def test_too_many_sites_in_a_cif_file_with_symmetry(sites: int, spacegroup: str, operations: int) -> None:
    with pytest.raises(
        FeatureUnavailable, match=f"{sites:,} sites and {operations} operations of symmetry is not drawn"
    ):
        structure_in_cif(crystal_in_cif(sites, spacegroup))
    assert len(structure_in_cif(crystal_in_cif(20, spacegroup)).sites) == 20 * operations


def test_large_bands_are_drawn_in_part(app: Flask) -> None:
    """Of bands with many points those in the middle: no picture is larger than can be read."""
    node = labelled(app, "Si bands")
    noise = random.Random(1)
    energies = [[noise.random() * 100 for _ in range(300)] for _ in range(500)]
    along = [float(each) for each in range(300)]
    export = {"paths": [{"x": along, "values": energies, "from": "G", "to": "X", "two_band_types": False}]}
    plot = bands_plot(export)
    assert [line.name for line in plot.lines][:1] == ["band 184"]
    assert len(plot.lines) == 133
    start = time.process_time()
    assert len(plot_svg(plot, "noise")) < 600_000
    assert time.process_time() - start < 2
    assert "bands are drawn" not in shown(app, node)


def test_noise_makes_no_large_plot() -> None:
    """Of points that share a unit of the picture the lowest and the highest are seen."""
    noise = random.Random(1)
    y: list[float | None] = [noise.random() for _ in range(20_000)]
    y[777] = 3.0
    x: list[float | None] = [float(each) for each in range(20_000)]
    svg = plot_svg(Plot([Line("noise", x, y)], "x", "y"), "noise")
    assert len(svg) < 30_000
    (points,) = re.findall(r' d="M([^"]*)"', svg)
    heights = [float(each.partition(",")[2]) for each in points.split("L")]
    top, bottom = min(heights), max(heights)
    assert sum(each < top + 1 for each in heights) == 1
    assert bottom - top > 300
