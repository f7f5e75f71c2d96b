"""Statements: who may write, how long they may take, and what happens when a server goes away."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import String, literal, select, union_all

from aiida_like.errors import (
    NO_ANSWER,
    AiidaLikeError,
    OddValue,
    QueryError,
    StatementCancelled,
    StatementTimeout,
    StorageAway,
    StorageError,
    TargetError,
    TooManySlowQueries,
)
from aiida_like.profiles import Profile, find
from aiida_like.storage import Limits, Statement, Storage, open_storage
from aiida_like.storage.databases import postgresql, sqlite
from aiida_like.storage.databases.clock import timed
from aiida_like.storage.databases.faults import AWAY, DAMAGED, ODD_VALUE, TIMEOUT, TOO_LARGE
from aiida_like.storage.sql.expressions import casefold, casefolded, like, matches
from aiida_like.storage.sql.patterns import Pattern
from tests.conftest import Golden, GoldenPostgreSQL
from tests.servers import PostgreSQL, schema
from tests.servers import postgresql as own_postgresql


@pytest.fixture
def storage(target: dict[str, Any]) -> Iterator[Storage]:
    opened = open_storage(find(**target), limits=Limits(statement_seconds=0.5))
    yield opened
    opened.close()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_a_statement_that_takes_too_long(storage: Storage) -> None:
    with pytest.raises(StatementTimeout, match=r"^the query took longer than 0\.5 s and was stopped: narrow it"):
        storage.database.rows(ENDLESS, {})
    assert storage.database.rows("SELECT 7", {}) == [(7,)]


@pytest.mark.parametrize("places", [1, 2])
def test_slow_statements_at_once(target: dict[str, Any], places: int) -> None:
    """As many as there are places run into their own limit, and the places are free again after them."""
    limits = Limits(statement_seconds=2, slow_statements=places)
    opened = open_storage(find(**target), limits=limits)

    def outcome(_: int) -> str:
        try:
            opened.database.rows(ENDLESS, {})
        except AiidaLikeError as error:
            return type(error).__name__
        return ""

    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            found = sorted(pool.map(outcome, range(4)))
            assert found == ["StatementTimeout"] * places + ["TooManySlowQueries"] * (4 - places)
    assert opened.database.rows("SELECT 7", {}) == [(7,)]
    opened.close()


def test_many_statements_that_are_slow_together() -> None:
    limits = Limits(statement_seconds=30, slow_statements=1)
    with timed(limits) as first, timed(limits) as second:
        for clock in (first, second):
            clock.check()
            clock.began -= 1.0
        first.check()
        with pytest.raises(TooManySlowQueries, match="not more than 1 slow ones run at once"):
            second.check()
        first.began -= 30.0
        with pytest.raises(StatementTimeout):
            first.check()
    with timed(limits) as third:
        third.began -= 1.0
        third.check()


def test_an_idle_connection_holds_no_rows(golden_postgresql: GoldenPostgreSQL) -> None:
    """Though its cursor is kept: one row can be as large as memory."""
    opened = open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))
    assert opened.database.rows("SELECT repeat('x', 1000000), 7", {}) == [("x" * 1_000_000, 7)]
    with opened.database.connected() as connection:
        (cursor,) = (each for each in connection.info.values() if isinstance(each, psycopg.Cursor))
        assert cursor.pgresult is not None
        assert (cursor.pgresult.ntuples, cursor.pgresult.nfields) == (0, 0)
    for number in (1, 2):
        assert opened.database.rows("SELECT %(number)s", {"number": number}) == [(number,)]
    opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM db_dblink",
        "UPDATE db_dbnode SET label = 'x'",
        "CREATE TABLE x (y integer)",
        "INSERT INTO db_dblink (id, input_id, output_id, label, type) VALUES (9999, 1, 2, 'a', 'create')",
    ],
)
def test_nothing_can_be_written(storage: Storage, statement: str) -> None:
    with pytest.raises(StorageError, match=r"read-?only"):
        storage.database.rows(statement, {})


def test_a_wrong_statement(storage: Storage) -> None:
    with pytest.raises(StorageError, match="nonsense"):
        storage.database.rows("SELECT nonsense", {})


SQLSTATES: dict[str, tuple[type[AiidaLikeError], str | None]] = {
    "08006": (StorageAway, NO_ANSWER),
    "22003": (OddValue, None),
    "22012": (StorageError, None),
    "40001": (StorageAway, NO_ANSWER),
    "42P01": (StorageError, None),
    "53100": (QueryError, "the query sorts or joins more than fits: "),
    "53200": (QueryError, "the query sorts or joins more than fits: "),
    "53300": (StorageAway, NO_ANSWER),
    "53400": (QueryError, "the query sorts or joins more than fits: "),
    "54001": (QueryError, "the query is more than the database can take: "),
    "55P03": (StorageAway, "its database is locked"),
    "57014": (StatementCancelled, "the database ended the query, though its time was not over: "),
    "57P01": (StorageAway, NO_ANSWER),
    "57P03": (StorageAway, NO_ANSWER),
    "58030": (StorageAway, "its database cannot be read"),
    "P0001": (StorageError, None),
    "XX000": (StorageError, None),
    "XX001": (StorageAway, "its database is damaged"),
}


@pytest.mark.parametrize("state", SQLSTATES)
def test_what_an_sqlstate_means(state: str, golden_postgresql: GoldenPostgreSQL) -> None:
    """The server itself raises it. What says that the server is away is tried twice, all else once."""
    kind, text = SQLSTATES[state]
    opened = open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))
    with pytest.raises(AiidaLikeError) as raised:
        opened.database.rows(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{state}'; END $$", {})
    assert type(raised.value) is kind
    shown = raised.value.reason if isinstance(raised.value, StorageAway) else str(raised.value)
    assert text is None or shown.startswith(text)
    assert opened.database.rows("SELECT 7", {}) == [(7,)]
    opened.close()


def test_a_query_that_an_administrator_ends(golden_postgresql: GoldenPostgreSQL) -> None:
    """It is not said that it took too long, nor asked once more."""
    opened = open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))
    ended: list[int] = []

    def end_all() -> None:
        with psycopg.connect(golden_postgresql.url, autocommit=True) as administrator:
            while not ended:
                ended.extend(pid for (pid,) in administrator.execute(RUNNING).fetchall())
            administrator.execute("SELECT pg_cancel_backend(%s)", ended)

    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(end_all)
        with pytest.raises(StatementCancelled):
            opened.database.rows("SELECT pg_sleep(9) /* in vain */", {})
        ending.result()
    assert len(ended) == 1
    opened.close()


RUNNING = """
    SELECT pid FROM pg_stat_activity
    WHERE query LIKE '%in vain%' AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()
"""


def test_psycopg_itself_means() -> None:
    """Without an SQLSTATE: the connection broke, or we asked for what cannot be."""
    assert postgresql.meaning_of(psycopg.OperationalError("the connection is closed")) is AWAY
    assert postgresql.meaning_of(psycopg.DataError("it holds a NUL")) is None


MESSAGES = {
    "interrupted": TIMEOUT,
    "malformed JSON": ODD_VALUE,
    "Could not decode to UTF-8 column 'label'": ODD_VALUE,
    "database or disk is full": TOO_LARGE,
    "string or blob too big": TOO_LARGE,
    "database disk image is malformed": DAMAGED,
    "no such table: db_dbnode": None,
}


@pytest.mark.parametrize("message", MESSAGES)
def test_what_a_message_of_sqlite_means(message: str) -> None:
    assert sqlite.meaning_of(sqlite3.OperationalError(message)) is MESSAGES[message]


ODD = ["", "a", "A", "Ä", "ä", "é", "É", "ÉCOLE", "Straße", "İ", "ΣΑΣ", "z", "Z", "~", " ", "a\nb", "\\", "%", "_", "☃"]


def test_text_is_the_same_everywhere(storage: Storage) -> None:
    words = union_all(*(select(literal(word).label("word")) for word in ODD)).subquery()
    lower = casefolded(words.c.word)
    rows = storage.read().rows(
        Statement("lowered", lambda: select(words.c.word, lower).order_by(lower, words.c.word), {})
    )
    assert dict(map(tuple, rows)) == {word: casefold(word) for word in ODD}
    assert [lower for _, lower in rows] == sorted(map(casefold, ODD))


def test_a_sigma_is_one_letter_wherever_it_stands(storage: Storage) -> None:
    """A word ends in another one than the beginning of the word, when each is put into lower case."""
    words = union_all(*(select(literal(word).label("word")) for word in ODD)).subquery()
    pattern = Pattern.parse(casefold("\u03a3\u0391\u03a3%"))
    condition = like(casefolded(words.c.word), literal(pattern.like))
    assert storage.read().rows(Statement("sigma", lambda: select(words.c.word).where(condition), {})) == [
        ("\u03a3\u0391\u03a3",)
    ]
    assert casefold("\u03a3\u0391\u03a3\u03a3").startswith(casefold("\u03a3\u0391\u03a3"))


@pytest.mark.parametrize("text", ["%", "_", "a%", "a_b", r"\%", r"\\", "É%", "%_A%", "_" * 40, "%\n%"])
def test_patterns_are_the_same_everywhere(storage: Storage, text: str) -> None:
    pattern = Pattern.parse(text)
    words = union_all(*(select(literal(word).label("word")) for word in ODD)).subquery()
    candidates = like(words.c.word, literal(pattern.like))
    exact = matches(words.c.word, literal(pattern.text), literal(pattern.regex))
    rows = storage.read().rows(Statement(text, lambda: select(words.c.word).where(candidates, exact), {}))
    assert sorted(word for (word,) in rows) == sorted(word for word in ODD if pattern.matches(word))


def test_null_matches_nothing(storage: Storage) -> None:
    nothing = literal(None, String)
    statement = select(casefolded(nothing), matches(nothing, literal("a_"), literal("^a.?$")))
    assert [tuple(row) for row in storage.read().rows(Statement("null", lambda: statement, {}))] == [(None, None)]


def test_statements_are_forgotten_when_there_are_many(storage: Storage) -> None:
    for number in range(1100):
        assert storage.read().rows(Statement(number, lambda n=number: select(literal(n)), {})) == [(number,)]
    assert len(storage.statements) < 1024


def test_statements_are_forgotten_when_they_are_long(storage: Storage) -> None:
    for number in range(30):
        text = literal(str(number) * 100_000, literal_execute=True)
        storage.statements.add(Statement(("long", number), lambda text=text: select(text), {}))
        assert sum(len(each.sql) for each in storage.statements.values()) <= 2_000_000
    assert ("long", 29) in storage.statements


def test_connections_that_the_server_ended(golden_postgresql: GoldenPostgreSQL) -> None:
    storage = open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))
    assert storage.database.rows("SELECT 1", {}) == [(1,)]
    with psycopg.connect(golden_postgresql.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'aiida-like' AND datname = current_database()"
        )
    assert storage.database.rows("SELECT 2", {}) == [(2,)]
    storage.close()


def test_a_refused_statement_ends_no_connection(golden_postgresql: GoldenPostgreSQL) -> None:
    storage = open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))
    (before,) = storage.database.rows("SELECT pg_backend_pid()", {})
    for _ in range(2):
        with pytest.raises(StorageError, match="division by zero"):
            storage.database.rows("SELECT 1 / 0", {})
    assert storage.database.rows("SELECT pg_backend_pid()", {}) == [before]
    storage.close()


SORTED = "SELECT count(*) FROM (SELECT x FROM generate_series(1, 2000000) AS x ORDER BY mod(x, 7), x OFFSET 1) AS y"


def test_temporary_files_are_limited_where_the_role_may(
    golden_postgresql: GoldenPostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lower limit of the server stays."""
    monkeypatch.setattr(postgresql, "MOST_KILOBYTES", 1000)
    plain = re.sub("//.*@", "//plain:x@", golden_postgresql.url)

    def limit_of(url: str) -> str:
        opened = open_storage(find(url, str(golden_postgresql.repository)))
        try:
            ((limit,),) = opened.database.rows("SHOW temp_file_limit", {})
            if limit == "1000kB":
                with pytest.raises(QueryError, match="sorts or joins more than fits: narrow it"):
                    opened.database.rows(SORTED, {})
            return str(limit)
        finally:
            opened.close()

    with psycopg.connect(golden_postgresql.url, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE plain LOGIN PASSWORD 'x'")
        try:
            superuser.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain")
            assert (limit_of(golden_postgresql.url), limit_of(plain)) == ("1000kB", "-1")
            superuser.execute("ALTER ROLE plain SET temp_file_limit = 500")
            assert limit_of(plain) == "500kB"
            if superuser.info.server_version >= 150_000:
                superuser.execute("ALTER ROLE plain RESET ALL")
                superuser.execute("GRANT SET ON PARAMETER temp_file_limit TO plain")
                assert limit_of(plain) == "1000kB"
                superuser.execute("REVOKE SET ON PARAMETER temp_file_limit FROM plain")
        finally:
            superuser.execute("DROP OWNED BY plain")
            superuser.execute("DROP ROLE plain")


def test_a_server_that_is_gone(golden_postgresql: GoldenPostgreSQL) -> None:
    with own_postgresql() as server:
        url = server.create("short")
        with psycopg.connect(url) as connection:
            dump = schema(golden_postgresql.url)
            connection.execute(dump)
        storage = open_storage(find(url, str(golden_postgresql.repository)))
        assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(0,)]
    with pytest.raises(StorageError, match="Connection refused"):
        storage.database.rows("SELECT 1", {})
    storage.close()


def test_aiida_can_commit_while_we_read(golden: Golden, tmp_path: Path) -> None:
    """A profile has a rollback journal: a cursor of ours that stayed open would lock it."""
    folder = tmp_path / "profile"
    shutil.copytree(golden.sqlite, folder)
    storage = open_storage(find(str(folder)))
    done = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(storage.database.rows("SELECT count(*) FROM db_dbnode", {})[0][0])
            storage.database.rows("SELECT uuid, attributes FROM db_dbnode ORDER BY label", {})

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    writer = sqlite3.connect(folder / "database.sqlite", timeout=30, isolation_level=None)
    for number in range(20):
        writer.execute(
            "INSERT INTO db_dbnode (uuid, node_type, label, description, ctime, mtime, repository_metadata, user_id) "
            "SELECT ?, node_type, label, '', ctime, mtime, repository_metadata, user_id FROM db_dbnode LIMIT 1",
            (f"00000000-0000-4000-8000-{number:012d}",),
        )
    writer.close()
    done.set()
    for reader in readers:
        reader.join()
    assert storage.database.rows("SELECT count(*) FROM db_dbnode", {}) == [(101,)]
    assert seen <= set(range(81, 102))
    storage.close()


def test_a_server_without_icu(golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL) -> None:
    url = postgresql.create("plain")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(schema(golden_postgresql.url))
        connection.execute("SET allow_system_table_mods = on")
        connection.execute("DELETE FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu'")
    storage = open_storage(find(url, str(golden_postgresql.repository)))
    assert storage.read().rows(Statement("ascii", lambda: select(casefolded(literal("ABC"))), {})) == [("abc",)]
    storage.close()


def test_psycopg_is_optional(golden_postgresql: GoldenPostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = "a PostgreSQL profile needs the optional part 'postgresql': pip install 'aiida-like[postgresql]'"
    with pytest.raises(TargetError, match=f"^{re.escape(message)}$"):
        open_storage(find(golden_postgresql.url, str(golden_postgresql.repository)))


def test_a_location_hides_the_password(golden_postgresql: GoldenPostgreSQL) -> None:
    profile: Profile = find(golden_postgresql.url, str(golden_postgresql.repository))
    assert re.fullmatch(r"postgresql\+psycopg://aiida:\*\*\*@127\.0\.0\.1:\d+/golden", profile.location)
