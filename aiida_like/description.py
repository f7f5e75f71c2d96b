"""What people want to know of a profile before they look into it, from a file `NAME.toml` that lies beside it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from aiida_like.errors import TargetError
from aiida_like.profiles import Backend, Profile, configuration_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MOST_BYTES = 200_000

_is_doi = re.compile(r"10\.[0-9]{4,9}/[!-~]+").fullmatch


@dataclass(frozen=True)
class Description:
    """What an operator says of a profile; each may be empty. `doi` is without `https://doi.org/`."""

    title: str = ""
    authors: tuple[str, ...] = ()
    doi: str = ""
    license: str = ""
    readme: str = ""


def described(profile: Profile) -> dict[str, Any]:
    """What the description says, for JSON. Raises TargetError: as `describe`."""
    return {key: value for key, value in asdict(describe(profile)).items() if value}


def describe(profile: Profile) -> Description:
    """The description of a profile; an empty one if there is no file.

    Raises:
        TargetError: the file cannot be read, or says something else.
    """
    found = (_description_in(file) for file in files_beside(profile))
    return next((each for each in found if each is not None), Description())


def _description_in(file: Path) -> Description | None:
    """None: there is no such file."""
    try:
        with file.open("rb") as opened:
            read = opened.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise TargetError(f"{file} cannot be read: {error.strerror}") from error
    if len(read) > _MOST_BYTES:
        raise TargetError(f"{file} has more than {_MOST_BYTES} bytes")
    try:
        given = tomllib.loads(read.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TargetError(f"{file} is no TOML: {error}") from error
    return _of(given, file)


def files_beside(profile: Profile) -> Sequence[Path]:
    """Where the description is looked for: beside the archive, the folder of the profile, and AiiDA's `config.json`.

    There it is called as the profile is.
    """
    by_name = configuration_file().with_name(f"{profile.name}.toml")
    match profile.backend, profile.database:
        case Backend.SQLITE_ZIP, Path() as path:
            # An archive that was unpacked is a folder, whose name may have dots.
            return (path.with_suffix(".toml") if path.suffix == ".aiida" else path.with_name(f"{path.name}.toml"),)
        case _, Path() as path:
            return path.parent.with_name(f"{path.parent.name}.toml"), by_name
        case _:
            return (by_name,)


def _of(given: Mapping[str, Any], file: Path) -> Description:
    known = [field.name for field in fields(Description)]
    for key, value in given.items():
        if key not in known:
            raise TargetError(f"{file} has {key!r}; known are {', '.join(known)}")
        if not _TESTS.get(key, _is_text)(value):
            raise TargetError(f"{file}: {key} is {_EXPECTED.get(key, 'a text')}")
    return Description(**{**given, "authors": tuple(given.get("authors", ()))})


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_TESTS: Mapping[str, Callable[[Any], bool]] = {
    "authors": _are_texts,
    "doi": lambda value: isinstance(value, str) and _is_doi(value) is not None,
}

_EXPECTED = {"authors": "a list of texts", "doi": "a text that begins with 10., as in 10.24435/materialscloud:xx-yy"}
