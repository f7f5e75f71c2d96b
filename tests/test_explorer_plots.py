"""Plots, bands and heat maps: ticks, lines, what is left out, and what stored text cannot do to them."""

from __future__ import annotations

import io
import math
import re
import zlib
from base64 import b64decode
from collections.abc import Sequence
from struct import unpack
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from restapi.explorer.pictures.plots.bands import MOST_BANDS, bands_plot, pretty
from restapi.explorer.pictures.plots.heat import heat_svg
from restapi.explorer.pictures.plots.plot import Line, Plot, Rule, plot_svg
from restapi.explorer.pictures.plots.simplify import simplified
from restapi.explorer.pictures.plots.ticks import Tick, short, ticks
from restapi.explorer.pictures.svg import element, number

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-7.3, 16.2, ["−5", "0", "5", "10", "15"]),
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (0.1, 0.3, ["0.10", "0.15", "0.20", "0.25", "0.30"]),
        (-310.4862, -310.48, ["−310.486", "−310.484", "−310.482", "−310.480"]),
        (0, 3e7, ["0", "5e6", "1.0e7", "1.5e7", "2.0e7", "2.5e7", "3.0e7"]),
        (0, 4e-9, ["0", "1e−9", "2e−9", "3e−9", "4e−9"]),
        (5, 5, ["5"]),
        (0, 0, ["0"]),
        (1e299, 1.00000000001e299, ["1e299"]),
        (NAN, 1, []),
        (0, INF, []),
    ],
)
def test_ticks(low: float, high: float, texts: list[str]) -> None:
    found = [tick.text for tick in ticks(low, high)]
    assert [re.sub(r"^0\.0$", "0", text) for text in texts] == found


@pytest.mark.parametrize("span", [1e-300, 1e-12, 3e-7, 0.017, 1, 24.5, 9.99e5, 1e17, 1e299])
@pytest.mark.parametrize("low", [0.0, -0.3, 1.7])
def test_ticks_lie_within_and_are_few_and_different(low: float, span: float) -> None:
    found = ticks(low * span, low * span + span)
    assert 2 <= len(found) <= 7
    assert len({tick.text for tick in found}) == len(found)
    room = span * 1e-6
    assert all(low * span - room <= tick.value <= low * span + span + room for tick in found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.30000000000000004, "0.3"), (-1e-7, "−1e−7"), (1234567.0, "1.23457e6"), (0.0, "0"), (-2.5, "−2.5")],
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


def test_numbers_in_pictures_are_short() -> None:
    assert [number(value) for value in (1.5, -0.001, 12, 3.14159, -7.0)] == ["1.5", "0", "12", "3.14", "-7"]


def test_a_line_is_simplified_within_the_tolerance() -> None:
    x = np.linspace(0, 10, 2001)
    points = list(zip(x.tolist(), np.sin(x).tolist(), strict=True))
    kept = simplified(points, 0.01)
    assert len(kept) < 60
    assert {*kept} <= {*points}
    drawn = np.interp(x, [point[0] for point in kept], [point[1] for point in kept])
    assert np.abs(drawn - np.sin(x)).max() <= 0.01 + 1e-12


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0.0, 1.0)],
        [(0.0, 1.0), (1.0, 2.0)],
        [(0.0, 0.0), (0.0, 5.0), (0.0, 2.0)],
        [(2.0, 0.0), (1.0, 1.0), (0.0, 0.0)],
    ],
)
def test_few_points_and_lines_that_go_back_are_kept(points: list[tuple[float, float]]) -> None:
    assert simplified(points, 0.1) == points


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def values_of(svg: str) -> list[list[tuple[float, float]]]:
    """The points of each line, in the numbers of the axes."""
    picture = drawn(svg)
    left, top, right, bottom = map(float, str(picture.get("data-box")).split())
    x0, x1, y0, y1 = map(float, str(picture.get("data-range")).split())
    return [
        [
            (x0 + (x - left) / (right - left) * (x1 - x0), y0 + (bottom - y) / (bottom - top) * (y1 - y0))
            for x, y in (map(float, pair.split(",")) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", str(path.get("d"))))
        ]
        for path in picture.findall(".//{*}path")
    ]


def words_of(svg: str, under: str = ".//{*}g[@class='ticks']/{*}text") -> list[str]:
    return [str(text.text) for text in drawn(svg).findall(under)]


def test_lines_are_where_their_numbers_say() -> None:
    x, y = [0.0, 1.0, 2.0, 3.0], [5.0, -5.0, 10.0, 0.0]
    svg = plot_svg(Plot([Line("one", x, y)], "time / ps", "V"), "a plot")
    (points,) = values_of(svg)
    assert [point[0] for point in points] == pytest.approx(x, abs=0.01)
    assert [point[1] for point in points] == pytest.approx(y, abs=0.02)
    assert words_of(svg) == ["0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "−5", "0", "5", "10"]
    assert words_of(svg, ".//{*}text[@class='axis']") == ["time / ps", "V"]


def test_a_part_of_the_numbers() -> None:
    """Lines are cut at the frame, and rules outside of it are left out."""
    lines = [Line("one", [0.0, 1.0, 2.0], [-100.0, 0.0, 100.0])]
    plot = Plot(lines, "", "", rules=[Rule(1.0, "inside"), Rule(50.0, "outside")], y_range=(-5.0, 5.0))
    svg = plot_svg(plot, "a part")
    assert words_of(svg)[-5:] == ["−4", "−2", "0", "2", "4"]
    assert "inside" in svg
    assert "outside" not in svg
    inner = drawn(svg).find("{*}svg")
    assert inner is not None
    assert inner.get("viewBox") == "{x} {y} {width} {height}".format(**inner.attrib)
    (points,) = values_of(svg)
    assert [point[1] for point in points] == pytest.approx([-100, 100], abs=0.1)


def test_gaps() -> None:
    y = [0.0, 1.0, None, 3.0, NAN, 5.0, INF, 7.0, 8.0]
    svg = plot_svg(Plot([Line("one", [float(x) for x in range(9)], y)], "", ""), "gaps")
    (path,) = drawn(svg).findall(".//{*}path")
    assert str(path.get("d")).count("M") == 4


@pytest.mark.parametrize("y", [[], [None, None], [NAN], [INF, -INF], [1e308, -1e308], [0.0], [1e-320, 0.0]])
def test_what_cannot_be_drawn_is_an_empty_plot(y: Sequence[float | None]) -> None:
    svg = plot_svg(Plot([Line("one", [float(x) for x in range(len(y))], y)], "", ""), "nothing")
    assert "nan" not in svg
    assert "inf" not in svg
    assert drawn(svg).find("{*}rect") is not None


def test_the_left_margin_follows_the_longest_tick() -> None:
    lefts = []
    for high in (1.0, 0.001):
        svg = plot_svg(Plot([Line("one", [0.0, 1.0], [-310.4862, -310.4862 + high])], "", ""), "")
        picture = drawn(svg)
        left = float(str(picture.get("data-box")).split()[0])
        longest = max(len(text) for text in words_of(svg) if text.startswith("−310"))
        assert left >= 7 * longest
        lefts.append(left)
    assert lefts[1] > lefts[0]


def test_large_plots_are_made_of_fewer_points() -> None:
    x = np.linspace(0, 300, 3000)
    lines = [Line(f"band {k}", x.tolist(), (np.sin(x + k) + k).tolist()) for k in range(20)]
    whole = plot_svg(Plot(lines, "", ""), "", most_bytes=10_000_000)
    small = plot_svg(Plot(lines, "", ""), "", most_bytes=60_000)
    assert len(drawn(small).findall(".//{*}path")) == 20
    assert len(small) < len(whole) / 2


HOSTILE = '"><script>alert(1)</script>&\x00'


def test_stored_text_is_no_markup() -> None:
    plot = Plot([Line(HOSTILE, [0.0, 1.0], [0.0, 1.0])], HOSTILE, HOSTILE, [Tick(0.5, HOSTILE)], [Rule(0.5, HOSTILE)])
    svg = plot_svg(plot, HOSTILE)
    assert "<script" not in svg
    assert svg.count("&lt;script&gt;") == 6


def test_elements_of_pictures() -> None:
    assert element("g") == "<g/>"
    assert element("text", "a < b", element("tspan", "c"), class_="x", text_anchor=None) == (
        '<text class="x">a &lt; b<tspan>c</tspan></text>'
    )


def stretch(start: str, end: str, x: list[float], values: list[list[float | None]], **more: Any) -> dict[str, Any]:
    return {"from": start, "to": end, "x": x, "values": values, "length": len(x) - 1, "two_band_types": False, **more}


PATH = {
    "paths": [
        stretch("GAMMA", "X", [0.0, 0.5, 1.0], [[0.0, 1.0, 2.0], [4.0, 4.0, 3.0]]),
        stretch("X", "K", [1.0, 1.0], [[2.0, 5.0], [3.0, 6.0]]),
        stretch("K", "GAMMA", [1.0, 2.0], [[5.0, 0.0], [6.0, None]]),
    ]
}


def test_bands() -> None:
    """Two bands of two spans; the path jumps from X to K, which have the same place."""
    plot = bands_plot(PATH)
    assert plot.places == [Tick(0.0, "Γ"), Tick(1.0, "X|K"), Tick(2.0, "Γ")]
    first, second = plot.lines
    assert (first.name, first.colour) == ("band 1", 1)
    assert list(zip(first.x, first.y, strict=True)) == [
        (0.0, 0.0), (0.5, 1.0), (1.0, 2.0), (1.0, 5.0), (2.0, 0.0)
    ]  # fmt: skip
    assert list(second.y) == [4.0, 4.0, 3.0, 6.0, None]
    assert (plot.y_label, plot.rules) == ("energy / eV", [])


def test_bands_relative_to_the_fermi_energy() -> None:
    plot = bands_plot(PATH, 3.0)
    assert list(plot.lines[0].y)[:3] == [-3.0, -2.0, -1.0]
    assert (plot.y_label, plot.rules) == ("E − E(Fermi) / eV", [Rule(0.0, "Fermi energy")])
    assert "Fermi energy" in plot_svg(plot, "bands")


def test_bands_of_two_spins_have_two_colours() -> None:
    one = stretch("A", "B", [0.0, 1.0], [[0.0, 1.0], [1.0, 2.0], [0.5, 1.5], [1.5, 2.5]], two_band_types=True)
    plot = bands_plot({"paths": [one]})
    assert [(line.name, line.colour) for line in plot.lines] == [
        ("band 1, spin up", 1), ("band 2, spin up", 1), ("band 1, spin down", 2), ("band 2, spin down", 2)
    ]  # fmt: skip


def test_of_very_many_bands_those_in_the_middle_are_drawn() -> None:
    plot = bands_plot({"paths": [stretch("A", "B", [0.0, 1.0], [[float(k), float(k)] for k in range(1000)])]})
    assert len(plot.lines) == MOST_BANDS
    assert (plot.lines[0].name, plot.lines[-1].name) == ("band 301", "band 700")


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("GAMMA", "Γ"), ("Gamma", "Γ"), (r"$\Gamma$", "Γ"), ("G", "Γ"), ("Γ", "Γ"), ("X", "X"), ("X_1", "X₁"),
        ("SIGMA_0", "Σ₀"), ("K_{12}", "K₁₂"), ("", ""), ("DELTA", "Δ"), ("a_b", "a_b"), ("x" * 99, "x" * 20),
    ],
)  # fmt: skip
def test_names_of_k_points(stored: str, printed: str) -> None:
    assert pretty(stored) == printed


def pixels_of(svg: str) -> Any:
    """Red, green, blue and opacity of the first image, by row and column, read from its PNG file."""
    found = re.search(r'href="data:image/png;base64,([^"]+)"', svg)
    assert found
    file = io.BytesIO(b64decode(found[1]))
    assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    while head := file.read(8):
        length, kind = unpack(">I4s", head)
        content = file.read(length)
        assert unpack(">I", file.read(4)) == (zlib.crc32(kind + content),)
        chunks[kind] = content
    columns, rows, depth, colours = unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours) == (8, 6)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, 1 + 4 * columns)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(rows, columns, 4)


def test_heat_maps() -> None:
    """Little is dark, much is light, and what is no number is empty."""
    pixels = pixels_of(heat_svg(np.array([[0.0, 1.0, 2.0], [NAN, INF, 4.0]]), "heat"))
    assert pixels[..., 3].tolist() == [[255, 255, 255], [0, 0, 255]]
    grey = pixels[..., :3].astype(int).sum(axis=2)
    assert grey[0, 0] < grey[0, 1] < grey[0, 2] < grey[1, 2]


def test_heat_maps_name_stored_rows_and_columns() -> None:
    svg = heat_svg(np.zeros((10, 10)), "heat", column_step=50, row_step=1)
    words = words_of(svg)
    assert {"0", "100", "200", "400"} <= {*words}


@pytest.mark.parametrize("value", [0.0, 1e308, -1e308, NAN, INF])
def test_heat_maps_of_odd_numbers(value: float) -> None:
    table = np.full((8, 9), value)
    table[0, 0] = -value
    assert pixels_of(heat_svg(table, "heat")).shape == (8, 9, 4)
