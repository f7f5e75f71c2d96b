"""Trees of JSON are bounded, say what they leave out, and escape what they show."""

from __future__ import annotations

from typing import Any

import pytest

from restapi.explorer.json_tree import LEAVES, MOST_LEVELS, MOST_OF_LEVEL, MOST_TEXT, Leaves, tree, written
from tests.html_reader import Element, read


def drawn(value: Any, leaves: Leaves | None = None) -> Element:
    found = tree(value, lambda key: f"/json?{key}", leaves or Leaves())
    return read(str(found)).one("ul", "tree")


WRITTEN = [
    (None, "null"),
    (True, "true"),
    (0, "0"),
    (-1e-30, "-1e-30"),
    (2**70, "1180591620717411303424"),
    ("Si", "Si"),
    ("", '""'),
    ("5", '"5"'),
    ("1e3", '"1e3"'),
    ("null", '"null"'),
    ("{}", '"{}"'),
    (" Si", '" Si"'),
    ("Si ", '"Si "'),
    ("two\nlines\n", "two\nlines\n"),
    ({}, "{}"),
    ([], "[]"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_values(value: Any, text: str) -> None:
    assert written(value)[0] == text


def test_a_small_tree() -> None:
    found = drawn({"cell": [[1.0, 0.0], [0.0, 1.0]], "pbc": True, "kinds": ["Si", None, 2]})
    assert [item.words for item in found.children] == [
        "cell [2] 0 [1.0, 0.0] 1 [0.0, 1.0]",
        "pbc true",
        'kinds ["Si", null, 2]',
    ]
    assert "open" in found.one("details").attributes


def test_large_branches_are_closed() -> None:
    found = drawn({"many": {str(number): number for number in range(13)}, "few": {"a": {"b": 1}}})
    assert ["open" in each.attributes for each in found.all("details")] == [False, True, False]


def test_a_level_is_bounded() -> None:
    found = drawn({"list": [{"n": number} for number in range(1000)]})
    items = next(found.all("ul")).children
    assert len(items) == MOST_OF_LEVEL + 1
    assert (items[-1].words, items[-1].links()) == ("900 more", ["/json?list"])
    found = drawn({str(number): number for number in range(150)})
    assert (found.children[-1].words, found.children[-1].links()) == ("50 more", ["/json?"])


def test_all_levels_together_are_bounded() -> None:
    leaves = Leaves()
    found = drawn({f"k{i}": {f"l{j}": {f"m{k}": "x" for k in range(50)} for j in range(50)} for i in range(50)}, leaves)
    assert sum(1 for _ in (*found.all("span", "value"), *found.all("details"))) == LEAVES
    assert leaves.left == 0
    assert found.children[-1].words == "49 more"


def test_long_texts_count_as_several() -> None:
    leaves = Leaves()
    html = tree({str(i): {str(j): "x" * 300 for j in range(100)} for i in range(100)}, lambda key: key, leaves)
    assert len(read(str(html)).one("ul", "tree").text) < 200_000
    assert -4 < leaves.left <= 0
    deep: Any = 1
    for _ in range(15):
        deep = {"x": deep}
    html = tree({str(i): [deep] * 100 for i in range(100)}, lambda key: key, Leaves())
    assert html.count("<details") <= LEAVES


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(900):
        value = {"x": value}
    found = drawn(value)
    assert sum(1 for _ in found.all("details")) == MOST_LEVELS - 1
    assert list(found.all("a"))[-1].attributes["href"] == "/json?x"


def test_long_texts_are_cut() -> None:
    found = drawn({"text": "ä" * 12345, "k" * 5000: 1})
    assert found.children[0].one("span", "value").text == "ä" * MOST_TEXT
    assert (found.one("a").text, found.one("a").attributes["href"]) == ("all 12,345 characters", "/json?text")
    assert found.children[1].one("span", "key").text == "k" * MOST_TEXT + "…"


def test_what_is_hostile_is_text() -> None:
    hostile = "<script>alert(1)</script>\"'&"
    found = tree(
        {hostile: hostile, "list": [hostile], "deep": {hostile: {hostile: hostile}}}, lambda key: key, Leaves()
    )
    assert "<script" not in found
    texts = [each.text for each in read(str(found)).all("span", "key")]
    assert texts.count(hostile) == 3
