"""The direction from which a structure is seen at first."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]
ViewDirections = tuple[Vector, Vector, Vector]
"""Unit vectors to the right, upwards and towards the eye."""

_AZIMUTH, _ELEVATION, _ABOVE = 22.0, 14.0, 62.0
"""Degrees: how far the eye is from `a` towards `b`, how far it is lifted, and how far over layers."""


def first_view(lattice: Floats, positions: Floats) -> ViewDirections:
    """Crystals with `a` towards the eye, `b` to the right and `c` upwards; layers from above, molecules flat."""
    vectors = np.array([vector for vector in lattice if vector.any()])
    if not len(vectors):
        return _view(_flat(positions))
    up, front = _axes(vectors)
    right = np.cross(up, front)
    lifted = radians(_ABOVE if len(vectors) == 2 else _ELEVATION)  # noqa: PLR2004
    turned = radians(_AZIMUTH)
    level = cos(turned) * front + sin(turned) * right
    eye = cos(lifted) * level + sin(lifted) * up
    to_right = cos(turned) * right - sin(turned) * front
    return _view(np.array([to_right, np.cross(eye, to_right), eye]))


def _axes(vectors: Floats) -> tuple[Floats, Floats]:
    """Unit vectors: upwards, and at a right angle the one that comes towards the eye."""
    if len(vectors) == 3:  # noqa: PLR2004
        up, front = vectors[2], vectors[0]
    elif len(vectors) == 2:  # noqa: PLR2004
        up, front = np.cross(*vectors), vectors[0]
    else:
        # A chain lies from left to right.
        along = _unit(vectors[0])
        other = np.eye(3)[int(np.argmin(np.abs(along)))]
        up = np.cross(along, other)
        front = np.cross(along, up)
    up = _unit(up)
    return up, _unit(front - (front @ up) * up)


def _flat(positions: Floats) -> Floats:
    """Right along the longest direction of the atoms, the eye where they are thinnest."""
    centred = positions - positions.mean(axis=0) if len(positions) else positions
    if len(positions) < 2 or not centred.any():  # noqa: PLR2004
        return np.eye(3)
    _, _, directions = np.linalg.svd(centred.T @ centred)
    right, up = (row * np.sign(row[int(np.argmax(np.abs(row).round(6)))]) for row in directions[:2])
    return np.array([right, up, np.cross(right, up)])


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def _view(rows: Floats) -> ViewDirections:
    right, up, eye = ((float(x), float(y), float(z)) for x, y, z in rows)
    return right, up, eye
