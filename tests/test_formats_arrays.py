"""Arrays, k-points and bands, compared with aiida-core."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aiida_like.errors import DamagedNode, FeatureUnavailable, QueryError
from aiida_like.formats import StoredNode, download, visualization
from aiida_like.formats.arrays import arrays_json
from tests.formats_profile import memory_profile, orm, stored

CELL = [[4.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.5, 1.0, 5.0]]
Labels = list[tuple[int, str]]
UNIT = "1/\u212b"


@pytest.fixture(scope="module", autouse=True)
def _profile() -> Iterator[None]:
    with memory_profile():
        yield


def changed(
    node: orm.ArrayData, attributes: dict[str, Any] | None = None, **files: bytes | NDArray[Any] | None
) -> StoredNode:
    """The stored node with other attributes (`...` takes one away) and with other contents of `<name>.npy`."""
    whole = stored(node)
    merged = {key: value for key, value in {**whole.attributes, **(attributes or {})}.items() if value is not ...}
    contents = {
        **{path: whole.read(path) for path in whole.files},
        **{f"{name}.npy": npy(files[name]) for name in files},
    }
    contents = {path: content for path, content in contents.items() if content is not None}
    return StoredNode(whole.uuid, whole.node_type, whole.label, merged, contents.__getitem__, list(contents))


def npy(content: bytes | NDArray[Any] | None) -> bytes | None:
    if not isinstance(content, np.ndarray):
        return content
    file = io.BytesIO()
    np.save(file, content)
    return file.getvalue()


def nodes_json(node: StoredNode) -> dict[str, Any]:
    made = download(node, "json")
    assert made.format == "json"
    return json.loads(made.content)


def assert_close(actual: Any, expected: Any) -> None:
    """Equal, numbers to 12 digits; a NaN of AiiDA is null with us."""
    if isinstance(expected, dict):
        assert list(map(str, sorted(actual))) == sorted(expected)
        for key, value in expected.items():
            assert_close(actual[key], value)
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert actual is None if math.isnan(expected) else actual == pytest.approx(expected, rel=1e-12, abs=1e-14)
    else:
        assert (actual, type(actual)) == (expected, type(expected))


# Arrays

ARRAYS = {
    "forces": np.linspace(-1, 1, 12).reshape(2, 2, 3),
    "steps": np.arange(3),
    "large": np.array([2**63 + 1], dtype=np.uint64),
    "is_metal": np.array([True, False]),
    "nothing": np.zeros((0, 3)),
    "energy": np.array(-310.25),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "single": np.array([0.5, 0.25], dtype=np.float32),
    "long": np.array([1.5], dtype=np.longdouble),
    "symbols": np.array(["Si", "Ge"]),
}


def arrays(**named: NDArray[Any]) -> orm.ArrayData:
    node = orm.ArrayData()
    for name, array in named.items():
        node.set_array(name, array)
    return node


def test_json_of_arrays() -> None:
    node = arrays(**ARRAYS)
    assert nodes_json(stored(node)) == {
        "original_uuid": node.uuid,
        **{name: array.astype(float if name == "long" else array.dtype).tolist() for name, array in ARRAYS.items()},
    }


def test_json_of_arrays_is_the_export_of_aiida() -> None:
    node = arrays(numbers=np.array([[1.5, np.nan], [np.inf, -np.inf]]), steps=np.arange(3), zero=np.zeros((2, 0)))
    exported = json.loads(node._prepare_json(comments=False)[0])
    assert nodes_json(stored(node)) == exported
    assert exported["numbers"] == [[1.5, None], [None, None]]


@pytest.mark.parametrize(("shape", "is_refused"), [([5_000_000], False), ([5_000_001], True), ([2, "x"], False)])
def test_too_many_numbers_for_json(shape: list[Any], is_refused: bool) -> None:
    """What the attribute says is believed before a file is read."""
    node = changed(orm.ArrayData(), {"array|a": shape}, a=np.arange(2))
    if not is_refused:
        assert json.loads(arrays_json(node))["a"] == [0, 1]
        return
    with pytest.raises(QueryError, match=r"5000001 numbers; .* ask for the format npz"):
        arrays_json(node)


def test_a_single_nan_is_null() -> None:
    assert nodes_json(stored(arrays(energy=np.array(np.nan))))["energy"] is None


def test_json_is_the_default() -> None:
    node = stored(arrays(**ARRAYS))
    assert download(node) == download(node, "json")


def test_npz_holds_the_same_arrays() -> None:
    back = np.load(io.BytesIO(download(stored(arrays(**ARRAYS)), "npz").content), allow_pickle=False)
    assert sorted(back) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_npz_is_the_same_at_each_download() -> None:
    first, second = (download(changed(arrays(b=np.arange(2), a=np.arange(3))), "npz") for _ in range(2))
    assert first.content == second.content
    members = zipfile.ZipFile(io.BytesIO(first.content)).infolist()
    assert [(member.filename, member.date_time, member.external_attr >> 16) for member in members] == [
        ("a.npy", (1980, 1, 1, 0, 0, 0), 0o644),
        ("b.npy", (1980, 1, 1, 0, 0, 0), 0o644),
    ]


def test_names_with_dots_and_bars() -> None:
    attributes = {"array|a.b": [2], "array|c|d": [1], "array": 1, "arrays|x": 1}
    node = changed(orm.ArrayData(), attributes, **{"a.b": np.arange(2), "c|d": np.arange(1)})
    assert nodes_json(node) == {"original_uuid": node.uuid, "a.b": [0, 1], "c|d": [0]}
    assert sorted(np.load(io.BytesIO(download(node, "npz").content))) == ["a.b", "c|d"]


def test_a_node_without_arrays() -> None:
    node = stored(orm.ArrayData())
    assert nodes_json(node) == {"original_uuid": node.uuid}
    assert list(np.load(io.BytesIO(download(node, "npz").content))) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: orm.XyData(np.arange(2.0), np.arange(2.0), x_name="t", x_units="s", y_names="v", y_units="m/s"),
        orm.TrajectoryData,
    ],
)
def test_other_kinds_of_arrays(make: Callable[[], orm.ArrayData]) -> None:
    node = make()
    if isinstance(node, orm.TrajectoryData):
        node.set_trajectory(symbols=["H"], positions=np.ones((2, 1, 3)), stepids=np.arange(2))
    assert nodes_json(stored(node)) == json.loads(node._prepare_json(comments=False)[0])


@pytest.mark.parametrize("file_format", ["json", "npz"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has lost its file 'x.npy'"),
        (b"", "is not an array of numpy"),
        (b"PK\x03\x04", "is not an array of numpy"),
        (npy(np.arange(9))[:-1], "is not an array of numpy"),
        (npy(np.arange(9)).replace(b"(9,)", b"(9, "), "is not an array of numpy"),
        (npy(np.array([{}], dtype=object)), "is not an array of numpy"),
    ],
)
def test_damaged_arrays(content: bytes | None, reason: str, file_format: str) -> None:
    node = changed(orm.ArrayData(), {"array|x": [9]}, x=content)
    with pytest.raises(DamagedNode) as raised:
        download(node, file_format)
    message = str(raised.value)
    assert message.startswith(
        f"node {node.uuid} {reason}" if content is None else f"the file 'x.npy' of node {node.uuid} {reason}: "
    )
    assert "/" not in message


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([1j]), "complex128"),
        (np.array(["2024-03-11"], dtype="M8[D]"), "datetime64[D]"),
        (np.array([b"Si"]), "|S2"),
    ],
)
def test_what_json_cannot_hold(array: NDArray[Any], what: str) -> None:
    node = stored(arrays(x=array))
    with pytest.raises(FeatureUnavailable) as raised:
        download(node, "json")
    assert str(raised.value) == f"the array 'x' cannot be written as json (JSON cannot hold {what}): ask for npz"
    np.testing.assert_array_equal(np.load(io.BytesIO(download(node, "npz").content))["x"], array)


# K-points


def kpoints(
    points: NDArray[Any] | None = None,
    labels: Labels | None = None,
    *,
    cell: list[list[float]] | None = CELL,
    mesh: list[int] | None = None,
    offset: list[float] | None = None,
    weights: NDArray[Any] | None = None,
) -> orm.KpointsData:
    node = orm.KpointsData()
    if cell is not None:
        node.set_cell(cell)
    if mesh is not None:
        node.set_kpoints_mesh(mesh, offset=offset)
    if points is not None:
        node.set_kpoints(points, labels=labels, weights=weights)
    return node


POINTS = np.array([[0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0.0, 0.5, 0.25], [0, 0.5, 0.5]])
LABELS = [(0, "GAMMA"), (2, "X"), (3, "Y"), (5, "T")]


def reciprocal(node: orm.ArrayData, points: NDArray[Any]) -> dict[str, Any]:
    b1, b2, b3 = node.reciprocal_cell.tolist()
    return {
        "b1": b1,
        "b2": b2,
        "b3": b3,
        "reciprocal_vectors_unit": UNIT,
        "explicit_kpoints_abs": node._change_reference(points).tolist(),
        "kpoints_abs_unit": UNIT,
    }


def test_listed_kpoints() -> None:
    node = kpoints(POINTS)
    assert_close(
        visualization(stored(node)),
        {
            "explicit_kpoints_rel": node.get_kpoints().tolist(),
            **reciprocal(node, node.get_kpoints()),
            "has_cell": True,
            "has_mesh": False,
            "has_labels": False,
        },
    )
    assert visualization(stored(node))["explicit_kpoints_abs"] == node.get_kpoints(cartesian=True).tolist()


def test_labelled_kpoints() -> None:
    node = kpoints(POINTS, LABELS)
    assert_close(
        visualization(stored(node)),
        {
            "explicit_kpoints_rel": node.get_kpoints().tolist(),
            **reciprocal(node, node.get_kpoints()),
            "kpoints_rel": {name: POINTS[index].tolist() for index, name in node.labels},
            "path": [["GAMMA", "X"], ["X", "Y"], ["Y", "T"]],
            "kpoints": {name: node.get_kpoints(cartesian=True)[index].tolist() for index, name in node.labels},
            "has_cell": True,
            "has_mesh": False,
            "has_labels": True,
        },
    )


@pytest.mark.parametrize("cell", [None, [[0.0] * 3] * 3, [[1.0, 0, 0], [0, 1.0, 0], [1.0, 1.0, 0]]])
def test_kpoints_without_a_cell(cell: list[list[float]] | None) -> None:
    node = changed(kpoints(POINTS, LABELS, cell=None), {} if cell is None else {"cell": cell})
    assert visualization(node) == {
        "explicit_kpoints_rel": POINTS.tolist(),
        "kpoints_rel": {name: POINTS[index].tolist() for index, name in LABELS},
        "path": [["GAMMA", "X"], ["X", "Y"], ["Y", "T"]],
        "has_cell": False,
        "has_mesh": False,
        "has_labels": True,
    }


@pytest.mark.parametrize("offset", [None, [0.5, 0.5, 0.0]])
def test_a_mesh(offset: list[float] | None) -> None:
    node = kpoints(mesh=[2, 3, 1], offset=offset)
    points = node.get_kpoints_mesh(print_list=True)
    assert_close(
        visualization(stored(node)),
        {
            "explicit_kpoints_rel": points.tolist(),
            **reciprocal(node, points),
            "mesh": [2, 3, 1],
            "offset": offset or [0.0, 0.0, 0.0],
            "has_cell": True,
            "has_mesh": True,
            "has_labels": False,
        },
    )


def test_json_of_kpoints_holds_all_that_the_node_does() -> None:
    node = kpoints(POINTS, LABELS, weights=np.full(6, 0.5))
    exported = json.loads(node._prepare_json(comments=False)[0])
    assert nodes_json(stored(node)) == {
        **exported,
        "cell": CELL,
        "pbc1": True,
        "pbc2": True,
        "pbc3": True,
        "labels": ["GAMMA", "X", "Y", "T"],
        "label_numbers": [0, 2, 3, 5],
    }
    assert sorted(np.load(io.BytesIO(download(stored(node), "npz").content))) == ["kpoints", "weights"]


def test_json_of_a_mesh() -> None:
    node = kpoints(cell=None, mesh=[4, 4, 1])
    assert nodes_json(stored(node)) == {"original_uuid": node.uuid, "mesh": [4, 4, 1], "offset": [0.0, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (orm.KpointsData, "this kpoints node holds neither a list of k-points nor a mesh"),
        (
            lambda: kpoints(mesh=[100, 100, 11]),
            "a mesh of 100 x 100 x 11 has more k-points than a picture shows (100000)",
        ),
    ],
)
def test_kpoints_without_a_picture(node: Callable[[], orm.KpointsData], message: str) -> None:
    with pytest.raises(FeatureUnavailable) as raised:
        visualization(stored(node()))
    assert str(raised.value) == message


def test_the_largest_mesh_with_a_picture() -> None:
    points = visualization(stored(kpoints(mesh=[100, 100, 10])))["explicit_kpoints_rel"]
    assert (len(points), points[-1]) == (100_000, [0.99, 0.99, 0.9])


def test_a_label_at_the_last_point() -> None:
    node = changed(kpoints(POINTS), {"label_numbers": [5], "labels": ["T"]})
    assert visualization(node)["kpoints_rel"] == {"T": POINTS[5].tolist()}


def test_labels_without_a_partner_are_none() -> None:
    """As zip has it: what is longer is cut."""
    node = changed(kpoints(POINTS), {"label_numbers": [0, 2, 3], "labels": ["A", "B"]})
    assert visualization(node)["path"] == [["A", "B"]]


@pytest.mark.parametrize(
    ("attributes", "files", "reason"),
    [
        ({}, {"kpoints": np.zeros(6)}, "ValueError('vectors of shape (6,), not (n, 3)')"),
        ({}, {"kpoints": np.zeros((1, 6, 3))}, "ValueError('vectors of shape (1, 6, 3), not (n, 3)')"),
        ({"label_numbers": [-1], "labels": ["A"]}, {}, "ValueError('a label outside of 6 k-points')"),
        ({}, {"kpoints": np.zeros((6, 2))}, "ValueError('vectors of shape (6, 2), not (n, 3)')"),
        ({"cell": [1, 2, 3]}, {}, "ValueError('vectors of shape (3,), not (n, 3)')"),
        ({"label_numbers": [0, 6], "labels": ["A", "B"]}, {}, "ValueError('a label outside of 6 k-points')"),
        ({"mesh": [2, 2]}, {}, "ValueError('cannot reshape array of size 8 into shape (3,newaxis)')"),
        ({"mesh": 4}, {}, """TypeError("'int' object is not iterable")"""),
    ],
)
def test_damaged_kpoints(attributes: dict[str, Any], files: dict[str, NDArray[Any]], reason: str) -> None:
    node = changed(kpoints(POINTS), attributes, **files)
    with pytest.raises(DamagedNode) as raised:
        visualization(node)
    assert str(raised.value) == f"node {node.uuid} does not hold what a kpoints node holds: {reason}"


# Bands


def bands(
    labels: Labels = LABELS,
    *,
    spins: int = 1,
    label: str = "silicon",
    units: str | None = "eV",
    cell: list[list[float]] | None = CELL,
    hole: tuple[int, ...] | None = None,
    points: NDArray[Any] = POINTS,
) -> orm.BandsData:
    node = orm.BandsData(label=label)
    node.set_kpointsdata(kpoints(points, labels, cell=cell))
    energies = np.random.default_rng(1).normal(size=(spins, len(points), 4))
    if hole is not None:
        energies[hole] = np.nan
    node.set_bands(energies if spins > 1 else energies[0], units=units)
    return node


BANDS = {
    "a path with a jump": bands,
    "two spins": lambda: bands(spins=2),
    "labels inside only": lambda: bands([(1, "A"), (4, "B")]),
    "labels at neighbours": lambda: bands([(0, "A"), (1, "B"), (2, "C"), (5, "D")]),
    "one label": lambda: bands([(2, "X")]),
    "no label": lambda: bands([]),
    "one step without a label": lambda: bands([], points=POINTS[:2]),
    "one step with a label": lambda: bands([(1, "X")], points=POINTS[:2]),
    "one step with two": lambda: bands([(0, "A"), (1, "X")], points=POINTS[:2]),
    "no cell": lambda: bands(cell=None),
    "not a number": lambda: bands(hole=(0, 2, 1)),
}


@pytest.mark.parametrize("make", BANDS.values(), ids=BANDS)
def test_bands_are_the_export_of_aiida(make: Callable[[], orm.BandsData]) -> None:
    node = make()
    exported = json.loads(node._prepare_json(comments=False)[0])
    picture = visualization(stored(node))
    assert_close(picture, {**exported, "Y_label": "silicon (eV)"})
    assert nodes_json(stored(node)) == json.loads(json.dumps(picture, allow_nan=False))


@pytest.mark.parametrize(
    ("label", "units", "expected"),
    [
        ("silicon", "eV", "silicon (eV)"),
        ("", "eV", "Dispersion (eV)"),
        ("silicon", None, "silicon"),
        ("", None, "Dispersion"),
    ],
)
def test_label_of_the_axis(label: str, units: str | None, expected: str) -> None:
    assert visualization(stored(bands(label=label, units=units)))["Y_label"] == expected


@pytest.mark.parametrize(
    ("units", "expected"), [("None", "silicon"), ("", "silicon ()"), (["eV"], "silicon"), ({}, "silicon")]
)
def test_units_as_they_are_stored(units: Any, expected: str) -> None:
    assert visualization(changed(bands(), {"units": units}))["Y_label"] == expected


def test_units_may_be_missing() -> None:
    assert visualization(changed(bands(), {"units": ...}))["Y_label"] == "silicon"


def test_bands_as_npz() -> None:
    node = bands()
    back = np.load(io.BytesIO(download(stored(node), "npz").content))
    np.testing.assert_array_equal(back["bands"], node.get_bands())
    np.testing.assert_array_equal(back["kpoints"], node.get_kpoints())


@pytest.mark.parametrize(
    ("energies", "reason"),
    [
        (np.zeros(6), "ValueError('bands of shape (6,) at 6 k-points')"),
        (np.zeros((5, 4)), "ValueError('bands of shape (5, 4) at 6 k-points')"),
        (np.zeros((1, 1, 6, 4)), "ValueError('bands of shape (1, 1, 6, 4) at 6 k-points')"),
        (np.array(["a"]), """ValueError("could not convert string to float: np.str_('a')")"""),
    ],
)
def test_damaged_bands(energies: NDArray[Any], reason: str) -> None:
    node = changed(bands(), bands=energies)
    with pytest.raises(DamagedNode) as raised:
        visualization(node)
    assert str(raised.value) == f"node {node.uuid} does not hold what a bands node holds: {reason}"
