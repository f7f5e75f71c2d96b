"""The page at `/` of several profiles: what each holds, and its URL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.utils import redirect

from aiida_like import __version__
from aiida_like.errors import (
    NO_ANSWER,
    AiidaLikeError,
    StatementCancelled,
    StatementTimeout,
    StorageAway,
    TargetError,
    TooManySlowQueries,
)
from aiida_like.profiles import Profile
from aiida_like.stamp import Stamp
from aiida_like.storage import stamp_of
from restapi.config import Settings
from restapi.hosting.app import Application
from restapi.hosting.home import about_of, count_all, prefers_page
from restapi.hosting.open_profiles import OpenProfiles, storage_of
from restapi.http import errors, headers
from restapi.http.encoding import json_reply, json_response
from restapi.http.exchange import Exchange
from restapi.http.reply import Answer, as_response
from restapi.http.route_tree import REST
from restapi.layout import STATIC, Page, answer_with, frame_of, wants_page
from restapi.layout.static_files import StaticTarget

if TYPE_CHECKING:
    from restapi.accounts.gate import Gate


def create_listing(
    profiles: Sequence[Profile], opened: OpenProfiles, settings: Settings, gate: Gate | None
) -> Application:
    app = Application(settings, catch_internal_server=True)
    counter = _Counter(opened)
    app.routes.add(f"{STATIC}/{REST}", StaticTarget(), {}, {})

    @app.get("/")
    def listing() -> Response:
        end = time.monotonic() + _PATIENCE
        entries = [counter.entry(profile, end) for profile in profiles]
        if settings.explorer and prefers_page():
            exchange = Exchange(request.environ)
            paths = [{**entry, "path": f"{exchange.mount_path}/{quote(entry['name'])}/"} for entry in entries]
            page = Page("listing.html", f"{len(entries)} profiles", {"entries": paths})
            return as_response(answer_with(page, frame_of(exchange), exchange))
        return json_response({"profiles": entries, "version": __version__})

    served = ", ".join(profile.name for profile in profiles)

    def no_profile(exchange: Exchange) -> Answer:
        found = app.routes.find(exchange.path_info)
        if found is not None:
            target, arguments = found
            return target.answer(exchange, arguments)
        if exchange.path_info.startswith("//"):
            moved = redirect(exchange.url_of(f"/{exchange.path_info.lstrip('/')}"), 308, Response)
            assert isinstance(moved, Response)
            return moved
        name = exchange.path.split("/")[1]
        if settings.explorer and wants_page(exchange):
            values = {"message": f"No profile is called {name!r}.", "advice": f"There are: {served}"}
            page = Page("failure.html", "There is nothing here", values, status=404)
            return answer_with(page, frame_of(exchange), exchange)
        root = exchange.decoded().url_root
        return json_reply({"message": f"no profile is called {name!r} at {root}NAME/, there are: {served}"}, 404)

    errors.register(app, app.failures, no_profile)
    app.after_request(headers.complete_page)
    app.after_request(headers.vary_by_accept)
    app.after_request(headers.tag_page)
    if gate is not None:
        app.guard(gate)
    return app


_PATIENCE = 1.0
"""Seconds that the page waits for profiles that are being opened, all together."""


class _Counter:
    """Counts what is in each profile; of an archive only once, as long as its file is the same."""

    def __init__(self, opened: OpenProfiles) -> None:
        self._opened = opened
        self._counted: dict[tuple[str, Stamp | None], dict[str, int]] = {}

    def entry(self, profile: Profile, end: float) -> dict[str, Any]:
        """A profile as the page shows it. Of `counts` and `error` one is None.

        `end`: how long its opening is waited for, by the monotonic clock.
        """
        counts, error = None, None
        try:
            counts = self._counts(profile, end)
        except (TargetError, StorageAway) as closed:
            error = closed.reason
            current_app.logger.warning("%s", closed)
        except (StatementTimeout, StatementCancelled, TooManySlowQueries):
            error = "counting took too long"
        except AiidaLikeError as broken:
            error = NO_ANSWER
            current_app.logger.warning("%s: %s", profile.location, broken)
        url = f"{Exchange(request.environ).decoded().url_root}{quote(profile.name)}/"
        return {
            "name": profile.name,
            "title": profile.title,
            "about": about_of(profile, current_app.logger),
            "storage": profile.backend.value,
            "counts": counts,
            "error": error,
            "url": url,
            "api": {version: f"{url}api/{version}" for version in ("v2", "v4")},
        }

    def _counts(self, profile: Profile, end: float) -> dict[str, int]:
        stamp = stamp_of(profile)
        known = self._counted.get((profile.name, stamp))
        if known is not None:
            return known
        with ExitStack() as stack:
            storage = storage_of(self._opened.application(profile, stack))(max(0.0, end - time.monotonic()))
            counts = count_all(storage.read())
        if stamp is not None and storage.stamp == stamp:
            self._counted[profile.name, stamp] = counts
        return counts
