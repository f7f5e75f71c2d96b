"""Targets that can be served, and how they are found: archives, AiiDA's profiles, profile folders, database URLs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from sqlalchemy import URL

from aiida_like.errors import MISSING, NOT_READABLE, TargetError, TargetMissing


class Backend(Enum):
    """The storage plug-ins of aiida-core that can be read, by their entry points."""

    SQLITE_ZIP = "core.sqlite_zip"
    SQLITE_DOS = "core.sqlite_dos"
    PSQL_DOS = "core.psql_dos"


@dataclass(frozen=True)
class Profile:
    """A profile and where it is stored; nothing is opened yet.

    `database` is the archive (a file, or a folder it was unpacked to), the SQLite file, or a PostgreSQL URL.
    `container` is the folder of the disk-objectstore container, None for an archive, which holds its own files.
    `sought` is the target, if there was none when it was looked for: then all but the name is a guess.
    """

    name: str
    backend: Backend
    database: Path | URL
    container: Path | None
    sought: str | None = None

    @property
    def title(self) -> str:
        """The name for pages: of an archive its file, else the profile."""
        match self.backend, self.database:
            case Backend.SQLITE_ZIP, Path() as path:
                return path.name
            case _:
                return self.name

    @property
    def location(self) -> str:
        """The place of the database for messages to the operator, without a password."""
        if isinstance(self.database, URL):
            return without_password(self.database.render_as_string(hide_password=True))
        return str(self.database)


LEADS_ELSEWHERE = ("api", "healthz", "readyz")
"""First parts of paths that lead to the first profile of several; none can be called so in a URL."""

TAKEN_BY_PAGES = ("static",)
"""First parts of paths of a site that are no profile's."""

RUNS = "runs"
"""What the profile of an engine is called in URLs."""

RESERVED_WITH_ACCOUNTS = (
    *("accounts", "docs", "keys", "login", "logout", "password", "reset_password", "static", "users", "v1"),
)
"""Further first parts of paths where there are accounts: no account can be called so, and no profile there."""

_URL = re.compile(r"postgres(ql)?(\+\w+)?://")
_NAMED = re.compile(r"([\w.@-]+)=(.+)")
PASSWORD = re.compile(r"(?<=:)(?!//|\s).*(?=@)|(?<=password=)[^&]*", re.IGNORECASE | re.DOTALL)
"""What may be a password in a database URL, even in one that is not written rightly."""


def without_password(text: str) -> str:
    """A text that may hold a database URL, for a message."""
    return PASSWORD.sub("***", text)


def demo() -> Profile:
    """The archive that is part of the package."""
    return Profile("demo", Backend.SQLITE_ZIP, Path(__file__).parent / "demo" / "demo.aiida", None)


def find(target: str, repository: str | None = None) -> Profile:
    """Finds what `target` names: a `postgresql://` URL, else a profile of AiiDA, else `demo`, else a path.

    `NAME=TARGET` gives it another name. `repository` is the repository folder that belongs to a URL (the one that
    holds `container/`).

    Raises:
        TargetMissing: nothing has this name, and the message lists the profiles.
        TargetError: it cannot be called so, or be served.
    """
    name, target = _split_name(target)
    _check_name(name)
    if name in LEADS_ELSEWHERE:
        raise TargetError(f"no profile can be called {name!r} in a URL: give it another name, as in NAME=TARGET")
    found = _find(target, repository)
    found = found if name is None else replace(found, name=name)
    _check_name(found.name)
    return found


def _check_name(name: str | None) -> None:
    if name in _NO_NAMES:
        raise TargetError(f"no profile can be called {name!r}: give it another name, as in NAME=TARGET")


_NO_NAMES = ("", ".", "..")
"""Of these no URL and no folder can be made."""


def _find(target: str, repository: str | None) -> Profile:
    if _URL.match(target):
        return _from_url(target, repository)
    if repository is not None:
        shown = without_password(target)
        raise TargetError(f"--repository goes with a postgresql:// URL; {shown!r} brings its own repository")
    path = Path(target).expanduser()
    try:
        known = _configured()
    except TargetError:
        if os.sep not in target and path.suffix != ".aiida":
            raise
        known = {}  # a profile is not called as a path is
    if target in known:
        return _from_configuration(target, known[target])
    if target == "demo":
        return demo()
    if _is(S_ISDIR, path):
        return _from_folder(path)
    if _is(S_ISREG, path):
        return _from_file(path)
    raise TargetMissing(
        f"no file, folder or AiiDA profile is called {without_password(target)!r}; "
        f"{configuration_file()} knows {_listed(known) if known else 'no profiles'}"
        + ("; a NAME in front of = has letters, digits and . _ - @ alone" if "=" in target else ""),
        "it is missing",
    )


def expect(target: str, repository: str | None = None) -> Profile:
    """As `find`; but what is not there now is looked for again when it is opened, so that a server starts without it.

    Raises:
        TargetError: as `find`, but no TargetMissing.
    """
    try:
        return find(target, repository)
    except TargetMissing:
        name, place = _split_name(target)
    path = Path(place).expanduser().absolute()
    if path.suffix == ".aiida":
        expected = Profile(name or path.stem, Backend.SQLITE_ZIP, path, None, target)
    else:
        folder = path.parent if path.name == "database.sqlite" else path
        expected = replace(_sqlite_folder(name or folder.name, folder), sought=target)
    _check_name(expected.name)
    return expected


def found(profile: Profile) -> Profile:
    """The profile; one that was only expected is looked for again. Raises TargetError: as `find`."""
    return profile if profile.sought is None else replace(find(profile.sought), name=profile.name)


def find_all(targets: Iterable[str], repository: str | None = None) -> list[Profile]:
    """Several targets, each as by `expect`; `repository` belongs to the URL among them.

    Raises:
        TargetError: as `expect`.
    """
    targets = list(targets)
    if len(targets) == 1:
        return [expect(targets[0], repository)]
    urls = [target for target in targets if _is_url(target)]
    if repository is not None and len(urls) != 1:
        raise TargetError(f"--repository goes with one postgresql:// URL, not with {len(urls)}")
    return [expect(target, repository if target in urls else None) for target in targets]


def _split_name(target: str) -> tuple[str | None, str]:
    """`NAME=TARGET` -> its two parts; the path of a file has no name, even with a `=` in it."""
    named = _NAMED.fullmatch(target)
    return (named[1], named[2]) if named and not os.path.lexists(target) else (None, target)


def _is_url(target: str) -> bool:
    _, target = _split_name(target)
    return _URL.match(target) is not None


def find_default() -> Profile:
    """The default profile of AiiDA.

    Raises:
        TargetError: AiiDA is not configured here, or has no default profile.
    """
    file = configuration_file()
    default = _read_configuration().get("default_profile")
    if default is None:
        raise TargetError(
            f"no target was given, and AiiDA has no default profile in {file}: "
            "name an archive, a profile or a URL, or try --demo"
        )
    return find(default)


def configuration_file() -> Path:
    """AiiDA's `config.json`: in the first folder of `AIIDA_PATH` that exists, else the last; else in `~/.aiida`."""
    folders = [Path(part).expanduser() for part in os.environ.get("AIIDA_PATH", "").split(":") if part]
    if not folders:
        return Path.home() / ".aiida" / "config.json"
    folders = [folder if folder.name == ".aiida" else folder / ".aiida" for folder in folders]
    return next((folder for folder in folders if _is(S_ISDIR, folder)), folders[-1]) / "config.json"


def _read_configuration() -> dict[str, Any]:
    file = configuration_file()
    try:
        read = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TargetError(f"AiiDA's configuration {file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise TargetError(f"AiiDA's configuration {file} is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise TargetError(f"AiiDA's configuration {file} is not a JSON object")
    return read


def configured_names() -> frozenset[str]:
    """The names of AiiDA's profiles. Raises TargetError: its configuration cannot be read."""
    return frozenset(_configured())


def _configured() -> dict[str, Any]:
    return dict(_read_configuration().get("profiles", {}))


def _listed(names: dict[str, Any]) -> str:
    return "the profiles " + ", ".join(sorted(names)) if len(names) > 1 else "the profile " + next(iter(names))


def _from_configuration(name: str, entry: dict[str, Any]) -> Profile:
    try:
        storage = entry["storage"]
        config = storage["config"]
        match storage["backend"]:
            case Backend.SQLITE_DOS.value:
                return _sqlite_folder(name, Path(config["filepath"]))
            case Backend.SQLITE_ZIP.value:
                return Profile(name, Backend.SQLITE_ZIP, Path(config["filepath"]), None)
            case Backend.PSQL_DOS.value:
                folder = unquote(urlsplit(config["repository_uri"]).path)
                return Profile(name, Backend.PSQL_DOS, _configured_url(config), Path(folder) / "container")
            case other:
                known = ", ".join(backend.value for backend in Backend)
                raise TargetError(f"the profile {name!r} has the storage {other!r}; {known} can be served")
    except (KeyError, TypeError) as error:
        raise TargetError(
            f"the profile {name!r} in {configuration_file()} is not as AiiDA 2 writes it ({error} is missing): "
            "run any verdi command to migrate the configuration"
        ) from error


def _configured_url(config: dict[str, Any]) -> URL:
    port = config.get("database_port")
    return URL.create(
        "postgresql+psycopg",
        username=config["database_username"] or None,
        password=config.get("database_password") or None,
        host=config.get("database_hostname") or None,
        port=int(port) if port else None,
        database=config["database_name"],
    )


def _from_url(target: str, repository: str | None) -> Profile:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if target.count("@") > 1:
        raise TargetError(
            "the database URL has more than one @: elsewhere in it write %40 for @, %3A for :, %2F for /, %25 for %"
        )
    try:
        url = make_url(target).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise TargetError(
            "the database URL cannot be read; it looks like postgresql://user:password@host:5432/name"
        ) from error
    if not url.database:
        raise TargetError("the database URL names no database; it looks like postgresql://user:password@host:5432/name")
    if repository is None:
        raise TargetError("a postgresql:// URL needs --repository FOLDER, the folder that holds AiiDA's container/")
    folder = Path(repository).expanduser()
    container = folder if (folder / "packs.idx").is_file() else folder / "container"
    return Profile(url.database, Backend.PSQL_DOS, url, container.absolute())


def _is(kind: Callable[[int], bool], path: Path) -> bool:
    """Whether there is something of a kind. Raises TargetMissing: a folder on the way may not be entered."""
    try:
        return kind(path.stat().st_mode)
    except PermissionError as error:
        raise TargetMissing(f"{path} cannot be looked at: {error.strerror}", NOT_READABLE) from error
    except (OSError, ValueError):
        return False


def _from_folder(folder: Path) -> Profile:
    # `.` and `x/..` have no name of their own.
    name = (folder if folder.name not in _NO_NAMES else folder.resolve()).name
    if _is(S_ISREG, folder / "database.sqlite"):
        return _sqlite_folder(name, folder.absolute())
    if _is(S_ISREG, folder / "db.sqlite3"):
        return Profile(name, Backend.SQLITE_ZIP, folder.absolute(), None)
    raise TargetMissing(
        f"the folder {folder} holds neither database.sqlite (an AiiDA profile) nor db.sqlite3 (an unpacked archive)",
        MISSING,
    )


def _from_file(file: Path) -> Profile:
    if file.name == "database.sqlite":
        return _from_folder(file.parent)
    return Profile(file.stem, Backend.SQLITE_ZIP, file.absolute(), None)


def _sqlite_folder(name: str, folder: Path) -> Profile:
    return Profile(name, Backend.SQLITE_DOS, folder / "database.sqlite", folder / "container")
