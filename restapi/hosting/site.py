"""Several profiles in one process: `/NAME/...` is the profile of that name, `/` lists them, `/api/...` is the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import ClosingIterator

from aiida_like.errors import TargetError
from aiida_like.profiles import LEADS_ELSEWHERE, RESERVED_WITH_ACCOUNTS, TAKEN_BY_PAGES, Profile, find_all
from restapi.accounts import gate_of
from restapi.config import Settings, settings_from
from restapi.dialects.run_pages import is_upload_by_page
from restapi.hosting.app import create_app
from restapi.hosting.listing import create_listing
from restapi.hosting.open_profiles import OpenProfiles
from restapi.http.access_log import AccessLog
from restapi.http.errors import MESSAGE
from restapi.http.exchange import SITE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from restapi.accounts.gate import Gate


def create_site(targets: Iterable[str] = (), settings: Settings | Mapping[str, Any] | None = None) -> WSGIApplication:
    """A WSGI application that serves several targets, as on the command line; without any it is as `create_app`.

    The profile of an engine is the first.

    Each is opened at its first request, and of the open ones at most MAX_OPEN_PROFILES are kept.

    Raises:
        TargetError: there is no such target, or no such setting, or two are called the same.
    """
    settings = settings_from(settings)
    found = find_all(targets, settings.repository)
    if settings.engine is not None and found:
        found.insert(0, settings.find_profile_of_engine())
    return site_of(found or [settings.find_profile()], settings)


def site_of(profiles: Sequence[Profile], settings: Settings) -> WSGIApplication:
    """The application that `create_site` makes; one profile alone is at the root only."""
    check_names(profiles, has_accounts=settings.engine is not None)
    gate = gate_of(settings, [profile.name for profile in profiles])
    return create_app(profiles[0], settings, gate=gate) if len(profiles) == 1 else Site(profiles, settings, gate)


class Site:
    def __init__(self, profiles: Sequence[Profile], settings: Settings, gate: Gate | None = None) -> None:
        self.settings = settings
        self._has_accounts = gate is not None
        self.streams = None if settings.engine is None else _streams
        self._names = [_in_environ(f"/{each.name}") for each in profiles]
        self.open = OpenProfiles(partial(create_app, settings=settings, gate=gate), settings.max_open_profiles)
        listing = create_listing(profiles, self.open, settings, gate)
        self._listing: WSGIApplication = listing
        if settings.access_log:
            self._listing = AccessLog(listing, None, listing.proxies)
        self._first = partial(self._serve, profiles[0])
        mounts: dict[str, WSGIApplication] = {
            name: partial(self._serve, each) for name, each in zip(self._names, profiles, strict=True)
        }
        self._dispatch = DispatcherMiddleware(self._root, mounts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[SITE] = environ.get("SCRIPT_NAME", "")
        return self._dispatch(environ, start_response)

    def message_key(self, environ: WSGIEnvironment) -> str:
        """The key of the message in the answer to a request that no application sees. No profile is opened for it."""
        if self.settings.engine is None:
            return MESSAGE
        from restapi.dialects.jobs import message_key

        path: str = environ.get("PATH_INFO", "")
        first, others = self._names[0], self._names[1:]
        if any(f"{path}/".startswith(f"{name}/") for name in others):
            return MESSAGE
        return message_key(path.removeprefix(first) if path.startswith(f"{first}/") else path)

    def _root(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        first, *others = environ.get("PATH_INFO", "").lstrip("/").split("/", 2)
        # Where there are accounts, /USER/api/... is of the engine's profile, which is the first.
        is_of_first = first in LEADS_ELSEWHERE or (self._has_accounts and others[:1] == ["api"])
        return (self._first if is_of_first else self._listing)(environ, start_response)

    def _serve(self, profile: Profile, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with ExitStack() as stack:
            body = self.open.application(profile, stack)(environ, start_response)
            # A file may still be read from the profile when this function has ended.
            return ClosingIterator(body, stack.pop_all().close)


def _in_environ(path: str) -> str:
    """A path as WSGI has it: its bytes, decoded as Latin-1 (PEP 3333)."""
    return path.encode().decode("latin-1")


def _streams(environ: WSGIEnvironment) -> bool:
    """Whether the body of a request is read while it comes. No profile is opened to know that."""
    from restapi.dialects.jobs import is_upload

    return is_upload(environ) or is_upload_by_page(environ)


def check_names(profiles: Sequence[Profile], *, has_accounts: bool = False) -> Sequence[Profile]:
    """The profiles, if each has a name of its own that can stand in a URL.

    Raises:
        TargetError: a name is given twice, or leads to something else.
    """
    names = [profile.name for profile in profiles]
    reserved = (*LEADS_ELSEWHERE, *TAKEN_BY_PAGES, *(RESERVED_WITH_ACCOUNTS if has_accounts else ()))
    for name in names:
        if names.count(name) > 1:
            raise TargetError(f"two targets are called {name!r}: give one another name, as in {name}2=TARGET")
        if name in reserved or "/" in name:
            raise TargetError(f"no profile can be called {name!r} in a URL: give it another name, as in NAME=TARGET")
    return profiles
