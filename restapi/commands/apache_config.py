"""`aiida-like apache-config`: a site for Apache, and for each profile of it a script and its settings."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import URL

from aiida_like.errors import TargetError
from aiida_like.profiles import Backend, Profile, find_all, found
from aiida_like.storage.archives.archive import check_archive
from restapi.commands.terminal import repository_option, told_in_one_line
from restapi.hosting.site import check_names


@click.command("apache-config")
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
@repository_option
def apache_config(
    targets: tuple[str, ...],
    one: bool,  # noqa: FBT001 (click passes a flag so)
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
    with told_in_one_line():
        profiles = check_names([found(each) for each in find_all(targets, repository)])
        for profile in profiles:
            if profile.backend is Backend.SQLITE_ZIP and isinstance(profile.database, Path):
                check_archive(profile.database)
        apps = [app_of(profile) for profile in profiles]
        folder = folder.absolute()
        contents = dict(files(apps, one=one, folder=folder, environment=venv.absolute(), user=user))
        _write(contents, folder, replace=force)
    for name in contents:
        click.echo(f"wrote {folder / name}")
    click.echo(
        "Then, as root (config.py may hold a password: only its owner and the group can read it):\n"
        f"  chgrp {_APACHE_GROUP} {folder}/wsgi/*/config.py {folder / _CACHE}\n"
        f"  cp {folder / next(iter(contents))} /etc/apache2/sites-available/aiida-like.conf\n"
        "  a2enmod wsgi headers && a2ensite aiida-like && systemctl reload apache2"
    )


_APACHE_GROUP = "www-data"
"""The group of Debian's Apache."""

_CACHE = "cache"


@dataclass(frozen=True)
class App:
    """One application. `name` is the first part of its URLs, `folder` is that below wsgi/.

    `profile` and `repository` are what its config.py says, as Python literals. `unpacks` says that it needs a folder
    to unpack an archive to.
    """

    name: str
    folder: str
    profile: str
    repository: str | None = None
    unpacks: bool = False


def app_of(profile: Profile) -> App:
    """The application of a profile, with all that AiiDA's configuration says of it: daemons may have another home."""
    name = profile.name
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise TargetError(f"{name!r} cannot be the name of a group of processes: give it another, as in NAME=TARGET")
    match profile.backend, profile.database, profile.container:
        case Backend.PSQL_DOS, URL() as url, Path() as container:
            target = url.set(drivername="postgresql").render_as_string(hide_password=False)
            return App(name, name, _literal(f"{name}={target}"), _literal(str(container.parent)))
        case Backend.SQLITE_DOS, Path() as database, _:
            return App(name, name, _literal(f"{name}={database.parent.absolute()}"))
        case _, database, _:
            return App(name, name, _literal(f"{name}={database}"), unpacks=Path(str(database)).is_file())


def files(
    apps: Iterable[App], *, one: bool, folder: Path | str, environment: Path | str, user: str | None = None
) -> Iterator[tuple[str, str]]:
    """Paths below `folder`, and what is to stand in them.

    `one` puts all into one group of processes. `environment` is the virtual environment; `user` runs the daemons, None:
    Apache's own.

    Raises:
        TargetError: a path or a name that cannot stand in a configuration of Apache.
    """
    apps = list(apps)
    for text in (str(folder), str(environment), user or ""):
        if not re.fullmatch(r"[^\s\"'\\$%{}<>]*", text):
            raise TargetError(f"{text!r} has characters that mean something else to Apache: choose another")
    templates = Environment(
        loader=PackageLoader("restapi", "commands/templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 (no HTML)
    )
    site = "one.conf" if one else "many.conf"
    yield (
        f"apache/{site}",
        templates.get_template("site.conf.jinja").render(
            apps=apps,
            one=one,
            name=site,
            folder=folder,
            environment=environment,
            user=f" user={user}" if user else "",
        ),
    )
    for app in apps:
        for name in ("rest.wsgi", "config.py"):
            yield f"wsgi/{app.folder}/{name}", templates.get_template(f"{name}.jinja").render(app=app, folder=folder)


def _write(contents: Mapping[str, str], folder: Path, *, replace: bool) -> None:
    """Writes the files, and makes the folder that archives are unpacked to.

    Only the owner and Apache's group may read config.py, which can hold a password.

    Raises:
        TargetError: a file is there already and not to be replaced, or cannot be written.
    """
    paths = {folder / name: content for name, content in contents.items()}
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise TargetError(f"{there[0]} is there already: name another --folder, or replace it with --force")
    try:
        for path, content in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o640 if path.name == "config.py" else 0o644)
            path.write_text(content)
            _let_apache_have(path)
        cache = folder / _CACHE
        cache.mkdir(exist_ok=True)
        cache.chmod(0o770)
        _let_apache_have(cache)
    except OSError as error:
        raise TargetError(f"{error.filename} cannot be written: {error.strerror}") from error


def _let_apache_have(path: Path) -> None:
    try:
        shutil.chown(path, group=_APACHE_GROUP)
    except (LookupError, PermissionError):
        # Not Debian, or not root: the command prints what is left to do.
        return


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
