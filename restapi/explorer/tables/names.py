"""Names of users, computers and groups: those are asked for whose ids a table has in its rows or its filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from querylang.ast import Integer, Query
from restapi.explorer import filters
from restapi.explorer.ask import ApiRefused
from restapi.explorer.tables.wording import NAMED, Names
from restapi.explorer.visit import Visit

_FIELDS = {"users": "first_name,last_name", "computers": "label", "groups": "label"}


def full_name(user: Mapping[str, Any]) -> str:
    return f"{user['first_name'] or ''} {user['last_name'] or ''}".strip()


def names_in_rows(visit: Visit, rows: Iterable[Mapping[str, Any]]) -> Names:
    return _names(visit, ((key, row[key]) for row in rows for key in NAMED if row.get(key) is not None))


def names_in_filters(visit: Visit, query: Query) -> Names:
    found = ((each.key, value) for each in filters.comparisons_in(query) for value in each.values)
    return _names(visit, ((key, value.value) for key, value in found if key in NAMED and isinstance(value, Integer)))


def _names(visit: Visit, ids: Iterable[tuple[str, int]]) -> Names:
    """The names of ids, each with a key that has such. Where the API gives none, there are none."""
    wanted: dict[str, set[int]] = {}
    for key, number in ids:
        wanted.setdefault(NAMED[key], set()).add(number)
    return Names({entity: _ask(visit, entity, sorted(numbers)) for entity, numbers in wanted.items()})


def _ask(visit: Visit, entity: str, ids: Iterable[int]) -> Mapping[int, str]:
    asked = f"id=in={','.join(map(str, ids))}&fields=id,{_FIELDS[entity]}"
    try:
        rows = visit.api.ask(f"/{entity}", asked, prefer="count=none").data[entity]
    except ApiRefused:
        return {}
    return {row["id"]: full_name(row) if entity == "users" else row["label"] for row in rows}
