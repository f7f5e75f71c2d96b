"""Directories of zip files that are too large to be held."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aiida_like import zip_directory
from aiida_like.errors import StorageAway, TargetError
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.zip_directory import MOST_BYTES, MOST_ENTRIES
from aiida_like.zipped import ZippedRepository
from tests.conftest import Golden

REASON = "its archive holds too many files to be read packed: unpacked to a folder it can be served"
KEY = "0" * 64


def with_entries(archive: Path, target: Path, number: int, told: int | None = None, name: str = "x{:06x}") -> Path:
    """The archive, whose directory has more entries of no bytes; with an end record of zip64 that tells of some."""
    content = archive.read_bytes()
    end = content.rfind(b"PK\5\6")
    there, size, start = struct.unpack_from("<HLL", content, end + 10)
    head = struct.pack("<4s4B4HL2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0x5A21, 0, 0, 0)
    names = [name.format(each).encode() for each in range(number)]
    more = b"".join(head + struct.pack("<5H2L", len(each), 0, 0, 0, 0, 0, 0) + each for each in names)
    told, size = there + number if told is None else told, size + len(more)
    target.write_bytes(
        content[:end]
        + more
        + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, told, told, size, start)
        + struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    )
    return target


def refused(archive: Path, cache: Path) -> str:
    with pytest.raises(TargetError) as opened:
        open_storage(find(str(archive)), cache_folder=cache)
    with pytest.raises(StorageAway) as read:
        ZippedRepository(archive).read(KEY)
    assert (opened.value.reason, read.value.reason, str(read.value)) == (REASON, REASON, str(opened.value))
    return str(opened.value)


@pytest.mark.parametrize("told", [None, 3])
def test_too_many_entries(told: int | None, golden: Golden, tmp_path: Path) -> None:
    """Whatever number the end of the file tells."""
    archive = with_entries(golden.archive, tmp_path / "many.aiida", MOST_ENTRIES, told)
    assert refused(archive, tmp_path) == (
        f"the archive {archive} holds more than 500,000 files, or their names are longer than 100 MB: "
        "unpack it to a folder, and serve that, which may hold any number"
    )


def test_too_long_names(golden: Golden, tmp_path: Path) -> None:
    archive = with_entries(golden.archive, tmp_path / "long.aiida", MOST_BYTES // 60_000, name="{:060000}")
    assert "or their names are longer than 100 MB" in refused(archive, tmp_path)


def test_as_many_as_may_be(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_directory, "MOST_ENTRIES", 1000)
    (content,) = struct.unpack_from("<H", golden.archive.read_bytes()[-12:])
    archive = with_entries(golden.archive, tmp_path / "full.aiida", 1000 - content)
    open_storage(find(str(archive)), cache_folder=tmp_path).close()
    archive = with_entries(golden.archive, tmp_path / "more.aiida", 1001 - content)
    assert "holds more than 1,000 files" in refused(archive, tmp_path)
