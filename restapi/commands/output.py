"""Standard output of all commands: it is written whole, or the command says in one line that it is not."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from aiida_like.profiles import without_password
from restapi.commands.arguments import hide_passwords

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class Commands(click.Group):
    """A group of commands whose output is written so, help included. Neither click nor the system shows a password."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> Any:  # type: ignore[override]  # overloads
        if args is None:
            hide_passwords()
        if sys.stdout is None:  # closed by who started us
            _discard()
        elif isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.RawIOBase):
            # PYTHONUNBUFFERED: Python forgets what a disk had no room for.
            out = sys.stdout
            sys.stdout = open(  # noqa: SIM115
                out.fileno(), "w", buffering=1, encoding=out.encoding, errors=out.errors, closefd=False
            )
        if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.isatty():
            # Not each terminal can show each character. A file must hold them as they are.
            sys.stdout.reconfigure(errors="backslashreplace")
        return super().main(args, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _written():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _written():
            try:
                return super().invoke(ctx)
            except click.UsageError as error:
                error.message = without_password(error.message)
                raise


@contextmanager
def _written() -> Iterator[None]:
    """Ends the process if the output of the block cannot be written."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Who reads, as `head -1`, has all it wants; whether we notice depends on who is faster.
        _discard()
        sys.exit(0)
    except UnicodeEncodeError as error:
        _end(f"the output holds characters that {error.encoding} lacks: PYTHONIOENCODING=utf-8")
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _end(f"the output cannot be written: {error.strerror}")


def _end(message: str) -> None:
    _discard()
    click.echo(f"Error: {message}", err=True)
    sys.exit(1)


def _discard() -> None:
    """Sends the rest of the output nowhere: Python would try once more to write it."""
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
