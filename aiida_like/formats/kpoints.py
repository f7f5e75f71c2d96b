"""KpointsData: a list of k-points or a mesh, and the reciprocal cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiida_like.errors import FeatureUnavailable, MissingExtra
from aiida_like.formats.arrays import array_names, json_list, read_array
from aiida_like.formats.node import StoredNode, parsing

_UNIT = "1/\u212b"  # the angstrom sign, U+212B, as AiiDA writes it
_MOST_POINTS = 100_000


@dataclass(frozen=True)
class Label:
    index: int
    name: str


@dataclass(frozen=True)
class Kpoints:
    """K-points, shape (n, 3), in units of the reciprocal vectors.

    The rows of `reciprocal_cell` are b1, b2, b3 in 1/angstrom (with the factor 2 pi); None where no cell is known.
    """

    points: NDArray[np.float64]
    labels: Sequence[Label]
    reciprocal_cell: NDArray[np.float64] | None

    @property
    def cartesian(self) -> NDArray[np.float64]:
        """The coordinates in 1/angstrom; without a cell the relative ones."""
        return self.points if self.reciprocal_cell is None else self.points @ self.reciprocal_cell


def listed_kpoints(node: StoredNode) -> Kpoints:
    """The k-points that are stored one by one, as bands always have them."""
    with parsing(node, "kpoints"):
        points = read_array(node, "kpoints").astype(np.float64)
        _check_shape(points)
        labels = _labels(node)
        if any(label.index not in range(len(points)) for label in labels):
            raise ValueError(f"a label outside of {len(points)} k-points")
        return Kpoints(points, labels, _reciprocal_cell(node))


def kpoints_picture(node: StoredNode) -> dict[str, Any]:
    """All k-points, and the reciprocal vectors, the labelled points and the mesh if they are known."""
    kpoints = stored_kpoints(node)
    in_space = {}
    if kpoints.reciprocal_cell is not None:
        b1, b2, b3 = json_list(kpoints.reciprocal_cell)
        in_space = {
            "b1": b1,
            "b2": b2,
            "b3": b3,
            "reciprocal_vectors_unit": _UNIT,
            "explicit_kpoints_abs": json_list(kpoints.cartesian),
            "kpoints_abs_unit": _UNIT,
        }
    return _described(node, kpoints, in_space, relative="kpoints_rel", path="path", cartesian="kpoints")


def kpoints_properties(node: StoredNode) -> dict[str, Any]:
    """All k-points in units of the reciprocal vectors, and with a cell in 1/angstrom and with the Brillouin zone."""
    kpoints = stored_kpoints(node)
    in_space = {}
    if kpoints.reciprocal_cell is not None:
        in_space = {
            "faces_data": brillouin_zone(json_list(kpoints.reciprocal_cell)),
            "explicit_kpoints_abs": json_list(kpoints.cartesian),
        }
    return _described(
        node,
        kpoints,
        in_space,
        relative="labelled_kpoints_rel",
        path="labelled_path",
        cartesian="labelled_kpoints_abs",
    )


def brillouin_zone(reciprocal_cell: list[list[float]]) -> dict[str, Any]:
    """The faces, each a list of corners in 1/angstrom, and the same as triangles: indices into a list of corners.

    Raises:
        MissingExtra: seekpath is not installed.
    """
    try:
        from seekpath.brillouinzone.brillouinzone import BZ
    except ImportError:
        raise MissingExtra("structures", "the Brillouin zone") from None
    zone = BZ(*reciprocal_cell)
    return {"faces": zone.faces, "triangles": zone.triangles, "triangles_vertices": zone.triangles_vertices}


def _described(
    node: StoredNode, kpoints: Kpoints, in_space: dict[str, Any], *, relative: str, path: str, cartesian: str
) -> dict[str, Any]:
    """`relative`, `path` and `cartesian` are the keys of the labelled k-points."""
    described = {"explicit_kpoints_rel": json_list(kpoints.points), **in_space}
    if kpoints.labels:
        described[relative] = {label.name: json_list(kpoints.points[label.index]) for label in kpoints.labels}
        described[path] = [[start.name, end.name] for start, end in pairwise(kpoints.labels)]
        if kpoints.reciprocal_cell is not None:
            in_angstrom = kpoints.cartesian
            described[cartesian] = {label.name: json_list(in_angstrom[label.index]) for label in kpoints.labels}
    has_mesh = "mesh" in node.attributes
    return {
        **described,
        **({key: node.attributes.get(key) for key in ("mesh", "offset")} if has_mesh else {}),
        "has_cell": kpoints.reciprocal_cell is not None,
        "has_mesh": has_mesh,
        "has_labels": bool(kpoints.labels),
    }


def stored_kpoints(node: StoredNode) -> Kpoints:
    """The k-points of the mesh, or those that are stored one by one.

    Raises:
        FeatureUnavailable: there are none, or too many.
        DamagedNode: the attributes or arrays are not those of k-points.
    """
    if "mesh" in node.attributes:
        return _meshed_kpoints(node)
    if "kpoints" not in array_names(node):
        raise FeatureUnavailable("this kpoints node holds neither a list of k-points nor a mesh")
    return listed_kpoints(node)


def _meshed_kpoints(node: StoredNode) -> Kpoints:
    """K-points i/n along each reciprocal vector, shifted by the offset, the last index fastest."""
    with parsing(node, "kpoints"):
        mesh = [int(count) for count in node.attributes["mesh"]]
        offset = np.asarray(node.attributes.get("offset") or (0, 0, 0), dtype=np.float64)
        if math.prod(mesh) > _MOST_POINTS:
            size = " x ".join(map(str, mesh))
            raise FeatureUnavailable(f"a mesh of {size} has more k-points than a picture shows ({_MOST_POINTS})")
        steps = np.indices(mesh).reshape(3, -1).T
        return Kpoints((steps + offset) / mesh, (), _reciprocal_cell(node))


def _labels(node: StoredNode) -> tuple[Label, ...]:
    indices = node.attributes.get("label_numbers") or ()
    names = node.attributes.get("labels") or ()
    return tuple(Label(int(index), str(name)) for index, name in zip(indices, names, strict=False))


def _reciprocal_cell(node: StoredNode) -> NDArray[np.float64] | None:
    """The vectors b with a_i . b_j = 2 pi for i = j, else 0; None without a cell, or with a flat one."""
    cell = np.asarray(node.attributes.get("cell") or np.zeros((3, 3)), dtype=np.float64)
    _check_shape(cell)
    return 2 * np.pi * np.linalg.inv(cell).T if np.linalg.matrix_rank(cell) == len(cell) else None


def _check_shape(vectors: NDArray[np.float64]) -> None:
    dimensions = 3
    if vectors.ndim != dimensions - 1 or vectors.shape[1] != dimensions:
        raise ValueError(f"vectors of shape {vectors.shape}, not (n, 3)")
