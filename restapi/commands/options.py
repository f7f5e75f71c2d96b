"""Options that several commands have."""

from __future__ import annotations

import click

repository_option = click.option(
    "--repository", metavar="FOLDER", help="The folder that holds AiiDA's container/, for a postgresql:// URL."
)
