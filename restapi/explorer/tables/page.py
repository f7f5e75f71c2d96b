"""`/nodes`, `/processes`, `/groups`, `/computers`, `/users`: rows that fulfil filters, which the query string names.

The query string of a page is that of API v4, with `facet=` for facets that are open. The page adds to it what it needs:
an order, the fields of its columns, a cursor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiida_like.errors import QuerySyntaxError, RequestError
from querylang.ast import Query
from querylang.unparse import unparse
from restapi.explorer import filters
from restapi.explorer.ask import ApiRefused
from restapi.explorer.tables.definitions import Table
from restapi.explorer.tables.facets import Facet, facet_alone, facets_of
from restapi.explorer.tables.forms import form_of, with_last_filter
from restapi.explorer.tables.rows import TableRequest
from restapi.explorer.tables.suggestions import suggestions_of
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply, redirect
from restapi.layout import API, Page


@dataclass(frozen=True)
class Failure:
    """What is wrong with a query; `excerpt` is its text around that, with a caret below; `column` counts from 1."""

    message: str
    excerpt: str
    column: int


def show(visit: Visit, table: Table, page: int | None = None, heading: Mapping[str, Any] | None = None) -> Page | Reply:
    """The page of a table; with a query that the API refuses, status 400 and what is wrong with it.

    `heading` are values of a template of its own, `template`, which extends that of tables.
    """
    values = {**_of_no_query(visit, table), **(heading or {})}
    status = HTTPStatus.OK
    try:
        query = filters.read(visit.query)
        filters.check(query, table.entity)
        if filters.has_option(query, "format"):
            path = table.api_path if page is None else f"{table.api_path}/page/{page}"
            return redirect(visit.url(API + path, filters.joined(table.scope, visit.query)))
        asked = TableRequest(visit, table, query, page)
        values |= _of_query(asked)
        values |= _of_rows(asked)
    except RequestError as error:
        column = error.column if isinstance(error, QuerySyntaxError) else 0
        values["failure"], status = _failure(str(error), column), HTTPStatus.BAD_REQUEST
    except ApiRefused as refused:
        if refused.status != HTTPStatus.BAD_REQUEST:
            raise
        values["failure"], status = _failure(refused.message), HTTPStatus.BAD_REQUEST
    if values["failure"] is not None:
        values["form"] = with_last_filter(values["form"])
    styles, scripts = ("table.css",), ("table.js",)
    return Page(values.pop("template", "tables/page.html"), table.title, values, styles, scripts, status)


def _of_no_query(visit: Visit, table: Table) -> dict[str, Any]:
    """What the page shows of a query that cannot be read."""
    return {
        "table": table,
        "line": visit.query,
        "form": form_of(table, visit.query, ()),
        "suggestions_url": visit.url(f"{table.path}/parts/suggestions", visit.query),
        "clear_url": visit.url(table.path),
        "default_columns_url": visit.url(table.path),
        "chips": (),
        "more_filters": 0,
        "listing": None,
        "facets": (),
        "is_long": False,
        "failure": None,
    }


def _of_query(asked: TableRequest) -> dict[str, Any]:
    """What the page shows of a query, whether there are rows or not."""
    query = asked.query
    return {
        "line": unparse(filters.without_options(query, "cursor", "facet")),
        "form": form_of(asked.table, unparse(filters.from_start(query)), asked.columns),
        "clear_url": asked.url(filters.without_filters(query)),
        "default_columns_url": asked.url(filters.without_options(query, "fields")),
        "chips": asked.chips(),
        "more_filters": asked.more_filters,
    }


def _of_rows(asked: TableRequest) -> dict[str, Any]:
    """Raises ApiRefused."""
    listing = asked.rows()
    facets: Sequence[Facet] = ()
    if listing.rows:
        facets = facets_of(asked.visit, asked.table, asked.query, listing.number, asked.most_links)
    return {"listing": listing, "facets": facets, "is_long": bool(listing.rows and asked.table.facets and not facets)}


def show_facet(visit: Visit, table: Table) -> Page:
    """The values of one facet, a part of a page."""
    try:
        facet = facet_alone(visit, table, filters.read(visit.query))
    except RequestError as error:
        raise ApiRefused(HTTPStatus.BAD_REQUEST, str(error)) from error
    return Page("tables/facet_values.html", facet.title, {"facet": facet})


def show_suggestions(visit: Visit, table: Table) -> Page:
    """Suggestions for the forms of a table, a part of its page."""
    try:
        query = filters.read(visit.query)
    except RequestError:
        query = Query(())
    return Page("tables/suggestions.html", table.title, {"paths": suggestions_of(visit, table, query)})


def _failure(message: str, column: int = 0) -> Failure:
    first, _, excerpt = message.partition("\n")
    return Failure(first, excerpt, column)
