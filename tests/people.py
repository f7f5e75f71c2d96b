"""A folder of an engine that never runs, with accounts and keys: all that the web needs to know who asks."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, update

from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import create_database, now, open_to_write
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.server_db.tables import KEYS
from tests.conftest import Golden

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class People:
    """`keys` are those of accounts by name; further ones are called `revoked` and `expired`, both of ada."""

    root: Root
    keys: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        database = open_to_write(self.root.server_database)
        try:
            with database.writing() as connection:
                yield connection
        finally:
            database.close()

    def header(self, name: str, scheme: str = "Token") -> dict[str, str]:
        return {"Authorization": f"{scheme} {self.keys[name]}"}


def make_people(path: Path, golden: Golden) -> People:
    """Ada and bob, zoe who is a superuser, and carl who is disabled. All but bob, who has none, have one password."""
    root = Root(path)
    path.mkdir()
    shutil.copytree(golden.sqlite, root.store)
    create_database(root.server_database)
    root.secret.write_text(hashlib.sha256(str(path).encode()).hexdigest())
    root.settings.touch()
    people = People(root)
    password = Passwords().hash(PASSWORD)
    with people.writing() as connection:
        for name in ("ada", "bob", "zoe", "carl"):
            accounts.add_account(
                connection,
                name,
                f"{name}@example.org",
                None if name == "bob" else password,
                is_superuser=name == "zoe",
                taken=(),
            )
            people.keys[name] = accounts.add_key(connection, name, "a label")
        people.keys["revoked"] = accounts.add_key(connection, "ada", "revoked")
        people.keys["expired"] = accounts.add_key(connection, "ada", "expired", timedelta(days=1))
        of_label = {each.label: each.id for each in accounts.all_keys(connection)}
        accounts.revoke_key(connection, of_label["revoked"])
        expired = update(KEYS).where(KEYS.c.id == of_label["expired"])
        connection.execute(expired.values(expires=now() - 1))
        accounts.set_disabled(connection, "carl", is_disabled=True)
    return people
