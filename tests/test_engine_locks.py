"""Who waits for whom at the lock of a store, decided without an engine."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from aiida_like_engine.client import UPLOAD_SECONDS
from aiida_like_engine.commands.engine import engine as command
from aiida_like_engine.errors import Busy, EngineAway
from aiida_like_engine.maintenance import backup
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.store_lock import ADD_SECONDS, PURGE_SECONDS, adding, purging, storing, without_purges
from aiida_like_engine.server_db.database import BUSY_SECONDS, create_database
from aiida_like_engine.services.incomplete_contents import incomplete_contents, remove_incomplete
from tests.engine_fixture import PATIENCE, is_locked, wait_until_locked


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path)
    for folder in (made.control, made.scratch, made.incomplete_contents):
        folder.mkdir(parents=True)
    return made


def test_an_upload_that_waits_too_long_is_refused(root: Root) -> None:
    """Whoever sends it would be gone when it is stored."""
    with purging(root), pytest.raises(Busy, match="deleted files are being removed; come again"), adding(root, 0.1):
        pass
    with adding(root, 0):
        assert is_locked(root.scratch)


def test_an_upload_behind_a_purge_that_waits_is_refused(root: Root) -> None:
    def purge() -> None:
        with purging(root):
            pass

    with adding(root):
        waits = threading.Thread(target=purge)
        waits.start()
        wait_until_locked(root.control)
        with pytest.raises(Busy), adding(root, 0.1):
            pass
        with storing(root):  # what has the lock already must not wait for who waits for it
            pass
        assert waits.is_alive()
    waits.join(PATIENCE)
    assert not waits.is_alive()


def test_uploads_wait_longer_than_purges_and_shorter_than_clients() -> None:
    assert PURGE_SECONDS < ADD_SECONDS
    assert ADD_SECONDS + BUSY_SECONDS < UPLOAD_SECONDS


def test_no_purge_waits_longer(root: Root) -> None:
    done = CliRunner().invoke(command, ["purge", str(root.path), "--wait", "61"])
    assert (done.exit_code, "61 is not in the range 0<=x<=60" in done.output.replace("61.0", "61")) == (2, True)


def test_a_copy_without_these_folders_has_no_locks(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with without_purges(root), purging(root), adding(root), storing(root):
        assert list(tmp_path.iterdir()) == []


def test_a_copy_of_a_copy(tmp_path: Path) -> None:
    """It has no folders of an engine, whose locks it would need."""
    root = Root(tmp_path / "root")
    for folder in (root.aiida, *(root.store / "container" / name for name in ("loose", "packs", "duplicates"))):
        folder.mkdir(parents=True)
    create_database(root.server_database)
    shutil.copy(root.server_database, root.store_database)
    for file in (root.settings, root.aiida / "config.json", root.store / "container" / "config.json"):
        file.write_text("")
    (root.store / "container" / "loose" / "content").write_text("x")
    target = tmp_path / "copy"
    backup.copy(root, target)
    assert (target / "store" / "container" / "loose" / "content").read_text() == "x"
    assert not (target / "control").exists()


def test_a_gateway_waits_for_nobody_where_nothing_is_incomplete(root: Root) -> None:
    (root.incomplete_contents / "became-whole").touch()
    found = incomplete_contents(root)
    found[0].unlink()
    with adding(root):
        starts = threading.Thread(target=remove_incomplete, args=(root, found), daemon=True)
        starts.start()
        starts.join(5)
        assert not starts.is_alive()


def test_what_is_incomplete_is_removed_once_nobody_adds(root: Root) -> None:
    left, new = root.incomplete_contents / "left", root.incomplete_contents / "new"
    left.touch()
    found = incomplete_contents(root)
    new.touch()
    with adding(root):
        starts = threading.Thread(target=remove_incomplete, args=(root, found))
        starts.start()
        wait_until_locked(root.control)
        assert left.exists()
    starts.join(PATIENCE)
    assert (left.exists(), new.exists()) == (False, True)


def test_a_purge_says_what_it_waited_for(root: Root) -> None:
    with (
        adding(root),
        pytest.raises(EngineAway, match="files of an upload or a job are being stored"),
        purging(root, 0),
    ):
        pass
