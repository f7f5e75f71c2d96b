"""Deflated bytes, inflated a block at a time: a few of them can say gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

RAW = -zlib.MAX_WBITS
"""Without a header, as in zip files."""

_BLOCK = 1 << 18


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
