"""Parts of an object of the repository, each of them behind the one before."""

from __future__ import annotations

from aiida_like.errors import ENDS_EARLY, DamagedObject, StorageError
from aiida_like.repository import StoredFile


class ForwardReader:
    """Reads parts of an object, in the order of their places. What is compressed is inflated up to each of them.

    At no time is more than a block in memory beside a part. `key` names the object in errors.
    """

    def __init__(self, key: str, file: StoredFile) -> None:
        self._key = key
        self._blocks = file.blocks
        self.size = file.size
        self._rest = memoryview(b"")  # of the last block
        self._place = 0  # of what comes next

    def read(self, start: int, size: int) -> bytes:
        """The bytes from `start` on.

        Raises:
            DamagedObject: there are fewer, or they are damaged.
            StorageError: the object cannot be read.
        """
        in_file = self._blocks.in_file
        if in_file is None:
            return self._inflated(start, size)
        file, origin = in_file
        try:
            file.seek(origin + start)
            found = file.read(size)
        except OSError as error:
            raise StorageError(f"the object {self._key} of the repository cannot be read: {error}") from error
        if len(found) < size:
            raise DamagedObject(self._key, ENDS_EARLY)
        return found

    def close(self) -> None:
        self._blocks.close()

    def _inflated(self, start: int, size: int) -> bytes:
        found = bytearray()
        while True:
            skipped = min(start - self._place, len(self._rest)) if not found else 0
            taken = self._rest[skipped : skipped + size - len(found)]
            found += taken
            self._place += skipped + len(taken)
            self._rest = self._rest[skipped + len(taken) :]
            if len(found) == size:
                return bytes(found)
            block = next(self._blocks, None)
            if block is None:
                raise DamagedObject(self._key, ENDS_EARLY)
            self._rest = memoryview(block)
