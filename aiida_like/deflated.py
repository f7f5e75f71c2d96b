"""Deflated bytes, inflated a block at a time: a few of them can say gigabytes. And what damaged ones raise."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

RAW = -zlib.MAX_WBITS
"""Without a header, as in zip files."""

FIRST_BLOCK, _BLOCK = 4096, 262_144
"""Bytes that are inflated at a time; few at first, where some readers look at the beginning alone."""

MOST_INFLATED = 1032
"""The most bytes that deflate makes of one: 258 of each two bits (RFC 1951, 3.2.5)."""

DAMAGED_BYTES = (
    zlib.error,
    EOFError,
    zipfile.BadZipFile,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    MemoryError,
)
"""Errors of `zlib` and `zipfile` for damaged bytes. RuntimeError: a damaged flag says that only a later version of zip
can read the file. ValueError: a name is no text, or a place lies before the file."""


def inflated(blocks: Iterable[bytes], window_bits: int = zlib.MAX_WBITS, first: int = _BLOCK) -> Iterator[bytes]:
    """Blocks, the first of which has at most `first` bytes.

    Raises zlib.error, EOFError: the stream is damaged, or ends early.
    """
    stream = zlib.decompressobj(window_bits)
    most = first
    for block in blocks:
        rest = block
        while rest and not stream.eof:
            yield stream.decompress(rest, most)
            rest, most = stream.unconsumed_tail, _BLOCK
    yield stream.flush()
    if not stream.eof:
        raise EOFError("a compressed stream ends early")
