"""`aiida-like serve`: archives and profiles, over HTTP, by gunicorn."""

from __future__ import annotations

import gc
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from math import inf
from typing import Any
from urllib.parse import quote

import click

from aiida_like import __version__
from aiida_like.errors import BeingOpened, TargetError
from aiida_like.profiles import Profile, demo, find_all, find_default
from aiida_like_engine.root.layout import Root
from restapi.accounts.loopback import is_loopback
from restapi.commands.browser_ports import warning_of
from restapi.commands.terminal import open_visibly, repository_option, told_in_one_line
from restapi.commands.with_engine import answers, serve_with_engine, tell_first_key
from restapi.config import ReadAccess, Settings, settings_of_environment
from restapi.hosting.site import site_of
from restapi.http.proxies import Proxies


def _settings_help() -> str:
    """The table of settings, for --help."""
    lines = (
        f"  AIIDA_LIKE_{field.name.upper():18} {field.metadata['help']}"
        + ("" if field.default is None else f" [{field.default}]")
        for field in fields(Settings)
    )
    return "\b\nSettings, from the environment:\n" + "\n".join(lines)


@click.command(epilog=_settings_help())
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--demo", "is_demo", is_flag=True, help="Serve the archive that comes with the package.")
@click.option("-H", "--hostname", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("-P", "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port to listen at.")
@click.option(
    "-w", "--workers", type=click.IntRange(1), default=None, help="Processes. [default: one per core, at most 4]"
)
@click.option("--threads", type=click.IntRange(1), default=4, show_default=True, help="Threads of each process.")
@click.option(
    "--engine",
    "root",
    metavar="ROOT",
    envvar="AIIDA_LIKE_ENGINE",
    help="Serve the runs of an engine first, to who has an account there.",
)
@click.option("--with-engine", is_flag=True, help="Make the engine, where there is none yet, and run it too.")
@click.option("--no-accounts", is_flag=True, help="Let in who has the first key, from this machine: for a desktop.")
@click.option("--access-log", is_flag=True, help="Print each request, as a line of JSON.")
@repository_option
def serve(
    targets: tuple[str, ...],
    is_demo: bool,  # noqa: FBT001 (click passes a flag so)
    hostname: str,
    port: int,
    workers: int | None,
    threads: int,
    root: str | None,
    with_engine: bool,  # noqa: FBT001
    no_accounts: bool,  # noqa: FBT001
    access_log: bool,  # noqa: FBT001
    repository: str | None,
) -> None:
    """Serves TARGETs: archives (*.aiida), names of AiiDA profiles, profile folders, postgresql:// URLs.

    Without a TARGET it is AiiDA's default profile. One is served at /api/v2 and /api/v4. Of several the first is, and
    each is at /NAME/api/v2 and /NAME/api/v4; the page / lists them. NAME is that of the profile or of the file, or
    what NAME=TARGET says.

    \b
    Examples:
      aiida-like serve results.aiida
      aiida-like serve my-profile other-profile papers/*.aiida -P 8000
      aiida-like serve team=postgresql://reader@db/aiida --repository /data/aiida/repository
      aiida-like serve --engine /srv/runs --with-engine
    """  # noqa: D301 (click knows a backspace)
    with told_in_one_line():
        settings = settings_of_environment()
        slow = settings.slow_statements or max(1, threads // 2)
        settings = replace(
            settings,
            access_log=access_log or settings.access_log,
            slow_statements=slow,
            engine=root,
            accounts=settings.accounts and not no_accounts,
        )
        _check_engine(settings, hostname, with_engine=with_engine)
        if with_engine:
            check_address(hostname, port)
            find_all(targets, repository)  # what cannot be found is told before anything is started
            sys.exit(serve_with_engine(settings, f"{_root_url(hostname, port)}/login"))
        if not settings.accounts:
            tell_first_key(settings, f"{_root_url(hostname, port)}/login")
        profiles = _find_all(targets, repository, settings, is_demo=is_demo)
        application = site_of(profiles, settings)
        opened = _opened(profiles, settings)
        check_address(hostname, port)
    with suppress(BrokenPipeError):  # nobody has to read it
        if (warning := warning_of(port)) is not None:
            click.echo(warning, err=True)
        _announce(opened, _root_url(hostname, port), settings, is_alone=len(profiles) == 1)
    proxies = _options_about(Proxies(settings.trusted_proxies or ""))
    run(application, _address(hostname, port), workers or min(4, os.cpu_count() or 1), threads, proxies)


def _address(hostname: str, port: int) -> str:
    return f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"


def _root_url(hostname: str, port: int) -> str:
    mount = os.environ.get("SCRIPT_NAME", "").rstrip("/")  # as gunicorn reads it
    return f"http://{_address(hostname, port)}{mount}"


def _options_about(proxies: Proxies) -> dict[str, str]:
    """The options of gunicorn that say whose `X-Forwarded-Proto` and `SCRIPT_NAME` it believes: without them, those of
    the loopback. Its first versions know no networks.
    """
    refused = [each for each in proxies.addresses if not _is_known_to_gunicorn(each)]
    if refused:
        click.echo(
            f"Warning: this version of gunicorn takes addresses alone, so no X-Forwarded-Proto of {', '.join(refused)} "
            "is believed",
            err=True,
        )
    return {"forwarded_allow_ips": ",".join(each for each in proxies.addresses if each not in refused)}


def _is_known_to_gunicorn(address: str) -> bool:
    from gunicorn.config import Config

    try:
        Config().set("forwarded_allow_ips", address)
    except ValueError:
        return False
    return True


def _check_engine(settings: Settings, hostname: str, *, with_engine: bool) -> None:
    """Raises TargetError: there is no engine that could be served so, or others could ask it without accounts."""
    if settings.engine is None:
        if with_engine or not settings.accounts:
            option = "--with-engine" if with_engine else "--no-accounts"
            raise TargetError(f"{option} needs --engine ROOT, the folder of the engine")
    elif not settings.accounts and not is_loopback(hostname):
        raise TargetError(
            f"without accounts this machine alone may ask, which {hostname} is not: leave -H or --no-accounts out"
        )


def _find_all(targets: tuple[str, ...], repository: str | None, settings: Settings, *, is_demo: bool) -> list[Profile]:
    found = [settings.find_profile_of_engine()] if settings.engine is not None else []
    found += [demo()] if is_demo else []
    found += find_all(targets, repository)
    return found or [find_default()]


_SECONDS_EACH, _SECONDS_ALL = 5.0, 15.0
"""How long the opening of one of several profiles, and of all, may keep the server from listening."""


def _opened(profiles: Sequence[Profile], settings: Settings) -> list[Profile]:
    """The profiles that can be opened, and after them those that take longer.

    Done once before workers do it, so that a user sees the unpacking; one alone is waited for.

    Raises:
        TargetError: none can.
    """
    end = time.monotonic() + (_SECONDS_ALL if len(profiles) > 1 else inf)
    refused = {profile.name: error for profile in profiles if (error := _refusal(profile, settings, end))}
    slow = [profile for profile in profiles if isinstance(refused.get(profile.name), BeingOpened)]
    if len(refused) == len(profiles) and not slow:
        raise refused[profiles[0].name]
    for error in refused.values():
        click.echo(f"Warning: {error}", err=True)
    return [profile for profile in profiles if profile.name not in refused] + slow


def _refusal(profile: Profile, settings: Settings, end: float) -> TargetError | None:
    until = end if end == inf else min(time.monotonic() + _SECONDS_EACH, end)
    if time.monotonic() > end:
        return BeingOpened(f"{profile.name} is not open yet, {_ON_DEMAND}")
    try:
        open_visibly(profile, settings, until)
    except BeingOpened as error:
        return BeingOpened(f"{error}, {_ON_DEMAND}")
    except TargetError as error:
        return error
    return None


_ON_DEMAND = "so it is opened when it is asked for, and the answer is 503 until it is open"


_PAGES = ("nodes?orderby=-ctime",)
_EXAMPLES = (
    "api/v4/nodes?attributes.energy<0&orderby=attributes.energy&limit=5",
    "api/v4/docs",
    'api/v2/calculations?state="FAILED"',
)
"""URLs worth a click, below the mount of a profile: those of pages, and of the API."""

_FIRST_STEPS = (
    "{root}/api/v2/analyses/",
    "-F file=@script.sh {root}/api/v2/files/contents/",
    "{root}/api/v2/jobs/",
)
"""Arguments of curl, for who has an account: what there is to run, a file to run it with, and what was run."""


def _announce(opened: Sequence[Profile], root: str, settings: Settings, *, is_alone: bool) -> None:
    click.echo(f"aiida-like {__version__} serves {_named(opened, has_engine=settings.engine is not None)}.")
    if settings.access() is not ReadAccess.PUBLIC:
        click.echo(f"Sign in at {root}/login, or send a key with each request: -H 'Authorization: Token KEY'")
    roots = {profile.name: root if is_alone else f"{root}/{quote(profile.name)}" for profile in opened}
    if not is_alone:
        click.echo(f"  all: {root}/")
        for name, of_profile in roots.items():
            click.echo(f"  {name}: {of_profile}/api/v4")
    if settings.engine is not None and not answers(root_of_engine := Root.existing(settings.engine)):
        start = f"aiida-like engine start {shlex.quote(str(root_of_engine.path))}"
        click.echo("Warning: no engine works here now: what was run can be read. To run more, start it:", err=True)
        click.echo(f"  {start}", err=True)
    click.echo("Try, in a browser or with curl:")
    for url in ("", *(_PAGES if settings.explorer else ()), *_EXAMPLES):
        shown = f"{roots[opened[0].name]}/{url}"
        # Quoted where a shell would take & and " for its own.
        click.echo(f"  '{shown}'" if "?" in url else f"  {shown}")
    if settings.engine is not None:
        click.echo("Run something:")
        click.echo(f"  KEY=$({_command_for_a_key(Root.existing(settings.engine))})")
        for path in _FIRST_STEPS:
            click.echo(f'  curl -H "Authorization: Token $KEY" {path.format(root=root)}')
    click.echo("Stop with Ctrl-C.")


def _named(opened: Sequence[Profile], *, has_engine: bool) -> str:
    """The names of profiles; the first may be that of an engine, the others are only read."""
    read = ", ".join(profile.name for profile in opened[has_engine:])
    parts = [f"{opened[0].name}, where jobs run"] if has_engine else []
    return "; ".join([*parts, f"{read}, read-only"] if read else parts)


def _command_for_a_key(root: Root) -> str:
    """Text for a shell: prints the key of the first start where it can be read, else makes one."""
    if os.access(root.first_key, os.R_OK):
        return f"cat {shlex.quote(str(root.first_key))}"
    return f"aiida-like key add ACCOUNT --engine {shlex.quote(str(root.path))}"


def check_address(hostname: str, port: int) -> None:
    """Checks an address, because gunicorn would try for seconds and then print a traceback.

    Raises:
        TargetError: the address cannot be listened at.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise TargetError(
            f"cannot listen at {hostname}, port {port}: {error.strerror}; choose with -H and -P"
        ) from error


def _end_with_the_terminal(arbiter: Any) -> None:
    """Lets gunicorn's arbiter end at SIGHUP, which says that the terminal was closed: gunicorn would start new workers.

    `nohup` lets the signal be ignored: then the server goes on.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        arbiter.handle_hup = arbiter.handle_term


def run(application: Any, address: str, workers: int, threads: int, more: Mapping[str, Any]) -> None:
    """Serves the application until the process is ended. `more` are options of gunicorn."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": address,
                "workers": workers,
                "threads": threads,
                "worker_class": "restapi.hosting.worker.Worker",
                # The largest query string, and room for the path.
                "limit_request_line": 8190,
                "accesslog": None,
                "loglevel": "warning",
                "proc_name": "aiida-like",
                # Objects of modules live as long as the worker: the garbage collector need not look at them.
                "post_worker_init": lambda _: gc.freeze(),
                # A socket in the home of the user, which nobody asked for; gunicorn has it since version 25.
                "control_socket_disable": True,
                "on_starting": _end_with_the_terminal,
                **more,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return application

    Server().run()
