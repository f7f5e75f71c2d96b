"""One application for one profile, from an explicit configuration: several live side by side in one interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Flask, Response, request

from aiida_like.profiles import Profile
from aiida_like.storage import Storage, open_storage
from restapi import errors, headers, health, home
from restapi.config import Settings, read_settings, settings_of_environment
from restapi.dialects import aiida_v2, aiida_v4
from restapi.opening import LazyStorage


def create_app(profile: Profile | str | None = None, settings: Settings | Mapping[str, Any] | None = None) -> Flask:
    """A WSGI application that serves `profile`: a target as on the command line, or one that was found already.

    Without it the setting PROFILE decides; without settings the environment does, `AIIDA_LIKE_PROFILE` and so on.

    Raises:
        TargetError: there is no such target, or no such setting.
    """
    if settings is None:
        settings = settings_of_environment()
    if not isinstance(settings, Settings):
        settings = read_settings(settings)
    if isinstance(profile, str):
        settings = replace(settings, profile=profile)
    found = profile if isinstance(profile, Profile) else settings.find_profile()
    return _assemble(found, settings)


def _assemble(profile: Profile, settings: Settings) -> Flask:
    def open_profile() -> Storage:
        return open_storage(profile, cache_folder=settings.cache_path, limits=settings.limits)

    app = Flask("restapi", static_folder=None)
    app.url_map.strict_slashes = False
    storage = app.extensions["aiida_like_storage"] = LazyStorage(open_profile)
    app.register_blueprint(aiida_v2.blueprint(storage, settings))
    app.register_blueprint(aiida_v4.blueprint(storage, settings))
    app.register_blueprint(home.blueprint(profile, storage))
    app.register_blueprint(health.blueprint(storage))
    errors.register(app)
    app.after_request(headers.allow_cross_origin)
    app.after_request(_answer_preflight)
    return app


def _answer_preflight(response: Response) -> Response:
    """A browser asks first, and takes any status but 2xx for a no; only then would it see what the answer is."""
    if request.method != "OPTIONS":
        return response
    if "Access-Control-Request-Method" in request.headers:
        response.status_code = 200
    return headers.allow_preflight(response)
