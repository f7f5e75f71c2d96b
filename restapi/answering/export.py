"""Rows as CSV or NDJSON, as many as there are: the keys of many rows in their order, then the rows of some keys."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import orjson
from flask import Response

from aiida_like.errors import QueryError
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, compile_rows
from querylang.keyset import following, place_fields, row_key, total_order
from querylang.options import Options, Window, WindowLimits, window
from restapi.answering.csv_cells import safe_cell
from restapi.answering.rendering import Shown
from restapi.answering.row_batches import Fetch, Objects, blocks_of, while_streaming
from restapi.config import Settings
from restapi.fetching.lists import check_page
from restapi.fetching.totals import fetch_total
from restapi.http.encoding import dumps
from restapi.http.headers import set_total
from restapi.http.preferences import Format

KEYS_AT_ONCE = 20_000
"""Keys of one statement: they are small, and an order that no index serves is sorted anew for each."""

ROWS_AT_ONCE = 500
"""Rows of one statement, which can be wide."""


def answer_export(
    storage: Storage,
    settings: Settings,
    query: RowsQuery,
    given: Options,
    page: int | None,
    shown: Shown,
    form: Format,
    name: str,
) -> Response:
    """A file of the rows of one page, or of all rows.

    Raises:
        QueryError: there are more rows than a file may have, or no such page, or another option makes no sense here.
    """
    for key in ("cursor", "facet"):
        if key in given:
            raise QueryError(f"{key} is for JSON; a file of format csv or ndjson has all rows, or limit= of them")
    most = settings.max_export_rows
    limits = settings.window_limits if page is not None else WindowLimits(most)
    part = window(given, page, limits)
    total = fetch_total(storage, query)
    check_page(part, total)
    if "limit" not in given and page is None and total - part.offset > most:
        raise QueryError(
            f"these are {total} rows, and a file has at most {most}: narrow them with filters, or ask for parts with "
            f"limit={most} and offset="
        )
    blocks = _blocks(while_streaming(storage), query, part, shown)
    # What can go wrong goes wrong before the first byte, while there is a status to say so.
    first = next(blocks, [])
    response = Response(_WRITERS[form](shown.names, chain([first], blocks)), content_type=_CONTENT_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form.name.lower()}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    set_total(response, total)
    return response


def _blocks(fetched: Fetch, query: RowsQuery, part: Window, shown: Shown) -> Iterator[Objects]:
    order = total_order(query.order, query.entity)
    key = row_key(query.entity)
    outline = replace(query, fields=(key, *place_fields(order)), order=order)
    left, offset = part.limit, part.offset
    while left > 0:
        size = min(KEYS_AT_ONCE, left)
        found = fetched(compile_rows(outline, Window(size, offset)))
        yield from blocks_of(fetched, query, [row[0] for row in found], shown, ROWS_AT_ONCE)
        if len(found) < size:
            return
        left, offset = left - size, 0
        outline = replace(outline, behind=(following(order, tuple(found[-1][1:])),))


def _csv(names: Sequence[str], blocks: Iterable[Objects]) -> Iterator[bytes]:
    """RFC 4180, with a line of names."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(names)
    for objects in blocks:
        writer.writerows([safe_cell(each[name]) for name in names] for each in objects)
        yield file.getvalue().encode()
        file.seek(0)
        file.truncate()


def _ndjson(_: Sequence[str], blocks: Iterable[Objects]) -> Iterator[bytes]:
    """An object a line."""
    for objects in blocks:
        yield b"".join(dumps(each, orjson.OPT_APPEND_NEWLINE) for each in objects)


_WRITERS: Mapping[Format, Callable[[Sequence[str], Iterable[Objects]], Iterator[bytes]]] = {
    Format.CSV: _csv,
    Format.NDJSON: _ndjson,
}

_CONTENT_TYPES = {Format.CSV: "text/csv; charset=utf-8; header=present", Format.NDJSON: "application/x-ndjson"}
