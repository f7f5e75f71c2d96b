"""Objects that disk-objectstore wrote."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from disk_objectstore import CompressMode
from disk_objectstore import Container as Writer

from aiida_like import repository
from aiida_like.container import Container
from aiida_like.errors import DamagedNode, DamagedObject, StorageError, TargetError
from tests.conftest import at_once

CONTENTS = {
    "empty": b"",
    "small": b"a line\n",
    "binary": bytes(range(256)) * 3,
    "large": b"".join(b"%09d\n" % number for number in range(100_000)),
}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer(str(tmp_path / "container")) as made:
        made.init_container()
        yield made


def store(writer: Writer) -> dict[str, str]:
    return {name: writer.add_object(content) for name, content in CONTENTS.items()}


def packed(writer: Writer, compress: CompressMode) -> dict[str, str]:
    keys = store(writer)
    writer.pack_all_loose(compress=compress)
    writer.clean_storage()
    return keys


def contents(folder: Path, keys: dict[str, str]) -> dict[str, tuple[int, bytes]]:
    container = Container.open(folder)
    stored = {name: container.read(key) for name, key in keys.items()}
    return {name: (file.size, file.read()) for name, file in stored.items()}


EXPECTED = {name: (len(content), content) for name, content in CONTENTS.items()}


def test_loose(writer: Writer) -> None:
    keys = store(writer)
    assert contents(writer.get_folder(), keys) == EXPECTED


@pytest.mark.parametrize("compress", [CompressMode.NO, CompressMode.YES])
def test_packed(writer: Writer, compress: CompressMode) -> None:
    keys = packed(writer, compress)
    assert not list((writer.get_folder() / "loose").glob("*/*"))
    assert contents(writer.get_folder(), keys) == EXPECTED


@pytest.mark.parametrize("moved", ["loose", "packs", "packs/0", "."])
def test_behind_a_link(moved: str, writer: Writer, tmp_path: Path) -> None:
    """A profile is its owner's, who may have another disk for files."""
    keys = packed(writer, CompressMode.YES)
    keys["loose"] = writer.add_object(b"later")
    writer.close()
    place, elsewhere = tmp_path / "container" / moved, tmp_path / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    assert contents(tmp_path / "container", keys) == {**EXPECTED, "loose": (5, b"later")}


def test_what_is_read_whole(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = store(writer)
    container = Container.open(writer.get_folder())
    assert container.content(keys["large"]) == CONTENTS["large"]
    monkeypatch.setattr(repository, "_MOST_AT_ONCE", 999_999)
    message = f"^the object {keys['large']} of the repository has more than 0 MB, and cannot be read at once$"
    with pytest.raises(DamagedNode, match=message):
        container.content(keys["large"])


def test_nothing_is_written(writer: Writer, tmp_path: Path) -> None:
    keys = packed(writer, CompressMode.AUTO)
    writer.close()
    files = sorted(path for path in tmp_path.rglob("*"))
    assert "packs.idx-wal" not in [path.name for path in files]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert contents(tmp_path / "container", keys) == EXPECTED
    assert {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


def test_while_a_writer_is_connected(writer: Writer) -> None:
    keys = store(writer)
    writer.pack_all_loose(compress=CompressMode.NO)
    other = writer.add_object(b"later")
    writer.pack_all_loose(compress=CompressMode.NO)
    assert (writer.get_folder() / "packs.idx-wal").exists()
    assert contents(writer.get_folder(), {**keys, "other": other}) == {**EXPECTED, "other": (5, b"later")}


def test_packed_while_it_is_read(writer: Writer) -> None:
    keys = store(writer)
    container = Container.open(writer.get_folder())
    stored = container.read(keys["large"])
    first = next(stored.blocks)
    writer.pack_all_loose(compress=CompressMode.YES)
    writer.clean_storage()
    assert first + stored.read() == CONTENTS["large"]
    assert container.read(keys["large"]).read() == CONTENTS["large"]


def test_the_index_stays_open(writer: Writer, tmp_path: Path) -> None:
    """As long as nobody writes: what is packed meanwhile is found, and what was opened is closed."""
    keys = packed(writer, CompressMode.NO)
    writer.close()
    folder = tmp_path / "container"
    age(folder / "packs.idx")
    container = Container.open(folder)
    for key in keys.values():
        container.read(key).read()
    kept = container.index._kept
    assert kept is not None
    container.read(keys["small"]).read()
    assert container.index._kept is kept
    with Writer(str(folder)) as again:
        later = again.add_objects_to_pack([b"later"])[0]
        assert (folder / "packs.idx-wal").exists()
        assert container.read(later).read() == b"later"
        assert container.index._kept is None
        again.repack(compress_mode=CompressMode.YES)
        assert container.read(keys["large"]).read() == CONTENTS["large"]
    assert {name: container.read(key).read() for name, key in keys.items()} == CONTENTS
    assert container.index._kept is None  # it has just been written
    age(folder / "packs.idx")
    assert container.read(later).read() == b"later"
    assert container.index._kept is not None
    container.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        kept[1].execute("SELECT 1")
    assert container.index._kept is None


def age(file: Path) -> None:
    os.utime(file, (time.time() - 60, time.time() - 60))


def test_an_index_is_asked_from_many_threads(writer: Writer, tmp_path: Path) -> None:
    keys = packed(writer, CompressMode.NO)
    writer.close()
    age(tmp_path / "container" / "packs.idx")
    container = Container.open(tmp_path / "container")

    def ask(number: int) -> None:
        for name in list(CONTENTS) * 10:
            assert container.read(keys[name]).read() == CONTENTS[name], number

    at_once(ask)
    container.close()


KEY = "ab" * 32


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (KEY, f"the object {KEY} of the repository is lost"),
        ("../../config.json", "'../../config.json' is not a key of the repository"),
    ],
)
def test_lost(writer: Writer, key: str, message: str) -> None:
    with pytest.raises(DamagedNode, match=f"^{re.escape(message)}$"):
        Container.open(writer.get_folder()).read(key)


def test_no_index_yet(writer: Writer, tmp_path: Path) -> None:
    keys = store(writer)
    writer.close()
    (tmp_path / "container" / "packs.idx").unlink()
    assert contents(tmp_path / "container", keys) == EXPECTED


def test_damage(writer: Writer, tmp_path: Path) -> None:
    keys = packed(writer, CompressMode.NO)
    writer.close()
    folder = tmp_path / "container"
    container = Container.open(folder)
    (folder / "packs" / "0").write_bytes(b"short")
    with pytest.raises(DamagedObject, match=f"^the object {keys['large']} of the repository ends early$"):
        container.read(keys["large"])
    (folder / "packs" / "0").unlink()
    with pytest.raises(DamagedNode, match=f"^the object {keys['large']} of the repository is lost$"):
        container.read(keys["large"])
    (folder / "packs.idx").write_bytes(b"no database")
    with pytest.raises(StorageError, match=r"^packs\.idx of the repository cannot be read: "):
        container.read(keys["large"])
    container.close()


def test_a_damaged_stream(writer: Writer, tmp_path: Path) -> None:
    keys = packed(writer, CompressMode.YES)
    writer.close()
    folder = tmp_path / "container"
    shutil.copy(folder / "packs" / "0", folder / "packs" / "1")
    connection = sqlite3.connect(folder / "packs.idx")
    connection.execute(
        "UPDATE db_object SET offset = offset + 1, length = length - 1 WHERE hashkey = ?", (keys["large"],)
    )
    connection.commit()
    connection.close()
    with pytest.raises(DamagedObject, match=f"^the object {keys['large']} of the repository is damaged: it cannot be"):
        Container.open(folder).begun(keys["large"])


INDEXED = [
    (CompressMode.YES, "size = 1000000000", "read", "ends early"),
    (CompressMode.YES, "size = 7", "begun", "is longer than it should be"),
    (CompressMode.YES, "size = size + 1", "content", "ends early"),
    (CompressMode.YES, "length = length - 5", "content", "ends early"),
    (CompressMode.YES, "length = 1000000000", "read", "ends early"),
    (CompressMode.NO, "size = 1000000000", "read", "ends early"),
    (CompressMode.NO, "size = 7", "read", "is longer than it should be"),
    (CompressMode.NO, "offset = 1000000000", "read", "ends early"),
    (CompressMode.NO, "offset = -1", "read", "has a place that is none"),
    (CompressMode.NO, "pack_id = '../../x'", "read", "has a place that is none"),
    (CompressMode.NO, "size = 'x'", "read", "has a place that is none"),
]


@pytest.mark.parametrize(("compress", "change", "asked", "message"), INDEXED)
def test_an_index_that_lies(compress: CompressMode, change: str, asked: str, message: str, writer: Writer) -> None:
    """A wrong size is known at once, or in the first block, or where it shows."""
    key = packed(writer, compress)["large"]
    writer.close()
    with closing(sqlite3.connect(writer.get_folder() / "packs.idx")) as connection:
        connection.execute(f"UPDATE db_object SET {change} WHERE hashkey = ?", (key,))
        connection.commit()
    container = Container.open(writer.get_folder())
    with pytest.raises(DamagedObject, match=f"^the object {key} of the repository {message}$"):
        getattr(container, asked)(key)
    container.close()


@pytest.mark.parametrize("name", ["packs.idx", "packs/0", "loose"])
def test_a_pipe_is_no_file(name: str, writer: Writer) -> None:
    """Nobody waits for who writes into it."""
    key = packed(writer, CompressMode.NO)["small"]
    writer.close()
    folder = writer.get_folder()
    place = folder / (f"loose/{KEY[:2]}/{KEY[2:]}" if name == "loose" else name)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    with pytest.raises(StorageError, match=r"no regular file|cannot be read"):
        Container.open(folder).read(KEY if name == "loose" else key)
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(TargetError, match=r"is not a repository of AiiDA"):
        Container.open(folder)
