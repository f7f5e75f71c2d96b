"""Rows whose keys are known, a few at a time: neither memory nor a database waits for the client.

A cursor that is half read would keep AiiDA from committing to an SQLite profile. So rows come in small statements, each
of which is finished before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import Response

from aiida_like.links import id_list
from aiida_like.models import JSONText
from aiida_like.storage import Storage
from querylang.compile import RowsQuery, Statement, compile_some
from querylang.condition import Condition
from querylang.keyset import row_key
from restapi.answering.rendering import Shown
from restapi.fetching.reading import fetch
from restapi.http.encoding import LARGE, dumps
from restapi.http.exchange import current, enter, leave
from restapi.http.reply import Reply, Whole

Objects = Sequence[Mapping[str, Any]]
Fetch = Callable[[Statement], Sequence[Sequence[Any]]]


def is_wide(query: RowsQuery) -> bool:
    """Whether rows hold JSON of nodes, which can be of any size."""
    return any(
        isinstance(field.expression.type, JSONText) and not (field.is_shown and field in query.entity.shown)
        for field in query.fields
    )


def while_streaming(storage: Storage) -> Fetch:
    """What fetches when the request has been answered, and its last bytes are still to come."""
    exchange = current()

    def fetched(statement: Statement) -> Sequence[Sequence[Any]]:
        token = enter(exchange)
        try:
            return fetch(storage, statement)
        finally:
            leave(token)

    return fetched


def blocks_of(fetched: Fetch, query: RowsQuery, keys: Sequence[int], shown: Shown, size: int) -> Iterator[Objects]:
    """The rows with these keys, in their order, `size` at a time; without those that were deleted since."""
    key = row_key(query.entity)
    wide = replace(query, fields=(key, *query.fields), order=(), behind=())
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        among = replace(wide, conditions=(Condition("among", key, (id_list(part),)),))
        rows = {row[0]: row[1:] for row in fetched(compile_some(among, size))}
        yield shown.objects([rows[each] for each in part if each in rows])


def fill(reply: Reply, written: Iterable[bytes]) -> Reply:
    """The reply with JSON where `PLACE` is in its body; a large one is streamed."""
    assert isinstance(reply, Whole), reply
    head, _, tail = reply.body.partition(b"\0")
    pieces = chain([head], written, [tail])
    begun: list[bytes] = []
    size = 0
    # What can go wrong goes wrong before the first byte, while there is a status to say so.
    for piece in pieces:
        begun.append(piece)
        size += len(piece)
        if size > LARGE:
            del reply.headers["Content-Length"]
            return Response(chain(begun, pieces), reply.status_code, reply.headers)
    reply.replace(b"".join(begun))
    return reply


def listed(blocks: Iterable[Objects]) -> Iterator[bytes]:
    """One list of JSON."""
    separator = b"["
    for objects in blocks:
        if objects:
            yield separator + dumps(objects)[1:-1]
            separator = b","
    yield b"[]" if separator == b"[" else b"]"
