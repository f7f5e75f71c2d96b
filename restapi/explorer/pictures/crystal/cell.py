"""A cell in numbers: lengths of its vectors in angstrom, angles between them in degrees."""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, degrees, hypot

Vector = Sequence[float]


def length(vector: Vector) -> float:
    return hypot(*vector)


def angle(one: Vector, other: Vector) -> float:
    """0 where one has no length."""
    lengths = length(one) * length(other)
    return degrees(acos(max(-1.0, min(1.0, _dot(one, other) / lengths)))) if lengths else 0.0


def angles(a: Vector, b: Vector, c: Vector) -> tuple[float, float, float]:
    """Between `b` and `c`, `a` and `c`, `a` and `b`: those that are called alpha, beta and gamma."""
    return angle(b, c), angle(a, c), angle(a, b)


def area(one: Vector, other: Vector) -> float:
    return length(_cross(one, other))


def volume(a: Vector, b: Vector, c: Vector) -> float:
    return abs(_dot(a, _cross(b, c)))


def _dot(one: Vector, other: Vector) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))


def _cross(one: Vector, other: Vector) -> Vector:
    (x1, y1, z1), (x2, y2, z2) = one, other
    return y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2
