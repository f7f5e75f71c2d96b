"""A scene as SVG: what is shown without JavaScript, and small pictures of structures. Farther parts are drawn first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import cos, hypot, pi, prod, sin

import numpy as np
from markupsafe import Markup

from aiida_like.formats.structure import Vector
from restapi.explorer.pictures.crystal.placing import Placed, place
from restapi.explorer.pictures.crystal.scene import Kind, Scene
from restapi.explorer.pictures.svg import document, element, group

WIDTH, HEIGHT = 640.0, 400.0
_MARGIN = 26.0
_BOND = 0.11
"""Angstrom: half the width of a bond."""

_MOST_ATOMS, _MOST_BONDS = 1500, 600
"""Atoms and bonds of one picture, of 40 and 110 bytes each; of more bonds, none."""

_LARGEST_SCALE = 70.0
"""Units of the picture for one angstrom, so that a single atom does not fill it."""


@dataclass(frozen=True)
class _Camera:
    """Where the parts of a scene are in the picture: x and y in its units, depth in angstrom, more is nearer."""

    rows: Sequence[Vector]
    centre: Vector
    scale: float
    shift: tuple[float, float]

    def seen(self, position: Vector) -> Vector:
        (found,) = self.all_seen([position])
        return found

    def all_seen(self, positions: Sequence[Vector]) -> Sequence[Vector]:
        turned = (np.array(positions).reshape(-1, 3) - self.centre) @ np.array(self.rows).T
        seen: Sequence[Vector] = (turned * (self.scale, -self.scale, 1) + (*self.shift, 0)).tolist()
        return seen


@dataclass(frozen=True)
class _Part:
    """`svg` is made of numbers and of colours of ours alone."""

    depth: float
    svg: str


def structure_svg(scene: Scene, label: str, name: str = "structure") -> Markup:
    """The picture of the cells that are drawn at first; `name` makes ids that no other picture on a page has."""
    is_small = len(scene.bonds) * prod(scene.repeat) <= _MOST_BONDS
    placed = place(scene if is_small else replace(scene, bonds=()), scene.repeat)
    shown = Placed(placed.atoms[:_MOST_ATOMS], placed.bonds, placed.edges)
    camera = _camera(scene, shown)
    places = camera.all_seen([atom.position for atom in shown.atoms])
    parts = [*_balls(scene, shown, places, name), *_sticks(scene, shown, places)]
    parts.sort(key=lambda part: part.depth)
    return document(
        WIDTH,
        HEIGHT,
        label,
        element("defs", *_gradients(scene.kinds, name), *_ball_shapes(scene.kinds, camera, name)),
        group(*_cell(shown, camera), class_="cell"),
        # Numbers and colours of ours, as `_Part` says.
        group(Markup("".join(part.svg for part in parts)), stroke_width=2 * _BOND * camera.scale),  # noqa: S704
        *_axis_names(scene, camera),
        class_="structure-picture",
    )


def _camera(scene: Scene, placed: Placed) -> _Camera:
    """A camera that sees all of it: the middle of what is drawn is in the middle of the picture."""
    points = [atom.position for atom in placed.atoms] + [end for edge in placed.edges for end in edge]
    room = max((kind.ball for kind in scene.kinds), default=0.5)
    if not points:
        return _Camera(scene.view, (0.0, 0.0, 0.0), 1.0, (WIDTH / 2, HEIGHT / 2))
    turned = np.array(points) @ np.array(scene.view).T
    low, high = turned.min(axis=0) - room, turned.max(axis=0) + room
    width, height, _ = (high - low).tolist()
    scale = min((WIDTH - 2 * _MARGIN) / width, (HEIGHT - 2 * _MARGIN) / height, _LARGEST_SCALE)
    x, y, z = ((low + high) / 2 @ np.array(scene.view)).tolist()
    return _Camera(scene.view, (x, y, z), scale, (WIDTH / 2, HEIGHT / 2))


def _gradients(kinds: Sequence[Kind], name: str) -> Iterator[Markup]:
    """A light for the colours of kinds, and one for balls of several colours."""
    for number, kind in enumerate(kinds):
        if len(kind.shares) == 1:
            colour = kind.shares[0].colour
            yield _gradient(f"{name}-{number}", (lighter(colour), 1.0), (colour, 1.0), (darker(colour), 1.0))
    yield _gradient(f"{name}-light", ("#ffffff", 0.55), ("#ffffff", 0.0), ("#000000", 0.3))


def _gradient(name: str, *stops: tuple[str, float]) -> Markup:
    places = ("0", "0.45", "1")
    return element(
        "radialGradient",
        *(
            element("stop", offset=place, stop_color=colour, stop_opacity=None if opacity == 1 else opacity)
            for place, (colour, opacity) in zip(places, stops, strict=True)
        ),
        id=name,
        cx="0.36",
        cy="0.32",
        r="0.72",
    )


def _ball_shapes(kinds: Sequence[Kind], camera: _Camera, name: str) -> Iterator[Markup]:
    """A ball of each kind around 0, which `<use>` puts to its places."""
    for number, kind in enumerate(kinds):
        radius = kind.ball * camera.scale
        identity = f"{name}-ball-{number}"
        if len(kind.shares) == 1:
            yield element("circle", id=identity, r=radius, fill=f"url(#{name}-{number})", stroke_width=0)
            continue
        sectors, start = [], 0.0
        for share in kind.shares:
            sectors.append(element("path", d=_sector(radius, start, start + share.part), fill=share.colour))
            start += share.part
        light = element("circle", r=radius, fill=f"url(#{name}-light)")
        yield group(*sectors, light, id=identity, stroke_width=0)


def _balls(scene: Scene, placed: Placed, places: Sequence[Vector], name: str) -> Iterator[_Part]:
    for atom, (x, y, depth) in zip(placed.atoms, places, strict=True):
        yield _Part(depth, f'<use href="#{name}-ball-{scene.sites[atom.site].kind}" x="{x:.1f}" y="{y:.1f}"/>')


def _sector(radius: float, start: float, end: float) -> str:
    """A piece of a cake around 0; the start 0 is at the top, and 1 a whole turn, clockwise."""
    end = min(end, start + 0.9999)
    (x1, y1), (x2, y2) = ((radius * sin(2 * pi * turn), -radius * cos(2 * pi * turn)) for turn in (start, end))
    is_large = int(end - start > 0.5)  # noqa: PLR2004
    return f"M0,0L{x1:.2f},{y1:.2f}A{radius:.2f},{radius:.2f} 0 {is_large} 1 {x2:.2f},{y2:.2f}Z"


def _sticks(scene: Scene, placed: Placed, places: Sequence[Vector]) -> Iterator[_Part]:
    """Two halves of each bond between atoms that are drawn, each in the colour of its atom."""
    for bond in placed.bonds:
        # Halves of bonds that lead out would stick out all around like thorns.
        if bond.second is not None and max(bond.first, bond.second) < len(places):
            start, end = places[bond.first], places[bond.second]
            yield _stick(scene, placed.atoms[bond.first].site, start, end)
            yield _stick(scene, placed.atoms[bond.second].site, end, start)


def _stick(scene: Scene, site: int, start: Vector, end: Vector) -> _Part:
    colour = darker(scene.kinds[scene.sites[site].kind].shares[0].colour, 0.18)
    x, y, depth = ((one + other) / 2 for one, other in zip(start, end, strict=True))
    path = f'<path d="M{start[0]:.1f},{start[1]:.1f}L{x:.1f},{y:.1f}" stroke="{colour}"/>'
    return _Part((start[2] + depth) / 2 - 0.01, path)


def _cell(placed: Placed, camera: _Camera) -> Iterator[Markup]:
    for edge in placed.edges:
        (x1, y1, _), (x2, y2, _) = camera.seen(edge.start), camera.seen(edge.end)
        yield element("line", x1=x1, y1=y1, x2=x2, y2=y2)


def _axis_names(scene: Scene, camera: _Camera) -> Iterator[Markup]:
    """`a`, `b` and `c`, beyond the balls at the ends of the lattice vectors."""
    room = 12 + camera.scale * max((kind.ball for kind in scene.kinds), default=0)
    start = camera.seen(scene.origin)
    for name, vector, count in zip("abc", scene.lattice, scene.repeat, strict=True):
        if any(vector):
            x, y, z = (here + count * step for here, step in zip(scene.origin, vector, strict=True))
            end = camera.seen((x, y, z))
            length = hypot(end[0] - start[0], end[1] - start[1])
            if length > 4:  # noqa: PLR2004
                away = 1 + room / length
                x, y = (here + away * (there - here) for here, there in zip(start[:2], end[:2], strict=True))
                yield element("text", name, class_="axis-name", x=x, y=y, text_anchor="middle", dy="0.35em")


def lighter(colour: str) -> str:
    """A colour `#rrggbb` on its way to white."""
    return _mixed(colour, 255, 0.45)


def darker(colour: str, part: float = 0.42) -> str:
    """A colour `#rrggbb` on its way to black."""
    return _mixed(colour, 0, part)


def _mixed(colour: str, with_: int, part: float) -> str:
    channels = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(channel + (with_ - channel) * part):02x}" for channel in channels)
