"""Lists of rows, however they are asked for: by page or cursor, with facets, as a file; the same for all dialects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiida_like.storage import Storage
from querylang.compile import RowsQuery
from querylang.cursor import read_place, write_place
from querylang.facets import facets
from querylang.keyset import following, place_fields, row_key, total_order
from querylang.options import Options, Window, window
from restapi.answering.export import answer_export
from restapi.answering.facets import count_facets
from restapi.answering.rendering import Shown
from restapi.answering.row_batches import blocks_of, fill, is_wide, listed, while_streaming
from restapi.fetching.lists import Count, Page, fetch_page
from restapi.http.context import Context
from restapi.http.encoding import PLACE
from restapi.http.exchange import Asked
from restapi.http.headers import cursor_link, last_page, page_links, set_total
from restapi.http.preferences import Format, preferred_count, preferred_format
from restapi.http.reply import Reply

WIDE_ROWS_AT_ONCE = 20
"""Rows of one statement, if they hold JSON of nodes."""


def answer_rows(
    context: Context,
    request: Asked,
    given: Options,
    page: int | None,
    query: RowsQuery,
    shown: Shown,
    key: str,
    envelope: Callable[[dict[str, Any]], Reply],
) -> Reply:
    """The rows of a query, in the way that options and headers of the request ask for.

    `key` is the name of the list in the answer; `envelope` makes a reply of its data.

    Raises:
        QueryError: options that make no sense together, or are out of range.
    """
    form = preferred_format(given)
    if form is not Format.JSON:
        return answer_export(context.storage, context.settings, query, given, page, shown, form, key)
    part = window(given, page, context.settings.window_limits)
    counted = facets(given.get("facet", ()), query.entity)
    preferred = preferred_count()
    count = preferred or Count.EXACT
    cursor = None
    # Of rows that can be of any size the keys come first, and the rest a few at a time.
    has_parts = is_wide(query)
    outline = replace(query, fields=(row_key(query.entity),)) if has_parts else query
    if "cursor" in given:
        found, cursor = _fetch_behind(context.storage, outline, given.get("cursor"), part, count)
    else:
        looks_ahead = page is not None and count is not Count.EXACT
        found = fetch_page(context.storage, outline, part, count, looks_ahead=looks_ahead)
    data: dict[str, Any] = {key: PLACE if has_parts else shown.objects(found.rows)}
    if counted:
        data["facets"] = count_facets(context.storage, query, counted)
    reply = envelope(data)
    if has_parts:
        keys = [row[0] for row in found.rows]
        blocks = blocks_of(while_streaming(context.storage), query, keys, shown, WIDE_ROWS_AT_ONCE)
        reply = fill(reply, listed(blocks))
    if found.total.number is not None:
        set_total(reply, found.total.number)
    if preferred is not None:
        reply.headers["Preference-Applied"] = f"count={found.total.count.value}"
    if part.page is not None:
        reply.headers["Link"] = page_links(request, part, _last_page(part, found), has_next=found.has_next)
    if cursor is not None:
        reply.headers["Link"] = cursor_link(request, context.parser.parse(request.text), cursor)
    return reply


def _fetch_behind(
    storage: Storage, query: RowsQuery, cursor: str, part: Window, count: Count
) -> tuple[Page, str | None]:
    """The rows behind the place that a cursor stands for, and the cursor of the last one if others follow.

    An empty cursor stands for the place before all rows.
    """
    order = total_order(query.order, query.entity)
    places = place_fields(order)
    behind = (following(order, read_place(order, cursor)),) if cursor else ()
    query = replace(query, fields=(*query.fields, *places), order=order, behind=behind)
    found = fetch_page(storage, query, part, count, looks_ahead=True)
    shown = len(query.fields) - len(places)
    last = write_place(order, tuple(found.rows[-1][shown:])) if found.has_next else None
    return replace(found, rows=[row[:shown] for row in found.rows]), last


def _last_page(part: Window, found: Page) -> int | None:
    """None where it is not known."""
    total = found.total
    return last_page(total.number, part.limit) if total.number is not None and total.count is Count.EXACT else None
