"""The command `aiida-like`. What it can do is in `commands/`, a file each."""

from __future__ import annotations

import click

from aiida_like import __version__
from aiida_like_engine.commands.engine import engine
from restapi.commands.accounts import account, key
from restapi.commands.advise import advise
from restapi.commands.apache_config import apache_config
from restapi.commands.output import Commands
from restapi.commands.query import query
from restapi.commands.serve import serve


@click.group(
    cls=Commands,
    commands=[serve, query, advise, apache_config, account, key, engine],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="aiida-like")
def main() -> None:
    """Serves AiiDA archives and profiles over the web, read-only, and runs jobs where there is an engine."""


if __name__ == "__main__":
    main()
