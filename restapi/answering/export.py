"""Any number of rows as CSV or NDJSON: the keys of many rows in their order, then the rows of a few keys at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import orjson
from flask import Response

from aiida_like.errors import QueryError, RowsTooLarge
from aiida_like.storage import Snapshot
from querylang.compile import RowsQuery, compile_rows
from querylang.keyset import place_fields, row_key, rows_after, total_order
from querylang.options import Options, Window, WindowLimits, window
from restapi.answering.csv_cells import safe_cell
from restapi.answering.rendering import RowRenderer, with_iso_times
from restapi.answering.row_batches import Objects, row_batches
from restapi.fetching.rows import check_page, find_total
from restapi.http.encoding import dumps
from restapi.http.exchange import Context
from restapi.http.preferences import Format


def answer_export(
    context: Context,
    given: Options,
    page: int | None,
    query: RowsQuery,
    renderer: RowRenderer,
    form: Format,
    name: str,
) -> Response:
    """A file of the rows of one page, or of all rows.

    Raises:
        QueryError: there are more rows than a file may have, or no such page, or another option makes no sense here.
        StatementTimeout, StorageError.
    """
    snapshot, settings = context.snapshot, context.settings
    part, total = _window(snapshot, given, page, query, settings.window_limits, settings.max_export_rows)
    batches = _batches(snapshot, query, part, with_iso_times(renderer))
    # Errors come before the first byte, while there is a status to say so.
    first = next(batches, [])
    response = Response(_WRITERS[form](renderer.names, chain([first], batches)), content_type=_CONTENT_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form.name.lower()}"'
    response.headers["X-Total-Counts"] = response.headers["X-Total-Count"] = str(total)
    return response


def _window(
    snapshot: Snapshot, given: Options, page: int | None, query: RowsQuery, of_pages: WindowLimits, most: int
) -> tuple[Window, int]:
    """The window of the rows in the file, and the number of all rows."""
    for key in ("cursor", "facet"):
        if key in given:
            raise QueryError(f"{key} is for JSON; a file of format csv or ndjson has all rows, or limit= of them")
    part = window(given, page, of_pages if page is not None else WindowLimits(most))
    total = find_total(snapshot, query)
    check_page(part, total)
    if "limit" not in given and page is None and total - part.offset > most:
        raise QueryError(
            f"these are {total} rows, and a file has at most {most}: narrow them with filters, or ask for parts with "
            f"limit={most} and offset="
        )
    return part, total


def _batches(snapshot: Snapshot, query: RowsQuery, part: Window, renderer: RowRenderer) -> Iterator[Objects]:
    tuning = snapshot.storage.tuning
    order = total_order(query.order, query.entity)
    keys_query = replace(query, fields=(row_key(query.entity), *place_fields(order)), order=order)
    left, offset, most = part.limit, part.offset, tuning.keys_at_once
    while left > 0:
        size = min(most, left)
        try:
            found = snapshot.rows(compile_rows(keys_query, Window(size, offset)))
        except RowsTooLarge:  # the rows are ordered by texts that are long
            most = size // 2
            continue
        yield from row_batches(snapshot, query, [row[0] for row in found], renderer, tuning.rows_at_once)
        if len(found) < size:
            return
        left, offset = left - size, 0
        keys_query = replace(keys_query, after=(rows_after(order, tuple(found[-1][1:])),))


def _csv(names: Sequence[str], batches: Iterable[Objects]) -> Iterator[bytes]:
    """CSV (RFC 4180) with a header line."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(names)
    for objects in batches:
        writer.writerows([safe_cell(each[name]) for name in names] for each in objects)
        yield file.getvalue().encode()
        file.seek(0)
        file.truncate()


def _ndjson(_: Sequence[str], batches: Iterable[Objects]) -> Iterator[bytes]:
    """NDJSON, an object a line."""
    for objects in batches:
        yield b"".join(dumps(each, orjson.OPT_APPEND_NEWLINE) for each in objects)


_WRITERS: Mapping[Format, Callable[[Sequence[str], Iterable[Objects]], Iterator[bytes]]] = {
    Format.CSV: _csv,
    Format.NDJSON: _ndjson,
}

_CONTENT_TYPES = {Format.CSV: "text/csv; charset=utf-8; header=present", Format.NDJSON: "application/x-ndjson"}
