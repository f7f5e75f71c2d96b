"""`/`: what a profile holds, where counts are links to what they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiida_like.description import Description, describe
from aiida_like.errors import TargetError
from querylang.ast import Comparison, Query
from querylang.unparse import unparse
from restapi.explorer import filters
from restapi.explorer.archive import file_of
from restapi.explorer.node.found import reference
from restapi.explorer.pictures.plots.bars import Bar, bars
from restapi.explorer.query_values import of_type
from restapi.explorer.times import shown_time
from restapi.explorer.visit import Visit
from restapi.layout import Page
from restapi.layout.kinds import State, kind_of, state_of

_YOUNGEST = 6
_GROUPS = 12
_MOST_MONTHS = 36
_LONGEST = 200
"""Characters of a state."""

_PROCESSES = 'node_type=like="process.%"'
_FINISHED = filters.equal("attributes.process_state", "finished")


@dataclass(frozen=True)
class TypeCount:
    """A type of nodes, the number of its nodes, and `share`, its part of the most frequent type in per cent."""

    node_type: str
    kind: str
    count: int
    share: float

    @property
    def query(self) -> str:
        return of_type(self.node_type)


@dataclass(frozen=True)
class StateCount:
    """Processes in a state, and the query that lists them."""

    state: State
    count: int
    query: str


def view(visit: Visit) -> Page:
    statistics = visit.api.get("/nodes/statistics")
    youngest = visit.api.get("/nodes", f"facet=user,computer&orderby=-ctime&limit={visit.at_most(_YOUNGEST)}")
    groups = visit.api.ask("/groups", f"orderby=-id&limit={visit.at_most(_GROUPS)}")
    profile, counts = visit.explorer.profile, statistics["types"]
    about = _describe(visit)
    archive = file_of(profile)
    values = {
        "about": about,
        "archive": None if archive is None else archive.name,
        "archive_size": 0 if archive is None else archive.stat().st_size,
        "storage": profile.backend.value,
        "total": statistics["total"],
        "types": _types(counts),
        "months": _months(visit, statistics["ctime_by_day"]),
        "users": youngest["facets"]["user"]["values"],
        "computers": [each for each in youngest["facets"]["computer"]["values"] if each["value"] is not None],
        "groups": [{**each, "ref": reference(each)} for each in groups.data["groups"]],
        "groups_total": groups.total,
        "youngest": [
            {**each, "ref": reference(each), "created": shown_time(each["ctime"])} for each in youngest["nodes"]
        ],
        "has_processes": any(name.startswith("process.") for name in counts),
    }
    return Page("profile.html", about.title or profile.title, values, styles=("profile.css",))


def states(visit: Visit) -> Page:
    """The part with processes by state, failures first, which reads JSON and so takes longer than the page."""
    by_status = _facet(visit, filters.pair_text(_FINISHED), "attributes.exit_status")
    by_state = _facet(visit, "", "attributes.process_state")
    found = [
        *_counts(by_status, "attributes.exit_status", lambda status: state_of("finished", status), _FINISHED),
        *_counts(by_state, "attributes.process_state", lambda state: state_of(state, None)),
    ]
    found.sort(key=lambda each: (each.state.tone != "bad", -each.count))
    return Page("states.html", "Processes by state", {"states": found})


def _counts(
    values: Sequence[Mapping[str, Any]], key: str, shown: Callable[[Any], State | None], *scope: Comparison
) -> Iterator[StateCount]:
    """What the values of a facet count; nothing of objects and lists, which no filter finds, and of long texts."""
    for each in values:
        value, state = each["value"], shown(each["value"])
        if state is None or isinstance(value, dict | list) or (isinstance(value, str) and len(value) > _LONGEST):
            continue
        pairs = (*scope, filters.equal(key, value))
        # Those that finished are counted by their exit status.
        if pairs != (_FINISHED,):
            yield StateCount(state, each["count"], unparse(Query(pairs)))


def _facet(visit: Visit, query: str, field: str) -> Sequence[Mapping[str, Any]]:
    values: Sequence[Mapping[str, Any]]
    asked = filters.joined(_PROCESSES, query, f"facet={field}&limit=1")
    values = visit.api.get("/nodes", asked)["facets"][field]["values"]
    return values


def _describe(visit: Visit) -> Description:
    try:
        return describe(visit.explorer.profile)
    except TargetError as error:
        visit.explorer.log.write_once(visit.exchange, error)
        return Description()


def _types(counts: Mapping[str, int]) -> Sequence[TypeCount]:
    most = max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [TypeCount(name, kind_of(name), count, 100 * count / most) for name, count in ordered]


def _months(visit: Visit, by_day: Mapping[str, int]) -> Any:
    """A picture of the nodes of each month, from the first to the last; of many months those of the last years."""
    counts: Counter[str] = Counter()
    for day, count in by_day.items():
        counts[day[:7]] += count
    if not counts:
        return None
    first, last = _number_of(min(counts)), _number_of(max(counts))
    return bars([_bar(visit, number, counts) for number in range(max(first, last - _MOST_MONTHS + 1), last + 1)])


def _bar(visit: Visit, number: int, counts: Mapping[str, int]) -> Bar:
    month, following = _month(number), _month(number + 1)
    until = f"&ctime<{following}-01" if number < _LAST_MONTH else ""
    return Bar(month, counts.get(month, 0), visit.url("/nodes", f"ctime>={month}-01{until}&orderby=-ctime"))


def _number_of(month: str) -> int:
    """Months since the year 0. `month` is as `2024-04`."""
    year, number = month.split("-")
    return 12 * int(year) + int(number) - 1


def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


_LAST_MONTH = _number_of("9999-12")
"""No time is after it."""
