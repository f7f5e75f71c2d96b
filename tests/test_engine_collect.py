"""What is kept of a job, decided without an engine: sizes, names, and the room on the disk."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from aiida_like_engine.plugins.wrapper.folders import free_bytes
from aiida_like_engine.plugins.wrapper.names import LONGEST, readable_names
from aiida_like_engine.plugins.wrapper.outputs import choose, pack, size_in_tar
from aiida_like_engine.root.layout import Root

pytestmark = pytest.mark.usefixtures("folder_of_aiida")


@pytest.fixture
def work(tmp_path: Path) -> bytes:
    for number in range(200):
        (tmp_path / f"{number:03}").write_bytes(b"x" * number)
    return os.fsencode(tmp_path)


OUTPUTS = [b"%03d" % number for number in range(200)]


def test_the_tar_file_counts_too(work: bytes, tmp_path: Path) -> None:
    chosen = choose(work, OUTPUTS, 11, 100_000)
    assert (len(chosen.kept), chosen.kept + chosen.packed + chosen.too_large) == (10, OUTPUTS)
    pack(work, chosen.packed, tmp_path / "rest")
    single = sum(range(10))
    assert 90_000 < single + (tmp_path / "rest").stat().st_size <= 100_000
    assert choose(work, OUTPUTS, 11, 1000).packed == []


@pytest.mark.parametrize("name", [b"a", b"a" * 120, b"\xff" * 255, "ä".encode() * 127])
def test_a_tar_file_is_as_large_as_was_counted(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(b"x" * 700)
    target = tmp_path / "made.tar"
    pack(os.fsencode(tmp_path), [name], target)
    with tarfile.open(target) as tar:
        assert tar.getmembers()[0].size == 700
        assert tar.offset <= size_in_tar(name, 700) + tarfile.RECORDSIZE


def test_names_of_paths() -> None:
    deep = b"/".join([b"\xff" * 200] * 14)
    paths = [b"\xff", b"\\xff/a", b"a/b", b"\xfe/b", deep]
    names = readable_names(paths)
    assert [names[path] for path in paths[:-1]] == [b"\\xff_", b"\\xff/a", b"a/b", b"\\xfe/b"]
    assert len(names[deep]) <= LONGEST
    assert len(set(names.values())) == len(paths)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job that has ended, with one file that takes no room on the disk, in a ROOT."""
    root = Root(tmp_path / "root")
    root.path.mkdir()
    root.settings.write_text("[limits]\nfree_bytes = 0\n")
    monkeypatch.setenv("AIIDA_PATH", str(root.path))
    folder = root.path / "job"
    for name in ("work", "record"):
        (folder / name).mkdir(parents=True)
    (folder / "record" / "end.json").write_text(json.dumps({"reason": "done", "message": "", "exit_status": 0}))
    (folder / "work" / "small").write_text("small")
    return folder


def collected(job: Path) -> tuple[list[str], str]:
    from aiida_like_engine.plugins.transport import SafeLocalTransport

    target = job.parent / "scratch"
    for name in ("work", "record"):
        SafeLocalTransport().get(job / name, target / name)
    found = sorted(str(each.relative_to(target / "work")) for each in (target / "work").rglob("*") if each.is_file())
    return found, json.loads((target / "record" / "end.json").read_text())["reason"]


def test_collecting_fills_no_disk(job: Path) -> None:
    with (job / "work" / "large").open("wb") as file:
        file.truncate(free_bytes(job))
    assert collected(job) == ([], "no_room")
    # What the wrapper wrote stays as it was, and counts as soon as there is room.
    (job / "work" / "large").unlink()
    assert collected_anew(job) == (["small"], "done")


def collected_anew(job: Path) -> tuple[list[str], str]:
    for path in sorted((job.parent / "scratch").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return collected(job)


def test_names_of_a_job_that_was_lost(job: Path) -> None:
    """Its wrapper gave no names, and opened nothing."""
    for name in (b"\xff", b"\\xff", b"\xe9" * 100):
        (job / "work" / os.fsdecode(name)).write_bytes(name)
    (job / "work" / "small").chmod(0)
    (job / "work").chmod(0)
    found, _ = collected(job)
    assert len(found) == 4
    contents = {name: (job.parent / "scratch" / "work" / name).read_bytes() for name in found}
    assert (contents["\\xff"], contents["\\xff_"]) == (b"\\xff", b"\xff")
