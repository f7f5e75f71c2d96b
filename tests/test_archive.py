"""The database of an archive, and the folder it is unpacked to."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import weakref
import zipfile
import zlib
from collections import namedtuple
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from flask import Flask

from aiida_like.errors import BeingOpened, DamagedObject, StorageAway, TargetError
from aiida_like.profiles import find
from aiida_like.repository import key_of
from aiida_like.storage import LazyStorage, Storage, lazy_storage, open_storage
from aiida_like.storage.archives import copies
from aiida_like.storage.archives.archive import default_cache_folder, stamp, unpacked
from aiida_like.zipped import FolderRepository, ZippedRepository
from tests.conftest import Golden
from tests.exchanges import with_id
from tests.golden import graph
from tests.servers import wait_until
from tests.writable import relabelled, rezip

KEY = "ab" * 32


def file_of(archive: Path, cache: Path, progress: copies.Progress | None = None) -> Path:
    return unpacked(archive, cache, progress).file


def count(file: Path) -> int:
    connection = sqlite3.connect(file)
    (number,) = connection.execute("SELECT count(*) FROM db_dbnode").fetchone()
    connection.close()
    return int(number)


def test_the_cache_is_private_and_keyed_by_content(golden: Golden, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = file_of(golden.archive, cache)
    assert count(first) == 81
    assert [oct(path.stat().st_mode)[-3:] for path in (first.parent, first)] == ["700", "600"]
    elsewhere = Path(shutil.copy(golden.archive, tmp_path / "copy.aiida"))
    before = first.stat().st_mtime_ns
    assert (file_of(elsewhere, cache), first.stat().st_mtime_ns) == (first, before)

    def without_a_node(name: str, content: bytes) -> bytes:
        return content if name != "db.sqlite3" else smaller(content, tmp_path)

    other = file_of(rezip(golden.archive, tmp_path / "other.aiida", without_a_node), cache)
    assert (other == first, count(other)) == (False, 80)


def test_a_cache_of_others(golden: Golden, tmp_path: Path) -> None:
    """Nobody else may write to it; one that is private stays as it is."""
    folder = tmp_path / "archives"
    folder.mkdir(mode=0o755)
    file_of(golden.archive, tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    before = folder.stat().st_ctime_ns
    file_of(golden.archive, tmp_path)
    assert folder.stat().st_ctime_ns == before


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may give folders away")
def test_a_cache_that_belongs_to_another_user(golden: Golden, tmp_path: Path) -> None:
    """Who could still look into its files and exchange them."""
    folder = tmp_path / "archives"
    folder.mkdir(mode=0o700)
    os.chown(folder, 1234, 1234)
    message = f"the folder {folder} belongs to another user (uid 1234), who could change what is served: "
    with pytest.raises(TargetError, match=re.escape(message)) as raised:
        file_of(golden.archive, tmp_path)
    assert (raised.value.reason, list(folder.iterdir())) == ("its archive cannot be unpacked", [])


def smaller(content: bytes, folder: Path) -> bytes:
    file = folder / "smaller.sqlite"
    file.write_bytes(content)
    connection = sqlite3.connect(file)
    connection.execute("DELETE FROM db_dbnode WHERE uuid = ?", (graph.zeta,))
    connection.commit()
    connection.close()
    return file.read_bytes()


UNPACK = """
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from aiida_like.storage.archives.archive import unpacked
print(unpacked(Path(sys.argv[1]), Path(sys.argv[2])).file)
"""


def test_several_processes_unpack_once(golden: Golden, tmp_path: Path) -> None:
    command = [sys.executable, "-c", UNPACK, str(golden.archive), str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    files = {process.communicate()[0].strip() for process in started}
    assert [count(Path(file)) for file in files] == [81]
    names = sorted(path.suffix for path in (tmp_path / "archives").iterdir())
    assert names == [".json", ".lock", ".sqlite"]


@pytest.mark.parametrize("damage", [lambda content: content[:-4096], lambda content: content[:5000] + b"x" * 5000])
def test_a_damaged_copy_is_made_anew(damage: Callable[[bytes], bytes], golden: Golden, tmp_path: Path) -> None:
    file = file_of(golden.archive, tmp_path)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file_of(golden.archive, tmp_path) == file
    assert file.read_bytes() == content


def test_a_copy_that_was_touched_is_kept(golden: Golden, tmp_path: Path) -> None:
    file = file_of(golden.archive, tmp_path)
    os.utime(file, (0, 0))
    before = file.stat().st_ino
    assert file_of(golden.archive, tmp_path).stat().st_ino == before
    file.with_suffix(".json").write_text("{")
    assert file_of(golden.archive, tmp_path).stat().st_ino != before


def test_a_copy_with_an_index_of_ones_own_is_kept(golden: Golden, tmp_path: Path) -> None:
    """`aiida-like advise` says how to make it."""
    file = file_of(golden.archive, tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE INDEX mine ON db_dbnode (description)")
        connection.commit()
    before = file.stat().st_ino
    assert file_of(golden.archive, tmp_path).stat().st_ino == before


def replaced_by_rename(archive: Path, content: bytes) -> None:
    archive.with_suffix(".new").write_bytes(content)
    archive.with_suffix(".new").rename(archive)


REPLACING: list[Callable[[Path, bytes], object]] = [replaced_by_rename, Path.write_bytes]


@pytest.mark.parametrize("replace", REPLACING)
def test_an_archive_that_is_replaced(
    replace: Callable[[Path, bytes], object],
    golden: Golden,
    tmp_path: Path,
    serve: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another tag, another label, and no file of the one with the database of the other."""
    monkeypatch.setattr(lazy_storage, "_SECONDS_BETWEEN_LOOKS", 0)
    archive = Path(shutil.copy(golden.archive, tmp_path / "served.aiida"))
    other = rezip(golden.archive, tmp_path / "other.aiida", relabelled).read_bytes()
    client = serve(find(str(archive)), {"CACHE_FOLDER": str(tmp_path / "cache")}).test_client()

    def label() -> tuple[int, str | None, str | None]:
        answer = client.get(f"/api/v4/nodes/{graph.zeta}")
        if answer.status_code != 200:
            return answer.status_code, None, None
        return 200, answer.headers["ETag"], answer.json["data"]["nodes"][0]["label"]

    def file() -> int:
        return client.get(f"/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt", buffered=True).status_code

    assert file() == 200
    first = label()
    replace(archive, other)
    wait_until(lambda: label()[2] == "other")
    assert (label()[1] != first[1], file()) == (True, 200)
    replace(archive, other[:20_000])
    wait_until(lambda: label()[0] == 503)
    damaged = client.get("/api/v4/nodes")
    assert damaged.json == with_id(damaged, {"message": "this profile cannot be served now: its archive is damaged"})
    assert (label()[0], file(), client.get("/readyz").status_code) == (503, 503, 503)
    replace(archive, golden.archive.read_bytes())
    wait_until(lambda: label() == first)
    assert file() == 200
    archive.unlink()
    wait_until(lambda: label()[0] == 503)
    assert file() == 503


def test_an_opening_that_takes_long(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it to the end; the old one is served meanwhile, and goes afterwards, whatever became of it."""
    monkeypatch.setattr(lazy_storage, "_SECONDS_BETWEEN_LOOKS", 0)
    let_go, stamps, outcome = threading.Event(), [(1,)], [""]

    def open_slowly() -> Storage:
        assert let_go.wait(30)
        if outcome[0]:
            raise TargetError(outcome[0])
        opened = open_storage(find(str(golden.archive)), cache_folder=tmp_path)
        return replace(opened, stamp=stamps[-1])

    opening = LazyStorage(open_slowly, lambda: stamps[-1], "papers")
    with pytest.raises(BeingOpened, match=r"^papers takes longer to open: requests do not wait$") as raised:
        opening(0.01)
    assert raised.value.reason == "it is being opened: ask again in some seconds"
    del raised  # its frames keep what was opened
    let_go.set()
    first = weakref.ref(opening())
    let_go.clear()
    stamps.append((2,))
    assert opening() is first()
    outcome[0] = "damaged"
    let_go.set()
    wait_until(lambda: opening._storage is None)
    with pytest.raises(TargetError, match=r"^damaged$"):
        opening()
    gc.collect()
    assert first() is None


def test_no_file_of_another_archive(golden: Golden, tmp_path: Path) -> None:
    """Until the other one is opened, too."""
    archive = Path(shutil.copy(golden.archive, tmp_path / "served.aiida"))
    with zipfile.ZipFile(archive) as zipped:
        key = next(name for name in zipped.namelist() if name.startswith("repo/")).removeprefix("repo/")
    replaced_before, replaced_after = (ZippedRepository(archive, stamp(archive)) for _ in range(2))
    content = replaced_after.read(key).read()
    replaced_by_rename(archive, golden.archive.read_bytes())
    with pytest.raises(StorageAway, match=r"served\.aiida has changed since it was opened$") as raised:
        replaced_before.read(key)
    assert raised.value.reason == "its archive has been replaced: ask again in some seconds"
    assert replaced_after.read(key).read() == content
    for each in (replaced_before, replaced_after):
        each.close()


def test_an_archive_that_cannot_be_opened_is_not_tried_all_the_time(tmp_path: Path) -> None:
    tries: list[int] = []
    now: list[int] = [1]

    def open_slowly() -> Storage:
        tries.append(now[0])
        time.sleep(0.2)
        raise TargetError("damaged")

    opening = LazyStorage(open_slowly, lambda: (now[0],))
    for stamped in (1, 1, 1, 2, 2):
        now[0] = stamped
        with pytest.raises(TargetError, match=r"^damaged$"):
            opening()
    assert tries == [1, 2]


def test_a_broken_archive_that_comes_back(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not opened so soon again, and what was served before it is not served in its place."""
    monkeypatch.setattr(lazy_storage, "_SECONDS_BETWEEN_LOOKS", 0)
    now = [1]

    def open_it() -> Storage:
        if now[0] == 2:
            time.sleep(1)
            raise TargetError("damaged")
        opened = open_storage(find(str(golden.archive)), cache_folder=tmp_path)
        return replace(opened, stamp=(now[0],))

    opening = LazyStorage(open_it, lambda: (now[0],))
    now[0] = 2
    with pytest.raises(TargetError, match=r"^damaged$"):
        opening()
    now[0] = 3
    served = weakref.ref(opening())
    now[0] = 2
    for _ in range(2):
        with pytest.raises(TargetError, match=r"^damaged$"):
            opening()
    gc.collect()
    assert served() is None


def test_a_thread_that_cannot_be_started(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later request tries again."""
    opening = LazyStorage(lambda: open_storage(find(str(golden.archive)), cache_folder=tmp_path))

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="start new thread"):
            opening()
    assert opening().read().version is not None
    opening.close()


def test_a_file_system_that_does_not_say_how_much_a_file_takes(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no file of holes then."""
    monkeypatch.setattr(copies, "_NEVER_REFUSED", 0)
    known = os.fstat

    def untold(file: int) -> SimpleNamespace:
        facts = known(file)
        told = {name: getattr(facts, name) for name in dir(facts) if name.startswith("st_")}
        return SimpleNamespace(**{**told, "st_blocks": 0})

    monkeypatch.setattr(os, "fstat", untold)
    assert file_of(golden.archive, tmp_path).exists()


def test_progress(golden: Golden, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    file_of(golden.archive, tmp_path, lambda done, total: told.append((done, total)))
    with zipfile.ZipFile(golden.archive) as zipped:
        size = zipped.getinfo("db.sqlite3").file_size
    assert (told[0], told[1], {total for _, total in told}) == ((0, 2 * size), (size, 2 * size), {2 * size})
    assert told == sorted(told)


@pytest.mark.parametrize("done", [0, 1, 5, 50])
def test_a_progress_that_ends_it(done: int, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it does: while the archive is read, unpacked, or written anew. Nothing stays."""
    monkeypatch.setattr(copies.rebuilding, "_LOOK", 100)
    calls = []

    def end(*_: int) -> None:
        calls.append(None)
        if len(calls) > done:
            raise BeingOpened("it takes longer")

    with pytest.raises(BeingOpened, match=r"^it takes longer$"):
        file_of(golden.archive, tmp_path, end)
    assert {path.suffix for path in (tmp_path / "archives").iterdir()} <= {".lock"}
    assert count(file_of(golden.archive, tmp_path)) == 81


def test_another_process_is_not_waited_for_without_end(golden: Golden, tmp_path: Path) -> None:
    """Which makes the same copy."""
    file = file_of(golden.archive, tmp_path)
    file.unlink()
    steps: list[int] = []

    def end(done: int, _: int) -> None:
        steps.append(done)
        if len(steps) > 3:
            raise BeingOpened("it takes longer")

    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BeingOpened, match=r"^it takes longer$"):
            file_of(golden.archive, tmp_path, end)
    assert steps == [0] * 4
    assert count(file_of(golden.archive, tmp_path, lambda *_: None)) == 81


def test_missing_indexes_are_added_to_the_copy(golden: Golden, tmp_path: Path) -> None:
    def without_indexes(name: str, content: bytes) -> bytes:
        if name != "db.sqlite3":
            return content
        file = tmp_path / "bare.sqlite"
        file.write_bytes(content)
        connection = sqlite3.connect(file)
        for (index,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql > ''"
        ).fetchall():
            connection.execute(f'DROP INDEX "{index}"')
        connection.close()
        return file.read_bytes()

    bare = rezip(golden.archive, tmp_path / "bare.aiida", without_indexes)
    before = bare.read_bytes()
    connection = sqlite3.connect(file_of(bare, tmp_path / "cache"))
    rows = connection.execute(
        "SELECT i.name FROM pragma_index_list('db_dbnode') AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0"
    )
    expected = {"uuid", "node_type", "process_type", "label", "ctime", "mtime", "dbcomputer_id", "user_id"}
    assert {name for (name,) in rows} == expected
    assert connection.execute("SELECT count(*) > 10 FROM sqlite_stat1").fetchone() == (1,)
    connection.close()
    assert bare.read_bytes() == before


def test_a_read_only_disk(golden: Golden, tmp_path: Path) -> None:
    """Permission bits do not bind root; that nothing is written is seen from the folder, too."""
    folder = tmp_path / "disk"
    folder.mkdir()
    file = Path(shutil.copy(golden.archive, folder))
    file.chmod(0o400)
    folder.chmod(0o500)
    storage = open_storage(find(str(file)), cache_folder=tmp_path / "cache")
    assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(81,)]
    storage.close()
    assert list(folder.iterdir()) == [file]
    folder.chmod(0o700)


def test_an_unpacked_archive(golden: Golden, tmp_path: Path) -> None:
    with zipfile.ZipFile(golden.archive) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "unpacked").rglob("*")}
    storage = open_storage(find(str(tmp_path / "unpacked")), cache_folder=tmp_path / "cache")
    assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(81,)]
    storage.close()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "unpacked").rglob("*")} == before
    assert [path.suffix for path in (tmp_path / "cache" / "archives").glob("*.sqlite")] == [".sqlite"]
    (tmp_path / "unpacked" / "metadata.json").unlink()
    message = f"{tmp_path}/unpacked is not an AiiDA archive (its metadata.json names no export_version)"
    with pytest.raises(TargetError, match=f"^{re.escape(message)}$"):
        open_storage(find(str(tmp_path / "unpacked")))


def damaged(golden: Golden, folder: Path, name: str, place: str) -> Path:
    """The archive with a member changed, in its entry of the directory (APPNOTE.TXT 4.3.12), its header or its data."""
    with zipfile.ZipFile(golden.archive) as zipped:
        member = zipped.getinfo(name)
        entry = zipped.start_dir
    content = bytearray(golden.archive.read_bytes())
    while content[entry + 46 : entry + 46 + len(name)] != name.encode():
        entry = content.index(b"PK\x01\x02", entry + 1)
    lengths = struct.unpack_from("<HH", content, member.header_offset + 26)
    offset, value = {
        "version": (entry + 6, b"\x63"),
        "encrypted": (entry + 8, b"\1"),
        "method": (entry + 10, b"\x63"),
        "checksum": (entry + 16, bytes([content[entry + 16] ^ 1])),
        "short stream": (entry + 20, (member.compress_size - 9).to_bytes(4, "little")),
        "huge": (entry + 24, (10**9).to_bytes(4, "little")),
        "large": (entry + 24, (700_000).to_bytes(4, "little")),
        "small": (entry + 24, (7).to_bytes(4, "little")),
        "header": (member.header_offset, b"KP"),
        "name": (member.header_offset + 30, b"x"),
        # A block of a kind that deflate does not have: RFC 1951, 3.2.3.
        "stream": (member.header_offset + 30 + sum(lengths), b"\7"),
    }[place]
    content[offset : offset + len(value)] = value
    file = folder / "damaged.aiida"
    file.write_bytes(content)
    return file


PLACES = {
    "encrypted": "is encrypted",
    "method": "is compressed by an unknown method",
    "checksum": "is damaged: it cannot be unpacked",
    "short stream": "is damaged: it cannot be unpacked",
    "huge": "ends early",
    "large": "ends early",
    "small": "is damaged: it cannot be unpacked",
    "header": "is damaged: it cannot be unpacked",
    "name": "is damaged: it cannot be unpacked",
    "stream": "is damaged: it cannot be unpacked",
}
"""What is said of an object with such damage."""


@pytest.mark.parametrize("place", ["version", *(each for each in PLACES if each not in ("huge", "large"))])
def test_a_damaged_archive(place: str, golden: Golden, tmp_path: Path) -> None:
    file = damaged(golden, tmp_path, "db.sqlite3", place)
    with pytest.raises(TargetError, match=rf"^the archive {file} is damaged: "):
        file_of(file, tmp_path / "cache")
    assert {path.suffix for path in (tmp_path / "cache").glob("archives/*")} <= {".lock"}


def test_a_copy_is_of_what_the_directory_says(golden: Golden, tmp_path: Path) -> None:
    """A sound archive was unpacked here before, whose bytes are the same."""
    file_of(golden.archive, tmp_path / "cache")
    with pytest.raises(TargetError, match=r"damaged\.aiida is damaged: its database is not what its directory says$"):
        file_of(damaged(golden, tmp_path, "db.sqlite3", "checksum"), tmp_path / "cache")


def test_a_database_that_changes_while_it_is_read(tmp_path: Path) -> None:
    versions = iter([HEADER + b"one", HEADER + b"one", HEADER + b"two"])
    packed = copies.Packed(tmp_path, 103, 103, lambda: iter([next(versions)]))
    with pytest.raises(zipfile.BadZipFile, match=r"^it was changed while it was read$"):
        copies.copy_of(packed, tmp_path, None)


HEADER = b"SQLite format 3\0" + bytes(84)
"""Of a database that says nothing of its size."""


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_database_of_another_size(size: int, tmp_path: Path) -> None:
    """What is beyond it is not written."""
    deflated = zlib.compress(HEADER + bytes(9_900), wbits=-15)
    packed = copies.Packed(tmp_path, size, len(deflated), lambda: iter([deflated]), is_deflated=True)
    with pytest.raises(zipfile.BadZipFile, match=r"^its database is not what its directory says$"):
        copies.copy_of(packed, tmp_path, None)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_compression(method: int, golden: Golden, tmp_path: Path) -> None:
    """AiiDA has none of them, and each is code that reads a stranger's bytes."""
    with zipfile.ZipFile(golden.archive) as source, zipfile.ZipFile(tmp_path / "odd.aiida", "w", method) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(TargetError, match=r"metadata\.json in it is compressed by an unknown method$"):
        file_of(tmp_path / "odd.aiida", tmp_path / "cache")
    with pytest.raises(DamagedObject, match=r"is compressed by an unknown method$"):
        ZippedRepository(tmp_path / "odd.aiida").read(name.removeprefix("repo/"))


def test_any_byte_may_be_wrong(golden: Golden, tmp_path: Path) -> None:
    """In the directory and in headers: each archive is opened, or refused with a reason."""
    with zipfile.ZipFile(golden.archive) as zipped:
        places = [member.header_offset for member in zipped.infolist()[:2]]
        start = zipped.start_dir
    sound = golden.archive.read_bytes()
    file = tmp_path / "odd.aiida"
    for place in (*range(start, start + 100), *range(len(sound) - 22, len(sound)), *range(places[0], places[1], 7)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        with suppress(TargetError):
            file_of(file, tmp_path / "cache")


def test_an_archive_that_ends_early(golden: Golden, tmp_path: Path) -> None:
    file = tmp_path / "short.aiida"
    file.write_bytes(golden.archive.read_bytes()[:20_000])
    with pytest.raises(TargetError, match=rf"^the archive {file} is damaged: File is not a zip file$"):
        file_of(file, tmp_path / "cache")


def test_no_room(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])  # noqa: PYI024  # as shutil has it
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(
        TargetError, match=r"needs \d+ KB in .*, where 1000 bytes are free: set XDG_CACHE_HOME to a folder with room$"
    ):
        file_of(golden.archive, tmp_path)


def test_a_cache_that_cannot_be_made(golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = (
        f"the database of {golden.archive} cannot be unpacked to {tmp_path}/file: Not a directory; "
        "set XDG_CACHE_HOME to a folder with room"
    )
    with pytest.raises(TargetError, match=f"^{re.escape(message)}$"):
        file_of(golden.archive, tmp_path / "file")


def test_an_archive_whose_database_is_none(golden: Golden, tmp_path: Path) -> None:
    file = rezip(
        golden.archive, tmp_path / "odd.aiida", lambda name, content: b"odd" * 99 if "db." in name else content
    )
    with pytest.raises(TargetError, match=r"is not a database of AiiDA 2 \(file is not a database\)"):
        open_storage(find(str(file)), cache_folder=tmp_path / "cache")


def test_default_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_cache_folder() == Path.home() / ".cache" / "aiida-like"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_cache_folder() == Path("/caches/aiida-like")


def test_lost_objects(golden: Golden, tmp_path: Path) -> None:
    repository = ZippedRepository(golden.archive)
    with pytest.raises(DamagedObject, match=f"^the object {KEY} of the repository is lost$"):
        repository.read(KEY)
    repository.close()
    with pytest.raises(DamagedObject, match=f"^the object {KEY} of the repository is lost$"):
        FolderRepository(tmp_path).read(KEY)
    gone = ZippedRepository(tmp_path / "gone.aiida")
    with pytest.raises(StorageAway, match=r"gone\.aiida cannot be read: No such file or directory$") as raised:
        gone.read(KEY)
    assert raised.value.reason == "its archive is missing"
    gone.close()
    (tmp_path / "short.aiida").write_bytes(golden.archive.read_bytes()[:20_000])
    with pytest.raises(StorageAway, match=r"short\.aiida is damaged: File is not a zip file$") as raised:
        ZippedRepository(tmp_path / "short.aiida").read(KEY)
    assert raised.value.reason == "its archive is damaged"


UNREADABLE = {
    errno.EACCES: "its files may not be read by the user that the server runs as",
    errno.EMFILE: "the server has too many open files: ask again in some seconds",
    errno.EIO: "its archive cannot be read",
}


@pytest.mark.parametrize("number", UNREADABLE)
def test_why_an_archive_cannot_be_read(
    number: int, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other reason than that is given, for its files and for its database."""
    repository = ZippedRepository(golden.archive)
    real = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if path == golden.archive:
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    message = f"the archive {golden.archive} cannot be read: {os.strerror(number)}"
    with pytest.raises(StorageAway, match=f"^{re.escape(message)}$") as read:
        repository.read(KEY)
    with pytest.raises(TargetError) as opened:
        unpacked(golden.archive, tmp_path)
    assert read.value.reason == UNREADABLE[number]
    assert (opened.value.reason, str(opened.value)) == (UNREADABLE[number], message)


def key_in(golden: Golden, uuid: str, path: str) -> str:
    """The key of a file of a node."""
    with closing(open_storage(find(str(golden.archive)))) as storage:
        sql = f"SELECT repository_metadata FROM db_dbnode WHERE uuid = '{uuid}'"
        return key_of(orjson.loads(storage.database.rows(sql, {})[0][0]), path)


@pytest.mark.parametrize("place", PLACES)
def test_a_damaged_object(place: str, golden: Golden, tmp_path: Path) -> None:
    key = key_in(golden, graph.folder, "binary.dat")
    repository = ZippedRepository(damaged(golden, tmp_path, f"repo/{key}", place))
    with pytest.raises(DamagedObject, match=f"^the object {key} of the repository {PLACES[place]}$"):
        repository.begun(key)
    repository.close()


OF_LARGE = (f"nodes/{graph.folder}/repo/contents?filename=large.txt",)
OF_ARRAY = (
    f"nodes/{graph.array}/download?download_format=json",
    f"nodes/{graph.array}/download?download_format=npz",
    f"nodes/{graph.array}/repo/contents?filename=integers.npy",
)
OF_CALCULATION = (f"nodes/{graph.relax_scf}/ro-crate",)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("uuid", "path", "asked"),
    [
        (graph.folder, "large.txt", OF_LARGE),
        (graph.array, "integers.npy", OF_ARRAY),
        (graph.relax_scf, "aiida.in", OF_CALCULATION),
    ],
)
def test_an_answer_of_a_damaged_object(
    place: str,
    uuid: str,
    path: str,
    asked: Sequence[str],
    golden: Golden,
    tmp_path: Path,
    serve: Callable[..., Flask],
) -> None:
    """It says what is wrong; what a first block cannot tell breaks the answer off."""
    key = key_in(golden, uuid, path)
    archive = find(str(damaged(golden, tmp_path, f"repo/{key}", place)))
    client = serve(archive, {"CACHE_FOLDER": str(tmp_path)}).test_client()
    for each in asked:
        message = f"the object {key} of the repository {PLACES[place]}"
        if uuid == graph.folder and place in BEYOND_A_BLOCK:
            answer = client.get(f"/api/v4/{each}")
            assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, BEYOND_A_BLOCK[place])
            with pytest.raises(DamagedObject, match=message):
                answer.get_data()
        else:
            answer = client.get(f"/api/v4/{each}", buffered=True)
            assert (answer.status_code, answer.json) == (501, {"message": message}), each


BEYOND_A_BLOCK = {"checksum": 320_000, "short stream": 320_000, "large": 700_000}
"""Damage that shows after the first block of a large file, and the length that its answer announces."""


def test_an_object_before_the_file(golden: Golden, tmp_path: Path) -> None:
    """The end of the archive says that its directory begins later than it does, so all places are too far in front."""
    key = key_in(golden, graph.folder, "binary.dat")
    content = golden.archive.read_bytes()
    with zipfile.ZipFile(golden.archive) as zipped:
        directory = zipped.start_dir + zipped.getinfo(f"repo/{key}").header_offset + 9
    (tmp_path / "odd.aiida").write_bytes(content[:-6] + directory.to_bytes(4, "little") + content[-2:])
    repository = ZippedRepository(tmp_path / "odd.aiida")
    with pytest.raises(DamagedObject, match=f"^the object {key} of the repository has a place that is none$"):
        repository.read(key)
    repository.close()


def test_a_part_of_a_damaged_object(golden: Golden, tmp_path: Path) -> None:
    key = key_in(golden, graph.folder, "large.txt")
    repository = ZippedRepository(damaged(golden, tmp_path, f"repo/{key}", "large"))
    assert list(repository.begun(key).blocks.part(8, 16)) == [b"0000001\n"]
    with pytest.raises(DamagedObject, match=r"ends early$"):
        list(repository.read(key).blocks.part(319_992, 320_008))
    repository.close()


def test_an_object_that_is_not_its_key(golden: Golden, tmp_path: Path) -> None:
    key = key_in(golden, graph.folder, "binary.dat")
    changed = rezip(golden.archive, tmp_path / "odd.aiida", lambda name, was: b"other" if key in name else was)
    with pytest.raises(
        DamagedObject, match=f"^the object {key} of the repository is damaged: its checksum is another$"
    ):
        ZippedRepository(changed).content(key)


def test_a_stored_object_of_another_size(golden: Golden, tmp_path: Path) -> None:
    """Without compression a size is known to be wrong before anything is read."""
    key = key_in(golden, graph.folder, "binary.dat")
    with zipfile.ZipFile(golden.archive) as source, zipfile.ZipFile(tmp_path / "stored.aiida", "w") as target:
        target.writestr(f"repo/{key}", source.read(f"repo/{key}"))
    stored = replace(golden, archive=tmp_path / "stored.aiida")
    for place, message in (("large", "ends early"), ("small", "is longer than it should be")):
        repository = ZippedRepository(damaged(stored, tmp_path, f"repo/{key}", place))
        with pytest.raises(DamagedObject, match=f"{message}$"):
            repository.read(key)
        repository.close()


ODD_FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(os.path.relpath(path)),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", ODD_FILES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the socket
def test_what_is_no_file(kind: str, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for who writes into a pipe."""
    monkeypatch.chdir(tmp_path)  # a path to a socket is short
    ODD_FILES[kind](tmp_path / "odd.aiida")
    with pytest.raises(TargetError) as raised:
        file_of(tmp_path / "odd.aiida", tmp_path / "cache")
    assert raised.value.reason in ("its file is not an AiiDA archive", "its archive is missing")
    with pytest.raises(StorageAway, match="cannot be read: "):
        ZippedRepository(tmp_path / "odd.aiida").read(KEY)
    with zipfile.ZipFile(golden.archive) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    repository = FolderRepository(tmp_path / "unpacked")
    ODD_FILES[kind](tmp_path / "unpacked" / "repo" / KEY)
    with pytest.raises(DamagedObject, match=f"^the object {KEY} of the repository is no regular file$"):
        repository.read(KEY)
    for name, message in (("db.sqlite3", r"cannot be read: no regular file$"), ("metadata.json", "no export_version")):
        (tmp_path / "unpacked" / name).rename(tmp_path / name)
        ODD_FILES[kind](tmp_path / "unpacked" / name)
        with pytest.raises(TargetError, match=message):
            file_of(tmp_path / "unpacked", tmp_path / "cache")
        (tmp_path / "unpacked" / name).rename(tmp_path / f"odd {name}")
        (tmp_path / name).rename(tmp_path / "unpacked" / name)


def test_a_pipe_in_the_place_of_an_archive(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    archive = find(str(shutil.copy(golden.archive, tmp_path / "served.aiida")))
    client = serve(archive, {"CACHE_FOLDER": str(tmp_path)}).test_client()
    (tmp_path / "served.aiida").unlink()
    os.mkfifo(tmp_path / "served.aiida")
    answer = client.get("/api/v4/nodes")
    assert answer.status_code == 503
    assert answer.json["message"] == "this profile cannot be served now: its file is not an AiiDA archive"


def test_objects_of_a_folder(golden: Golden, tmp_path: Path) -> None:
    with zipfile.ZipFile(golden.archive) as zipped:
        zipped.extractall(tmp_path)
        name = next(name for name in zipped.namelist() if name.startswith("repo/"))
        content = zipped.read(name)
    repository = FolderRepository(tmp_path)
    stored = repository.read(name.removeprefix("repo/"))
    assert (stored.size, stored.read()) == (len(content), content)
    repository.close()
