"""Copies of the golden storages that tests may change, with aiida-core and without."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.servers import PostgreSQL

Commit = Callable[[str], None]
"""Runs a statement and commits it."""


@dataclass(frozen=True)
class Writable:
    """`target` are arguments of `profiles.find`; `profile` is its name in AiiDA's configuration below `aiida_path`."""

    target: dict[str, Any]
    profile: str
    aiida_path: Path
    connect: Callable[[], Any]

    @contextmanager
    def committing(self) -> Iterator[Commit]:
        """Through a connection of its own."""
        with closing(self.connect()) as connection:

            def commit(statement: str) -> None:
                connection.execute(statement)
                connection.commit()

            yield commit

    @contextmanager
    def aiida(self) -> Iterator[Callable[[str], None]]:
        """Does what a line says, as in `change_with_aiida`, with aiida-core in another process."""
        command = [sys.executable, "-m", "tests.change_with_aiida", self.profile]
        environment = {**os.environ, "AIIDA_PATH": str(self.aiida_path)}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

            def change(line: str) -> None:
                process.stdin.write(f"{line}\n")
                assert process.stdout.readline() == "done\n"

            yield change
            process.stdin.close()
            process.wait()


def sqlite(golden: Golden, folder: Path) -> Writable:
    shutil.copytree(golden.sqlite, folder / "profile")
    _configure(golden.aiida_path, folder, {str(golden.sqlite): str(folder / "profile")})
    target = {"target": str(folder / "profile")}
    return Writable(target, "sqlite", folder, lambda: connect_to_sqlite(folder / "profile" / "database.sqlite"))


def add_large(copy: Writable, number: int, size: int) -> None:
    """So many nodes from id 1000 on, with attributes of so many bytes each."""
    with closing(copy.connect()) as connection:
        connection.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + :number)
            INSERT INTO db_dbnode (id, uuid, node_type, label, description, ctime, mtime, attributes, extras,
                repository_metadata, user_id)
            SELECT i, printf('00000000-0000-4000-8000-%012d', i), 'data.core.dict.Dict.', 'large', '', ctime, mtime,
                json_object('a', hex(zeroblob(:size / 2))), '{}', '{}', user_id
            FROM n, db_dbnode WHERE db_dbnode.id = 1
            """,
            {"number": number, "size": size},
        )
        connection.commit()


def connect_to_sqlite(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, check_same_thread=False)
    # No test cuts the power: nothing waits for the disk.
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def postgresql(golden: GoldenPostgreSQL, server: PostgreSQL, name: str, folder: Path) -> Writable:
    """`name` is that of the new database."""
    import psycopg

    url = server.copy("golden", name)
    shutil.copytree(golden.repository, folder / "repository")
    _configure(
        golden.aiida_path,
        folder,
        {
            golden.repository.as_uri(): (folder / "repository").as_uri(),
            '"database_name": "golden"': f'"database_name": "{name}"',
        },
    )
    target = {"target": url, "repository": str(folder / "repository")}
    return Writable(target, "postgresql", folder, lambda: psycopg.connect(url))


def _configure(aiida_path: Path, folder: Path, changed: dict[str, str]) -> None:
    text = (aiida_path / ".aiida" / "config.json").read_text()
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    (folder / ".aiida").mkdir()
    (folder / ".aiida" / "config.json").write_text(text)


def rezip(archive: Path, changed: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Writes an archive whose members are what `change` makes of them; those without bytes are left out."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return changed


def relabel(label: object) -> str:
    return f"UPDATE db_dbnode SET label = '{label}' WHERE uuid = '{graph.zeta}'"


def relabelled(name: str, content: bytes) -> bytes:
    """The members of an archive in which a label is another, for `rezip`."""
    if name != "db.sqlite3":
        return content
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        connection.execute(relabel("other"))
        connection.commit()
        return connection.serialize()
