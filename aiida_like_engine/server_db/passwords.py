"""Passwords, which are kept as argon2 makes them."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from aiida_like_engine.errors import Busy
from aiida_like_engine.server_db.accounts import Account, AccountError

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256

_COST = (3, 65_536, 4)
"""Passes, KiB and lanes of argon2id: the second choice of RFC 9106."""

_HASHED_AT_ONCE = 2
"""Each takes that memory, and some 50 ms of two cores."""

_PATIENCE = 2.0
"""Seconds that a password waits for its turn."""


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


def _written(password: str) -> bytes:
    """The bytes of a password: keyboards write one letter in one character or in two. Raises UnicodeEncodeError."""
    return unicodedata.normalize("NFC", password).encode()
