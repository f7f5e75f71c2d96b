"""The settings of one application."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Config

from aiida_like.errors import TargetError
from aiida_like.profiles import RUNS, Profile, expect, find, find_default
from aiida_like.storage import Limits
from aiida_like_engine.errors import RootError
from aiida_like_engine.root.layout import Root
from querylang.options import WindowLimits


def _setting(default: Any, help_: str, *, in_answers: bool) -> Any:
    """A field of settings; `in_answers`: whether it can decide what is answered to GET."""
    return field(default=default, metadata={"help": help_, "in_answers": in_answers})


class ReadAccess(Enum):
    """Who may read a profile: all of it or nothing."""

    PUBLIC = "public"
    ACCOUNTS = "accounts"
    SUPERUSER = "superuser"


@dataclass(frozen=True)
class Settings:
    """The settings of an operator; the names in capitals are keys of a configuration.

    With `AIIDA_LIKE_` in front of them they are variables of the environment.
    """

    profile: str | None = _setting(None, "what is served; default: AiiDA's default profile", in_answers=False)
    repository: str | None = _setting(
        None, "the folder that holds container/, for a postgresql:// URL", in_answers=False
    )
    cache_folder: str | None = _setting(
        None, "where databases of archives are unpacked to; default: ~/.cache/aiida-like", in_answers=False
    )
    statement_seconds: float = _setting(10.0, "how long a statement may take", in_answers=False)
    slow_statements: int | None = _setting(
        None,
        "how many statements may take longer than 0.5 s at once in one process; default: half of its threads",
        in_answers=False,
    )
    connections: int = _setting(16, "how many statements may run at once in one process", in_answers=False)
    max_limit: int = _setting(400, "the largest and the default limit of a list", in_answers=True)
    page_size: int = _setting(20, "how many rows a page has without perpage, at most MAX_LIMIT", in_answers=True)
    max_query_length: int = _setting(8000, "how long a query string may be, in bytes", in_answers=True)
    max_query_rows: int = _setting(10_000, "how many rows a query of POST may have", in_answers=False)
    max_row_characters: int = _setting(
        64_000_000,
        "how many characters of text and JSON the rows of one statement may have, if they are several",
        in_answers=False,
    )
    max_export_rows: int = _setting(1_000_000, "how many rows a file of format csv or ndjson may have", in_answers=True)
    graph_nodes: int = _setting(1000, "how many nodes a graph has without limit", in_answers=True)
    max_graph_nodes: int = _setting(10_000, "the largest limit of a graph", in_answers=True)
    max_open_profiles: int = _setting(64, "how many profiles of several are kept open in one process", in_answers=False)
    cache: bool = _setting(
        default=True,
        help_="whether counts and answers are remembered as long as nothing is committed",
        in_answers=False,
    )
    access_log: bool = _setting(
        default=False, help_="whether each request is logged, as one line of JSON", in_answers=False
    )
    archive_max_age: int = _setting(
        3600, "how long caches may answer for an archive without asking again, in seconds", in_answers=False
    )
    old_type_names: bool = _setting(
        default=False,
        help_="whether version 2 shows types by the names of AiiDA 0.12, as old clients know them",
        in_answers=True,
    )
    explorer: bool = _setting(default=True, help_="whether browsers get pages of the data", in_answers=False)
    querybuilder: bool = _setting(default=True, help_="whether POST /querybuilder is answered", in_answers=True)
    client_seconds: float = _setting(
        30.0,
        "how long a client of `aiida-like serve` may take to send a request, and to take anything of an answer",
        in_answers=False,
    )
    trusted_proxies: str | None = _setting(
        None,
        "addresses and networks, with commas, whose X-Forwarded-For and X-Request-ID are believed; * for all",
        in_answers=False,
    )
    max_body_length: int = _setting(1_000_000, "how long the body of POST may be, in bytes", in_answers=False)
    engine: str | None = _setting(
        None, "the folder of an engine, whose accounts decide who may read and run", in_answers=False
    )
    read_access: str | None = _setting(
        None,
        "who may read profiles: public, accounts or superuser; default: accounts with an engine, else public",
        in_answers=False,
    )
    accounts: bool = _setting(
        default=True,
        help_="whether people have accounts; without, an engine is one person's, who asks from the same machine",
        in_answers=False,
    )
    session_days: float = _setting(14.0, "how long who signs in by a page stays so, in days", in_answers=False)
    gateway_secret_file: str | None = _setting(
        None,
        "a file with the secret that a gateway such as Kong sends in X-Gateway-Secret; then it says who asks",
        in_answers=False,
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "page_size", min(self.page_size, self.max_limit))

    def access(self) -> ReadAccess:
        """Who may read. Raises TargetError: the setting is none, or there is nobody who could be let in."""
        if self.read_access is None:
            return ReadAccess.PUBLIC if self.engine is None else ReadAccess.ACCOUNTS
        choices = {each.value: each for each in ReadAccess}
        if self.read_access not in choices:
            raise TargetError(f"the setting READ_ACCESS takes {', '.join(choices)}, not {self.read_access!r}")
        access = choices[self.read_access]
        if self.engine is None and access is not ReadAccess.PUBLIC:
            raise TargetError(f"READ_ACCESS={access.value} needs an ENGINE, which has the accounts")
        return access

    @property
    def in_answers(self) -> tuple[Any, ...]:
        """The values that decide what is answered to GET with status 200, for entity tags.

        Not all values, because nothing public may be made from a password.
        """
        return tuple(getattr(self, each.name) for each in fields(self) if each.metadata["in_answers"])

    @property
    def limits(self) -> Limits:
        return Limits(
            self.statement_seconds,
            self.connections,
            self.slow_statements or max(1, _threads_of_process() // 2),
            self.max_row_characters,
        )

    @cached_property
    def window_limits(self) -> WindowLimits:
        return WindowLimits(self.max_limit, self.page_size)

    @property
    def cache_path(self) -> Path | None:
        return Path(self.cache_folder) if self.cache_folder else None

    def find_profile(self) -> Profile:
        """The profile that is served where no target is named. Raises TargetError."""
        if self.profile:
            return expect(self.profile, self.repository)
        return find_default() if self.engine is None else self.find_profile_of_engine()

    def find_profile_of_engine(self) -> Profile:
        """The profile that the engine writes, called `runs`. Raises TargetError: it is not there."""
        return replace(find(str(self.find_engine().store)), name=RUNS)

    def without_accounts(self) -> Settings:
        """Settings for a command that reads a profile itself: whoever may run it may read the files."""
        return replace(self, engine=None, read_access=None, accounts=True, gateway_secret_file=None)

    def find_engine(self) -> Root:
        """The files of the engine. Raises TargetError: it is not there."""
        assert self.engine is not None
        try:
            return Root.existing(self.engine)
        except RootError as error:
            raise TargetError(str(error)) from error


def settings_from(given: Settings | Mapping[str, Any] | None) -> Settings:
    """The given settings; those of the environment, if none are given.

    Raises:
        TargetError: as `read_settings`.
    """
    if given is None:
        return settings_of_environment()
    return given if isinstance(given, Settings) else read_settings(given)


def _threads_of_process() -> int:
    """As mod_wsgi says; 4 elsewhere. The server of `aiida-like serve` has a setting made of what it knows."""
    return int(getattr(sys.modules.get("mod_wsgi"), "threads_per_process", 4))


ENVIRONMENT_PREFIX = "AIIDA_LIKE_"


def settings_of_environment() -> Settings:
    """The settings of the environment: `AIIDA_LIKE_PROFILE` is PROFILE, and so on.

    Raises:
        TargetError: as `read_settings`.
    """
    start = len(ENVIRONMENT_PREFIX)
    return read_settings(
        {name[start:]: value for name, value in os.environ.items() if name.startswith(ENVIRONMENT_PREFIX)}
    )


def settings_of_file(path: Path) -> Settings:
    """The settings of a Python file: its names in capitals. It is never imported, so several can have one name.

    Raises:
        TargetError: there is no such file, or as `read_settings`.
    """
    config = Config(str(path.parent))
    try:
        config.from_pyfile(path.name)
    except OSError as error:
        raise TargetError(f"the settings {path} cannot be read: {error.strerror}") from error
    return read_settings(config)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from a mapping with names in capitals; values from the environment are text.

    Raises:
        TargetError: a name is unknown, or a value is of the wrong type.
    """
    known = {known.name.upper(): known for known in fields(Settings)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            similar = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            raise TargetError(f"there is no setting {name}{hint or '.'} There are: {', '.join(known)}")
        given[name.lower()] = _converted(name, value, str(known[name].type))
    return Settings(**given)


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _converted(name: str, value: Any, type_name: str) -> str | bool | int | float:
    type_name = type_name.removesuffix(" | None")
    if type_name == "str":
        return str(value)
    if type_name == "bool":
        if str(value).lower() not in _BOOLEANS:
            raise TargetError(f"the setting {name} takes true or false, not {value!r}")
        return _BOOLEANS[str(value).lower()]
    try:
        number = int(value) if type_name == "int" else float(value)
    except (TypeError, ValueError):
        number = 0
    if number <= 0:
        kind = "an integer" if type_name == "int" else "a number"
        raise TargetError(f"the setting {name} takes {kind} above 0, not {value!r}")
    return number
