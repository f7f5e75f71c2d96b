"""Derived properties and descriptions, compared with what aiida-core's REST API and its ORM make of the same nodes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from aiida_like.errors import MissingExtra
from aiida_like.formats import (
    StoredNode,
    all_download_formats,
    derived_properties,
    description_of,
    download,
    download_formats,
)
from tests.formats_profile import memory_profile, orm, restapi_module, stored

BandsDataTranslator = restapi_module("translator.nodes.data.array.bands").BandsDataTranslator
KpointsDataTranslator = restapi_module("translator.nodes.data.kpoints").KpointsDataTranslator
StructureDataTranslator = restapi_module("translator.nodes.data.structure").StructureDataTranslator

pytestmark = [
    pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning"),
    # aiida-core still asks seekpath in the old way.
    pytest.mark.filterwarnings("ignore:`get_BZ` is deprecated:UserWarning"),
]

CELL = [[0.0, 2.7, 2.7], [2.7, 0.0, 2.7], [2.7, 2.7, 0.0]]


@pytest.fixture(scope="module", autouse=True)
def _profile() -> Iterator[None]:
    with memory_profile():
        yield


def mesh() -> Any:
    node = orm.KpointsData()
    node.set_cell(CELL)
    node.set_kpoints_mesh([2, 1, 3], offset=[0.5, 0.0, 0.0])
    return node


def path() -> Any:
    node = orm.KpointsData()
    node.set_cell(CELL)
    node.set_kpoints([[0.0, 0.0, 0.0], [0.25, 0.0, 0.25], [0.5, 0.0, 0.5]], labels=[(0, "G"), (2, "X")])
    return node


def gamma() -> Any:
    node = orm.KpointsData()
    node.set_kpoints([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]], labels=[(0, "G"), (1, "K")])
    return node


def bands() -> Any:
    node = orm.BandsData(label="silicon")
    node.set_kpointsdata(path())
    node.set_bands(np.arange(6.0).reshape(3, 2), units="eV")
    return node


def structure() -> Any:
    node = orm.StructureData(cell=CELL, pbc=[True, True, False])
    for position in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
        node.append_atom(position=position, symbols="Si")
    for position in ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0), (2.0, 2.0, 0.0)):
        node.append_atom(position=position, symbols="O")
    return node


def empty() -> Any:
    return orm.StructureData(cell=CELL)


MADE: dict[str, tuple[Callable[[], Any], Any]] = {
    "mesh": (mesh, KpointsDataTranslator),
    "path": (path, KpointsDataTranslator),
    "gamma": (gamma, KpointsDataTranslator),
    "bands": (bands, BandsDataTranslator),
    "structure": (structure, StructureDataTranslator),
    "empty": (empty, StructureDataTranslator),
}


@pytest.mark.parametrize("name", MADE)
def test_derived_properties(name: str) -> None:
    make, translator = MADE[name]
    node = make()
    assert_close(derived_properties(stored(node)), translator.get_derived_properties(node))


def assert_close(left: Any, right: Any) -> None:
    """Equal, but for rounding."""
    if isinstance(right, dict):
        assert left.keys() == right.keys()
        for key in right:
            assert_close(left[key], right[key])
    elif isinstance(right, (list, tuple, np.ndarray)):
        assert len(left) == len(right)
        for each, other in zip(left, right, strict=True):
            assert_close(each, other)
    elif isinstance(right, float):
        assert left == pytest.approx(right, rel=1e-9, abs=1e-12)
    else:
        assert left == right


@pytest.mark.parametrize("name", MADE)
def test_descriptions(name: str) -> None:
    node = MADE[name][0]()
    # A structure without atoms has no formula; aiida-core fails on it.
    expected = "" if name == "empty" else node.get_description()
    assert description_of(stored(node), None) == expected


CODES = [("pw", "daint", "pw@daint"), ("script", None, "script")]


@pytest.mark.parametrize(("label", "computer", "expected"), CODES)
def test_codes_are_described_with_their_computer(label: str, computer: str | None, expected: str) -> None:
    node = StoredNode("u", "data.core.code.installed.InstalledCode.", label, {})
    assert description_of(node, computer) == expected


MESH = "Kpoints mesh: 2x2x2 (+0.0,0.5,0.0)"

OTHERS = [
    ("data.core.dict.Dict.", {"a": 1}, ""),
    ("process.calculation.calcjob.CalcJobNode.", {"state": "withscheduler"}, "withscheduler"),
    ("process.calculation.calcjob.CalcJobNode.", {}, ""),
    ("process.calculation.calcjob.CalcJobNode.", {"state": None}, ""),
    ("process.workflow.workchain.WorkChainNode.", {"state": "withscheduler"}, ""),
    ("data.core.array.kpoints.KpointsData.", {}, ""),
    ("data.core.array.kpoints.KpointsData.", {"mesh": [2, 2, 2], "offset": [0, 0.5, 0]}, MESH),
    ("data.core.array.kpoints.KpointsData.", {"mesh": [2, 2, 2]}, ""),
    ("data.core.array.kpoints.KpointsData.", {"mesh": [2, 2, 2], "array|kpoints": [8, 3]}, "(Path of 8 kpts)"),
    ("data.core.array.bands.BandsData.", {"array|kpoints": [1, 3]}, "(Path of 1 kpts)"),
]


@pytest.mark.parametrize(("node_type", "attributes", "expected"), OTHERS)
def test_other_descriptions(node_type: str, attributes: dict[str, Any], expected: str) -> None:
    node = StoredNode("u", node_type, "label", attributes)
    assert description_of(node, None) == expected
    if "array" not in node_type:
        assert derived_properties(node) == {}


def test_the_brillouin_zone_needs_seekpath(monkeypatch: pytest.MonkeyPatch) -> None:
    node = stored(mesh())
    monkeypatch.setitem(sys.modules, "seekpath.brillouinzone.brillouinzone", None)
    with pytest.raises(MissingExtra) as raised:
        derived_properties(node)
    assert str(raised.value) == str(MissingExtra("structures", "the Brillouin zone"))


def test_all_formats_are_those_of_each_type() -> None:
    formats = all_download_formats()
    assert formats["data.core.structure.StructureData."] == ("cif", "xsf", "xyz", "chemdoodle")
    assert formats == {node_type: download_formats(StoredNode("", node_type, "", {})) for node_type in formats}


def test_names_of_downloads() -> None:
    node = structure()
    assert download(stored(node), "chemdoodle").name == f"{node.uuid}.chemdoodle"
