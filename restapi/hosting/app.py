"""One application for one profile, from an explicit configuration: several live side by side in one interpreter."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request, signals

from aiida_like.profiles import Profile
from aiida_like.storage import Storage, open_storage
from restapi.config import Settings, settings_from
from restapi.dialects import aiida_v2, aiida_v4
from restapi.hosting import docs_page as pages
from restapi.hosting import health, home
from restapi.http import errors, headers
from restapi.http.access_log import AccessLog
from restapi.http.exchange import Exchange, count_rows, enter, leave
from restapi.http.fast_path import answer, send
from restapi.http.lazy_rule import LazyRule
from restapi.http.lazy_storage import LazyStorage
from restapi.http.route_tree import Ways

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SIGNALS = (
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
)

_LOOKED_AFTER = ("TRUSTED_HOSTS", "SERVER_NAME")
"""Settings of Flask that make it refuse requests."""


class Application(Flask):
    """`catch_internal_server` says whether what goes wrong inside is logged with its traceback, or in one line."""

    url_rule_class = LazyRule

    def __init__(self, *, catch_internal_server: bool) -> None:
        super().__init__("restapi", static_folder=None, template_folder="hosting/templates")
        self._logs_tracebacks = catch_internal_server
        self.url_map.strict_slashes = False
        self.ways = Ways()
        self._our_hooks: tuple[Any, ...] = ()
        self._goes_straight: bool | None = None

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange(environ)
        token = enter(exchange)
        try:
            if self._goes_straight:
                found = answer(exchange, self.ways)
                if found is not None:
                    return send(found, exchange, start_response)
            elif self._goes_straight is None:
                # Flask takes no hooks behind its first request, so now all are there.
                self._goes_straight = self._hooks() == self._our_hooks
            return super().wsgi_app(environ, start_response)
        finally:
            leave(token)

    def seal(self) -> Flask:
        """Ours are there. Who adds a hook from here on wants it called for all requests, so none goes straight."""
        self._our_hooks = self._hooks()
        return self

    def _hooks(self) -> tuple[Any, ...]:
        """All that others can hang on, and what they can tell Flask to look after."""
        by_scope = (
            self.before_request_funcs,
            self.after_request_funcs,
            self.teardown_request_funcs,
            self.url_value_preprocessors,
        )
        counts = [{scope: len(hooks) for scope, hooks in each.items() if hooks} for each in by_scope]
        heard = [bool(signal.receivers) for signal in _SIGNALS]
        return counts, len(self.teardown_appcontext_funcs), heard, *map(self.config.get, _LOOKED_AFTER)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine, so nobody has to look at each hook of each request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        kind, error, _ = exc_info
        self.logger.error(
            "%s %s: %s: %s",
            request.method,
            request.path,
            kind.__name__,
            error,
            exc_info=exc_info if self._logs_tracebacks else None,
        )


_assembling = threading.Lock()
"""Werkzeug compiles each route to code, for which CPython 3.11 fails now and then in two threads at once."""


def create_app(
    profile: Profile | str | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    catch_internal_server: bool = True,
    opening: Callable[[], Storage] | None = None,
) -> Flask:
    """A WSGI application that serves `profile`: a target as on the command line, or one that was found already.

    Nothing is opened before the first request.

    Without it the setting PROFILE decides; without settings the environment does, `AIIDA_LIKE_PROFILE` and so on.
    `catch_internal_server`: what goes wrong inside is logged with its traceback. `opening` opens the storage, where it
    is not to be opened as usual.

    Raises:
        TargetError: there is no such target, or no such setting.
    """
    settings = settings_from(settings)
    if isinstance(profile, str):
        settings = replace(settings, profile=profile)
    found = profile if isinstance(profile, Profile) else settings.find_profile()
    _freeze_modules()
    with _assembling:
        application = Application(catch_internal_server=catch_internal_server)
        return _assemble(found, settings, application, opening or _opening(found, settings))


@cache
def _freeze_modules() -> None:
    """What modules hold stays as long as the process; Python's collector would look through it again and again.

    Once, and before the first application is there: what is frozen is never collected, and an application can go again.
    """
    gc.freeze()


def _opening(profile: Profile, settings: Settings) -> Callable[[], Storage]:
    def open_profile() -> Storage:
        observe = count_rows if settings.access_log else None
        return open_storage(
            profile,
            cache_folder=settings.cache_path,
            limits=settings.limits,
            observe=observe,
            remembers=settings.cache,
        )

    return open_profile


def _assemble(profile: Profile, settings: Settings, app: Application, opening: Callable[[], Storage]) -> Flask:
    storage = app.extensions["aiida_like_storage"] = LazyStorage(opening)
    app.register_blueprint(aiida_v2.blueprint(storage, settings, app.ways))
    app.register_blueprint(aiida_v4.blueprint(storage, settings, app.ways))
    app.register_blueprint(pages.blueprint(profile, (aiida_v2.DIALECT, aiida_v4.DIALECT)))
    app.register_blueprint(home.blueprint(profile, storage))
    app.register_blueprint(health.blueprint(storage))
    errors.register(app)
    app.after_request(headers.allow_cross_origin)
    app.after_request(_answer_preflight)
    if settings.access_log:
        app.wsgi_app = AccessLog(app.wsgi_app, profile.name)  # type: ignore[method-assign]
    return app.seal()


def _answer_preflight(response: Response) -> Response:
    """A browser asks first, and takes any status but 2xx for a no; only then would it see what the answer is."""
    if request.method != "OPTIONS":
        return response
    if "Access-Control-Request-Method" in request.headers:
        response.status_code = 200
    return headers.allow_preflight(response)
