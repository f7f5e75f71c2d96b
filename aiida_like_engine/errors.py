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
    pass


class Conflict(Refused):
    pass


class TooMuch(Refused):
    pass


class NoRoom(Refused):
    pass


class Busy(Refused):
    pass
