"""The golden storages, made once for what makes them, and kept in the cache of who runs the tests.

Tests get copies: `golden.aiida`, `sqlite/`, `packed/` and `.aiida/`; and for PostgreSQL a cluster with the database
`golden`, its `repository/` and `.aiida/`.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from stat import S_ISDIR
from tempfile import TemporaryDirectory, gettempdir

from tests import servers

ROOT = Path(__file__).parent.parent
PLACE = "/aiida-like-golden"
"""Stands in a kept configuration of AiiDA for the folder of a copy."""

DAYS = 14
"""How long what nobody copies any more is kept."""


def cache_folder() -> Path:
    """Below the user's cache, or where that cannot be written, below the folder for temporary files."""
    # Where no home is known, `expanduser` of a `Path` raises.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    places = [Path(home, "aiida-like-tests"), Path(gettempdir(), f"aiida-like-tests-{os.geteuid()}")]
    for place in filter(Path.is_absolute, places):
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if _is_ours(place):
            return place
    raise PermissionError(f"none of these can be used as a cache: {', '.join(map(str, places))}")


def _is_ours(place: Path) -> bool:
    """Whether nobody else can have put anything into it."""
    found = place.lstat()
    is_private = S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return is_private and os.access(place, os.W_OK)


def copy_sqlite(cache: Path, folder: Path) -> None:
    """Copies the SQLite storages into the empty folder."""
    with _kept(cache, f"sqlite-{_key()}", _make_sqlite) as kept:
        _copy(kept, folder)


def copy_postgresql(cache: Path, folder: Path, cluster: Path) -> None:
    """Copies the repository into the empty folder, and the cluster to where there is none yet.

    AiiDA's configuration then lacks the port: see `set_port`.
    """
    program = subprocess.run([servers.require("postgres"), "--version"], capture_output=True, check=True).stdout
    with _kept(cache, f"postgresql-{_key(program)}", _make_postgresql) as kept:
        _copy(kept / "files", folder)
        shutil.copytree(kept / "cluster", cluster)


def set_port(folder: Path, port: int) -> None:
    """Says in AiiDA's configuration where the server is."""
    config = folder / ".aiida" / "config.json"
    config.write_text(re.sub(r'("database_port": )\d+', rf"\g<1>{port}", config.read_text()))


def _copy(kept: Path, folder: Path) -> None:
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    config = folder / ".aiida" / "config.json"
    config.write_text(config.read_text().replace(PLACE, str(folder)))


def _make_sqlite(folder: Path) -> None:
    _write_golden(folder)


def _make_postgresql(folder: Path) -> None:
    files = folder / "files"
    files.mkdir()
    # Not in the cache, where the account that runs the server may not enter.
    with TemporaryDirectory(prefix="pg-golden-") as name:
        Path(name).chmod(0o711)
        data = Path(name, "data")
        with servers.postgresql(data) as server:
            _write_golden(files, "--postgresql", server.create("golden"))
        shutil.copytree(data, folder / "cluster")


def _write_golden(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "tests.write_golden", str(folder), *arguments]
    environment = {**os.environ, "AIIDA_PATH": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    config = folder / ".aiida" / "config.json"
    config.write_text(config.read_text().replace(str(folder), PLACE))


def _key(*more: bytes) -> str:
    """Of the modules that write the graph and make clusters, and of the library that the graph is written with."""
    modules = sorted({*_modules("golden_cache"), *_modules("write_golden")})
    parts = [version("aiida-core").encode(), *more, *(module.read_bytes() for module in modules)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:20]


def _modules(name: str) -> Iterator[Path]:
    """A module of tests/, and those that it imports from there."""
    path = Path(__file__).with_name(f"{name}.py")
    yield path
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.ImportFrom(module="tests", names=imported):
                for each in imported:
                    yield from _modules(each.name)
            case ast.ImportFrom(module=str(module)) if module.startswith("tests."):
                yield from _modules(module.removeprefix("tests."))


@contextmanager
def _kept(cache: Path, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """The folder of this name, which one process makes while others wait; nobody removes it in the block."""
    kept = cache / name
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _remove_old(cache)
            with TemporaryDirectory(prefix="making-", dir=cache) as making:
                made = Path(making, "made")
                made.mkdir()
                make(made)
                made.rename(kept)
        os.utime(kept)
        yield kept


def _remove_old(cache: Path) -> None:
    """Also what a killed process has left unfinished."""
    for pattern in ("sqlite-*", "postgresql-*", "making-*"):
        for folder in cache.glob(pattern):
            if folder.stat().st_mtime < time.time() - DAYS * 86400:
                shutil.rmtree(folder)
