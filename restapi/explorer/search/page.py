"""`/search?q=`: a node or a group by its id, uuid or the beginning of one, else all that is called so.

What takes its time, because it looks into JSON, is a part of the page that loads by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiida_like.core_names import type_spellings
from querylang.ast import Comparison, Filter, Operator, Query, String
from querylang.terms import Some
from querylang.unparse import unparse
from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import reference
from restapi.explorer.query_values import anywhere, of_type
from restapi.explorer.search.formula import elements_in
from restapi.explorer.tables.cells import Cell, RowShow
from restapi.explorer.tables.columns import Column, column, fields_of
from restapi.explorer.tables.definitions import TABLES
from restapi.explorer.tables.facets import FacetValue
from restapi.explorer.tables.wording import Names
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply, redirect
from restapi.layout import Page
from restapi.layout.kinds import kind_of, short_type

_LONGEST = 200
"""Characters of what is searched for, and of the title of a type."""

_ROWS = 10
_SURE = 6
"""Characters of a uuid that are no word by accident: `fe` is iron, `dead` and `cafe` are labels."""

_KINDS = 8
"""Kinds of atoms of a structure that are looked at, the first ones."""

_STRUCTURE = "data.core.structure.StructureData."

_COLUMNS = tuple(map(column, ("id", "label", "node_type", "attributes.process_state", "ctime")))


@dataclass(frozen=True)
class Found:
    """Some of the rows that a query finds, and the URL of all; `part_url`: they are looked for by this part."""

    title: str
    all_url: str
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Cell]] = ()
    total: int = 0
    part_url: str = ""


def view(visit: Visit) -> Page | Reply:
    asked = visit.options.get("q", "").strip()[:_LONGEST]
    if not asked:
        return _page(asked, {})
    named = _named(visit, asked)
    if named is not None:
        return redirect(named, HTTPStatus.FOUND)
    lists = [
        _rows(visit, "Uuids that begin so", "/nodes", _uuid_query(asked)),
        _rows(visit, "Labels of nodes", "/nodes", _like("label", asked)),
        _rows(visit, "Labels of groups", "/groups", _like("label", asked)),
    ]
    facet = visit.api.ask("/nodes", "facet=node_type&fields=id&limit=1", prefer="count=none").data["facets"][
        "node_type"
    ]
    return _page(
        asked,
        {
            "found": [each for each in lists if each is not None and each.rows],
            "types": _types(visit, asked, facet["values"]),
            "slow": _slow(visit, asked, facet),
        },
    )


def _slow(visit: Visit, asked: str, types: Mapping[str, Any]) -> Sequence[Found]:
    """The lists that take their time, but those of which there can be no rows, by the facet of types."""
    known = [each["value"] for each in types["values"]]
    is_whole = types["distinct"] == len(known)
    found: list[Found] = []
    if not is_whole or not {*known}.isdisjoint(type_spellings(_STRUCTURE)):
        found += _elements(visit, asked)
    if not is_whole or any(each.startswith("process.") for each in known):
        found.append(_part(visit, asked, "process", "Processes called so", "/processes", _process(asked)))
    return found


def part(visit: Visit) -> Page:
    """One of the lists that take their time."""
    asked = visit.options.get("q", "").strip()[:_LONGEST]
    query, path, title = _process(asked) if asked else "", "/processes", "Processes called so"
    if visit.options.get("in") == "elements":
        query, path, title = _with_elements(elements_in(asked)), "/nodes", _elements_title(elements_in(asked))
    return Page("search/part.html", title, {"each": _rows(visit, title, path, query)})


def _page(asked: str, found: Mapping[str, Any]) -> Page:
    values = {"asked": asked, "found": (), "types": (), "slow": (), **found}
    return Page("search/page.html", f"Search: {asked}" if asked else "Search", values, styles=("table.css",))


def _named(visit: Visit, asked: str) -> str | None:
    """The URL of the one object that has this id, or whose uuid begins so; None: there is none, or not only one."""
    is_id = asked.isascii() and asked.isdecimal()
    is_uuid = re.fullmatch(f"[0-9a-fA-F][0-9a-fA-F-]{{{_SURE - 1},35}}", asked) is not None
    if not is_id and not is_uuid:
        return None
    return _url_of(visit, "nodes", asked) or (None if is_id else _url_of(visit, "groups", asked))


def _url_of(visit: Visit, entity: str, path_id: str) -> str | None:
    try:
        (found,) = visit.api.get(f"/{entity}/{path_id}")[entity]
    except ApiRefused as refused:
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return None
    return visit.url(f"/{entity}/{reference(found)}")


def _rows(visit: Visit, title: str, path: str, query: str) -> Found | None:
    """The first rows that a query finds. An empty query finds nothing."""
    if not query:
        return None
    table = TABLES[path]
    columns = _COLUMNS if table.entity.name == "nodes" else tuple(map(column, ("id", "label", "type_string", "time")))
    fields = ",".join(fields_of(columns, table.entity))
    scope = f"{table.scope}&" if table.scope else ""
    asked = f"{scope}{query}&orderby={table.order}&fields={fields}&limit={visit.at_most(_ROWS)}"
    answer = visit.api.ask(table.api_path, asked)
    show = RowShow(visit, table.entity.name, Names())
    rows = [show.cells(each, columns) for each in answer.data[table.entity.name]]
    return Found(title, visit.url(path, query), columns, rows, answer.total or 0)


def _part(visit: Visit, asked: str, name: str, title: str, path: str, query: str) -> Found:
    """A list that loads by itself; without JavaScript its link leads to the table."""
    return Found(title, visit.url(path, query), part_url=visit.link("/search/parts/found", {"in": name, "q": asked}))


def _uuid_query(asked: str) -> str:
    if re.fullmatch("[0-9a-fA-F][0-9a-fA-F-]{0,35}", asked) is None:
        return ""
    return _text(Comparison("uuid", Operator.STARTS_WITH, (String(asked.lower()),)))


def _like(key: str, asked: str) -> str:
    return _text(Comparison(key, Operator.ILIKE, (anywhere(asked),)))


def _process(asked: str) -> str:
    return _text(Comparison("attributes", Operator.ILIKE, (anywhere(asked),), ("process_label",)))


def _text(pair: Comparison | Filter) -> str:
    return unparse(Query((pair,)))


def _types(visit: Visit, asked: str, counted: Sequence[Mapping[str, Any]]) -> Sequence[FacetValue]:
    """Types of nodes that are called so, with their numbers."""
    word = asked.casefold()
    return [
        FacetValue(
            short_type(each["value"]),
            each["value"][:_LONGEST],
            each["count"],
            visit.url("/nodes", of_type(each["value"])),
            is_chosen=False,
            kind=kind_of(each["value"]),
        )
        for each in counted
        if word in each["value"].casefold()
    ]


def _elements(visit: Visit, asked: str) -> Sequence[Found]:
    elements = elements_in(asked)
    if not elements:
        return ()
    return [_part(visit, asked, "elements", _elements_title(elements), "/nodes", _with_elements(elements))]


def _elements_title(elements: Sequence[str]) -> str:
    return f"Structures with {', '.join(elements)}"


def _with_elements(elements: Sequence[str]) -> str:
    """Structures that have all these elements among their first kinds of atoms."""
    if not elements:
        return ""
    one_type = Comparison("node_type", Operator.EQUAL, (String(_STRUCTURE),))
    has = [Some(tuple(_of_kind(number, each) for number in range(_KINDS))) for each in elements]
    return unparse(Query((one_type, *map(Filter, has))))


def _of_kind(number: int, element: str) -> Comparison:
    return Comparison("attributes", Operator.HAS, (String(element),), ("kinds", str(number), "symbols"))
