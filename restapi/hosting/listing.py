"""The page at `/` of several profiles: what each holds, and its URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

from flask import Flask, Response, current_app, render_template, request

from aiida_like import __version__
from aiida_like.errors import AiidaLikeError, StatementTimeout, TargetError
from aiida_like.profiles import Profile
from aiida_like.storage import stamp_of
from aiida_like.storage.archive import Stamp
from restapi.hosting.app import Application
from restapi.hosting.home import count_all
from restapi.hosting.open_profiles import OpenProfiles, storage_of
from restapi.http import errors, headers
from restapi.http.encoding import json_reply, json_response
from restapi.http.reply import Reply


@dataclass(frozen=True)
class Entry:
    """`path` is the name as a part of a URL. Of `counts` and `error` one is None."""

    name: str
    title: str
    path: str
    storage: str
    counts: dict[str, int] | None
    error: str | None


def create_listing(profiles: Sequence[Profile], opened: OpenProfiles) -> Flask:
    app = Application(catch_internal_server=True)
    counter = _Counter(opened)

    @app.get("/")
    def listing() -> Response | str:
        entries = [counter.entry(profile) for profile in profiles]
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
            return render_template("listing.html", entries=entries, version=__version__)
        return json_response({"profiles": [_shown(entry) for entry in entries], "version": __version__})

    def no_profile(path: str) -> Reply:
        name = path.split("/")[1]
        message = f"no profile is called {name!r} here: / lists those that are served, as {request.url_root}NAME/"
        return json_reply({"message": message}, 404)

    errors.register(app, app.failures, no_profile)
    app.after_request(headers.allow_cross_origin)
    app.after_request(headers.vary_by_accept)
    app.after_request(headers.tag_page)
    return app


def _shown(entry: Entry) -> dict[str, object]:
    url = f"{request.url_root}{entry.path}/"
    values = asdict(entry)
    del values["path"]
    return {**values, "url": url, "api": {version: f"{url}api/{version}" for version in ("v2", "v4")}}


class _Counter:
    """Counts what is in each profile; of an archive only once, as long as its file is the same."""

    def __init__(self, opened: OpenProfiles) -> None:
        self._opened = opened
        self._counted: dict[tuple[str, Stamp | None], dict[str, int]] = {}

    def entry(self, profile: Profile) -> Entry:
        counts, error = None, None
        try:
            counts = self._counts(profile)
        except TargetError as closed:
            error = closed.reason
            current_app.logger.warning("%s", closed)
        except StatementTimeout:
            error = "counting took too long"
        except AiidaLikeError as broken:
            error = "its database does not answer"
            current_app.logger.warning("%s: %s", profile.location, broken)
        return Entry(profile.name, profile.title, quote(profile.name), profile.backend.value, counts, error)

    def _counts(self, profile: Profile) -> dict[str, int]:
        stamp = stamp_of(profile)
        known = self._counted.get((profile.name, stamp))
        if known is not None:
            return known
        with self._opened.using(profile) as application:
            storage = storage_of(application)()
            counts = count_all(storage.read())
        if stamp is not None and storage.stamp == stamp:
            self._counted[profile.name, stamp] = counts
        return counts
