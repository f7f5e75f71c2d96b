"""What pages show of run-APIs: each tells it of its own runs, and one list, one page and one form show it of all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from restapi.dialects.inner import Inner
from restapi.http.exchange import Exchange
from restapi.layout import Panel

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Phase(Enum):
    """How far a run is; what each run-API calls it is finer."""

    DRAFT = "draft"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def tone(self) -> str:
        """A class of CSS."""
        return _TONES[self]

    @property
    def is_active(self) -> bool:
        """Whether something happens to the run without anybody's doing."""
        return self in {Phase.WAITING, Phase.RUNNING}


_TONES: Mapping[Phase, str] = {
    Phase.DRAFT: "idle",
    Phase.WAITING: "warn",
    Phase.RUNNING: "busy",
    Phase.DONE: "good",
    Phase.FAILED: "bad",
    Phase.STOPPED: "idle",
}

Moment = tuple[int, str]
"""Where a list goes on: microseconds since 1970 when a run was made, and its id."""


@dataclass(frozen=True)
class Wanted:
    """Which runs are asked for: the youngest `most` in a phase, with a text in them, made before a moment."""

    phase: Phase | None = None
    text: str = ""
    before: Moment | None = None
    most: int = 50


@dataclass(frozen=True)
class ListedRun:
    """A run in a list. `status` is what its API calls its phase, `program` what is run; `ended` None: not yet."""

    id: str
    label: str
    owner: str
    program: str
    phase: Phase
    status: str
    created: int
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def moment(self) -> Moment:
        return self.created, self.id


@dataclass(frozen=True)
class RunList:
    """Runs, the youngest first, and how many there are in each phase, wherever the list begins."""

    counts: Mapping[Phase, int]
    rows: Sequence[ListedRun]


@dataclass(frozen=True)
class Happened:
    """A status that a run had since a moment."""

    status: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class RunFile:
    """A file of a run. `path` leads to its bytes, `page` to more of it; both are below the mount."""

    name: str
    size: int | None = None
    path: str | None = None
    page: str | None = None
    note: str = ""


@dataclass(frozen=True)
class RunLog:
    """What a run prints. At `path` its API answers `?position=&bytes=` with lines, position, next and size."""

    path: str
    name: str


@dataclass(frozen=True)
class Action:
    """What a button does: a request to the API. `question`: what is asked before.

    `leads_on`: the answer names another run, whose page comes next; `removes`: this run has no page any more.
    """

    name: str
    label: str
    method: str
    path: str
    question: str = ""
    leads_on: bool = False
    removes: bool = False


@dataclass(frozen=True)
class Repeat:
    """The requests that would run the same again: a document is sent to `path`, and then its run to `submit`.

    In `submit`, `ID` stands for the id that the first answer has.
    """

    path: str
    document: Any
    submit: str


@dataclass(frozen=True)
class ShownRun:
    """A run on its own page. `facts` are words, each with a text and perhaps the path of a page.

    `node` is the uuid of the node in the graph, None before there is one. `may_be_edited`: the form of its API can
    change and start it. `outputs_total`: all of them, of which `outputs` may be the first ones.
    """

    id: str
    label: str
    owner: str
    program: str
    phase: Phase
    status: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    message: str = ""
    node: str | None = None
    facts: Sequence[tuple[str, str]] = ()
    happened: Sequence[Happened] = ()
    log: RunLog | None = None
    panel: Panel | None = None
    inputs: Sequence[RunFile] = ()
    outputs: Sequence[RunFile] = ()
    outputs_total: int = 0
    actions: Sequence[Action] = ()
    repeat: Repeat | None = None
    may_be_edited: bool = False


Fields = Mapping[str, Sequence[str]]
"""What a form sends: values by name."""


@dataclass(frozen=True)
class Filled:
    """A form as it is shown. `problems` by field, those of none of them under the empty name."""

    fields: Fields = field(default_factory=dict)
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class FormFile:
    """A file that was uploaded; `size` in bytes."""

    id: str
    name: str
    size: int


@dataclass(frozen=True)
class Form:
    """The fields of a form, and the files that it begins with; `offered` are others of the account."""

    panel: Panel
    files: Sequence[FormFile] = ()
    offered: Sequence[FormFile] = ()
    about_files: str = ""


@dataclass(frozen=True)
class Sent:
    """What came of a form: the run, None if there is none; and what to change, with the status of the answer."""

    run: str | None = None
    filled: Filled | None = None


@dataclass(frozen=True, eq=False)
class RunPages:
    """What the pages of runs ask a run-API for. `name` is a word in URLs, `title` what one of its runs is called.

    `listed` is of the runs that the caller may see; `shown` is None of a run that is not one of these. `form` makes
    the fields of a form, of a run that is not started yet, or of a new one; `send` takes what they hold, by requests
    to the API. `of_node` is the id of a run that the caller may see, by the row of its node in API v4, with attributes;
    None: the node is that of no such run. `upload_path` is where files of a form go to, and `file_field` the name of
    the field that takes their ids.
    """

    name: str
    title: str
    listed: Callable[[Exchange, Wanted], RunList]
    shown: Callable[[Inner, str], ShownRun | None]
    form: Callable[[Inner, str | None, Filled], Form]
    send: Callable[[Inner, str | None, Fields], Sent]
    of_node: Callable[[Exchange, Mapping[str, Any]], str | None]
    upload_path: str
    file_field: str = "file"


UPLOAD_PAGE = "/runs/files"
"""The path that a form sends a file to; what comes is handed on to `upload_path` of a run-API."""

_IS_UPLOAD = re.compile(rf"(?:/[^/]+)*?{UPLOAD_PAGE}/?")


def is_upload_by_page(environ: WSGIEnvironment) -> bool:
    """Whether the body of a request is a file that a page sends, which is handed on while it comes."""
    return environ["REQUEST_METHOD"] == "POST" and _IS_UPLOAD.fullmatch(environ.get("PATH_INFO", "")) is not None
