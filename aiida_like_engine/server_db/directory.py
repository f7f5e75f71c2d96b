"""The directory of accounts and keys, as web workers ask it at each request."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.exc import DBAPIError

from aiida_like_engine.errors import RootError
from aiida_like_engine.server_db.accounts import Account, Key, all_accounts, digest_of
from aiida_like_engine.server_db.database import ServerDatabase, open_to_read
from aiida_like_engine.server_db.own_keys import keys_of
from aiida_like_engine.server_db.tables import ACCOUNTS, KEYS


class Directory:
    """Accounts and keys as web workers look them up, remembered until somebody commits to the database.

    `path` is that of the database. Nothing is opened before the first look, so that each process has its own.

    Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._opened: tuple[ServerDatabase, Connection] | None = None
        self._version: tuple[int, ...] = ()
        self._keys: dict[str | int, Key] = {}
        self._accounts: dict[str | int, Account] = {}

    def by_key(self, key: str) -> Key | None:
        """What is known of a key, valid or not."""
        return self._key(digest_of(key), KEYS.c.sha256)

    def by_key_id(self, key_id: int) -> Key | None:
        """As `by_key`."""
        return self._key(key_id, KEYS.c.id)

    def by_id(self, account_id: int) -> Account | None:
        return self._account(account_id, ACCOUNTS.c.id)

    def by_name(self, name: str) -> Account | None:
        return self._account(name, ACCOUNTS.c.name)

    def keys_of(self, account: Account) -> list[Key]:
        """The keys of an account, the youngest first."""
        with self._current() as connection:
            return keys_of(connection, account)

    def names(self) -> list[str]:
        """The names of all accounts."""
        with self._current() as connection:
            return [account.name for account in all_accounts(connection)]

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _key(self, which: str | int, column: ColumnElement[Any]) -> Key | None:
        with self._current() as connection:
            found = self._keys.get(which)
            if found is None:
                row = connection.execute(select(KEYS).where(column == which)).first()
                if row is None:
                    return None
                of_it = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == row.account_id)).one()
                found = self._keys[which] = Key.of(row, Account.of(of_it))
            return found

    def _account(self, which: str | int, column: ColumnElement[Any]) -> Account | None:
        with self._current() as connection:
            found = self._accounts.get(which)
            if found is None:
                row = connection.execute(select(ACCOUNTS).where(column == which)).first()
                if row is None:
                    return None
                found = self._accounts[which] = Account.of(row)
            return found

    @contextmanager
    def _current(self) -> Iterator[Connection]:
        """The connection, once what was remembered before the last commit is forgotten.

        Raises:
            RootError: there is no database, or it cannot be read.
        """
        with self._lock:
            try:
                yield self._look()
            except (DBAPIError, sqlite3.Error) as error:
                self._forget()
                reason = error.orig if isinstance(error, DBAPIError) else error
                raise RootError(f"{self._path} cannot be read: {reason}") from error

    def _look(self) -> Connection:
        try:
            stamp = self._path.stat()
        except OSError as error:
            self._forget()
            raise RootError(f"{self._path} cannot be read: {error.strerror}") from error
        file = stamp.st_dev, stamp.st_ino
        if self._version[:2] != file:
            self._forget()  # it may be another file, of a backup
        if self._opened is None:
            database = open_to_read(self._path)
            self._opened = database, database.engine.connect()
        connection = self._opened[1]
        # Of the driver, whose answer takes a tenth of the time: each request asks.
        ((commits,),) = connection.connection.cursor().execute("PRAGMA data_version").fetchall()
        version = (*file, int(commits))
        if version != self._version:
            self._keys.clear()
            self._accounts.clear()
            self._version = version
        return connection

    def _forget(self) -> None:
        opened, self._opened, self._version = self._opened, None, ()
        self._keys.clear()
        self._accounts.clear()
        if opened is not None:
            database, connection = opened
            with suppress(DBAPIError):  # it may be broken
                connection.close()
            database.close()
