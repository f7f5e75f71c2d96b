"""What clients are told of errors that were not raised for them: neither paths nor SQL."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping

from sqlalchemy.exc import OperationalError

from aiida_like_engine.errors import Busy, NoRoom, Refused

_NO_ROOM = NoRoom, "the server's disk is full; ask its operator"
_BUSY = Busy, "the server's database is busy; come again in some seconds"

_OF_SQLITE: Mapping[str, tuple[type[Refused], str]] = {
    "database or disk is full": _NO_ROOM,
    "database is locked": _BUSY,
    "database table is locked": _BUSY,
}
"""Refusals by what SQLite says: its codes are known to Python since 3.11."""

_OF_SYSTEM: Mapping[int, tuple[type[Refused], str]] = {errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM}


def refusal_of_passing(error: BaseException) -> Refused | None:
    """What a client is told of an error that passes by itself, or has one as its cause; None: it will not pass."""
    for each in _with_causes(error):
        found = None
        if isinstance(each, OperationalError):
            found = _OF_SQLITE.get(str(each.orig))
        elif isinstance(each, OSError) and each.errno is not None:
            found = _OF_SYSTEM.get(each.errno)
        if found is not None:
            kind, message = found
            return kind(message)
    return None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w+)(?:: .*)?$", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):"


def told_of_aiida(exception: str) -> str:
    """What a client is told of an exception that AiiDA has noted at a node: its class, or a sentence of ours.

    AiiDA notes a message, or all of a traceback.
    """
    text = exception.strip()
    found = _EXCEPTION.findall(text)
    if text.startswith(_TRACEBACK) or "\n" in text:
        return failed(found[-1] if found else "Exception")
    return failed(found[0]) if ": " in text and found else text


def failed(kind: str) -> str:
    """What a client is told of an error of a class that ended a run."""
    return f"AiiDA could not carry it out ({kind}): see the engine's log"
