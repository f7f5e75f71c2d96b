"""The table of formats, files that are stored as they are, and every refusal."""

from __future__ import annotations

import json
import re
import sys
from pkgutil import resolve_name
from typing import Any

import pytest

from aiida_like.errors import DamagedNode, FeatureUnavailable, MissingExtra
from aiida_like.formats import FORMATS, StoredNode, download, download_formats, visualization
from tests.conftest import ROOT, run

UUID = "5c9c7d1e-3b0f-4d52-8a1f-0d9f6f3c2b11"
CIF = "data_NaCl\n_cell_length_a 5.64\n"


def node(node_type: str, attributes: dict[str, Any] | None = None, **files: bytes) -> StoredNode:
    contents = {name.replace("_", "."): content for name, content in files.items()}
    return StoredNode(UUID, node_type, "", attributes or {}, contents.__getitem__, list(contents))


def cif(attributes: dict[str, Any], **files: bytes) -> StoredNode:
    return node("data.core.cif.CifData.", attributes, **files)


@pytest.mark.parametrize(
    ("node_type", "formats"),
    [
        ("data.core.structure.StructureData.", ("cif", "xsf", "xyz", "chemdoodle")),
        ("data.core.cif.CifData.", ("cif",)),
        ("data.core.upf.UpfData.", ("upf", "json")),
        ("data.core.array.ArrayData.", ("json", "npz")),
        ("data.core.array.xy.XyData.", ("json", "npz")),
        ("data.core.array.trajectory.TrajectoryData.", ("json", "npz")),
        ("data.core.array.kpoints.KpointsData.", ("json", "npz")),
        ("data.core.array.bands.BandsData.", ("json", "npz")),
        ("data.core.array.bands.plugin.ProjectedBandsData.", ("json", "npz")),
        ("data.core.dict.Dict.", ()),
        ("data.core.arrays.Other.", ()),
        ("process.calculation.calcjob.CalcJobNode.", ()),
        ("", ()),
    ],
)
def test_formats_of_a_type(node_type: str, formats: tuple[str, ...]) -> None:
    assert download_formats(node(node_type)) == formats


def test_all_functions_are_there() -> None:
    for kind in FORMATS.values():
        names = [*kind.downloads.values(), *kind.pictures.values(), *filter(None, [kind.properties])]
        assert all(callable(resolve_name(f"aiida_like.formats.{name}")) for name in names)


def test_a_server_starts_without_what_only_files_need() -> None:
    later = {"numpy", "ase", "rich", "psycopg", "pyparsing"}
    code = f"import sys, restapi.hosting.app; print(sorted({later} & sys.modules.keys()))"
    assert run([sys.executable, "-c", code], ROOT) == "[]\n"


def test_a_longer_start_of_a_type_comes_before_a_shorter_one() -> None:
    starts = list(FORMATS)
    assert [
        (start, later) for index, start in enumerate(starts) for later in starts[index:] if later > start in later
    ] == []


@pytest.mark.parametrize(
    ("node_type", "asked", "message"),
    [
        (
            "data.core.structure.StructureData.",
            "pdb",
            "structure nodes cannot be downloaded as 'pdb': available as cif, xsf, xyz, chemdoodle",
        ),
        ("data.core.upf.UpfData.", "xml", "upf nodes cannot be downloaded as 'xml': available as upf, json"),
        ("data.core.array.ArrayData.", "", "array nodes cannot be downloaded as '': available as json, npz"),
        ("data.core.dict.Dict.", "json", "Dict nodes cannot be downloaded as 'json': there is no format for them"),
        ("Plain", "json", "Plain nodes cannot be downloaded as 'json': there is no format for them"),
        ("Plain.", None, "Plain nodes cannot be downloaded: there is no format for them"),
        (
            "process.calculation.calcjob.CalcJobNode.",
            None,
            "CalcJobNode nodes cannot be downloaded: there is no format for them",
        ),
    ],
)
def test_refused_downloads(node_type: str, asked: str | None, message: str) -> None:
    with pytest.raises(FeatureUnavailable) as raised:
        download(node(node_type), asked)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("node_type", "asked", "message"),
    [
        (
            "data.core.structure.StructureData.",
            "xyz",
            "structure nodes cannot be visualized as 'xyz': available as chemdoodle, cif, xsf",
        ),
        ("data.core.cif.CifData.", "xsf", "cif nodes cannot be visualized as 'xsf': available as cif"),
        ("data.core.array.ArrayData.", None, "array nodes cannot be visualized: there is no format for them"),
        ("data.core.dict.Dict.", "cif", "Dict nodes cannot be visualized as 'cif': there is no format for them"),
    ],
)
def test_refused_pictures(node_type: str, asked: str | None, message: str) -> None:
    with pytest.raises(FeatureUnavailable) as raised:
        visualization(node(node_type), asked)
    assert str(raised.value) == message


def test_a_cif_node_is_its_file() -> None:
    halite = cif({"filename": "halite.cif"}, halite_cif=CIF.encode(), notes_txt=b"")
    made = download(halite)
    assert (made.content, made.format) == (CIF.encode(), "cif")
    assert visualization(halite) == {"str_viz_info": {"data": CIF, "format": "cif"}}
    assert visualization(halite, "cif") == visualization(halite)


def test_text_that_is_not_utf8_shows_a_replacement() -> None:
    picture = visualization(cif({"filename": "a.cif"}, a_cif=b"# \xc5ngstr\xf6m\n"))
    assert picture == {
        "str_viz_info": {"data": "# \N{REPLACEMENT CHARACTER}ngstr\N{REPLACEMENT CHARACTER}m\n", "format": "cif"}
    }


def test_an_upf_node_is_its_file_and_has_no_picture() -> None:
    silicon = node("data.core.upf.UpfData.", {"filename": "Si.upf"}, Si_upf=b"<UPF/>")
    assert download(silicon, "upf").content == b"<UPF/>"
    assert visualization(silicon) == []


UPF = """<UPF version="2.0.1">
<PP_HEADER element="Si" pseudo_type="NC" z_valence="4.0" number_of_proj="1" core_correction="F" mesh_size="3"
 is_ultrasoft="F" number_of_wfc="0" has_so="F" l_max="0"/>
<PP_MESH><PP_R size="3">0.0 0.5 1.0</PP_R></PP_MESH>
<PP_LOCAL>-1.0 -2.0 -3.0</PP_LOCAL>
<PP_NONLOCAL>
<PP_BETA.1 angular_momentum="0" cutoff_radius_index="2">0.1 0.2 0.3</PP_BETA.1>
<PP_DIJ>1.5</PP_DIJ>
</PP_NONLOCAL>
<PP_PSWFC/>
<PP_RHOATOM>0.0 1.0 2.0</PP_RHOATOM>
</UPF>
"""


def test_upf_as_json() -> None:
    made = download(node("data.core.upf.UpfData.", {"filename": "Si.upf"}, Si_upf=UPF.encode()), "json")
    content = json.loads(made.content)["pseudo_potential"]
    assert (content["header"]["element"], content["header"]["z_valence"]) == ("Si", 4.0)
    assert (content["radial_grid"], content["local_potential"]) == ([0.0, 0.5, 1.0], [-0.5, -1.0, -1.5])
    assert made.name == f"{UUID}.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<UPF version='2.0.1'/>", r"this upf file cannot be written as json \(IndexError\(.*\)\): ask for upf"),
        ("<UPF version='2.0.1'>", r"this upf file cannot be written as json \(ParseError\(.*\)\): ask for upf"),
        ("nothing", "this file is of no version of UPF that could be written as json: ask for upf"),
    ],
)
def test_upf_that_is_none(text: str, message: str) -> None:
    with pytest.raises(FeatureUnavailable) as raised:
        download(node("data.core.upf.UpfData.", {"filename": "Si.upf"}, Si_upf=text.encode()), "json")
    assert re.fullmatch(message, str(raised.value))


def test_upf_as_json_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upf_to_json", None)
    with pytest.raises(MissingExtra, match=r"^writing a pseudopotential as json needs the optional part 'structures'"):
        download(node("data.core.upf.UpfData.", {"filename": "Si.upf"}, Si_upf=UPF.encode()), "json")


NAMES: dict[tuple[str, str | None], str] = {
    ("data.core.cif.CifData.", None): "a.b",
    ("data.core.cif.CifData.", "cif"): "a.b",
    ("data.core.upf.UpfData.", "upf"): "a.b",
    ("data.core.array.ArrayData.", "json"): f"{UUID}.json",
    ("data.core.array.ArrayData.", "npz"): f"{UUID}.npz",
}


@pytest.mark.parametrize(("node_type", "asked"), NAMES)
def test_names_of_files(node_type: str, asked: str | None) -> None:
    """Only a node that is a file has a name of its own."""
    made = download(node(node_type, {"filename": "a.b"}, a_b=b""), asked)
    assert (made.name, made.format) == (NAMES[node_type, asked], asked or "cif")


@pytest.mark.parametrize("filename", [None, 5, ["a.cif"]])
def test_a_name_that_is_none(filename: Any) -> None:
    assert download(cif({"filename": filename}, a_cif=b"")).name == f"{UUID}.cif"


@pytest.mark.parametrize("attributes", [{}, {"filename": "gone.cif"}])
def test_the_only_file_is_taken_for_the_named_one(attributes: dict[str, Any]) -> None:
    assert download(cif(attributes, halite_cif=b"data_")).content == b"data_"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, f"node {UUID} has 0 files, and none is its filename 'gone.cif'"),
        ({"a_cif": b"", "b_cif": b""}, f"node {UUID} has 2 files, and none is its filename 'gone.cif'"),
    ],
)
def test_a_file_that_cannot_be_told(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DamagedNode) as raised:
        download(cif({"filename": "gone.cif"}, **files))
    assert str(raised.value) == message
