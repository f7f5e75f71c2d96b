"""Accounts and their keys: who may ask for what. Commands write them, web workers read them (see `directory`).

A key is shown once, and kept as its SHA-256: it is random, so that nobody finds it by trying.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from aiida_like_engine.errors import EngineError, RootError
from aiida_like_engine.server_db.database import now
from aiida_like_engine.server_db.tables import ACCOUNTS, FILES, JOBS, KEYS

_NAME = re.compile(r"[a-z0-9_-]{2,32}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_KEY_PREFIX = "alk_"
"""By which people, and programs that look for secrets in texts, know what it is."""

_REMOVED = "~removed-"
"""In front of what stands for the name of an account that was removed; no name begins so."""


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

    @classmethod
    def of(cls, row: Row[Any]) -> Account:
        return cls(row.id, row.name, row.email, row.is_superuser, row.is_disabled, row.generation, row.password_hash)

    @property
    def is_removed(self) -> bool:
        return self.name.startswith(_REMOVED)


@dataclass(frozen=True)
class Key:
    """What is known of a key, not the key itself. Times are as in the tables."""

    id: int
    account: Account
    label: str
    created: int
    expires: int | None
    revoked: int | None

    @classmethod
    def of(cls, row: Row[Any], account: Account) -> Key:
        return cls(row.id, account, row.label, row.created, row.expires, row.revoked)

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
    return [account for account in map(Account.of, rows) if not account.is_removed]


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


def remove_account(connection: Connection, name: str, *, with_files: bool = False) -> int:
    """Removes an account with its keys; the number of files that were deleted. Its row stays, without a name: its runs
    stay somebody's.

    Its address does too, by which AiiDA knows whose they are, until another account has it. With its files go the jobs
    that it has not submitted.

    Raises:
        AccountError: there is none.
    """
    account = account_called(connection, name)
    number = _delete_files(connection, account) if with_files else 0
    connection.execute(
        update(KEYS).where(KEYS.c.account_id == account.id, KEYS.c.revoked.is_(None)).values(revoked=now())
    )
    _change(
        connection, account, name=f"{_REMOVED}{account.id}", password_hash=None, is_disabled=True, is_superuser=False
    )
    return number


def _delete_files(connection: Connection, account: Account) -> int:
    """Deletes what an account has uploaded and drafted. Jobs that were submitted have their files all the same."""
    connection.execute(delete(JOBS).where(JOBS.c.account_id == account.id, JOBS.c.submitted.is_(None)))
    theirs = FILES.c.account_id == account.id, FILES.c.deleted.is_(None)
    return connection.execute(update(FILES).where(*theirs).values(deleted=now())).rowcount


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
        insert(KEYS).values(account_id=account.id, sha256=digest_of(key), label=label, created=created, expires=expires)
    )
    return key


def all_keys(connection: Connection, name: str | None = None) -> list[Key]:
    """The keys of one account, or of all. Raises AccountError: there is no such account."""
    accounts = [account_called(connection, name)] if name else all_accounts(connection)
    known = {account.id: account for account in accounts}
    rows = connection.execute(select(KEYS).order_by(KEYS.c.id))
    return [Key.of(row, known[row.account_id]) for row in rows if row.account_id in known]


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


def _change(connection: Connection, account: Account, **values: Any) -> None:
    """Changes an account, and ends its sessions."""
    connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account.id).values(**values))
    raise_generation(connection, account.id)


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
