"""What is stored of files, jobs and runs beside the graph, as this dialect shows it. Times are ISO 8601, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiida_like_engine.protocol import FILE_TYPES

INPUT, OUTPUT = 1, 5
"""Types of files. 2 template, 3 parameter, 4 script, 7 design variables, 8 case, 9 optimizer, 10 temporary,
11 checkpoint, 12 snapshot."""

TYPES = FILE_TYPES


@dataclass(frozen=True)
class Owner:
    """`name` is that of the account, the `<userid>` of paths."""

    name: str
    email: str


@dataclass(frozen=True)
class FileRecord:
    """A file that was uploaded or that a run left. `id` is the public one, `key` names the object in the repository.

    `relative_path` is that in the folder of the run, `path` that among all files of this dialect.
    """

    id: str
    name: str
    type_id: int
    size: int
    md5: str
    sha512: str
    key: str
    date: str
    owner: Owner
    relative_path: str
    path: str
    is_deleted: bool = False
    is_output: bool = False


@dataclass(frozen=True)
class JobRecord:
    """`number` is the row, `id` the public id. `submitted`: when, in microseconds since 1970; None of a draft."""

    number: int
    id: str
    owner: Owner
    name: str
    document: Mapping[str, Any]
    created: str
    submitted: int | None


@dataclass(frozen=True)
class ListedJob:
    """What a list shows of a job, without its document. `analyses` are codes, `files` ids of all that it names."""

    number: int
    id: str
    owner: Owner
    name: str
    analyses: tuple[str, ...]
    files: frozenset[str]
    created: str


@dataclass(frozen=True)
class RunRecord:
    """`row` is that of the table, `number` counts the runs of a job from 1.

    `uuid` is that of the node, None before there is one. `reason` and `message`: why it ended.
    """

    row: int
    number: int
    uuid: str | None
    state: str
    started: str | None
    ended: str | None
    output_count: int
    output_bytes: int | None
    reason: str | None
    message: str | None

    @property
    def has_ended(self) -> bool:
        return self.state == "ended"


def output_path(owner: Owner, job: str, run: int, relative_path: str) -> str:
    return f"user/user_{owner.name}/output/job_{job}/run{run}/{relative_path}"


def input_path(owner: Owner, name: str, uuid: str) -> str:
    """The path of an uploaded file, in which the uuid keeps two of one name apart."""
    stem, dot, suffix = name.rpartition(".")
    return f"user/user_{owner.name}/{stem}-{uuid}.{suffix}" if dot and stem else f"user/user_{owner.name}/{name}-{uuid}"
