"""The gate: what the applications of a process share to settle who asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiida_like.errors import TargetError
from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineError
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.accounts import Account
from aiida_like_engine.server_db.directory import Directory
from aiida_like_engine.server_db.passwords import Passwords
from restapi.accounts.caller import NOBODY, Caller, Carrier
from restapi.accounts.gateway import Gateway, GatewayRefused, gateway_of
from restapi.accounts.sessions import Sessions
from restapi.accounts.throttle import Throttle, neighbourhood
from restapi.config import ReadAccess, Settings
from restapi.http.proxies import Proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SCHEMES = frozenset({"token", "bearer"})


@dataclass(frozen=True)
class Gate:
    """Settles callers. `is_desktop`: there are no accounts but the first, whose key is asked for."""

    access: ReadAccess
    is_desktop: bool
    directory: Directory
    sessions: Sessions
    passwords: Passwords
    gateway: Gateway | None
    proxies: Proxies
    client: Client
    throttle: Throttle = field(default_factory=Throttle)

    def settle(self, environ: WSGIEnvironment) -> Caller:
        """The caller of a request.

        What a gateway says counts first, then a key; a cookie, which a browser sends unasked, comes last.

        Raises:
            RootError: the accounts cannot be read now.
        """
        if self.gateway is not None:
            try:
                consumer = self.gateway.consumer(environ)
            except GatewayRefused as refused:
                return Caller(problem=str(refused))
            if consumer is not None:
                return self._of_gateway(consumer)
        scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() in _SCHEMES:
            return self.of_key(environ, key.strip())
        return self._of_session(environ)

    def of_key(self, environ: WSGIEnvironment, key: str) -> Caller:
        """The caller who has a key; one that is no good counts as a failure of the address. Raises RootError."""
        found = self.directory.by_key(key)
        if found is not None and found.state == "valid":
            return Caller(found.account, Carrier.KEY)
        failures = [("key", self.address(environ))]
        wait = self.throttle.seconds(failures)
        if not wait:
            self.throttle.failed(failures)
        return Caller(problem="there is no such key" if found is None else f"the key is {found.state}", wait=wait)

    def address(self, environ: WSGIEnvironment) -> str:
        """The address of the client for counting: it is believed from trusted proxies alone."""
        return neighbourhood(self.proxies.client(environ))

    def _of_gateway(self, consumer: str) -> Caller:
        account = self.directory.by_name(consumer)
        if not _is_there(account):
            return Caller(problem="the gateway names a consumer who has no account here")
        return Caller(account, Carrier.GATEWAY)

    def _of_session(self, environ: WSGIEnvironment) -> Caller:
        session = self.sessions.read(environ)
        if session is None:
            return NOBODY
        account = self.directory.by_id(session.account_id)
        if account is None or account.is_disabled or account.generation != session.generation:
            return NOBODY
        if session.key_id is not None:
            key = self.directory.by_key_id(session.key_id)
            if key is None or key.state != "valid":
                return NOBODY
        return Caller(account, Carrier.SESSION)


def open_gate(settings: Settings, names: Iterable[str]) -> Gate:
    """The gate of an engine; `names` are those of profiles.

    Raises:
        TargetError: there is no engine at that place, its packages are missing, a setting is wrong, or an account is
            called as a profile.
    """
    access = settings.access()
    if not settings.accounts and access is ReadAccess.PUBLIC:
        raise TargetError("without accounts reading needs the key, too: READ_ACCESS=public goes with accounts")
    root = settings.find_engine()
    directory = Directory(root.server_database)
    try:
        clashes = sorted(set(names).intersection(directory.names()))
    except EngineError as error:
        raise TargetError(str(error)) from error
    finally:
        directory.close()  # each process opens its own
    if clashes:
        raise TargetError(
            f"an account and a profile are both called {clashes[0]!r}: give the profile another name, as in NAME=TARGET"
        )
    return Gate(
        access,
        not settings.accounts,
        directory,
        Sessions(secret_of(root), settings.session_days),
        _passwords(),
        gateway_of(settings.gateway_secret_file),
        Proxies(settings.trusted_proxies or ""),
        Client(root.socket),
    )


def _passwords() -> Passwords:
    try:
        return Passwords()
    except ModuleNotFoundError as error:
        raise TargetError("accounts need the optional part 'engine': pip install 'aiida-like[engine]'") from error


def secret_of(root: Root) -> str:
    """What signs cookies. Raises TargetError: it cannot be read, or there is none."""
    try:
        secret = root.secret.read_text().strip()
    except OSError as error:
        raise TargetError(f"{root.secret}, which signs cookies, cannot be read: {error.strerror}") from error
    if not secret:
        raise TargetError(f"{root.secret}, which signs cookies, is empty: aiida-like engine init {root.path}")
    return secret


def _is_there(account: Account | None) -> bool:
    return account is not None and not account.is_disabled
