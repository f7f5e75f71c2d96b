"""The kind of a file, text or binary, by the bytes that it begins with."""

from __future__ import annotations

from enum import Enum

from aiida_like.repository import StoredFile

_HEAD = 4096
"""Bytes that are looked at."""

_NOT_IN_TEXT = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\b\x1b"})
"""Control characters, but those that terminals and printers take."""


class FileKind(Enum):
    TEXT = "text"
    BINARY = "binary"


def kind_of(file: StoredFile) -> FileKind:
    """The kind of a file, of which the beginning is read, and which is closed then.

    Text may be of any encoding that has ASCII in it, as what programs print is not always UTF-8.

    Raises:
        DamagedObject, StorageError: as `Blocks`.
    """
    head = file.blocks.part(0, min(file.size, _HEAD))
    try:
        begun = b"".join(head)
    finally:
        head.close()
    return FileKind.BINARY if len(begun.translate(None, _NOT_IN_TEXT)) < len(begun) else FileKind.TEXT
