"""The command `aiida-like`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from aiida_like import __version__
from aiida_like.errors import TargetError
from aiida_like.profiles import Profile, demo, find, find_all, find_default
from aiida_like.storage import open_storage
from restapi import apache_config as apache
from restapi.config import Settings, settings_of_environment
from restapi.home import EXAMPLES
from restapi.query import Found, Refused, ask
from restapi.site import check_names, site_of
from restapi.tables import table_of, write_csv

_EXIT_WRONG_TARGET = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aiida-like")
def main() -> None:
    """Serves AiiDA archives and profiles over the web, read-only."""


def _settings_help() -> str:
    """The table of settings, for --help."""
    lines = (
        f"  AIIDA_LIKE_{field.name.upper():18} {field.metadata['help']}"
        + ("" if field.default is None else f" [{field.default}]")
        for field in fields(Settings)
    )
    return "\b\nSettings, from the environment:\n" + "\n".join(lines)


@main.command(epilog=_settings_help())
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--demo", "is_demo", is_flag=True, help="Serve the archive that comes with the package.")
@click.option("-H", "--hostname", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("-P", "--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port to listen at.")
@click.option(
    "-w", "--workers", type=click.IntRange(1), default=None, help="Processes. [default: one per core, at most 4]"
)
@click.option("--threads", type=click.IntRange(1), default=4, show_default=True, help="Threads of each process.")
@click.option("--access-log", is_flag=True, help="Print each request, as a line of JSON.")
@click.option(
    "--repository", metavar="FOLDER", help="The folder that holds AiiDA's container/, for a postgresql:// URL."
)
def serve(
    targets: tuple[str, ...],
    is_demo: bool,  # noqa: FBT001 (click passes a flag so)
    hostname: str,
    port: int,
    workers: int | None,
    threads: int,
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
    """  # noqa: D301 (click knows a backspace)
    try:
        settings = settings_of_environment()
        if access_log:
            settings = replace(settings, access_log=True)
        profiles = _find_all(targets, repository, is_demo=is_demo)
        application = site_of(profiles, settings)
        _check_all(profiles, settings)
        _check_address(hostname, port)
    except TargetError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_EXIT_WRONG_TARGET)
    _announce(profiles, hostname, port)
    _run(application, f"{_bracketed(hostname)}:{port}", workers or min(4, os.cpu_count() or 1), threads)


def _find_all(targets: tuple[str, ...], repository: str | None, *, is_demo: bool) -> list[Profile]:
    found = [demo()] if is_demo else []
    found += find_all(targets, repository)
    return found or [find_default()]


def _check_all(profiles: list[Profile], settings: Settings) -> None:
    """Raises TargetError: none can be opened. Where only some cannot, the others are served."""
    refused = [error for profile in profiles if (error := _refusal(profile, settings))]
    if len(refused) == len(profiles):
        raise refused[0]
    for error in refused:
        click.echo(f"Warning: {error}", err=True)


def _refusal(profile: Profile, settings: Settings) -> TargetError | None:
    """Opens the profile once before workers do, which unpacks an archive under the eyes of the user."""
    try:
        _open_visibly(profile, settings)
    except TargetError as error:
        return error
    return None


def _open_visibly(profile: Profile, settings: Settings) -> None:
    console = Console(stderr=True)
    if not console.is_terminal:
        _open(profile, settings, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"unpacking the database of {profile.name}", visible=False)
        _open(
            profile,
            settings,
            lambda done, total: progress.update(task, completed=done, total=total, visible=True),
        )


def _open(profile: Profile, settings: Settings, tell: Callable[[int, int], None] | None) -> None:
    open_storage(profile, cache_folder=settings.cache_path, limits=settings.limits, progress=tell).close()


def _check_address(hostname: str, port: int) -> None:
    """Asked first, because gunicorn tries for seconds and then prints a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise TargetError(
            f"cannot listen at {hostname}, port {port}: {error.strerror}; choose with -H and -P"
        ) from error


def _announce(profiles: list[Profile], hostname: str, port: int) -> None:
    root = f"http://{_bracketed(hostname)}:{port}"
    click.echo(f"aiida-like {__version__} serves {', '.join(profile.name for profile in profiles)}, read-only.")
    if len(profiles) > 1:
        for profile in profiles:
            click.echo(f"  {profile.name}: {root}/{profile.name}/api/v4")
    click.echo("Try, in a browser or with curl:")
    for url in ["", *(example.url for example in EXAMPLES)]:
        # Quoted where a shell would take & and " for its own.
        click.echo(f"  '{root}/{url}'" if "?" in url else f"  {root}/{url}")
    click.echo("Stop with Ctrl-C.")


def _bracketed(hostname: str) -> str:
    return f"[{hostname}]" if ":" in hostname else hostname


@main.command("query")
@click.argument("target", metavar="PROFILE")
@click.argument("query", metavar="QUERY")
@click.option("--csv", "form", flag_value="csv", help="Print CSV, for a spreadsheet.")
@click.option("--json", "form", flag_value="json", help="Print the data of the answer as JSON.")
@click.option(
    "--repository", metavar="FOLDER", help="The folder that holds AiiDA's container/, for a postgresql:// URL."
)
def query_profile(target: str, query: str, form: str | None, repository: str | None) -> None:
    """Asks a PROFILE without a server, and prints a table.

    PROFILE is what `aiida-like serve` takes as a TARGET, QUERY what stands behind /api/v4/ in a URL, or behind the
    root if it begins with a slash. Put it in single quotes.

    \b
    Examples:
      aiida-like query results.aiida 'nodes?attributes.energy<-3&orderby=attributes.energy&limit=5'
      aiida-like query my-profile 'nodes?filter=label LIKE "Si%" AND NOT attributes.exit_status=0' --csv
      aiida-like query my-profile /api/v2/nodes/statistics
    """  # noqa: D301 (click knows a backspace)
    try:
        settings = settings_of_environment()
        profile = demo() if target == "demo" else find(target, repository)
        _open_visibly(profile, settings)
        found = ask(profile, settings, query)
    except (TargetError, Refused) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_EXIT_WRONG_TARGET if isinstance(error, TargetError) else 1)
    _print(found, form)


def _print(found: Found, form: str | None) -> None:
    if form == "json" or found.rows is None:
        click.echo(orjson.dumps(found.data, option=orjson.OPT_INDENT_2).decode())
    elif form == "csv":
        write_csv(found.rows, sys.stdout)
    else:
        # As wide as it must be where nobody looks: in a file or a pipe no line is folded.
        Console(width=None if sys.stdout.isatty() else 10_000, soft_wrap=not sys.stdout.isatty()).print(
            table_of(found.rows)
        )
    if found.rows is not None and found.total is not None:
        click.echo(f"{len(found.rows)} of {found.total}", err=True)


@main.command("apache-config")
@click.argument("targets", nargs=-1, required=True, metavar="PROFILE...")
@click.option(
    "--one/--many", "one", default=True, help="One group of processes for all, or one for each.  [default: one]"
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/srv/aiida-like"),
    show_default=True,
    help="Where to write wsgi/ and apache/.",
)
@click.option(
    "--venv",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(sys.prefix),
    help="The virtual environment for the processes.  [default: that of this command]",
)
@click.option("--user", help="Who runs the processes.  [default: Apache's user]")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option(
    "--repository", metavar="FOLDER", help="The folder that holds AiiDA's container/, for a postgresql:// URL."
)
def write_apache_config(
    targets: tuple[str, ...],
    one: bool,  # noqa: FBT001
    folder: Path,
    venv: Path,
    user: str | None,
    force: bool,  # noqa: FBT001
    repository: str | None,
) -> None:
    """Writes what Apache with mod_wsgi needs to serve PROFILEs: a site, and for each a script and its settings.

    A PROFILE is what `aiida-like serve` takes as a TARGET; it will answer at /NAME/api/v2 and /NAME/api/v4.

    \b
    Examples:
      aiida-like apache-config my-profile papers=/data/papers.aiida
      aiida-like apache-config --many --user aiida --folder /srv/aiida-like my-profile other-profile
    """  # noqa: D301 (click knows a backspace)
    try:
        apps = [apache.app_of(profile) for profile in check_names(find_all(targets, repository))]
        folder = folder.absolute()
        contents = dict(apache.files(apps, one=one, folder=folder, environment=venv.absolute(), user=user))
        apache.write(contents, folder, replace=force)
    except TargetError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(_EXIT_WRONG_TARGET)
    for name in contents:
        click.echo(f"wrote {folder / name}")
    click.echo(
        "Then, as root (config.py may hold a password: only its owner and the group can read it):\n"
        f"  chgrp {apache.APACHE_GROUP} {folder}/wsgi/*/config.py {folder / apache.CACHE}\n"
        f"  cp {folder / next(iter(contents))} /etc/apache2/sites-available/aiida-like.conf\n"
        "  a2enmod wsgi headers && a2ensite aiida-like && systemctl reload apache2"
    )


def _run(application: Any, address: str, workers: int, threads: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": address,
                "workers": workers,
                "threads": threads,
                "worker_class": "gthread",
                # The largest query string, and room for the path.
                "limit_request_line": 8190,
                "accesslog": None,
                "loglevel": "warning",
                "proc_name": "aiida-like",
                # A socket in the home of the user, which nobody asked for; gunicorn has it since version 25.
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return application

    Server().run()


if __name__ == "__main__":
    main()
