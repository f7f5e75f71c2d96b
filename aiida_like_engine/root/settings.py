"""Settings of an engine, `ROOT/engine.toml`: `[engine]`, how it works, and `[limits]`, what anybody may take."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from aiida_like_engine.errors import RootError
from aiida_like_engine.root.toml_file import check_keys, read_toml

T = TypeVar("T")

_UNITS = {
    "": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)")


def _setting(default: Any, help_: str, *, is_bytes: bool = False, least: int = 0) -> Any:
    return field(default=default, metadata={"help": help_, "is_bytes": is_bytes, "least": least})


def _size(default: str, help_: str) -> Any:
    return _setting(read_size(default), help_, is_bytes=True)


def read_size(text: str) -> int:
    """The bytes of `10 GiB`, `1.5 TB` or `4096`.

    Raises:
        ValueError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"{text!r} is no size: 4096, 10 MB, 2.5 GiB")
    return int(float(found[1]) * _UNITS[found[2]])


@dataclass(frozen=True)
class Limits:
    """What anybody may take. Sizes are bytes, times seconds."""

    upload_bytes: int = _size("10 GiB", "one uploaded file")
    account_bytes: int = _size("100 GiB", "all uploaded files of an account, without deleted ones")
    uploads: int = _setting(4, "uploads at once, half of them of one account; more are told to come again", least=1)
    upload_idle_seconds: int = _setting(60, "an upload that sends nothing for so long is ended", least=1)
    upload_rate: int = _setting(5000, "bytes a second: an upload that is slower on the whole is ended", least=1)
    output_files: int = _setting(1000, "files kept of a job one by one; the rest goes into one tar file", least=1)
    output_bytes: int = _size("20 GiB", "bytes kept of a job; what is beyond is not kept, and named in its log")
    account_running: int = _setting(10, "jobs of an account that run at once; more wait", least=1)
    account_queued: int = _setting(1000, "jobs of an account that wait; more are refused", least=1)
    account_drafts: int = _setting(1000, "jobs of an account that were not submitted; more are refused", least=1)
    document_bytes: int = _size("500 kB", "what is stored of a job, as JSON")
    job_inputs: int = _setting(1000, "inputs of a job, of all its steps together", least=1)
    wall_seconds: int = _setting(7 * 86400, "the longest time a step of a job may take", least=1)
    cores: int = _setting(0, "cores of all running jobs together; 0: as many as the machine has")
    memory_bytes: int = _setting(0, "address space of each process of a job; 0: no limit", is_bytes=True)
    processes: int = _setting(512, "processes and threads of a job in a sandbox; root is never limited", least=1)
    file_bytes: int = _size("20 GiB", "one file that a job writes")
    free_bytes: int = _size("1 GiB", "what stays free on the disk: no upload, and no job, goes on below it")


@dataclass(frozen=True)
class EngineSettings:
    """How an engine works."""

    name: str = _setting("runs", "the profile's name")
    workers: int = _setting(2, "processes that run AiiDA's part of jobs", least=1)
    poll_seconds: float = _setting(0.4, "between two looks at the jobs that run: 4 % of a core for each, at 0.4")
    grace_seconds: int = _setting(5, "between the polite end of a job and the sure one", least=1)
    keep_work_folders: bool = _setting(default=False, help_="keep folders of jobs whose files were collected")
    require_sandbox: bool = _setting(default=False, help_="run no job without bubblewrap")
    limits: Limits = field(default_factory=Limits)

    @property
    def cores(self) -> int:
        """The cores of all running jobs together."""
        return self.limits.cores or os.cpu_count() or 1


def read_settings(path: Path) -> EngineSettings:
    """The settings of `engine.toml`; what it does not say has its default.

    Raises:
        RootError: the file cannot be read, a key is unknown, or a value cannot be used.
    """
    content = read_toml(path)
    check_keys(content, {"engine", "limits"}, str(path))
    limits = _made(Limits, content.get("limits", {}), f"{path}, [limits]")
    return _made(EngineSettings, content.get("engine", {}), f"{path}, [engine]", limits=limits)


def _made(class_: type[T], content: Any, place: str, **more: Any) -> T:
    specs = {each.name: each for each in fields(class_) if "help" in each.metadata}  # type: ignore[arg-type]
    if not isinstance(content, dict):
        raise RootError(f"{place} is no table")
    check_keys(content, specs.keys(), place)
    values = {key: _value(f"{place}: {key}", value, specs[key]) for key, value in content.items()}
    return class_(**values, **more)


_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "a text"),
}


def _value(place: str, value: Any, spec: Any) -> Any:
    if spec.metadata["is_bytes"] and isinstance(value, str):
        try:
            return read_size(value)
        except ValueError as error:
            raise RootError(f"{place}: {error}") from None
    types, words = _TYPES[spec.type]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise RootError(f"{place} has to be {words}, and is {value!r}")
    if not isinstance(value, str) and value < spec.metadata["least"]:
        raise RootError(f"{place} has to be {spec.metadata['least']} or more, and is {value!r}")
    return value


def written_settings() -> str:
    """The text of an `engine.toml` in which each setting stands with its default, as a comment."""
    lines = ["# Settings of the engine; a line that begins with # shows the default. Read at each start."]
    for title, class_ in (("engine", EngineSettings), ("limits", Limits)):
        lines += ["", f"[{title}]"]
        for each in fields(class_):
            if "help" in each.metadata:
                lines += [f"# {each.metadata['help']}", f"# {each.name} = {toml(each.default)}"]
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
