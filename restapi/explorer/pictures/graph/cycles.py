"""Circles of arrows, cut where it costs least: an order of the nodes in which as few arrows as possible go back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Links = Sequence[Sequence[int]]
"""For each node the nodes that arrows lead to."""


def order_of(links: Links, firm: Links) -> list[int]:
    """All nodes, each before those that its arrows lead to, if no circle is in the way.

    In a circle the arrows of `firm`, a part of `links`, go on wherever they make no circle among themselves.
    """
    order: list[int] = []
    for circle in _circles(links):
        inside = set(circle)
        kept = [[each for each in firm[at] if each in inside] if at in inside else () for at in range(len(links))]
        order += [node for tree in _walks(sorted(circle), kept) for node in tree][::-1]
    return order


def _circles(links: Links) -> Iterator[list[int]]:
    """Nodes that lead to each other and back, or one alone, in the order of the arrows between them (Kosaraju 1978)."""
    back: list[list[int]] = [[] for _ in links]
    for source, targets in enumerate(links):
        for target in targets:
            back[target].append(source)
    done = [node for tree in _walks(range(len(links)), links) for node in tree]
    return _walks(reversed(done), back)


def _walks(starts: Iterable[int], links: Links) -> Iterator[list[int]]:
    """What is reached from each start and was not before: a list a start, each node after those that it leads to."""
    seen: set[int] = set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        tree: list[int] = []
        path = [(start, iter(links[start]))]
        while path:
            node, rest = path[-1]
            unseen = next((each for each in rest if each not in seen), None)
            if unseen is None:
                path.pop()
                tree.append(node)
            else:
                seen.add(unseen)
                path.append((unseen, iter(links[unseen])))
        yield tree
