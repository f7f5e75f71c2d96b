"""Several profiles in one process: `/NAME/...` is the profile of that name, `/` lists them, `/api/...` is the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import ClosingIterator

from aiida_like.errors import TargetError
from aiida_like.profiles import Profile, find_all
from restapi.config import Settings, settings_from
from restapi.hosting.app import create_app
from restapi.hosting.listing import create_listing
from restapi.hosting.open_profiles import OpenProfiles
from restapi.http.access_log import AccessLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_RESERVED = ("api", "healthz", "readyz")
"""First parts of paths that lead to the first profile."""


def create_site(targets: Iterable[str] = (), settings: Settings | Mapping[str, Any] | None = None) -> WSGIApplication:
    """A WSGI application that serves several targets, as on the command line; without any it is as `create_app`.

    Each is opened at its first request, and of the open ones at most MAX_OPEN_PROFILES are kept.

    Raises:
        TargetError: there is no such target, or no such setting, or two are called the same.
    """
    settings = settings_from(settings)
    return site_of(find_all(targets, settings.repository) or [settings.find_profile()], settings)


def site_of(profiles: Sequence[Profile], settings: Settings) -> WSGIApplication:
    """The application that `create_site` makes; one profile alone is at the root only."""
    check_names(profiles)
    return create_app(profiles[0], settings) if len(profiles) == 1 else Site(profiles, settings)


class Site:
    def __init__(self, profiles: Sequence[Profile], settings: Settings) -> None:
        self.settings = settings
        self.open = OpenProfiles(partial(create_app, settings=settings), settings.max_open_profiles)
        listing = create_listing(profiles, self.open, settings)
        self._listing: WSGIApplication = listing
        if settings.access_log:
            self._listing = AccessLog(listing, None, listing.proxies)
        self._first = partial(self._serve, profiles[0])
        # In WSGI a path is bytes decoded as Latin-1 (PEP 3333).
        mounts: dict[str, WSGIApplication] = {
            f"/{each.name}".encode().decode("latin-1"): partial(self._serve, each) for each in profiles
        }
        self._dispatch = DispatcherMiddleware(self._root, mounts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._dispatch(environ, start_response)

    def _root(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_of_first = environ.get("PATH_INFO", "").lstrip("/").partition("/")[0] in _RESERVED
        return (self._first if is_of_first else self._listing)(environ, start_response)

    def _serve(self, profile: Profile, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with ExitStack() as stack:
            body = self.open.application(profile, stack)(environ, start_response)
            # A file may still be read from the profile when this function has ended.
            return ClosingIterator(body, stack.pop_all().close)


def check_names(profiles: Sequence[Profile]) -> Sequence[Profile]:
    """The profiles, if each has a name of its own that can stand in a URL.

    Raises:
        TargetError: a name is given twice, or leads to something else.
    """
    names = [profile.name for profile in profiles]
    for name in names:
        if names.count(name) > 1:
            raise TargetError(f"two targets are called {name!r}: give one another name, as in {name}2=TARGET")
        if name in _RESERVED or "/" in name:
            raise TargetError(f"no profile can be called {name!r} in a URL: give it another name, as in NAME=TARGET")
    return profiles
