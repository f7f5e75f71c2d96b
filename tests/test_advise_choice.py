"""Which of many indexes are worth it: what was measured decides, here as if by a clock that is told what to show."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select

from aiida_like.advice import choose, on_sqlite, trial
from aiida_like.advice.choose import Advice, Effect, advise
from aiida_like.advice.index import Index, Part
from aiida_like.advice.trial import Asked, Trial
from aiida_like.errors import StatementTimeout
from aiida_like.models import node
from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from tests import writable
from tests.conftest import Golden

n = node.c

Clock = Callable[[str, set[str]], float]
"""Seconds of a query, where there are indexes of these names."""


@pytest.fixture(scope="module")
def storage(golden: Golden) -> Iterator[Storage]:
    with closing(open_storage(find(str(golden.sqlite)))) as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Clock], None]:
    """Sets what each statement takes; which indexes it uses is for SQLite to say."""

    def told(clock: Clock) -> None:
        def seconds(trial: Trial, asked: Asked) -> float:
            rows = trial.database.rows("SELECT name FROM sqlite_master WHERE name LIKE 'aiida_like_%'", {})
            return clock(asked.query, {name.removeprefix("aiida_like_node_") for (name,) in rows})

        monkeypatch.setattr(Trial, "seconds", seconds)

    return told


def asked(query: str, seconds: float, where: str = "user_id = 2", order: str = "mtime") -> Asked:
    statement: Select[Any] = select(n.id).where(n.user_id == 2).order_by(n[order].asc()).limit(5)
    return Asked(query, statement, f"SELECT id FROM db_dbnode WHERE {where} ORDER BY {order} LIMIT 5", {}, seconds)


def told(effects: tuple[Effect, ...]) -> list[tuple[str, float, float]]:
    return [(each.asked.query, each.before, each.after) for each in effects]


def names(advice: Advice) -> list[str]:
    return [each.index.name.removeprefix("aiida_like_node_") for each in advice.advised]


def nobody(_what: str, _part: float) -> None:
    pass


WORTH = {
    (0.004, 0.002): True,  # twice as fast
    (0.004, 0.0021): False,
    (0.0015, 0.0005): True,  # by a millisecond
    (0.0014, 0.0005): False,
    (0.0011, 0.0): True,  # longer than a millisecond
    (0.001, 0.0): False,
}


@pytest.mark.parametrize(("before", "after"), WORTH)
def test_what_is_worth_an_index(storage: Storage, clock: Callable[[Clock], None], before: float, after: float) -> None:
    clock(lambda _, indexes: after if indexes else before)
    advice = advise(storage, [asked("q", before)], 1000, nobody)
    assert names(advice) == ["user_id_mtime"] * WORTH[before, after]
    assert [told(each.helps) for each in advice.advised] == [[("q", before, after)]] * WORTH[before, after]
    assert (advice.slower, advice.not_measured) == ((), None)


ACCIDENTS: dict[str, tuple[list[float], list[float], list[tuple[str, float, float]]]] = {
    "busy while it was as it is": ([0.004, 0.001], [0.0009], []),
    "busy the first two times": ([0.004, 0.004, 0.001], [0.0009], []),
    "busy while it had the index": ([0.004, 0.004], [0.0009, 0.0019, 0.0009], [("q", 0.004, 0.0009)]),
    "a gain each time": ([0.004, 0.005, 0.003], [0.0009, 0.001], [("q", 0.003, 0.001)]),
    "too much for an accident": ([0.06, 0.0], [0.009], [("q", 0.06, 0.009)]),
}
"""What the clock shows without and with the index, one time after the other, the last again and again; the advice."""


@pytest.mark.parametrize("name", ACCIDENTS)
def test_what_may_be_an_accident_is_seen_again(storage: Storage, clock: Callable[[Clock], None], name: str) -> None:
    without, having, advice = ACCIDENTS[name]
    shown = {False: iter([*without, *without[-1:] * 9]), True: iter([*having, *having[-1:] * 9])}
    clock(lambda _, indexes: next(shown[bool(indexes)]))
    advised = advise(storage, [asked("q", 1.0)], 1000, nobody).advised
    assert [helps for each in advised for helps in told(each.helps)] == advice


SLOWER = {
    (0.002, 0.003): True,  # by half
    (0.002, 0.0029): False,
    (0.004, 0.0059): False,
    (0.0005, 0.0015): True,  # by a millisecond
    (0.0005, 0.0014): False,
}


@pytest.mark.parametrize(("before", "after"), SLOWER)
def test_what_becomes_slower(storage: Storage, clock: Callable[[Clock], None], before: float, after: float) -> None:
    """Compared with the same copy: on the database itself it may have been faster."""
    clock(lambda query, indexes: {"fast": (1.0, 0.1), "slow": (before, after)}[query][bool(indexes)])
    advice = advise(storage, [asked("fast", 2.0), asked("slow", 0.0001)], 1000, nobody)
    assert [told(each.helps) for each in advice.advised] == [[("fast", 1.0, 0.1)]]
    assert told(advice.slower) == [("slow", before, after)] * SLOWER[before, after]


def test_the_shorter_of_both_times_counts(storage: Storage, clock: Callable[[Clock], None]) -> None:
    clock(lambda _, indexes: 0.001 if indexes else 5.0)
    for seconds, before in ((3.0, 3.0), (7.0, 5.0)):
        advice = advise(storage, [asked("q", seconds)], 1000, nobody)
        assert [told(each.helps) for each in advice.advised] == [[("q", before, 0.001)]]


def test_statements_of_one_query_are_added(storage: Storage, clock: Callable[[Clock], None]) -> None:
    clock(lambda query, indexes: {"q": (3.0, 1.0), "other": (0.5, 0.125)}[query][bool(indexes)])
    statements = [asked("q", 9.0), asked("other", 9.0), asked("q", 9.0)]
    (only,) = advise(storage, statements, 1000, nobody).advised
    assert told(only.helps) == [("q", 6.0, 2.0), ("other", 0.5, 0.125)]
    assert [each.factor for each in only.helps] == [3.0, 4.0]


def test_a_gain_of_one_is_measured_beside_the_others(storage: Storage, clock: Callable[[Clock], None]) -> None:
    """The second index gains nothing more once the first is there."""
    clock(lambda _, indexes: 0.1 if "user_id_mtime" in indexes else 0.2 if indexes else 1.0)
    advice = advise(storage, [asked("q", 1.0)], 1000, nobody)
    assert (names(advice), told(advice.advised[0].helps)) == (["user_id_mtime"], [("q", 1.0, 0.1)])


def test_each_has_what_it_makes_faster(storage: Storage, clock: Callable[[Clock], None]) -> None:
    def seconds(query: str, indexes: set[str]) -> float:
        return 0.1 if f"user_id_{query}" in indexes else 1.0

    clock(seconds)
    statements = [asked("mtime", 1.0), asked("ctime", 1.0, order="ctime"), asked("mtime", 1.0, "user_id = 1")]
    advice = advise(storage, statements, 1000, nobody)
    assert {each.index.name: told(each.helps) for each in advice.advised} == {
        "aiida_like_node_user_id_mtime": [("mtime", 2.0, 0.2)],
        "aiida_like_node_user_id_ctime": [("ctime", 1.0, 0.1)],
    }


def test_what_gains_nothing_beside_the_others_is_left_out(storage: Storage, clock: Callable[[Clock], None]) -> None:
    """Alone each gains; together they do not."""
    clock(lambda query, indexes: 0.1 if indexes == {f"user_id_{query}"} else 1.0)
    statements = [asked("mtime", 1.0), asked("ctime", 1.0, order="ctime")]
    assert advise(storage, statements, 1000, nobody).advised == ()


A, B, C = (Asked(name, select(n.id), "", {}, 9.0) for name in "abc")

CHOSEN: dict[str, tuple[dict[str, tuple[int, dict[Asked, float]]], list[str]]] = {
    "nothing": ({}, []),
    "no gain": ({"x": (5, {A: 1.0})}, []),
    "what gains most comes first": ({"x": (5, {A: 0.5}), "y": (5, {B: 0.1})}, ["y", "x"]),
    "of several statements": ({"x": (5, {A: 0.5, B: 0.5}), "y": (5, {B: 0.1, C: 0.6})}, ["x", "y"]),
    "nine tenths of the gain, but smaller": ({"x": (5, {A: 0.0, B: 0.0}), "y": (4, {A: 0.1, B: 0.1})}, ["y", "x"]),
    "less than nine tenths": ({"x": (5, {A: 0.0, B: 0.0}), "y": (4, {A: 0.1, B: 0.11})}, ["x"]),
    "nine tenths, but larger": ({"x": (5, {A: 0.0}), "y": (6, {A: 0.1})}, ["x"]),
    "more beside the first": ({"x": (5, {A: 0.4}), "y": (5, {A: 0.2, B: 0.4}), "z": (5, {A: 0.1})}, ["y", "z"]),
}


@pytest.mark.parametrize("what", CHOSEN)
def test_what_is_chosen(what: str) -> None:
    """Each statement takes a second without any index."""
    tried, expected = CHOSEN[what]
    measured = [
        choose._Tried(Index("db_dbnode", (Part(name, name),)), size, seconds) for name, (size, seconds) in tried.items()
    ]
    chosen = choose._chosen(measured, {A: 1.0, B: 1.0, C: 1.0})
    assert [each.index.parts[0].sql for each in chosen] == expected


def test_without_a_trial_the_most_promising_is_named(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each statement that is slow; nothing is said of what it would gain."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
    statements = [asked("a", 0.5), asked("quick", 0.001), asked("b", 0.25, order="ctime"), asked("a", 0.5)]
    advice = advise(storage, statements, 1000, nobody)
    assert names(advice) == ["user_id_mtime", "user_id_ctime"]
    helped = [[(each.asked.query, each.before) for each in advised.helps] for advised in advice.advised]
    assert helped == [[("a", 1.0)], [("b", 0.25)]]
    assert all(math.isnan(each.after) for advised in advice.advised for each in advised.helps)
    assert (advice.slower, advice.samples, {each.size for each in advice.advised}) == ((), {}, {None})


def test_tables_that_cannot_be_copied(golden: Golden, tmp_path: Path) -> None:
    stored = writable.sqlite(golden, tmp_path)
    with closing(open_storage(find(**stored.target))) as opened:
        with stored.committing() as commit:  # as a migration would
            commit("ALTER TABLE db_dbnode RENAME COLUMN description TO text")
        advice = advise(opened, [asked("q", 1.0)], 1000, nobody)
    assert re.fullmatch(
        r"the tables cannot be copied to /.*aiida-like-\w+: no such column: description", str(advice.not_measured)
    )
    assert names(advice) == ["user_id_mtime"]


def test_nothing_is_copied_for_what_is_quick(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
    assert advise(storage, [asked("q", 0.001)], 1000, nobody) == Advice(
        without_statistics=advise(storage, [], 1, nobody).without_statistics
    )


def test_only_what_takes_an_index_is_timed_with_it(storage: Storage, clock: Callable[[Clock], None]) -> None:
    timed: list[str] = []

    def seconds(query: str, indexes: set[str]) -> float:
        timed.append(query)
        return 0.001 if query == "quick" else 0.1 if indexes else 1.0

    clock(seconds)
    elsewhere = Asked("elsewhere", select(n.id).where(n.label == "x", n.ctime > "2020"), "SELECT 1", {}, 1.0)
    (only,) = advise(storage, [elsewhere, asked("quick", 0.001), asked("q", 1.0)], 1000, nobody).advised
    assert told(only.helps) == [("q", 1.0, 0.1)]
    # Without any, and with all that are advised.
    assert [timed.count(query) for query in ("elsewhere", "quick")] == [2, 2]
    assert timed.count("q") > 2


def test_how_many_indexes_are_tried(storage: Storage, clock: Callable[[Clock], None]) -> None:
    """The most promising 30 of a statement, of 42 pairs of its columns."""
    clock(lambda *_: 1.0)
    columns = (n.user_id, n.label, n.node_type, n.process_type, n.ctime, n.mtime, n.dbcomputer_id)
    statement = select(n.id).where(*(column == 1 for column in columns))
    tried = []
    advise(storage, [Asked("q", statement, "SELECT 1", {}, 1.0)], 1000, lambda what, _: tried.append(what))
    assert tried.count("trying indexes") == 30


def test_how_far_it_has_come(storage: Storage, clock: Callable[[Clock], None]) -> None:
    clock(lambda _, indexes: 0.1 if indexes else 1.0)
    said: dict[str, list[float]] = {}
    advise(storage, [asked("a", 1.0), asked("b", 1.0)], 1000, lambda what, part: said.setdefault(what, []).append(part))
    indexes = len(said["trying indexes"])
    assert said == {
        "copying db_dbnode": [1.0],
        "timing as it is": [0.5, 1.0],
        "trying indexes": [number / indexes for number in range(1, indexes + 1)],
        "timing with all": [0.5, 1.0],
    }


# A trial


@pytest.fixture
def tried(storage: Storage) -> Iterator[Trial]:
    with on_sqlite.trial(storage, [node], 1000, nobody) as made:
        yield made


LABELS = Index("db_dbnode", (Part("label", "label"), Part("uuid", "uuid")))


def indexes_of(tried: Trial) -> set[str]:
    return {name for (name,) in tried.database.rows("SELECT name FROM sqlite_master WHERE type = 'index'", {})}


def test_the_size_of_an_index(tried: Trial, golden: Golden, tmp_path: Path) -> None:
    """As it is in the database itself."""
    file = shutil.copy(golden.sqlite / "database.sqlite", tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        before = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(LABELS.statement)
        pages = connection.execute("PRAGMA page_count").fetchone()[0] - before
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    before = indexes_of(tried)
    with tried.having(LABELS) as size:
        assert (size, indexes_of(tried) - before) == (pages * page, {LABELS.name})
    assert (indexes_of(tried), tried.build(LABELS), tried.build(LABELS)) == (before, size, None)


def test_the_size_of_an_index_of_a_sample_is_that_of_all(tried: Trial) -> None:
    whole = tried.build(LABELS)
    assert whole is not None
    tried.drop(LABELS)
    sampled = trial.Trial(tried.database, {"db_dbnode": trial.Sample(20, 81)}, tried.change, tried.plan, tried.size)
    assert sampled.build(LABELS) == round(whole * 81 / 20)
    assert (trial.Sample(80, 81).is_whole, trial.Sample(81, 81).is_whole) == (False, True)


@pytest.mark.parametrize("sql", ["nothing", "(nothing)", "(unicode_lower(label))", "(random())"])
def test_an_index_that_the_database_refuses(tried: Trial, sql: str) -> None:
    index, before = Index("db_dbnode", (Part(sql, "x"),)), indexes_of(tried)
    with tried.having(index) as size:
        assert size is None
    assert indexes_of(tried) == before


def test_an_index_that_is_refused_is_not_advised(storage: Storage, clock: Callable[[Clock], None]) -> None:
    clock(lambda _, indexes: 0.1 if indexes else 1.0)
    refused = Asked("q", select(n.id).where(n.label == "x"), "SELECT 1", {}, 1.0)
    assert advise(storage, [refused], 1000, nobody).advised == ()


def test_a_time_is_the_shortest(tried: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five, or of those that three seconds leave room for."""
    for taken, shortest in (
        ((0.5, 0.1, 0.3, 0.2, 0.4, 0.01), 0.1),
        ((1.0, 2.0, 0.5), 1.0),
        ((2.5, 0.25, 0.25, 0.1), 0.25),
    ):
        ticks = iter([tick for each in taken for tick in (0.0, each)])
        monkeypatch.setattr(trial.time, "perf_counter", lambda ticks=ticks: next(ticks))
        assert tried.seconds(asked("q", 0)) == shortest


def test_what_takes_too_long_takes_the_limit(tried: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any) -> None:
        raise StatementTimeout(0.25)

    monkeypatch.setattr(type(tried.database), "rows", late)
    assert tried.seconds(asked("q", 0)) == 0.25


def test_the_room_that_a_copy_needs(golden: Golden, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = (golden.sqlite / "database.sqlite").stat().st_size * 1.5
    for free, is_enough in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(0, 0, free))
        advice = advise(storage, [asked("q", 1.0)], 1000, nobody)
        assert (advice.not_measured is None) == is_enough
    assert advice.not_measured is not None
    expected = f"a copy needs {needed / 1e6:.0f} MB in {Path(on_sqlite.tempfile.gettempdir())}, where"
    assert advice.not_measured.startswith(expected)
    assert advice.not_measured.endswith(f"{(needed - 1) / 1e6:.0f} MB are free: set TMPDIR to a folder with room")
