"""What web workers and the gateway say to each other: JSON over HTTP on a unix socket, as frozen dataclasses.

    GET    /health                                 -> Health
    POST   /room             {size}                -> {}
    POST   /files            multipart, streamed   -> StoredFile (201)
    PATCH  /files/ID         {name?, type_id?}     -> StoredFile
    DELETE /files/ID                               -> {}
    POST   /jobs             {name, document}      -> StoredJob (201)
    PATCH  /jobs/ID          {name, document}      -> StoredJob
    DELETE /jobs/ID          {files?}              -> {}
    POST   /jobs/ID/submit   {request, token}      -> StoredRun
    POST   /jobs/ID/stop                           -> StoredRun
    POST   /accounts/ID/generation                 -> {}
    POST   /accounts/ID/password  {hash}           -> {}
    POST   /keys             {label, days?}        -> NewKey (201)
    DELETE /keys/ID                                -> {}

Whose request it is was settled by the web worker: the header `X-Account` holds the number of the account's row. An
error is `{"kind", "message", "field"}` with the status of its kind, and `others` where more is wrong with a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from aiida_like_engine.errors import Busy, Conflict, Invalid, NoRoom, NotFound, Refused, TooMuch

FILE_TYPES = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12)
"""Types that a file may have."""

ACCOUNT_HEADER = "X-Account"
RETRY_SECONDS = 5
"""What `Retry-After` says where the engine is away or busy."""


@dataclass(frozen=True)
class Kind:
    """A kind of refusal: its word, and its HTTP status between gateway and web worker."""

    word: str
    status: HTTPStatus


KINDS: Mapping[type[Refused], Kind] = {
    NotFound: Kind("not_found", HTTPStatus.NOT_FOUND),
    Invalid: Kind("invalid", HTTPStatus.BAD_REQUEST),
    Conflict: Kind("conflict", HTTPStatus.CONFLICT),
    TooMuch: Kind("too_much", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    NoRoom: Kind("no_room", HTTPStatus.INSUFFICIENT_STORAGE),
    Busy: Kind("busy", HTTPStatus.SERVICE_UNAVAILABLE),
}
_BY_WORD = {kind.word: class_ for class_, kind in KINDS.items()}


def refusal_as_json(refused: Refused) -> dict[str, Any]:
    told = {"kind": KINDS[type(refused)].word, "message": str(refused), "field": refused.field}
    others = [refusal_as_json(each) for each in refused.others] if isinstance(refused, Invalid) else []
    return {**told, "others": others} if others else told


def refusal_from_json(value: Mapping[str, Any]) -> Refused:
    kind, message, field = _BY_WORD[value["kind"]], value["message"], value.get("field")
    if kind is not Invalid:
        return kind(message, field)
    return Invalid(message, field, [Invalid(each["message"], each.get("field")) for each in value.get("others", ())])


M = TypeVar("M", bound="Message")


@dataclass(frozen=True)
class Message:
    """What is sent as a JSON object of its fields; unknown keys, of a newer version, are left out."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls: type[M], value: Mapping[str, Any]) -> M:  # noqa: PYI019 - Self is of Python 3.11
        return cls(**_known(cls, value))


def _known(class_: type[Message], value: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: value[each.name] for each in fields(class_) if each.name in value}


@dataclass(frozen=True)
class Health(Message):
    """`active` runs have not ended; `workers` listen to the broker, which was seen `broker_age` seconds ago."""

    ok: bool
    version: str
    workers: int
    broker_age: float
    active: int


@dataclass(frozen=True)
class StoredFile(Message):
    """A row of `files`; `id` is its public id, `uploaded` microseconds."""

    id: str
    name: str
    type_id: int
    size: int
    md5: str
    sha512: str
    uploaded: int


@dataclass(frozen=True)
class StoredJob(Message):
    """A row of `jobs`; `id` is its public id, `created` microseconds."""

    id: str
    name: str
    created: int


@dataclass(frozen=True)
class StoredRun(Message):
    """A row of `runs`; `job` is the public id of its job, `state` one of `server_db.STATES`."""

    job: str
    number: int
    uuid: str
    state: str


@dataclass(frozen=True)
class NewKey(Message):
    """A key of the account that asks, which is told once."""

    key: str


@dataclass(frozen=True)
class StepInput(Message):
    """A file that a step finds in its folder as `name`: an upload, or an output of an ended run, by its public id.

    `unpack`: if its name says that it is an archive, what is in it lies in the folder instead.
    """

    file: str
    name: str
    unpack: bool = False


@dataclass(frozen=True)
class Step(Message):
    """One analysis of a job; steps run one after the other in one folder.

    `analysis` and `version` are codes of `analyses.toml`. `pre` and `post` are shell text that runs before and after
    `command`. Without `wall_seconds` the operator's limit holds.
    """

    analysis: str
    version: str
    command: str
    pre: str | None = None
    post: str | None = None
    environment: Mapping[str, str] | None = None
    cores: int = 1
    wall_seconds: int | None = None
    inputs: tuple[StepInput, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Step:
        inputs = tuple(StepInput.from_json(each) for each in value.get("inputs", ()))
        return cls(**{**_known(cls, value), "inputs": inputs})


@dataclass(frozen=True)
class RunRequest(Message):
    """What a dialect hands to the engine at submit: neutral, and whole. The gateway checks it once more."""

    MOST_TEXT: ClassVar[int] = 1_000_000

    label: str
    description: str = ""
    steps: tuple[Step, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunRequest:
        steps = tuple(Step.from_json(each) for each in value.get("steps", ()))
        return cls(**{**_known(cls, value), "steps": steps})
