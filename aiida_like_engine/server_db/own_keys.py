"""Keys that an account sees, makes and revokes itself; those of others it cannot reach."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from aiida_like_engine.server_db.accounts import Account, AccountError, Key, add_key, revoke_key
from aiida_like_engine.server_db.tables import KEYS

MOST_KEYS = 100
"""Keys of an account that are valid at once, of those that it makes itself."""


def keys_of(connection: Connection, account: Account) -> list[Key]:
    """The keys of an account, the youngest first."""
    rows = connection.execute(select(KEYS).where(KEYS.c.account_id == account.id).order_by(KEYS.c.id.desc()))
    return [Key.of(row, account) for row in rows]


def add_own_key(connection: Connection, account: Account, label: str, lifetime: timedelta | None) -> str:
    """As `add_key`, for an account that asks for one itself. Raises AccountError: it has enough of them."""
    keys = (each for each in keys_of(connection, account) if each.state == "valid")
    if sum(1 for _ in keys) >= MOST_KEYS:
        raise AccountError(f"the account has {MOST_KEYS} keys: revoke some of them first")
    return add_key(connection, account.name, label, lifetime)


def revoke_own_key(connection: Connection, account: Account, key_id: int) -> None:
    """As `revoke_key`, of a key of this account. Raises AccountError."""
    if all(each.id != key_id for each in keys_of(connection, account)):
        raise AccountError(f"the account has no key {key_id}")
    revoke_key(connection, key_id)
