"""What tests of real web servers share: two profiles, many clients, a request that takes as long as one likes."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from tests.conftest import Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.servers import PostgreSQL

PROFILES = ("django", "sqlalchemy")
"""As the manual calls them: an archive, and a database of PostgreSQL."""

EXTRAS = f"/api/v4/nodes/{graph.plain}/contents/extras"
"""The one thing in which the two differ."""

COMMENTS = f"/api/v4/nodes/{graph.silicon}/contents/comments"
"""Waits while `locked`."""


@dataclass(frozen=True)
class Profiles:
    """`configuration` is the content of AiiDA's config.json; any user can read what it names."""

    configuration: dict[str, Any]
    archive: Path
    url: str


@contextmanager
def faulty_groups(url: str) -> Iterator[None]:
    """Groups that cannot be filtered by their extras, about which nothing can be done: a column of another type."""
    import psycopg

    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("ALTER TABLE db_dbgroup ALTER extras TYPE text")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE db_dbgroup ALTER extras TYPE jsonb USING extras::jsonb")


def make_profiles(
    folder: Path, name: str, golden: Golden, golden_postgresql: GoldenPostgreSQL, server: PostgreSQL
) -> Profiles:
    """Two profiles in `folder`, with a database called `name`."""
    import psycopg

    url = server.copy("golden", name)
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute('UPDATE db_dbnode SET extras = \'{"of": "sqlalchemy"}\' WHERE uuid = %s', [graph.plain])
    shutil.copytree(golden_postgresql.repository, folder / "repository")
    archive = folder / "django.aiida"
    shutil.copy(golden.archive, archive)
    subprocess.run(["chmod", "-R", "a+rX", str(folder / "repository"), str(archive)], check=True)
    parts = urlsplit(url)
    configuration = {
        "CONFIG_VERSION": {"CURRENT": 10, "OLDEST_COMPATIBLE": 10},
        "profiles": {
            "django": {"storage": {"backend": "core.sqlite_zip", "config": {"filepath": str(archive)}}},
            "sqlalchemy": {
                "storage": {
                    "backend": "core.psql_dos",
                    "config": {
                        "database_hostname": parts.hostname,
                        "database_port": parts.port,
                        "database_username": parts.username,
                        "database_password": unquote(parts.password or ""),
                        "database_name": name,
                        "repository_uri": (folder / "repository").as_uri(),
                    },
                }
            },
        },
    }
    return Profiles(configuration, archive, url)


@dataclass
class Outcome:
    """What the clients saw: `refused` are answers other than 200, `wrong` those of the other profile."""

    answered: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def ask_with_eight(root: str, seconds: float, meanwhile: Callable[[], object], query: str = "") -> Outcome:
    """Eight clients in parallel, each switching between the profiles; `meanwhile` happens after half of the time.

    Each asks at least four times, however busy the machine is.
    """
    outcome = Outcome()
    until = time.monotonic() + seconds

    def ask(start: int) -> None:
        number = start
        while time.monotonic() < until or number < start + 4:
            profile = PROFILES[number % 2]
            try:
                with urlopen(Request(f"{root}/{profile}{EXTRAS}{query}"), timeout=30) as answer:
                    extras = json.load(answer)["data"]["extras"]
                if (extras.get("of") == "sqlalchemy") is not (profile == "sqlalchemy"):
                    outcome.wrong.append(f"{profile}: {extras}")
            except HTTPError as error:
                outcome.refused.append(f"{error.code}, again in {error.headers['Retry-After']} s")
                error.close()
            except OSError as error:
                outcome.refused.append(repr(error))
            number += 1
        outcome.answered.append(number - start)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 2)
    meanwhile()
    for thread in threads:
        thread.join()
    return outcome


@contextmanager
def locked(url: str) -> Iterator[None]:
    """No comment can be read meanwhile: who asks for one waits for the end of the block."""
    import psycopg

    with closing(psycopg.connect(url)) as connection:
        connection.execute("LOCK TABLE db_dbcomment IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def waits(url: str) -> bool:
    """Whether a session waits for a lock."""
    import psycopg

    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return bool(found and found[0])
