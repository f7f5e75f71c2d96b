"""Replies of this dialect that are no JSON, or JSON that is written while it is read."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from http import HTTPStatus

import orjson
from flask import Response

from aiida_like.repository import Repository
from restapi.dialects.jobs.records import FileRecord
from restapi.http.encoding import LARGE, attachment
from restapi.http.exchange import Exchange
from restapi.http.reply import Reply, as_response


def empty(status: int) -> Reply:
    """A reply without a body."""
    reply = Response(status=status)
    del reply.headers["Content-Type"]
    return reply


def contents(file: FileRecord, repository: Repository, exchange: Exchange) -> Reply:
    """The bytes of a file. Its tag is the checksum of the content. Raises DamagedNode, StorageError."""
    stored = repository.read(file.key)
    content = repository.checked(stored, file.key) if stored.size <= LARGE else stored.blocks
    reply = attachment(content, stored.size, file.name)
    reply.headers["ETag"] = f'"{file.key}"'
    if "HTTP_IF_NONE_MATCH" not in exchange.environ:
        return reply
    response = as_response(reply)
    response.make_conditional(exchange.environ)
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        response.close()
    return response


def lines(blocks: Iterable[bytes]) -> Reply:
    """`{"lines": [...]}`, of a text of any size."""
    return Response(_lines(blocks), content_type="application/json")


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Each line ends with its newline; none is held as a whole."""
    yield b'{"lines":['
    begins, is_open = b'"', False
    for text in _decoded(blocks):
        parts = text.split("\n")
        for number, part in enumerate(parts):
            ends = number < len(parts) - 1
            if not (part or ends):
                continue
            if not is_open:
                yield begins
                begins, is_open = b',"', True
            yield orjson.dumps(part + ("\n" if ends else ""))[1:-1]
            if ends:
                yield b'"'
                is_open = False
    yield b'"]}' if is_open else b"]}"


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)
