"""Every error of the engine that is raised on purpose.

EngineError
├── RootError               a ROOT is not as it has to be; one line for the operator, with the way out
│   └── SchemaMismatch      `server.sqlite` has another schema than this version
├── EngineAway              the gateway does not answer now
└── Refused                 the gateway, or what prepares a call of it, says no; the message may be shown to a client
    ├── NotFound            ... there is no such thing, or it is another account's
    ├── Invalid             ... a value cannot be used
    ├── Conflict            ... not in the state that the thing is in
    ├── TooMuch             ... a limit of the operator is reached
    ├── NoRoom              ... the disk is nearly full
    └── Busy                ... as many do so at once as may
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice


class EngineError(Exception):
    """The root."""


class RootError(EngineError):
    pass


class SchemaMismatch(RootError):
    """`reason` is what clients may know of it, without paths; it names the command that mends it."""

    def __init__(self, message: str, reason: str) -> None:
        self.reason = reason
        super().__init__(message)


class EngineAway(EngineError):
    """A message for the log; clients are told to ask again in some seconds."""


class Refused(EngineError):
    """`field` names the culprit in what was sent, such as `steps.0.command`, if there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class NotFound(Refused):
    pass


class Invalid(Refused):
    """`others` are wrong as well, in the same request."""

    def __init__(self, message: str, field: str | None = None, others: Sequence[Invalid] = ()) -> None:
        self.others = others
        super().__init__(message, field)

    @property
    def all(self) -> Sequence[Invalid]:
        return (self, *self.others)


def check_all(problems: Iterable[Invalid]) -> None:
    """Make sure that there are no problems.

    Raises:
        Invalid: there are; it is the first, and tells of `MOST_TOLD` in all.
    """
    found = list(islice(problems, MOST_TOLD))
    if found:
        raise Invalid(str(found[0]), found[0].field, found[1:])


MOST_TOLD = 100


class Conflict(Refused):
    pass


class TooMuch(Refused):
    pass


class NoRoom(Refused):
    pass


class Busy(Refused):
    pass
