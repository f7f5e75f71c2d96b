"""Makes a ROOT: AiiDA's profile, a computer, codes, `server.sqlite`, settings. Done twice, it mends."""

from __future__ import annotations

import grp
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from aiida_like_engine.errors import RootError
from aiida_like_engine.root import catalogue
from aiida_like_engine.root.environment import ANSWER, UMASK, python, surroundings
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, read_settings, written_settings
from aiida_like_engine.server_db.database import create_database, is_older, log_is_left, open_to_write
from aiida_like_engine.services.supervisor import running

LONGEST_SOCKET = 100
"""Bytes: the system takes 107."""


def require_linux() -> None:
    """Raises RootError: the system is another one."""
    if sys.platform != "linux":
        raise RootError("the engine runs on Linux only: elsewhere, serve what it has made")


def init(path: Path, web_group: str | None = None) -> Root:
    """Make a ROOT, or mend one. `web_group` is the group whose members may read the store: web workers.

    Raises:
        RootError: it cannot be made, a file in it cannot be read, or an engine works on one of an older version.
    """
    require_linux()
    root = Root(path.absolute())
    if root.path.is_relative_to("/usr"):
        raise RootError(f"{root.path} lies below /usr, which all jobs can read: choose another folder")
    if len(os.fsencode(root.socket)) > LONGEST_SOCKET:
        raise RootError(f"{root.path} is too long a path: a socket in it may have {LONGEST_SOCKET} bytes")
    if is_older(root.server_database) and running(root) is not None:
        raise RootError(
            f"{root.server_database} is of an older version, and an engine works with it: "
            f"aiida-like engine stop {root.path}, then init again"
        )
    os.umask(UMASK)
    _folders(root, web_group)
    for file, text in ((root.settings, written_settings()), (root.analyses, _analyses())):
        if not file.exists():
            file.write_text(text, "utf-8")
    _secret(root)
    read_settings(root.settings)
    catalogue.read_catalogue(root.analyses)
    create_database(root.server_database)
    in_a_process(root, "fill")
    return root


def verify(root: Root) -> None:
    """Make sure that an engine can work on a ROOT.

    Raises:
        RootError: it cannot.
    """
    open_to_write(root.server_database).close()
    catalogue.read_catalogue(root.analyses)
    in_a_process(root, "prepare")


def in_a_process(
    root: Root, function: str, module: str = "aiida_like_engine.graph.profile_setup", *arguments: str
) -> str:
    """What a function returns for a ROOT, from a process that loads AiiDA and ends with all its connections.

    Raises:
        RootError: of the function; or the last line of what went wrong there.
    """
    program = (
        f"import sys; from aiida_like_engine.graph.profile_setup import run; from {module} import {function}; "
        f"sys.exit(run({function}, *sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(root.path), *arguments]
    # Before AiiDA is imported, or it makes a folder of its own elsewhere.
    variables = {**os.environ, **surroundings(root)}
    done = subprocess.run(  # noqa: S603
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=variables
    )
    if root.store_database.exists():
        with log_is_left(root.store_database):
            pass
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise RootError(told[-1] if told else f"its process was ended, with status {done.returncode}: try again")
    return done.stdout.decode().rpartition(ANSWER)[2]


def _folders(root: Root, web_group: str | None) -> None:
    shared, own = (root.path, root.store, root.work), (root.aiida, root.control, root.scratch)
    try:
        for folder in (*shared, *own):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in own:
            folder.chmod(0o700)
        for folder in shared:
            if web_group is not None:
                os.chown(folder, -1, grp.getgrnam(web_group).gr_gid)
            folder.chmod(0o2750)
        if web_group is not None:
            _give_to_group(root, grp.getgrnam(web_group).gr_gid)
    except KeyError:
        raise RootError(f"there is no group {web_group!r}") from None
    except OSError as error:
        raise RootError(f"{root.path} cannot be made: {error}") from None


def _give_to_group(root: Root, group: int) -> None:
    """Let a group read what was made before it was named: what is made later is the group's by itself."""
    files = [each for each in root.path.iterdir() if each.is_file() and each != root.first_key]
    for path in (*files, *root.store.rglob("*")):
        if path.lstat().st_gid != group:
            os.chown(path, -1, group, follow_symlinks=False)
            if path.is_dir():
                path.chmod(0o2750)


def _secret(root: Root) -> None:
    with (
        suppress(FileExistsError),
        os.fdopen(os.open(root.secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file,
    ):
        file.write(secrets.token_hex(32))


def _analyses() -> str:
    program = Path(python())
    if program.is_relative_to("/usr"):
        return catalogue.DEFAULT
    return catalogue.DEFAULT + f'readable = ["{program.parent.parent}"]\n'


def warnings(settings: EngineSettings, *, has_sandbox: bool) -> list[str]:
    """What an operator has to know of what jobs can do.

    Raises:
        RootError: there is no sandbox, and settings require one.
    """
    found = []
    if not has_sandbox:
        if settings.require_sandbox:
            raise RootError("bubblewrap does not work here, and require_sandbox is set: apt install bubblewrap")
        found.append(
            "Warning: bubblewrap does not work here: jobs can read and change all that the engine's user can, "
            "the store and keys included. Install it (apt install bubblewrap), or let only trusted people submit."
        )
    if os.getuid() == 0:
        found.append("Warning: the engine runs as root, and so do jobs: give it a user of its own.")
    return found


def sandbox_works() -> bool:
    """Whether jobs run in a sandbox on this machine."""
    import tempfile

    from aiida_like_engine.plugins.wrapper.sandbox import has_sandbox

    with tempfile.TemporaryDirectory() as folder:
        for name in ("work", "_run"):
            (Path(folder) / name).mkdir()
        return has_sandbox(Path(folder))
