"""`/runs`: the runs of all run-APIs, the youngest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from heapq import merge
from itertools import islice

from restapi.dialects.run_pages import ListedRun, Moment, Phase, Wanted
from restapi.explorer.runs.visit import RunVisit
from restapi.layout import Page

PAGE_SIZE = 50

_LONGEST_TEXT = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read(visit: RunVisit) -> Page:
    return _page(visit, "runs/list.html")


def live(visit: RunVisit) -> Page:
    """The rows alone."""
    return _page(visit, "runs/rows.html")


def _page(visit: RunVisit, template: str) -> Page:
    phase = next((each for each in Phase if each.value == visit.options.get("state", "")), None)
    text = visit.options.get("q", "").strip()[:_LONGEST_TEXT]
    before = _moment(visit.options.get("before", ""))
    lists = [api.listed(visit.exchange, Wanted(phase, text, before, PAGE_SIZE + 1)) for api in visit.apis]
    counts: Mapping[Phase, int] = sum((Counter(each.counts) for each in lists), Counter())
    youngest = merge(*(each.rows for each in lists), key=lambda row: row.moment, reverse=True)
    rows = list(islice(youngest, PAGE_SIZE + 1))
    filters = {"state": "" if phase is None else phase.value, "q": text}
    shown = rows[:PAGE_SIZE]
    values = {
        "phases": [
            (each, counts.get(each, 0), visit.link("/runs", {"state": each.value, "q": text})) for each in Phase
        ],
        "phase": phase,
        "text": text,
        "total": sum(counts.values()),
        "all_link": visit.link("/runs", {"q": text}),
        "rows": [(row, _EPOCH + timedelta(microseconds=row.created)) for row in shown],
        "is_of_all": visit.account.is_superuser,
        "docs": [(each.title, visit.link(f"{each.prefix}/docs")) for each in visit.explorer.run_apis],
        "youngest_link": visit.link("/runs", filters) if before else None,
        "older_link": _older(visit, filters, shown) if len(rows) > PAGE_SIZE else None,
        "live": visit.link("/runs/parts/live", {**filters, "before": visit.options.get("before", "")}),
        "is_active": any(row.phase.is_active for row in shown),
    }
    return visit.page(template, "Runs", values, "run_live.js")


def _older(visit: RunVisit, filters: Mapping[str, str], shown: Sequence[ListedRun]) -> str:
    created, public_id = shown[-1].moment
    return visit.link("/runs", {**filters, "before": f"{created}-{public_id}"})


def _moment(text: str) -> Moment | None:
    """Where a list goes on; what names no moment counts as none."""
    microseconds, _, public_id = text.partition("-")
    is_moment = microseconds.isascii() and microseconds.isdecimal() and len(microseconds) < 18 and public_id  # noqa: PLR2004
    return (int(microseconds), public_id) if is_moment else None
