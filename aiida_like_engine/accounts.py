"""Accounts and their keys: who may ask for what. Commands write them, web workers read them.

A key is shown once, and kept as its SHA-256: it is random, so that nobody finds it by trying. A password is kept as
argon2 makes it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import threading
import unicodedata
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from aiida_like_engine.errors import Busy, EngineError, RootError
from aiida_like_engine.server_db import ACCOUNTS, KEYS, ServerDatabase, now, open_to_read

_NAME = re.compile(r"[a-z0-9_-]{2,32}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_KEY_PREFIX = "alk_"
"""By which people, and programs that look for secrets in texts, know what it is."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256

_COST = (3, 65_536, 4)
"""Passes, KiB and lanes of argon2id: the second choice of RFC 9106."""

_HASHED_AT_ONCE = 2
"""Each takes that memory, and some 50 ms of two cores."""

_PATIENCE = 2.0
"""Seconds that a password waits for its turn."""


class AccountError(EngineError):
    """An account or a key is not as it must be; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """`generation` is raised by all that ends its sessions. `password_hash`: None for one without a password."""

    id: int
    name: str
    email: str
    is_superuser: bool
    is_disabled: bool
    generation: int
    password_hash: str | None = field(repr=False)


@dataclass(frozen=True)
class Key:
    """What is known of a key, not the key itself. Times are as in the tables."""

    id: int
    account: Account
    label: str
    created: int
    expires: int | None
    revoked: int | None

    @property
    def state(self) -> str:
        """`valid`, or why it is not."""
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and self.expires <= now():
            return "expired"
        return "of a disabled account" if self.account.is_disabled else "valid"


def add_account(
    connection: Connection,
    name: str,
    email: str,
    password_hash: str | None,
    *,
    is_superuser: bool,
    taken: Container[str],
) -> None:
    """Adds an account. Raises AccountError: as `check_new`."""
    check_new(connection, name, email, taken)
    is_free = (ACCOUNTS.c.email == email, ACCOUNTS.c.name.startswith(_REMOVED))
    connection.execute(update(ACCOUNTS).where(*is_free).values(email=ACCOUNTS.c.name))
    connection.execute(
        insert(ACCOUNTS).values(
            name=name, email=email, password_hash=password_hash, is_superuser=is_superuser, created=now()
        )
    )


def check_new(connection: Connection, name: str, email: str, taken: Container[str]) -> None:
    """Checks that there can be such an account. `taken`: names that lead elsewhere in a URL, of profiles too.

    Raises:
        AccountError: the name or the address is no good, or another account has it.
    """
    if not _NAME.fullmatch(name):
        raise AccountError(f"{name!r} is no name of an account: it has 2 to 32 of a-z, 0-9, _ and -")
    if name in taken:
        raise AccountError(f"no account can be called {name!r}, which leads elsewhere in a URL: choose another name")
    if not _EMAIL.fullmatch(email):
        raise AccountError(f"{email!r} is no e-mail address, by which AiiDA knows the account")
    for column, value in ((ACCOUNTS.c.name, name), (ACCOUNTS.c.email, email)):
        known = select(ACCOUNTS.c.id).where(column == value, ~ACCOUNTS.c.name.startswith(_REMOVED))
        if connection.execute(known).first():
            raise AccountError(f"there is an account with the {column.name} {value!r} already")


def all_accounts(connection: Connection) -> list[Account]:
    """All that were not removed, by name."""
    rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.name))
    return [account for account in map(_account, rows) if not _is_removed(account)]


def account_called(connection: Connection, name: str) -> Account:
    """Raises AccountError: there is none."""
    accounts = all_accounts(connection)
    found = next((account for account in accounts if account.name == name), None)
    if found is None:
        there_are = ", ".join(account.name for account in accounts) or "none yet"
        raise AccountError(f"no account is called {name!r}; there are: {there_are}")
    return found


def set_disabled(connection: Connection, name: str, *, is_disabled: bool) -> None:
    """Sessions of a disabled account have ended; its keys work again once it is enabled. Raises AccountError."""
    _change(connection, account_called(connection, name), is_disabled=is_disabled)


def set_password(connection: Connection, name: str, password_hash: str) -> None:
    """Ends its sessions. Raises AccountError."""
    _change(connection, account_called(connection, name), password_hash=password_hash)


def remove_account(connection: Connection, name: str) -> None:
    """Removes an account with its keys. Its row stays, without a name: its runs stay somebody's.

    Its address does too, by which AiiDA knows whose they are, until another account has it.

    Raises:
        AccountError: there is none.
    """
    account = account_called(connection, name)
    connection.execute(
        update(KEYS).where(KEYS.c.account_id == account.id, KEYS.c.revoked.is_(None)).values(revoked=now())
    )
    _change(
        connection, account, name=f"{_REMOVED}{account.id}", password_hash=None, is_disabled=True, is_superuser=False
    )


def raise_generation(connection: Connection, account_id: int) -> None:
    """Ends all sessions of an account."""
    generation = ACCOUNTS.c.generation + 1
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(generation=generation))


def add_key(connection: Connection, name: str, label: str, lifetime: timedelta | None = None) -> str:
    """A new key of an account, which is never shown again. Raises AccountError: there is no such account."""
    account = account_called(connection, name)
    key = _KEY_PREFIX + secrets.token_urlsafe(32)
    created = now()
    expires = None if lifetime is None else created + lifetime // timedelta(microseconds=1)
    connection.execute(
        insert(KEYS).values(account_id=account.id, sha256=_digest(key), label=label, created=created, expires=expires)
    )
    return key


def all_keys(connection: Connection, name: str | None = None) -> list[Key]:
    """The keys of one account, or of all. Raises AccountError: there is no such account."""
    accounts = [account_called(connection, name)] if name else all_accounts(connection)
    known = {account.id: account for account in accounts}
    rows = connection.execute(select(KEYS).order_by(KEYS.c.id))
    return [_key(row, known[row.account_id]) for row in rows if row.account_id in known]


def revoke_key(connection: Connection, key_id: int) -> None:
    """Raises AccountError: there is no such key, or it is revoked already."""
    is_it = KEYS.c.id == key_id, KEYS.c.revoked.is_(None)
    done = connection.execute(update(KEYS).where(*is_it).values(revoked=now()))
    if not done.rowcount:
        raise AccountError(f"there is no key {key_id} that could be revoked: `aiida-like key list` shows them")


FIRST_ACCOUNT = "me"


def first_key(connection: Connection, file: Path) -> str | None:
    """The key of the first account, a superuser, which is made where there is none; None where there is one.

    It is written to `file`, which nobody else may read.

    Raises:
        RootError: the file cannot be written.
    """
    if connection.scalar(select(func.count()).select_from(ACCOUNTS)):
        return None
    add_account(connection, FIRST_ACCOUNT, f"{FIRST_ACCOUNT}@localhost", None, is_superuser=True, taken=())
    key = add_key(connection, FIRST_ACCOUNT, "first key")
    try:
        file.unlink(missing_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(f"{key}\n")
    except OSError as error:
        raise RootError(f"{file} cannot be written: {error.strerror}") from error
    return key


class Passwords:
    """Hashes passwords and compares them, `at_once` at most; others wait `patience` seconds for their turn."""

    def __init__(self, at_once: int = _HASHED_AT_ONCE, patience: float = _PATIENCE) -> None:
        from argon2 import PasswordHasher

        self._hasher = PasswordHasher(*_COST)
        self._places = threading.BoundedSemaphore(at_once)
        self._patience = patience
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Raises AccountError: it is too short or too long, or no text; Busy."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AccountError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        try:
            written = _written(password)
        except UnicodeEncodeError:
            raise AccountError("a password is text in UTF-8") from None
        with self._place():
            return self._hasher.hash(written)

    def fits(self, account: Account | None, password: str) -> bool:
        """Whether it is the password of the account. It takes as long where there is no account, or no password.

        Raises:
            Busy: others are being compared.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        can_fit = account is not None and not account.is_disabled and len(password) <= LONGEST_PASSWORD
        stored = account.password_hash if account and can_fit else None
        with self._place():
            try:
                given = _written(password[:LONGEST_PASSWORD])
                return self._hasher.verify(stored or self._nobodys, given) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._patience):
            raise Busy("many passwords are being compared: try again in a second")
        try:
            yield
        finally:
            self._places.release()


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
        return self._key(_digest(key), KEYS.c.sha256)

    def by_key_id(self, key_id: int) -> Key | None:
        """As `by_key`."""
        return self._key(key_id, KEYS.c.id)

    def by_id(self, account_id: int) -> Account | None:
        return self._account(account_id, ACCOUNTS.c.id)

    def by_name(self, name: str) -> Account | None:
        return self._account(name, ACCOUNTS.c.name)

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
                found = self._keys[which] = _key(row, _account(of_it))
            return found

    def _account(self, which: str | int, column: ColumnElement[Any]) -> Account | None:
        with self._current() as connection:
            found = self._accounts.get(which)
            if found is None:
                row = connection.execute(select(ACCOUNTS).where(column == which)).first()
                if row is None:
                    return None
                found = self._accounts[which] = _account(row)
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


_REMOVED = "~removed-"
"""In front of what stands for the name of an account that was removed; no name begins so."""


def _is_removed(account: Account) -> bool:
    return account.name.startswith(_REMOVED)


def _change(connection: Connection, account: Account, **values: Any) -> None:
    """Changes an account, and ends its sessions."""
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account.id).values(**values))
    raise_generation(connection, account.id)


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.name, row.email, row.is_superuser, row.is_disabled, row.generation, row.password_hash)


def _key(row: Row[Any], account: Account) -> Key:
    return Key(row.id, account, row.label, row.created, row.expires, row.revoked)


def _written(password: str) -> bytes:
    """The bytes of a password: keyboards write one letter in one character or in two. Raises UnicodeEncodeError."""
    return unicodedata.normalize("NFC", password).encode()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
