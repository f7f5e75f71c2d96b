"""What a picture of a lineage shows: neighbours of open nodes, workflows folded, and what there is no room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from restapi.explorer.lineage.graph import Shown, gather, root_of

TYPES = {"i": "input_calc", "I": "input_work", "c": "create", "r": "return", "C": "call_calc", "W": "call_work"}

GRAPH = "1I10 1I20 1i30 1i40 10W20 20C30 20C40 30c2 40c3 20r3 10r3 3i50 50c4"
"""A structure 1; a workflow 10 calls 20, which calls the calculations 30 and 40; their results are 2 and 3."""


def links_of(graph: str) -> list[dict[str, Any]]:
    found = []
    for word in graph.split():
        (kind,) = (each for each in word if each in TYPES)
        source, target = word.split(kind)
        found.append({"input_id": int(source), "output_id": int(target), "type": TYPES[kind], "label": f"l{target}"})
    return found


def around(graph: str, root: int) -> dict[str, Any]:
    """What the API answers about a node, at depth 1."""
    links = links_of(graph)
    ends = [(each["input_id"], each["output_id"]) for each in links]
    ids = {root, *(end for pair in ends if root in pair for end in pair)}
    return {
        "nodes": [
            {"id": each, "distance": int(each != root)} for each in sorted(ids, key=lambda each: (each != root, each))
        ],
        "left_out": [],
        "links": [link for link, pair in zip(links, ends, strict=True) if ids.issuperset(pair)],
    }


def shown(root: int, unfolded: Sequence[int] = (), most: int = 100, graph: str = GRAPH) -> Shown:
    return gather(around(graph, root), unfolded, lambda pk: around(graph, pk), most)


def ids(found: Shown) -> list[int]:
    return sorted(found.nodes)


@pytest.mark.parametrize(
    ("root", "unfolded", "expected", "folded"),
    [
        # A workflow is shown with what it took and returned; what it called only once it is unfolded.
        (10, [], [1, 3, 10], {20}),
        (10, [10], [1, 3, 10, 20], set()),
        (10, [10, 20], [1, 3, 10, 20, 30, 40], set()),
        # What is named is open only if it is reached.
        (10, [20], [1, 3, 10, 20, 30, 40], set()),
        (10, [50], [1, 3, 10], {20}),
        (10, [50, 3], [1, 3, 4, 10, 50], {20, 40}),
        # Of what took the structure the outermost workflow is left.
        (1, [], [1, 10], {20, 30, 40}),
        (1, [10], [1, 3, 10, 20], {30, 40}),
        # A calculation is shown with its caller, a result with the workflow that returned it.
        (30, [], [1, 2, 20, 30], set()),
        (3, [], [3, 10, 50], {20, 40}),
        (2, [], [2, 30], set()),
    ],
)
def test_folding(root: int, unfolded: list[int], expected: list[int], folded: set[int]) -> None:
    found = shown(root, unfolded)
    assert ids(found) == expected
    assert set(found.folded) == folded
    assert found.opened[0] == root


def test_what_folds() -> None:
    """10 folds 20; 20 is not shown itself, and what it folds waits until it is."""
    found = shown(1)
    assert set(found.folding) == {10}
    assert set(shown(1, [10]).folding) == {20}


def test_links() -> None:
    found = shown(10, [10])
    assert {ends: [link["type"] for link in links] for ends, links in found.links.items()} == {
        (1, 10): ["input_work"],
        (1, 20): ["input_work"],
        (10, 20): ["call_work"],
        (20, 3): ["return"],
        (10, 3): ["return"],
    }


def test_links_that_two_answers_tell_are_one() -> None:
    assert all(len(links) == 1 for links in shown(10, [10, 20, 1, 3, 50]).links.values())


def test_each_open_node_is_asked_about_once() -> None:
    asked = []

    def ask(pk: int) -> dict[str, Any]:
        asked.append(pk)
        return around(GRAPH, pk)

    found = gather(around(GRAPH, 10), [10, 20, 3, 99, 20], ask, 100)
    assert asked == [20, 3]
    assert found.opened == [10, 20, 3]


def group(node: int, side: str, count: int, link_type: str | None, node_type: str | None) -> dict[str, Any]:
    types = {"link_type": link_type, "node_type": node_type}
    return {"node_id": node, "direction": side, "count": count, **types}


def test_stacks() -> None:
    """Links that an answer only counts are a stack, without those that another answer told."""
    code, jobs = {"id": 1, "distance": 0, "node_type": "code"}, [10, 11, 12]
    links = links_of("1i10 1i11 1i12 2i11 2i12")
    others = [{"id": each, "distance": 1, "node_type": "job"} for each in jobs]
    first = {
        "nodes": [code, others[0]],
        "links": links[:1],
        "left_out": [group(1, "outgoing", 5, "input_calc", "job"), group(1, "outgoing", 7, None, None)],
    }
    later = {
        10: {"nodes": [others[0], code, {"id": 2, "distance": 1, "node_type": "data"}], "links": [], "left_out": []},
        # Between its neighbours are two links of the code.
        2: {"nodes": [code, *others], "links": links, "left_out": [group(10, "incoming", 3, "input_calc", "data")]},
    }
    assert stacks_of(gather(first, [], later.__getitem__, 100)) == [(5, "job"), (7, None)]
    assert stacks_of(gather(first, [10, 2], later.__getitem__, 100)) == [(3, "job"), (7, None)]
    assert stacks_of(gather(first | {"left_out": first["left_out"][:1]}, [10, 2], later.__getitem__, 100)) == [
        (3, "job")
    ]


def stacks_of(found: Shown) -> list[tuple[int, str | None]]:
    assert all((stack.node, stack.side) == (1, "outgoing") for stack in found.stacks)
    return [(stack.count, stack.node_type) for stack in found.stacks]


def test_room() -> None:
    """What is found first is shown, and what there is no room for is counted; folded nodes take no room."""
    found = shown(10, [10, 20, 3], most=5)
    assert ids(found) == [1, 3, 10, 20, 30]
    assert found.left_out == 1
    assert found.opened == [10, 20]
    assert ids(shown(1, most=2)) == [1, 10]
    assert shown(1, most=2).left_out == 0
    assert all({source, target} <= {1, 3, 10, 20, 30} for source, target in found.links)


def test_circles() -> None:
    """A workflow that returns what it was given, and one that says it called itself."""
    found = shown(10, [10], graph="1I10 10r1 10W10")
    assert ids(found) == [1, 10]
    assert set(found.links) == {(1, 10), (10, 1), (10, 10)}
    assert ids(shown(10, graph="10W20 20W10")) == [10]
    assert ids(shown(10, [20], graph="10W20 20W10")) == [10, 20]


def test_root() -> None:
    assert root_of(around(GRAPH, 20)) == 20
