"""What a process remembers of a storage, at each limit."""

from __future__ import annotations

import pytest

from aiida_like.storage import result_cache
from aiida_like.storage.result_cache import RecentNumbers, ResultCache
from aiida_like.tuning import Tuning


def rows(number: int) -> list[tuple[int]]:
    return [(each,) for each in range(number)]


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    held = ResultCache(most=2, most_rows=100)
    for key in "ab":
        held.remember("1", key, rows(1))
    assert [held.recall("1", key) for key in "abc"] == [rows(1), rows(1), None]
    held.remember("1", "c", rows(2))  # a and b are older now
    assert held.recall("1", "a") == rows(1)  # asked for, it is as young as c
    held.remember("1", "d", rows(3))  # b is forgotten
    assert [held.recall("1", key) for key in "bacd"] == [None, rows(1), rows(2), rows(3)]


def test_of_one_version_at_a_time() -> None:
    held = ResultCache(most=2, most_rows=100)
    held.remember("1", "a", rows(1))
    assert (held.version, held.recall("2", "a"), held.recall("1", "a")) == ("1", None, rows(1))
    held.remember("2", "b", rows(2))
    assert (held.version, held.recall("1", "a"), held.recall("2", "a"), held.recall("2", "b")) == (
        "2",
        None,
        None,
        rows(2),
    )


def test_how_many_rows_are_held() -> None:
    held = ResultCache(most=100, most_rows=5)
    held.remember("1", "too many", rows(6))
    held.remember("1", "all", rows(5))
    assert [held.recall("1", key) for key in ("too many", "all")] == [None, rows(5)]
    held = ResultCache(most=100, most_rows=5)
    for key, number in (("a", 3), ("b", 2), ("c", 1), ("d", 4), ("e", 1)):
        held.remember("1", key, rows(number))
    # With a and b there were five, with c and d as well: e made them the older ones, and a and b are forgotten.
    assert [held.recall("1", key) for key in "abecd"] == [None, None, rows(1), rows(1), rows(4)]


def test_rows_that_take_the_place_of_others_count_once() -> None:
    held = ResultCache(most=100, most_rows=6)
    for key, number in (("a", 2), ("a", 2), ("a", 2), ("b", 2), ("c", 4), ("d", 1)):
        held.remember("1", key, rows(number))
    assert held.recall("1", "a") == rows(2)


def test_how_many_statements_are_known_as_slow() -> None:
    held = ResultCache(most=2, most_rows=100)
    for key in "ab":
        held.note_slow(key)
    assert [held.is_slow(key) for key in "abc"] == [True, True, False]
    held.note_slow("c")
    assert [held.is_slow(key) for key in "abc"] == [False, False, True]


def test_how_many_statistics_are_known() -> None:
    numbers = RecentNumbers(Tuning(statistics=2))
    for key, number in (("a", 1), ("b", 0)):
        numbers.remember(key, "1", number)
    assert [numbers.recall(key, "2") for key in "abc"] == [1, 0, None]
    numbers.remember("c", "1", 3)
    assert [numbers.recall(key, "2") for key in "abc"] == [None, None, 3]


def test_how_long_a_statistic_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as its version, and for a minute."""
    now = [100.0]
    monkeypatch.setattr(result_cache.time, "monotonic", lambda: now[0])
    numbers = RecentNumbers(Tuning(statistic_seconds=60.0))
    numbers.remember("a", "1", 5)
    numbers.remember("b", None, 6)
    for later, expected in ((159.9, [5, 5, 5, 6, 6]), (160.0, [5, None, None, None, None])):
        now[0] = later
        found = [numbers.recall("a", version) for version in ("1", "2", None)]
        assert [*found, numbers.recall("b", "1"), numbers.recall("b", None)] == expected
