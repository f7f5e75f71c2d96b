"""One application for one profile, from an explicit configuration: several live side by side in one interpreter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request, signals
from werkzeug.exceptions import HTTPException
from werkzeug.routing import PathConverter

from aiida_like.profiles import Profile
from aiida_like.storage import LazyStorage, Storage, open_storage, stamp_of
from aiida_like.tuning import Tuning
from restapi.accounts import gate_of
from restapi.config import Settings, settings_from
from restapi.dialects import aiida_v2, aiida_v4
from restapi.dialects.resource import MountedDialect
from restapi.dialects.run_pages import is_upload_by_page
from restapi.dialects.target import Target, answer_at
from restapi.explorer import Explorer
from restapi.hosting import docs_page, health, home
from restapi.http import errors, headers
from restapi.http.access_log import AccessLog
from restapi.http.conditional import Conditional
from restapi.http.errors import FailureLog
from restapi.http.exchange import Exchange
from restapi.http.proxies import GIVEN_ID, Proxies
from restapi.http.reply import FROM_CACHE, ID_HEADER, ON_ALL, Answer, BytesReply, CachedAnswer, as_response
from restapi.http.route_tree import REST, RouteTree
from restapi.layout import STATIC, frame_of, wants_page
from restapi.layout.static_files import StaticTarget

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from restapi.accounts.gate import Gate
    from restapi.dialects.run_api import RunApi

_SIGNALS = (
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
    signals.appcontext_pushed,
    signals.appcontext_popped,
    signals.appcontext_tearing_down,
)

_CHECKED_BY_FLASK = ("TRUSTED_HOSTS", "SERVER_NAME")
"""Settings of Flask that make it refuse requests."""


class _BesidePages(PathConverter):
    """Any path below a prefix but that of the documentation, which is a page of Flask."""

    regex = r"(?!docs(?:/|\Z))[^/].*?"


class Application(Flask):
    """Asks resources of dialects without Flask, whose contexts, signals and hooks take longer than a small answer.

    Flask serves the pages; if somebody has added a hook, it serves all requests, from the same resources.
    `catch_internal_server`: whether internal errors are logged with their traceback, or in one line.
    `streams` says which requests have bodies that are read while they come; None: none has.
    """

    def __init__(self, settings: Settings, *, catch_internal_server: bool) -> None:
        super().__init__("restapi", static_folder=None)
        self.settings = settings
        self.proxies = Proxies(settings.trusted_proxies or "")
        self.failures = FailureLog(self.logger, catch_internal_server)
        self.url_map.strict_slashes = False
        self.routes = RouteTree[Target]()
        self.run_apis: list[RunApi] = []
        self.streams: Callable[[WSGIEnvironment], bool] | None = None
        self._our_hooks: tuple[Any, ...] = ()
        self._bypasses_flask: bool | None = None

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if GIVEN_ID in environ:
            self.proxies.take_id(environ)
        exchange = Exchange(environ)
        found = self.routes.find(exchange.path_info) if self._bypasses_flask else None
        if self._bypasses_flask is None:
            # The first request goes through Flask, which takes no hooks after it. So now all are there.
            self._bypasses_flask = self._hooks() == self._our_hooks
        if found is None:
            # The mount point itself: to Flask any other method than GET is at no page there.
            return super().wsgi_app(environ if exchange.path_info else {**environ, "PATH_INFO": "/"}, start_response)
        endpoint, arguments = found
        try:
            answer = endpoint.answer(exchange, arguments)
        except HTTPException as error:
            answer = errors.reply_to_http(error, self.message_key(environ))
        except Exception as error:  # noqa: BLE001 Flask logs it, and says 500
            with self.request_context(environ):
                return self.handle_exception(error)(environ, start_response)
        if isinstance(answer, CachedAnswer):
            fields: Iterable[tuple[str, str]] = (*answer.headers, FROM_CACHE)
        elif isinstance(answer, BytesReply) and answer.status_code == HTTPStatus.OK:
            fields = answer.headers.items()
        else:
            return headers.complete(as_response(answer), exchange)(environ, start_response)
        start_response("200 OK", [*fields, *ON_ALL, (ID_HEADER, exchange.id)])
        return () if exchange.method == "HEAD" else (answer.body,)

    def message_key(self, environ: WSGIEnvironment) -> str:
        """The key of the message in the answer to a request that no dialect sees."""
        path = environ.get("PATH_INFO", "")
        return next((api.message_key for api in self.run_apis if api.is_own(path)), errors.MESSAGE)

    def mount(self, mounted: MountedDialect) -> None:
        """Lets Flask ask a dialect at all URLs below its prefix, with any method."""
        self._ask_below(mounted.dialect.prefix, mounted.answer)

    def mount_run_api(self, api: RunApi) -> None:
        """As `mount`, of a run-API, whose paths may be below the prefix of another dialect."""
        api.add_to(self.routes)
        self.run_apis.append(api)
        self.streams = lambda environ: (
            is_upload_by_page(environ) or any(each.streams(environ) for each in self.run_apis)
        )
        for prefix in api.below:
            self._ask_below(prefix, lambda exchange: answer_at(self.routes, exchange, api.missing))

    def _ask_below(self, prefix: str, answer: Callable[[Exchange], Answer]) -> None:
        def view(**_: str) -> Response:
            return as_response(answer(Exchange(request.environ)))

        self.view_functions[prefix] = view
        self.url_map.converters["beside_pages"] = _BesidePages
        for path in (prefix, f"{prefix}/<beside_pages:rest>"):
            self.url_map.add(self.url_rule_class(path, endpoint=prefix))

    def seal(self) -> Application:
        """Call this after our hooks are registered. Hooks added later make Flask serve all requests."""
        self._our_hooks = self._hooks()
        return self

    def guard(self, gate: Gate, explorer: Explorer | None = None) -> None:
        """Lets nobody in whom the gate does not know, neither to Flask nor past it."""
        from restapi.accounts.guard import Guard

        self.extensions["aiida_like_gate"] = gate
        settle_themselves = [*(api.is_own for api in self.run_apis), *([explorer.settles_itself] if explorer else [])]
        guard = Guard(
            self.wsgi_app,
            gate,
            self.failures,
            lambda path: any(is_its_own(path) for is_its_own in settle_themselves),
            frame_of if explorer is None else explorer.frame,
            self.message_key,
        )
        self.wsgi_app = guard  # type: ignore[method-assign]

    def _hooks(self) -> tuple[Any, ...]:
        """The hooks in each scope, whether signals are heard, and settings that make Flask refuse requests."""
        by_scope = (
            self.before_request_funcs,
            self.after_request_funcs,
            self.teardown_request_funcs,
            self.url_value_preprocessors,
        )
        counts = [{scope: len(hooks) for scope, hooks in each.items() if hooks} for each in by_scope]
        heard = [bool(signal.receivers) for signal in _SIGNALS]
        return counts, len(self.teardown_appcontext_funcs), heard, *map(self.config.get, _CHECKED_BY_FLASK)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is: nothing here is a coroutine, which Flask would check at each call."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        self.failures.write(Exchange(request.environ), exc_info[1])


DIALECTS = (aiida_v2.DIALECT, aiida_v4.DIALECT)

_assembling = threading.Lock()
"""Werkzeug compiles each route to code, for which CPython 3.11 fails now and then in two threads at once."""


def create_app(
    profile: Profile | str | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    catch_internal_server: bool = True,
    opening: Callable[[], Storage] | None = None,
    tuning: Tuning | None = None,
    gate: Gate | None = None,
) -> Application:
    """A WSGI application that serves `profile`: a target as on the command line, or one that was found already.

    Nothing is opened before the first request. Without `profile` the setting PROFILE decides; without `settings` the
    environment does, `AIIDA_LIKE_PROFILE` and so on. `catch_internal_server`: internal errors are logged with their
    traceback. `opening` opens the storage, if not in the usual way. `gate` settles callers; where the setting ENGINE
    names an engine, and none is given, one is made.

    Raises:
        TargetError: there is no such target, or no such setting.
        TypeError: `profile` is something else, such as settings.
    """
    if not isinstance(profile, Profile | str | None):
        raise TypeError(f"profile is a target, not {type(profile).__name__}; settings are the second argument")
    settings = settings_from(settings)
    if isinstance(profile, str):
        settings = replace(settings, profile=profile)
    found = profile if isinstance(profile, Profile) else settings.find_profile()
    tuning = tuning or Tuning()
    gate = gate or gate_of(settings, [found.name])
    usual = partial(
        open_storage,
        found,
        cache_folder=settings.cache_path,
        limits=settings.limits,
        remembers=settings.cache,
        tuning=tuning,
    )
    with _assembling:
        app = Application(settings, catch_internal_server=catch_internal_server)
        storage = app.extensions["aiida_like_storage"] = LazyStorage(
            opening or usual, partial(stamp_of, found), found.name
        )
        conditional = Conditional(found.name, settings, tuning)
        for dialect in DIALECTS:
            app.mount(MountedDialect(dialect, settings, app.routes, storage, conditional, app.failures))
        if settings.engine is not None and found == settings.find_profile_of_engine():
            from restapi.dialects import jobs

            app.mount_run_api(jobs.run_api(settings.engine, storage, settings, app.failures))
        app.routes.add(f"{STATIC}/{REST}", StaticTarget(), {}, {})
        explorer = (
            Explorer(found, settings, app.routes, app.failures, tuning, app.run_apis, gate)
            if settings.explorer
            else None
        )
        nav = [] if explorer is None else explorer.mount()
        app.register_blueprint(docs_page.blueprint(found, DIALECTS, app.run_apis, nav))
        app.register_blueprint(home.blueprint(found, storage, app.run_apis, explorer))
        app.register_blueprint(health.blueprint(storage))
        missing, broken = partial(_beside_dialects, app.routes, explorer), partial(_broken, explorer, app.message_key)
        errors.register(app, app.failures, missing, broken, app.message_key)
        app.after_request(headers.complete_page)
        app.after_request(_answer_preflight)
        if gate is not None:
            app.guard(gate, explorer)
        if settings.access_log:
            app.wsgi_app = AccessLog(app.wsgi_app, found.name, app.proxies)  # type: ignore[method-assign]
        return app.seal()


def _beside_dialects(routes: RouteTree[Target], explorer: Explorer | None, exchange: Exchange) -> Answer:
    """The answer at a path that Flask knows nothing of: a page, else 404 as the dialect of its prefix answers it."""
    page = routes.find(exchange.path_info)
    if page is not None:
        target, arguments = page
        return target.answer(exchange, arguments)
    if explorer is not None and _is_page(exchange):
        return explorer.missing(exchange)
    found = (each for each in DIALECTS if f"{exchange.path}/".startswith(f"{each.prefix}/"))
    dialect = next(found, aiida_v2.DIALECT)
    return dialect.missing(exchange.mount_path + dialect.prefix)


def _broken(explorer: Explorer | None, key_of: Callable[[WSGIEnvironment], str], exchange: Exchange) -> Answer:
    """The answer to a request that an error of ours has ended."""
    if explorer is not None and _is_page(exchange):
        return explorer.broken(exchange)
    return errors.failure(errors.GENERIC, HTTPStatus.INTERNAL_SERVER_ERROR, exchange, key_of(exchange.environ))


def _is_page(exchange: Exchange) -> bool:
    return not f"{exchange.path}/".startswith("/api/") and wants_page(exchange)


def _answer_preflight(response: Response) -> Response:
    """Answers a CORS preflight with 200: to a browser any status but 2xx means no."""
    if request.method != "OPTIONS":
        return response
    if "Access-Control-Request-Method" in request.headers:
        response.status_code = 200
    return headers.allow_preflight(response)
