"""`aiida-like apache-config`: the files of `apache_files.py`, written where the user wants them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aiida_like.profiles import find_all
from restapi.commands.apache_files import APACHE_GROUP, CACHE, app_of, files, write
from restapi.commands.errors import told_in_one_line
from restapi.commands.options import repository_option
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
        apps = [app_of(profile) for profile in check_names(find_all(targets, repository))]
        folder = folder.absolute()
        contents = dict(files(apps, one=one, folder=folder, environment=venv.absolute(), user=user))
        write(contents, folder, replace=force)
    for name in contents:
        click.echo(f"wrote {folder / name}")
    click.echo(
        "Then, as root (config.py may hold a password: only its owner and the group can read it):\n"
        f"  chgrp {APACHE_GROUP} {folder}/wsgi/*/config.py {folder / CACHE}\n"
        f"  cp {folder / next(iter(contents))} /etc/apache2/sites-available/aiida-like.conf\n"
        "  a2enmod wsgi headers && a2ensite aiida-like && systemctl reload apache2"
    )
