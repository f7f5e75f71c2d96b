"""How a command ends if its target or query is at fault."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from aiida_like.errors import AiidaLikeError, StatementTimeout, StorageError, TargetError
from restapi.commands.in_process import Refused

EXIT_CODES: Mapping[type[AiidaLikeError], int] = {
    TargetError: 2,
    Refused: 1,
    StatementTimeout: 1,
    StorageError: 1,
}


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Ends the process with a message, without a traceback, if one of these errors leaves the block."""
    try:
        yield
    except tuple(EXIT_CODES) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
