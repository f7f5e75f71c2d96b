"""The command `aiida-like`. What it can do is in `commands/`, a file each."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import click

from aiida_like import __version__
from restapi.commands.advise import advise
from restapi.commands.apache_config import apache_config
from restapi.commands.query import query
from restapi.commands.serve import serve


@click.group(commands=[serve, query, advise, apache_config], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aiida-like")
def main() -> None:
    """Serves AiiDA archives and profiles over the web, read-only."""
    if sys.stdout is None:  # closed by who started us
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    elif isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.isatty():
        # Not each terminal can show each character. A file must hold them as they are.
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
