"""Rows whose keys are known, a few at a time, so that no statement stays open while a client reads slowly.

An open cursor would keep AiiDA from committing to an SQLite profile. So rows come in small statements, each of which is
finished before its rows are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any

from flask import Response

from aiida_like.errors import RowsTooLarge
from aiida_like.links import id_list
from aiida_like.models import JSONText
from aiida_like.storage import Snapshot
from aiida_like.storage.databases.row_sizes import Row, characters_of
from aiida_like.tuning import Tuning
from querylang.compile import RowsQuery, compile_some
from querylang.condition import Condition
from querylang.keyset import row_key
from querylang.lowering.predicates import Predicate
from querylang.schema import Entity, Field
from restapi.answering.rendering import RowRenderer
from restapi.http.encoding import dumps
from restapi.http.reply import BytesReply, Reply

Objects = Sequence[Mapping[str, Any]]


@lru_cache(maxsize=128)
def is_wide(fields: tuple[Field, ...], entity: Entity) -> bool:
    """Whether rows hold JSON of nodes, which can be of any size."""
    return any(
        isinstance(field.expression.type, JSONText) and not (field.is_shown and field in entity.shown)
        for field in fields
    )


def row_batches(
    snapshot: Snapshot, query: RowsQuery, keys: Sequence[int], renderer: RowRenderer, size: int
) -> Iterator[Objects]:
    """The rows with these keys, in their order, at most `size` at a time; without those that were deleted since.

    There are fewer at a time where they are large: a single row can have any size.
    """
    key = row_key(query.entity)
    wide = replace(query, fields=(key, *query.fields), order=(), after=())
    start, now, most = 0, size, snapshot.storage.tuning.characters_at_once
    while start < len(keys):
        part = keys[start : start + now]
        among = replace(wide, conditions=(Condition(Predicate.IN_JSON_ARRAY, key, (id_list(part),)),))
        try:
            found = snapshot.rows(compile_some(among, size), most)
        except RowsTooLarge:
            now = max(1, len(part) // 2)
            continue
        rows = {row[0]: row[1:] for row in found}
        yield renderer.objects([rows[each] for each in part if each in rows])
        start += len(part)
        if now < size and 2 * characters_of(found) <= most:
            now = min(size, 2 * now)


def splice(reply: Reply, written: Iterable[bytes], tuning: Tuning) -> Reply:
    """The reply with JSON where `PLACEHOLDER` is in its body; a large one is streamed."""
    assert isinstance(reply, BytesReply), reply
    head, _, tail = reply.body.partition(b"\0")
    pieces = chain([head], written, [tail])
    first: list[bytes] = []
    size = 0
    # Errors come before the first byte, while there is a status to say so.
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > tuning.streamed_bytes:
            del reply.headers["Content-Length"]
            return Response(chain(first, pieces), reply.status_code, reply.headers)
    reply.replace(b"".join(first))
    return reply


def by_size(rows: Sequence[Row], size: int, characters: int) -> Iterator[Sequence[Row]]:
    """The rows in their order, at most `size` at a time, and with more than so many characters one by one."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield from [part] if characters_of(part) <= characters else ([row] for row in part)


def json_list(batches: Iterable[Objects]) -> Iterator[bytes]:
    """One JSON list of all rows."""
    separator = b"["
    for objects in batches:
        if objects:
            yield separator + dumps(objects)[1:-1]
            separator = b","
    yield b"[]" if separator == b"[" else b"]"
