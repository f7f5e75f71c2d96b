"""`aiida-like account` and `aiida-like key`: who may read what an engine holds, and run jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from shlex import quote

import click
from rich.cells import cell_len
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from aiida_like.errors import TargetError
from aiida_like.profiles import LEADS_ELSEWHERE, RESERVED_WITH_ACCOUNTS, RUNS, configured_names
from aiida_like_engine.errors import RootError
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import open_to_read, open_to_write
from aiida_like_engine.server_db.passwords import Passwords
from restapi.commands.terminal import engine_option, told_in_one_line


@click.group()
def account() -> None:
    """Adds, lists, disables and removes accounts of an engine.

    An account reads what READ_ACCESS lets it, and sees its own runs; a superuser sees all.
    """


@account.command("add")
@click.argument("name")
@click.option("--email", required=True, help="By which AiiDA knows the user whose nodes the runs are.")
@click.option("--superuser", "is_superuser", is_flag=True, help="Sees and stops the runs of all.")
@click.option("--no-password", "has_no_password", is_flag=True, help="Lets it in by keys alone.")
@engine_option
def add_account(name: str, email: str, is_superuser: bool, has_no_password: bool, root: str) -> None:  # noqa: FBT001
    """Adds the account NAME. It has 2 to 32 of a-z, 0-9, _ and -.

    The password is asked for, or read from the standard input, a line; an argument could be seen by others.

    \b
    Examples:
      aiida-like account add ada --email ada@example.org
      pwgen 20 1 | tee password | aiida-like account add bob --email bob@example.org
    """  # noqa: D301 (click knows a backspace)
    taken = {*LEADS_ELSEWHERE, *RESERVED_WITH_ACCOUNTS, RUNS, *_profiles()}
    with told_in_one_line():
        with _read(root) as connection:
            accounts.check_new(connection, name, email, taken)
        # Nobody else could write while somebody thinks of a password.
        password_hash = None if has_no_password else Passwords().hash(_ask_for_password())
        with _written(root) as connection:
            accounts.add_account(connection, name, email, password_hash, is_superuser=is_superuser, taken=taken)
    click.echo(f"Added the account {name}. A key for its programs: aiida-like key add {name} --engine {quote(root)}")


@account.command("list")
@engine_option
def list_accounts(root: str) -> None:
    """Lists all accounts."""
    with told_in_one_line(), _read(root) as connection:
        _print(
            ("name", "email", "rights", "state", "password"),
            [
                (
                    each.name,
                    each.email,
                    "superuser" if each.is_superuser else "own runs",
                    "disabled" if each.is_disabled else "active",
                    "no" if each.password_hash is None else "yes",
                )
                for each in accounts.all_accounts(connection)
            ],
        )


@account.command("disable")
@click.argument("name")
@click.option("--undo", "is_undone", is_flag=True, help="Lets it in again.")
@engine_option
def disable_account(name: str, is_undone: bool, root: str) -> None:  # noqa: FBT001
    """Disables the account NAME at once. Its sessions end, its keys are refused; its runs go on."""
    with told_in_one_line(), _written(root) as connection:
        accounts.set_disabled(connection, name, is_disabled=not is_undone)
    click.echo(f"The account {name} is {'active' if is_undone else 'disabled'}.")


@account.command("password")
@click.argument("name")
@engine_option
def set_password(name: str, root: str) -> None:
    """Sets the password of the account NAME. Its sessions end, its keys go on working.

    The password is asked for, or read from the standard input, a line.
    """
    with told_in_one_line():
        with _read(root) as connection:
            accounts.account_called(connection, name)
        password_hash = Passwords().hash(_ask_for_password())
        with _written(root) as connection:
            accounts.set_password(connection, name, password_hash)
    click.echo(f"The account {name} has another password.")


@account.command("remove")
@click.argument("name")
@click.option("--files", "with_files", is_flag=True, help="Deletes what it has uploaded, too, and its drafts of jobs.")
@click.option("--yes", "is_sure", is_flag=True, help="Does not ask.")
@engine_option
def remove_account(name: str, with_files: bool, is_sure: bool, root: str) -> None:  # noqa: FBT001
    """Removes the account NAME and revokes its keys. Its runs, and the user that AiiDA knows, stay in the graph.

    So do files that its jobs have used; `aiida-like engine purge` removes the bytes of other deleted ones.
    """
    with told_in_one_line():
        with _read(root) as connection:
            accounts.account_called(connection, name)
        if not is_sure:
            files = ", its files and its drafts" if with_files else ""
            click.confirm(f"Remove the account {name}{files}?", abort=True)
        with _written(root) as connection:
            number = accounts.remove_account(connection, name, with_files=with_files)
    click.echo(f"The account {name} is removed.")
    if with_files:
        click.echo(f"{number} files of it are deleted; their bytes go with: aiida-like engine purge {quote(root)}")


@click.group()
def key() -> None:
    """Adds, lists and revokes keys, with which programs ask: Authorization: Token KEY."""


@key.command("add")
@click.argument("name", metavar="ACCOUNT")
@click.option("--label", default="", help="What it is for.")
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it is valid. [default: until it is revoked]")
@engine_option
def add_key(name: str, label: str, days: int | None, root: str) -> None:
    """Adds a key to an ACCOUNT and prints it. It is shown once: only its SHA-256 is kept."""
    with told_in_one_line(), _written(root) as connection:
        made = accounts.add_key(connection, name, label, timedelta(days=days) if days else None)
    click.echo(made)
    click.echo("This key is shown once. Who has it is the account: keep it as a password.", err=True)


@key.command("list")
@click.argument("name", metavar="[ACCOUNT]", required=False)
@engine_option
def list_keys(name: str | None, root: str) -> None:
    """Lists the keys of the ACCOUNT or of all. The keys themselves are never shown."""
    with told_in_one_line(), _read(root) as connection:
        _print(
            ("id", "account", "label", "state", "created", "expires"),
            [
                (str(each.id), each.account.name, each.label, each.state, _day(each.created), _day(each.expires))
                for each in accounts.all_keys(connection, name)
            ],
        )


@key.command("revoke")
@click.argument("key_id", metavar="ID", type=click.IntRange(1))
@engine_option
def revoke_key(key_id: int, root: str) -> None:
    """Revokes the key with this ID. `aiida-like key list` shows it; from now on the key is refused."""
    with told_in_one_line(), _written(root) as connection:
        accounts.revoke_key(connection, key_id)
    click.echo(f"The key {key_id} is revoked.")


@contextmanager
def _written(root: str) -> Iterator[Connection]:
    database = open_to_write(Root.existing(root).server_database)
    try:
        with database.writing() as connection:
            yield connection
    except OperationalError as error:
        raise RootError(f"{database.path} cannot be written: {error.orig}; the engine's user may") from None
    finally:
        database.close()


@contextmanager
def _read(root: str) -> Iterator[Connection]:
    database = open_to_read(Root.existing(root).server_database)
    try:
        with database.reading() as connection:
            yield connection
    finally:
        database.close()


def _profiles() -> frozenset[str]:
    with suppress(TargetError):
        return configured_names()
    return frozenset()


def _ask_for_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _day(time: int | None) -> str:
    """A moment as the tables hold it, as a day in UTC."""
    return "" if time is None else datetime.fromtimestamp(time / 1e6, timezone.utc).strftime("%Y-%m-%d")


def _print(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints columns; nothing in them can move the cursor of a terminal."""
    lines = [header, *(["".join(c if c.isprintable() else " " for c in cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(header))]
    for line in lines:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
