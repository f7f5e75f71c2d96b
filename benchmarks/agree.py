"""Whether the servers give the same answers: a limit that answers something else is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from benchmarks.client import Address, Answer, ask, message
from benchmarks.mix import KINDS, Kind, Sample, Upstream

TOTAL = "X-Total-Count"


class Differ(Exception):
    """Ours and the limit do."""


def check_limit(ours: Address, limit: Address, sample: Sample, number: int = 3) -> None:
    """Whole bodies and totals must be equal.

    Raises:
        Differ: they are not.
    """
    for kind in KINDS:
        for request in islice(kind.requests(sample), number):
            expected, found = (ask(each, message(request)) for each in (ours, limit))
            if content(expected) != content(found):
                raise Differ(f"{kind.name}: {request}\n{content(expected)}\n{content(found)}")


def compare_upstream(ours: Address, upstream: Address, sample: Sample, number: int = 3) -> dict[str, str]:
    """What is not the same, by kind; what is known to differ is looked at without it."""
    differences = {}
    for kind in KINDS:
        if kind.upstream is Upstream.FAILS:
            differences[kind.name] = "aiida-core answers 500"
            continue
        for request in islice(kind.requests(sample), number):
            expected, found = (ask(each, message(request)) for each in (ours, upstream))
            if alike(kind, expected) != alike(kind, found):
                differences[kind.name] = f"{request.path}: {found.status} {found.body[:200]!r}"
    return differences


def content(answer: Answer) -> tuple[int, str | None, Any]:
    """The status, the total and the body."""
    return answer.status, answer.header(TOTAL), answer.json if answer.is_json else answer.body


def alike(kind: Kind, answer: Answer) -> Any:
    """What both must share: the data."""
    if not answer.is_json:
        return answer.status, answer.body
    return answer.status, SHARED[kind.upstream](numbers(answer.json.get("data")))


def numbers(value: Any) -> Any:
    """30 and 30.0 are one number, and so are those that differ by rounding."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(f"{value:.9g}")
        case list():
            return [numbers(each) for each in value]
        case _:
            return {key: numbers(each) for key, each in value.items()}


def _unordered(data: Any) -> Any:
    (rows,) = data.values()
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


SHARED: Mapping[Upstream, Callable[[Any], Any]] = {
    Upstream.SAME: lambda data: data,
    Upstream.UNORDERED: _unordered,
}
