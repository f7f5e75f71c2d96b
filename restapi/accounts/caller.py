"""The caller: an account, or nobody in particular, and how it said so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from aiida_like_engine.server_db.accounts import Account
from restapi.http.exchange import ACCOUNT, BY_COOKIE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_CALLER = "aiida_like.caller"


class Carrier(Enum):
    """What tells who asks."""

    NOTHING = "nothing"
    KEY = "a key in Authorization"
    SESSION = "a cookie"
    GATEWAY = "the headers of a gateway"


@dataclass(frozen=True)
class Caller:
    """Whoever asks. `account` is None for nobody in particular.

    `problem`: why what was sent to tell who asks is not taken; such a caller has no account. `wait`: seconds until
    another attempt is looked at, after many that failed.
    """

    account: Account | None = None
    carrier: Carrier = Carrier.NOTHING
    problem: str | None = None
    wait: int = 0

    @property
    def name(self) -> str | None:
        return self.account.name if self.account else None

    @property
    def is_superuser(self) -> bool:
        return self.account is not None and self.account.is_superuser

    def owns_prefix(self, user: str) -> bool:
        """Whether `/USER/api/v2/...` is this caller's own: any other is answered 404, to superusers too."""
        return self.name == user


NOBODY = Caller()


def caller_of(environ: WSGIEnvironment) -> Caller:
    """The caller of a request; nobody where there are no accounts."""
    caller: Any = environ.get(_CALLER, NOBODY)
    assert isinstance(caller, Caller)
    return caller


def remember(environ: WSGIEnvironment, caller: Caller) -> None:
    environ[_CALLER] = caller
    environ[ACCOUNT] = caller.name
    environ[BY_COOKIE] = caller.carrier is Carrier.SESSION
