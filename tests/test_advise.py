"""`aiida-like advise`: what it advises is used by the server's own statements, and the profile stays as it is."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aiida_like.advice import choose, on_postgresql, on_sqlite
from aiida_like.advice.catalogue import existing_indexes, without_statistics
from aiida_like.advice.index import Index, Part
from aiida_like.advice.trial import Asked, Sample, Trial
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from restapi.cli import main
from restapi.commands.recording import advise_profile
from restapi.config import Settings
from tests import writable
from tests.conftest import Golden, GoldenPostgreSQL, _dump, _fingerprint
from tests.servers import PostgreSQL, wait_until
from tests.writable import Writable

NODES = 12_000
RARE = "data.core.rare.Rare."


def fill(stored: Writable, placeholder: str) -> None:
    """Many nodes, each of which has a link to the next; what the first are, none of the others is."""
    kinds = ("process.calculation.calcjob.CalcJobNode.", "data.core.dict.Dict.")
    nodes = [
        (
            *(i, f"00000000-0000-4000-8000-{i:012}"),
            *((RARE, None, 2) if i < 1300 else (kinds[i % 2], ("aiida.calculations:x", None)[i % 2], 1)),
            *(f"Label {i * 7919 % NODES}", "", f"2020-01-01 00:00:00.{i:06}", f"2021-01-01 00:00:00.{i:06}"),
            *(json.dumps({"energy": -(i * 7919 % NODES), "name": f"n{i}", "tags": [i]}), "{}", "{}"),
        )
        for i in range(1000, 1000 + NODES)
    ]
    links = [(1000 + i, 1000, 1001 + i, "x", ("create", "input_calc")[i % 2]) for i in range(NODES - 1)]
    with closing(stored.connect()) as connection:
        cursor = connection.cursor()
        for table, columns, rows in (
            (
                "db_dbnode",
                (
                    "id, uuid, node_type, process_type, user_id, label, description, ctime, mtime, attributes, extras, "
                    "repository_metadata"
                ),
                nodes,
            ),
            ("db_dblink", "id, input_id, output_id, label, type", links),
        ):
            holes = ", ".join([placeholder] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({holes})", rows)
        connection.commit()


@pytest.fixture(scope="module")
def long_sqlite(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Writable:
    stored = writable.sqlite(golden, tmp_path_factory.mktemp("advise"))
    fill(stored, "?")
    return stored


@pytest.fixture(scope="module")
def long_postgresql(
    golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Writable:
    folder = tmp_path_factory.mktemp("advise-postgresql")
    stored = writable.postgresql(golden_postgresql, postgresql, "advise", folder)
    fill(stored, "%s")
    with stored.committing() as commit:
        commit("ANALYZE")
    return stored


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest) -> Writable:
    found: Writable = request.getfixturevalue(f"long_{request.param}")
    return found


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans decide, not the clock: of SQLite whether there is an index of ours in one, of PostgreSQL what it costs."""
    monkeypatch.setattr(choose, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(choose, "LEAST_FACTOR", 1.01)
    monkeypatch.setattr(Trial, "seconds", cost)


def cost(trial: Trial, asked: Asked) -> float:
    plan = trial.plan(asked)
    if plan.startswith("["):
        return float(json.loads(plan)[0]["Plan"]["Total Cost"]) * 1e-9
    return 0.0 if "aiida_like_" in plan else 1000.0


def state(stored: Writable) -> Any:
    """All that must not change."""
    if "repository" not in stored.target:
        return _fingerprint(Path(stored.target["target"]))
    with closing(stored.connect()) as connection:
        relations = "SELECT relname, relpages, relfilenode FROM pg_class WHERE relname LIKE 'db_db%' ORDER BY oid"
        return _dump(stored.target["target"]), connection.execute(relations).fetchall()


def tell_nobody(_what: str, _part: float) -> None:
    pass


def advised(stored: Writable, *queries: str, rows: int = 1_000_000, **settings: Any) -> choose.Advice:
    return advise_profile(find(**stored.target), Settings(**settings), queries, rows, tell_nobody)


def names(advice: choose.Advice) -> set[str]:
    return {each.index.name.removeprefix("aiida_like_") for each in advice.advised}


BOTH = ("sqlite", "postgresql")
SERVED: Mapping[str, Mapping[str, set[str]]] = {
    f'nodes?node_type="{RARE}"&orderby=-ctime&limit=5': {"sqlite": {"node_node_type_ctime"}},
    "nodes?user=2&orderby=-mtime&limit=5": {kind: {"node_user_id_mtime"} for kind in BOTH},
    "nodes/full_types": {kind: {"node_node_type_process_type"} for kind in BOTH},
    "nodes?attributes.energy<-11990&limit=5": {kind: {"node_attributes_energy"} for kind in BOTH},
    'nodes?attributes.name="n1500"&limit=5': {kind: {"node_attributes_name"} for kind in BOTH},
    "nodes?attributes.tags=contains=1500&limit=5": {"postgresql": {"node_attributes_tags"}},
    "nodes?orderby=label&limit=5": {"postgresql": {"node_label_lowered"}},
    'nodes?label=ilike="LABEL 77%"&orderby=-label&limit=5': {"postgresql": {"node_label_lowered"}},
    'nodes?description=like="x%"&limit=5': {},
    'nodes?attributes."it\'s">5&limit=5': {},
    "nodes?attributes.tags.0>5000&limit=5": {"postgresql": {"node_attributes_tags_0"}},
}
"""Queries, and what is advised for them. SQLite has no index for what only our own functions can compute; PostgreSQL
takes the index on ctime where few rows are wanted."""


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("query", SERVED)
def test_what_is_advised(stored: Writable, query: str) -> None:
    before = state(stored)
    advice = advised(stored, query)
    kind = "postgresql" if "repository" in stored.target else "sqlite"
    assert names(advice) == SERVED[query].get(kind, set())
    assert advice.not_measured is None
    assert {each.asked.query for index in advice.advised for each in index.helps} <= {query}
    assert state(stored) == before


def made(stored: Writable, statements: Sequence[str]) -> None:
    with closing(stored.connect()) as connection:
        if "repository" in stored.target:
            connection.autocommit = True  # for CONCURRENTLY
            statements = (*statements, "VACUUM ANALYZE")
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def copy(
    stored: Writable, postgresql: PostgreSQL, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Writable]:
    """One that may be changed."""
    if "repository" not in stored.target:
        folder = shutil.copytree(stored.target["target"], tmp_path / "profile")
        target = {"target": str(folder)}
        yield replace(stored, target=target, connect=lambda: sqlite3.connect(folder / "database.sqlite"))
    else:
        import psycopg

        url = postgresql.copy("advise", "advised")
        yield replace(stored, target={**stored.target, "target": url}, connect=lambda: psycopg.connect(url))
        with psycopg.connect(postgresql.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE advised WITH (FORCE)")


@pytest.mark.usefixtures("untimed")
def test_the_statements_of_the_server_use_it(stored: Writable, copy: Writable) -> None:
    """The advice is good for the profile itself, and not given twice."""
    kind = "postgresql" if "repository" in stored.target else "sqlite"
    queries = [query for query, served in SERVED.items() if kind in served]
    indexes = [each for query in queries for each in advised(stored, query).advised]
    made(copy, [each.index.statement for each in indexes])
    with closing(open_storage(find(**copy.target))) as storage:
        explain = "EXPLAIN " if kind == "postgresql" else "EXPLAIN QUERY PLAN "
        for each in indexes:
            for effect in each.helps:
                steps = storage.database.rows(explain + effect.asked.sql, effect.asked.values)
                # Where several would do, it may be one that another query asked for.
                assert any(other.index.name in str(steps) for other in indexes)
                storage.database.rows(effect.asked.sql, effect.asked.values)
        assert bool(without_statistics(storage)) == (kind == "sqlite")  # in which AiiDA never makes any
    again = {name for query in queries for name in names(advised(copy, query))}
    assert {f"aiida_like_{name}" for name in again} & {each.index.name for each in indexes} == set()
    # AiiDA's own commits go on.
    with copy.committing() as commit:
        commit('UPDATE db_dbnode SET attributes = \'{"energy": 5, "name": "x"}\' WHERE id = 1000')


def room(stored: Writable) -> int:
    """Bytes that the database takes, with its indexes."""
    with closing(stored.connect()) as connection:
        if "repository" in stored.target:
            return int(connection.execute("SELECT pg_indexes_size('db_dbnode')").fetchone()[0])
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize(("rows", "rounding"), [(1_000_000, 0.02), (8060, 0.1)])
def test_its_size(stored: Writable, copy: Writable, rows: int, rounding: float) -> None:
    """That of the index in the database itself, also where a part of the table was copied."""
    (only,) = advised(stored, "nodes?user=2&orderby=-mtime&limit=5", rows=rows).advised
    before = room(copy)
    with closing(copy.connect()) as connection:
        connection.execute(only.index.statement.replace("CONCURRENTLY ", ""))
        connection.commit()
    assert only.size == pytest.approx(room(copy) - before, rel=rounding)


@pytest.mark.usefixtures("untimed")
def test_an_index_of_another_name_is_enough(stored: Writable, copy: Writable) -> None:
    query = "nodes?user=2&orderby=-mtime&limit=5"
    made(copy, ["CREATE INDEX other ON db_dbnode (user_id, mtime, label)"])
    assert names(advised(copy, query)) == set()
    made(copy, ["DROP INDEX other", "CREATE INDEX other ON db_dbnode (user_id, mtime) WHERE id > 5"])
    assert names(advised(copy, query)) == {"node_user_id_mtime"}


def test_an_expression_is_known_again(stored: Writable, copy: Writable) -> None:
    kind = None if "repository" not in stored.target else "btree"
    parts = (
        Part("node_type", "t"),
        Part("""(CASE WHEN length(label) > 3 THEN substr(label, 1, 2) ELSE 'a,b' END)""", "x"),
    )
    index = Index("db_dbnode", parts, kind)
    made(copy, [f"CREATE INDEX other ON db_dbnode {index.target}"])
    with closing(open_storage(find(**copy.target))) as storage:
        known = existing_indexes(storage)
    if kind is None:  # PostgreSQL writes expressions in its own way; there it gains nothing
        assert any(each.serves_as(index) for each in known)
    assert any(each.serves_as(Index("db_dbnode", parts[:1], kind)) for each in known)
    assert not any(each.serves_as(Index("db_dblink", parts[:1], kind)) for each in known)


@pytest.mark.usefixtures("untimed")
def test_typical_queries(stored: Writable) -> None:
    before = state(stored)
    advice = advised(stored)
    assert {"node_user_id_ctime", "node_attributes_exit_status"} & names(advice)
    assert not any("unicode_lower" in each.index.statement for each in advice.advised)
    assert state(stored) == before


@pytest.mark.usefixtures("untimed")
def test_nothing_of_the_copy_is_left(stored: Writable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert advised(stored, "nodes?user=2&orderby=-mtime&limit=5").not_measured is None
    assert list(tmp_path.iterdir()) == []
    if "repository" in stored.target:
        temporary = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
        with closing(stored.connect()) as connection:
            connection.autocommit = True
            wait_until(lambda: connection.execute(temporary).fetchone() == (0,))


@pytest.mark.usefixtures("untimed")
def test_a_sample(stored: Writable) -> None:
    advice = advised(stored, "nodes?user=2&orderby=-mtime&limit=5", rows=6000)
    sample = advice.samples["db_dbnode"]
    assert (sample.is_whole, sample.rows) == (False, NODES + 81)
    assert 0 < sample.copied < NODES


@pytest.mark.usefixtures("untimed")
def test_a_table_of_many_bytes_is_sampled(long_postgresql: Writable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_postgresql, "MOST_BYTES", 1 << 20)
    sample = advised(long_postgresql, "nodes?user=2&orderby=-mtime&limit=5").samples["db_dbnode"]
    assert 0 < sample.copied < NODES


BLOCKS = {6000: 3000, 8060: 8000, NODES + 80: 8000, NODES + 81: NODES + 81}
"""Ids are copied in blocks of 5000, of which the first has 4081 rows and the third 3000."""


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("rows", BLOCKS)
def test_a_sample_of_sqlite(long_sqlite: Writable, rows: int) -> None:
    advice = advised(long_sqlite, "nodes?user=2&orderby=-mtime&limit=5", rows=rows)
    assert (advice.samples, advice.not_measured) == ({"db_dbnode": Sample(BLOCKS[rows], NODES + 81)}, None)


@pytest.mark.usefixtures("untimed")
def test_an_archive_gets_no_index_on_an_expression(golden: Golden) -> None:
    """SQLite would not open it any more where it is not trusted to call functions."""
    found = {}
    for path in (golden.archive, golden.sqlite):
        advice = advise_profile(find(str(path)), Settings(), ["nodes?attributes.energy=-3"], 1000, tell_nobody)
        assert advice.not_measured is None
        found[path] = names(advice)
    assert found == {golden.archive: set(), golden.sqlite: {"node_attributes_energy"}}


def test_what_takes_too_long_is_advised(long_sqlite: Writable, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "nodes?attributes.energy=-11990"
    monkeypatch.setattr("aiida_like.storage.databases.sqlite._CLOCK_INTERVAL", 1000)
    monkeypatch.setattr(choose, "LEAST_SECONDS", 0.0)
    advice = advised(long_sqlite, query, statement_seconds=0.02)
    assert names(advice) == {"node_attributes_energy"}


def command(*arguments: str, **env: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["advise", *arguments], env=env, catch_exceptions=False)
    return result.exit_code, result.output


@pytest.mark.usefixtures("untimed")
def test_what_is_printed_is_sql(long_sqlite: Writable, tmp_path: Path) -> None:
    query = "nodes?user=2&orderby=-mtime&limit=5"
    code, output = command(long_sqlite.target["target"], query, "--rows", "6000")
    assert (code, "-- Measured on " in output, f"  {query}\n" in output) == (0, True, True)
    file = shutil.copy(Path(long_sqlite.target["target"]) / "database.sqlite", tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(output)
        connection.executescript(output)
        found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'aiida_like%'").fetchall()
    assert found == [("aiida_like_node_user_id_mtime",)]


@pytest.mark.usefixtures("untimed")
def test_json(stored: Writable) -> None:
    query = "nodes?user=2&orderby=-mtime&limit=5"
    options = ["--repository", stored.target["repository"]] if "repository" in stored.target else []
    code, output = command(stored.target["target"], query, "--json", *options)
    told = json.loads(output)
    (index,) = told["indexes"]
    concurrently = "CONCURRENTLY " if options else ""
    assert code == 0
    assert index["statement"] == (
        f"CREATE INDEX {concurrently}IF NOT EXISTS aiida_like_node_user_id_mtime ON db_dbnode (user_id, mtime);"
    )
    assert (index["table"], index["bytes"] > 100_000, told["not_measured"]) == ("db_dbnode", True, None)
    assert [each["query"] for each in index["queries"]] == [query]
    assert told["samples"] == {"db_dbnode": {"copied": NODES + 81, "rows": NODES + 81}}


@pytest.mark.usefixtures("untimed")
def test_an_archive_names_its_unpacked_database(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal, which sees how far it has come."""
    monkeypatch.setattr(on_sqlite, "_ROOM", 1e12)
    env = {"AIIDA_LIKE_CACHE_FOLDER": str(tmp_path), "FORCE_COLOR": "1"}
    code, output = command(str(golden.archive), "nodes/full_types", **env)
    assert (code, "asking" in output, f"with sqlite3 in {tmp_path}/archives/" in output) == (0, True, True)


def test_tables_that_nobody_analysed(
    golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    fresh = writable.postgresql(golden_postgresql, postgresql, "unanalysed", tmp_path)
    with fresh.committing() as commit:
        commit("CREATE TABLE other (LIKE db_dblink)")
        commit("INSERT INTO other SELECT * FROM db_dblink")
        commit("DROP TABLE db_dblink")
        commit("ALTER TABLE other RENAME TO db_dblink")
    code, output = command(fresh.target["target"], "nodes?id=5", "--repository", fresh.target["repository"])
    assert (code, "\nANALYZE db_dblink;\n" in output) == (0, True)


def test_nothing_to_advise(golden: Golden) -> None:
    code, output = command(str(golden.sqlite), "nodes?id=5")
    assert (code, output) == (
        0,
        "-- Nothing to advise: no index that is missing would make a query 2 times faster, and by 1 ms.\n",
    )


ERRORS = {
    ("nothing",): (2, "no file, folder or AiiDA profile is called 'nothing'"),
    ("demo", "nodes?colour=1"): (1, "nodes have no key 'colour'"),
    ("demo", "nothing"): (1, "no resource has this URL"),
}


@pytest.mark.parametrize("arguments", ERRORS)
def test_errors(arguments: tuple[str, ...]) -> None:
    code, output = command(*arguments)
    expected, message = ERRORS[arguments]
    assert (code, message.lower() in output.lower()) == (expected, True), output
    assert output.startswith("Error: ")


@pytest.mark.usefixtures("untimed")
def test_without_room(long_sqlite: Writable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_sqlite, "_ROOM", 1e12)
    code, output = command(long_sqlite.target["target"], "nodes?user=2&orderby=-mtime&limit=5")
    assert (code, "-- Not measured: a copy needs " in output, "set TMPDIR" in output) == (0, True, True)
    assert "CREATE INDEX IF NOT EXISTS aiida_like_node_user_id_mtime" in output
    assert (
        json.loads(command(long_sqlite.target["target"], "nodes?user=2&orderby=-mtime&limit=5", "--json")[1])[
            "indexes"
        ][0]["queries"][0]["factor"]
        is None
    )


@pytest.mark.usefixtures("untimed")
def test_a_role_that_may_make_no_temporary_tables(long_postgresql: Writable, postgresql: PostgreSQL) -> None:
    with long_postgresql.committing() as commit:
        commit("REVOKE TEMPORARY ON DATABASE advise FROM PUBLIC")
        commit("CREATE ROLE looker LOGIN PASSWORD 'looks'")
        commit("GRANT USAGE ON SCHEMA public TO looker")
        commit("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
    try:
        url = f"postgresql://looker:looks@127.0.0.1:{postgresql.port}/advise"
        looking = replace(long_postgresql, target={**long_postgresql.target, "target": url})
        advice = advised(looking, "nodes?user=2&orderby=-mtime&limit=5")
        assert advice.not_measured is not None
        assert "permission denied to create temporary tables" in advice.not_measured
        assert names(advice) == {"node_user_id_mtime"}
    finally:
        with long_postgresql.committing() as commit:
            commit("GRANT TEMPORARY ON DATABASE advise TO PUBLIC")
            commit("DROP OWNED BY looker")
            commit("DROP ROLE looker")


def test_help() -> None:
    code, output = command("--help")
    assert (code, "aiida-like advise my-profile\n" in output, "--rows" in output) == (0, True, True)
