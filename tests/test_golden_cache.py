"""Where the golden storages are kept, and that they are made once."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests import golden_cache
from tests.conftest import Golden, GoldenPostgreSQL, at_once
from tests.golden_cache import DAYS, PLACE, _kept, _modules, cache_folder


def test_the_folder_is_below_the_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = cache_folder()
    assert (folder, folder.stat().st_mode & 0o777) == (tmp_path / "cache" / "aiida-like-tests", 0o700)

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "aiida-like-tests"


@pytest.mark.parametrize("home", ["file/below", "relative", "open"])
def test_where_the_cache_cannot_be_used(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    others = tmp_path / "open" / "aiida-like-tests"
    others.mkdir(parents=True)
    others.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", home if home == "relative" else str(tmp_path / home))
    monkeypatch.setattr(golden_cache, "gettempdir", lambda: str(tmp_path))
    folder = cache_folder()
    assert folder == tmp_path / f"aiida-like-tests-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700

    folder.rmdir()
    folder.symlink_to(others)
    with pytest.raises(PermissionError):
        cache_folder()


def test_the_key_is_of_all_modules_that_make_them() -> None:
    made_by = {path.stem for name in ("golden_cache", "write_golden") for path in _modules(name)}
    assert {"golden_cache", "servers", "write_golden", "golden"} <= made_by


def test_it_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "file").touch()

    def ask(_: int) -> None:
        with _kept(tmp_path, "it", make) as folder:
            assert [path.name for path in folder.iterdir()] == ["file"]

    at_once(ask)
    assert len(made) == 1


def test_what_failed_is_not_kept(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), _kept(tmp_path, "it", fail):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_nobody_copies_goes(tmp_path: Path) -> None:
    for name in ("sqlite-old", "sqlite-new"):
        with _kept(tmp_path, name, lambda _: None) as folder:
            pass
        if name == "sqlite-old":
            os.utime(folder, (0, time.time() - (DAYS + 1) * 86400))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "sqlite-new"]


def test_copies_know_their_place(golden: Golden, golden_postgresql: GoldenPostgreSQL) -> None:
    for copy in (golden.aiida_path, golden_postgresql.aiida_path):
        text = (copy / ".aiida" / "config.json").read_text()
        assert PLACE not in text
        assert str(copy) in text
    storage = json.loads(text)["profiles"]["postgresql"]["storage"]["config"]
    assert f":{storage['database_port']}/" in golden_postgresql.url
