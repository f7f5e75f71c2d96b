"""Deflated bytes, inflated a block at a time: a few of them can say gigabytes. And what damaged ones raise."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

RAW = -zlib.MAX_WBITS
"""Without a header, as in zip files."""

_BLOCK = 262_144

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


def inflated(blocks: Iterable[bytes], window_bits: int = zlib.MAX_WBITS) -> Iterator[bytes]:
    """Raises zlib.error, EOFError: the stream is damaged, or ends early."""
    stream = zlib.decompressobj(window_bits)
    for block in blocks:
        rest = block
        while rest and not stream.eof:
            yield stream.decompress(rest, _BLOCK)
            rest = stream.unconsumed_tail
    yield stream.flush()
    if not stream.eof:
        raise EOFError("a compressed stream ends early")
