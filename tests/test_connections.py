"""Connections between statements: reused, limited, and closed when they are stale."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from aiida_like.errors import StorageError
from aiida_like.storage.databases.clock import Clock
from aiida_like.storage.databases.database import CLOCK, Connections, Database, Limits
from tests.servers import wait_until


class Opened:
    """Stands for a connection of SQLAlchemy."""

    def __init__(self) -> None:
        self.is_closed = self.is_detached = False
        self.info: dict[str, object] = {}

    def detach(self) -> None:
        self.is_detached = True

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def opened() -> list[Opened]:
    return []


@pytest.fixture
def connect(opened: list[Opened]) -> Callable[[], Any]:
    def new() -> Opened:
        opened.append(Opened())
        return opened[-1]

    return new


@pytest.fixture
def pool(connect: Callable[[], Any]) -> Connections:
    return Connections(connect, "here", most=2)


def test_the_last_one_is_taken_again(pool: Connections, opened: list[Opened]) -> None:
    assert opened == []
    first, second = pool.take(), pool.take()
    pool.give(first)
    pool.give(second)
    assert [pool.take(), pool.take()] == [second, first]
    assert [each.is_detached for each in opened] == [True, True]


def test_threads_wait_for_their_turn(pool: Connections, opened: list[Opened]) -> None:
    first, _ = pool.take(), pool.take()
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(pool.take()))
    waiting.start()
    wait_until(waiting.is_alive)
    assert found == []
    pool.give(first)
    waiting.join(10)
    assert found == [first]
    assert len(opened) == 2


def test_nobody_waits_for_ever(connect: Callable[[], Any]) -> None:
    pool = Connections(connect, "here", most=2, patience=0.01)
    taken = [pool.take(), pool.take()]
    with pytest.raises(StorageError, match=r"^no connection to here became free within 0\.01 seconds$"):
        pool.take()
    for each in taken:
        pool.give(each)
    assert [pool.take(), pool.take()] == taken[::-1]


def test_what_is_stale_is_closed(pool: Connections, opened: list[Opened]) -> None:
    taken, idle = pool.take(), pool.take()
    pool.give(idle)
    pool.forget()
    assert [each.is_closed for each in opened] == [False, True]
    pool.give(taken)
    assert [each.is_closed for each in opened] == [True, True]
    assert pool.take() not in (taken, idle)


def test_large_statements_wear_a_connection_out() -> None:
    """Drivers keep statements by their number: those of a closed connection are gone."""
    seen = []

    class Cursor:
        def execute(self, sql: str, _: Any) -> None:
            seen.append(len(sql))

        def fetchmany(self, _: int) -> list[Any]:
            return []

        def close(self) -> None:
            pass

    class Session(Opened):
        def cursor(self) -> Cursor:
            return Cursor()

    sessions: list[Session] = []

    def connect() -> Any:
        sessions.append(Session())
        sessions[-1].info[CLOCK] = Clock(Limits())
        return sessions[-1]

    never: Any = lambda _: None  # noqa: E731
    pool = Connections(connect, "here", most=1)
    database = Database(cast("Any", None), pool, Limits(), ZeroDivisionError, never)
    for number in range(250):
        database.fetch("x" * (5000 if number < 201 else 100), {})
    assert [each.is_closed for each in sessions] == [True, False]
    assert len(seen) == 250


def test_a_failure_takes_no_turn() -> None:
    def fail() -> Any:
        raise ConnectionRefusedError

    pool = Connections(fail, "here", most=1, patience=0.01)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            pool.take()
