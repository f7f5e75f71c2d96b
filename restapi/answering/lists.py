"""Lists of rows, however they are asked for: by page or cursor, with facets, as a file; the same for all dialects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from aiida_like.errors import QueryError
from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_some
from querylang.condition import Condition, Order
from querylang.cursor import read_place, write_place
from querylang.facets import facets
from querylang.keyset import Place, place_fields, row_key, rows_after, total_order
from querylang.lowering.predicates import Predicate
from querylang.options import Options, Window, last_page, window
from restapi.answering.export import answer_export
from restapi.answering.facets import count_facets
from restapi.answering.rendering import RowRenderer
from restapi.answering.row_batches import is_wide, json_list, row_batches, splice
from restapi.fetching.rows import PageOfRows, fetch_page
from restapi.http.encoding import PLACEHOLDER
from restapi.http.exchange import Context
from restapi.http.headers import cursor_link, page_links
from restapi.http.preferences import Count, Format, preferred_count, preferred_format
from restapi.http.reply import Reply


class ListEnvelope(Protocol):
    """Makes a reply of the data of a list; `total` is the number of all rows, None where that is not known."""

    def __call__(self, data: Any, *, total: int | None) -> Reply: ...


def answer_list(
    context: Context,
    given: Options,
    query: RowsQuery,
    renderer: RowRenderer,
    *,
    page: int | None,
    name: str,
    envelope: ListEnvelope,
) -> Reply:
    """The rows of a query, in the way that options and headers of the request ask for.

    `page` is the number in the path, `name` the key of the list in the answer.

    Raises:
        QueryError: options that make no sense together, or are out of range.
        StatementTimeout, StorageError.
    """
    exchange = context.exchange
    form = Format.JSON
    if "format" in given or exchange.accepts is not None:
        form = preferred_format(exchange.accepts, given.get("format"))
    if form is not Format.JSON:
        return answer_export(context, given, page, query, renderer, form, name)
    part = window(given, page, context.settings.window_limits)
    counted = facets(given["facet"], query.entity) if "facet" in given else ()
    preferred = None if exchange.prefers is None else preferred_count(exchange.prefers)
    # Rows that can be of any size are fetched a few at a time, after their keys.
    wide = is_wide(query.fields, query.entity)
    page_query = replace(query, fields=(row_key(query.entity),)) if wide else query
    count, cursor = preferred or Count.EXACT, None
    if "cursor" in given:
        found, cursor = _fetch_after(context.snapshot, page_query, given["cursor"], part, count)
    else:
        looks_ahead = page is not None and count is not Count.EXACT
        found = fetch_page(context.snapshot, page_query, part, count, looks_ahead=looks_ahead)
    data: dict[str, Any] = {name: PLACEHOLDER if wide else renderer.objects(found.rows)}
    if counted:
        data["facets"] = count_facets(context.snapshot, query, counted)
    reply = envelope(data, total=found.total)
    if wide:
        tuning = context.snapshot.storage.tuning
        keys = [row[0] for row in found.rows]
        batches = row_batches(context.snapshot, query, keys, renderer, tuning.wide_rows_at_once)
        reply = splice(reply, json_list(batches), tuning)
    if preferred is not None:
        reply.headers["Preference-Applied"] = f"count={found.count.value}"
    if part.page is not None:
        reply.headers["Link"] = page_links(context.request, part, _last_page(part, found), has_next=found.has_next)
    if cursor is not None:
        sent = context.mount.parser.parse(context.request.text)
        reply.headers["Link"] = cursor_link(context.request, sent, cursor, context.settings.max_query_length)
    return reply


def _fetch_after(
    snapshot: Snapshot, query: RowsQuery, cursor: str, part: Window, count: Count
) -> tuple[PageOfRows, str | None]:
    """The rows after the place that a cursor stands for, and the cursor of the last one if others follow.

    An empty cursor stands for the place before all rows.
    """
    order = total_order(query.order, query.entity)
    places = place_fields(order)
    after = (rows_after(order, _place(snapshot, query, order, cursor)),) if cursor else ()
    query = replace(query, fields=(*query.fields, *places), order=order, after=after)
    found = fetch_page(snapshot, query, part, count, looks_ahead=True)
    shown = len(query.fields) - len(places)
    last = write_place(order, tuple(found.rows[-1][shown:])) if found.has_next else None
    return replace(found, rows=[row[:shown] for row in found.rows]), last


def _place(snapshot: Snapshot, query: RowsQuery, order: Sequence[Order], cursor: str) -> Place:
    """The place that a cursor stands for. Raises QueryError: it names a row that is not there."""
    place = read_place(order, cursor)
    if len(place) == len(order):
        return place
    key = row_key(query.entity)
    named = (Condition(Predicate.EQUAL, key, place),)
    found = snapshot.rows(
        compile_some(replace(query, fields=place_fields(tuple(order)), conditions=named, order=(), after=()), 1)
    )
    if not found:
        raise QueryError("the row that the cursor names is not there any more: begin with an empty cursor=")
    return tuple(found[0])


def _last_page(part: Window, found: PageOfRows) -> int | None:
    """The number of the last page; None where it is not known."""
    return last_page(found.total, part.limit) if found.total is not None and found.count is Count.EXACT else None
