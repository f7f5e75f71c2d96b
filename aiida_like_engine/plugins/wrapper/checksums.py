"""Checksums of a file: what is known of its bytes, wherever they came by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_BLOCK = 1 << 20


@dataclass
class Checksums:
    """Of the bytes that were added, a block at a time."""

    size: int = 0
    _md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    _sha512: Any = field(default_factory=hashlib.sha512)

    @classmethod
    def of(cls, file: BinaryIO) -> Checksums:
        """Those of a file, which is read to its end."""
        found = cls()
        while block := file.read(_BLOCK):
            found.add(block)
        return found

    def add(self, block: bytes) -> None:
        self._md5.update(block)
        self._sha512.update(block)
        self.size += len(block)

    @property
    def md5(self) -> str:
        return str(self._md5.hexdigest())

    @property
    def sha512(self) -> str:
        return str(self._sha512.hexdigest())
