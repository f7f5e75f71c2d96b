"""What an account has under way when it is removed, decided without an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from aiida_like_engine.errors import NotFound
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, Limits
from aiida_like_engine.server_db.accounts import add_account, remove_account
from aiida_like_engine.server_db.database import ServerDatabase, create_database, inserted, open_to_write
from aiida_like_engine.server_db.tables import ACCOUNTS, FILES, JOBS, RUNS
from aiida_like_engine.services.calls import Call
from aiida_like_engine.services.uploads import Received

pytestmark = pytest.mark.usefixtures("folder_of_aiida")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ServerDatabase]:
    path = tmp_path / "server.sqlite"
    create_database(path)
    made = open_to_write(path)
    with made.writing() as connection:
        add_account(connection, "ada", "ada@example.org", None, is_superuser=False, taken=())
    yield made
    made.close()


def test_an_upload_that_is_under_way_is_deleted(database: ServerDatabase) -> None:
    from aiida_like_engine.services.file_calls import FileCalls

    calls: Any = FileCalls(Root(database.path.parent), Limits(), database, None)  # type: ignore[arg-type]
    with database.reading() as connection:
        call = Call(connection.execute(sa.select(ACCOUNTS)).one(), "", {})
    calls._announce(call, received("before"), "0123", "node1")
    assert states_of_files(database) == ["deleted"]  # as its node is not stored yet
    assert calls._recorded(call, "0123").size == 1
    assert states_of_files(database) == ["there"]
    calls._announce(call, received("after"), "4567", "node2")
    with database.writing() as connection:
        remove_account(connection, "ada")
    with pytest.raises(NotFound, match="there is no such account"):
        calls._recorded(call, "4567")
    with database.reading() as connection:
        rows = connection.execute(sa.select(FILES.c.name, FILES.c.node_uuid, FILES.c.deleted.is_(None))).all()
    assert rows == [("before", "node1", True), ("after", "node2", False)]


def states_of_files(database: ServerDatabase) -> list[str]:
    with database.reading() as connection:
        found = connection.execute(sa.select(FILES.c.deleted)).scalars()
        return ["there" if each is None else "deleted" for each in found]


def received(name: str) -> Received:
    return Received(name, 1, 1, "md5", "sha512", "key")


class Thread:
    """Instead of the ORM's: it makes no node, and keeps for whom it should."""

    def __init__(self) -> None:
        self.owners: list[Any] = []

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if function.__name__ != "create_node":
            return None
        self.owners.append(arguments[1])
        return "0123456789"


@pytest.mark.parametrize(("is_removed", "name"), [(False, "ada"), (True, "")])
def test_whose_node_is_made(database: ServerDatabase, is_removed: bool, name: str) -> None:
    """Of an account that was removed, AiiDA is told the address alone."""
    from aiida_like_engine.services.dispatcher import Dispatcher

    with database.writing() as connection:
        job = {"public_id": "abcdef", "account_id": 1, "name": "a", "document": "{}", "created": 1}
        run = {"number": 1, "uuid": "u", "state": "submitting", "cores": 1}
        key = inserted(connection, JOBS.insert().values(**job))
        request = '{"label": "", "description": "", "steps": []}'
        connection.execute(RUNS.insert().values(**run, job_id=key, request=request))
        if is_removed:
            remove_account(connection, "ada")
    thread: Any = Thread()
    catalogue: Any = SimpleNamespace()
    dispatcher = Dispatcher(Root(database.path.parent), EngineSettings(), catalogue, database, thread)
    (active,) = dispatcher._active()
    dispatcher._make_node(active)
    assert [(each.name, each.email) for each in thread.owners] == [(name, "ada@example.org")]
