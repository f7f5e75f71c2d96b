"""AiiDA's ORM, in one thread: its sessions belong to threads, and what one has seen another must not touch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from aiida import load_profile, orm
from aiida.common.exceptions import NotExistent
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager
from aiida.orm.utils.mixins import Sealable
from aiida.repository import Repository

from aiida_like_engine.graph.profile_setup import COMPUTER, LAUNCHER
from aiida_like_engine.graph.users import Owner, user
from aiida_like_engine.plugins.calculation import STOP, JobCalculation
from aiida_like_engine.protocol import RunRequest
from aiida_like_engine.root.catalogue import Catalogue
from aiida_like_engine.server_db.database import in_parts

P = ParamSpec("P")
T = TypeVar("T")

_ENDED = ("finished", "excepted", "killed")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
"""How names of files end that are unpacked into a job's folder."""
FOLDER = "outputs"
"""What a link to the folder of another run is called."""
RUN = "run"
"""The attribute of a node that holds the uuid of its run."""


class OrmThread:
    """The thread. It has opened the profile when this returns; in each call it sees what others have committed."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="orm")
        self._thread.submit(_open_profile).result()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.submit(lambda: _in_session(function, *args, **kwargs)).result()


def _open_profile() -> None:
    load_profile()
    # AiiDA would open it at its first use, by two threads at once if two uploads come.
    get_manager().get_profile_storage()


def _in_session(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    session = get_manager().get_profile_storage().get_session()
    session.commit()  # ends the moment that it saw
    try:
        return function(*args, **kwargs)
    except BaseException:
        session.rollback()
        raise


@dataclass(frozen=True)
class Content:
    """A file that a run begins with: the one of an upload, or at a path of what another run left."""

    node_uuid: str
    path: str | None = None


@dataclass(frozen=True)
class Process:
    """What the graph says of a run that has not ended, or just has. `paused`: AiiDA has given up, and waits."""

    pk: int
    uuid: str
    state: str
    paused: bool
    status: str

    @property
    def has_ended(self) -> bool:
        return self.state in _ENDED


def store_file(
    name: str, object_key: str, owner: Owner, extras: Mapping[str, Any], announce: Callable[[str], None]
) -> None:
    """Store a SinglefileData whose content is in the container already: it is not copied.

    `announce` is told the uuid before the node is stored.
    """
    node = orm.SinglefileData(user=user(owner))
    node.filename = node.label = name
    content = {"o": {name: {"k": object_key}}}
    node.base.repository._repository = Repository.from_serialized(  # noqa: SLF001
        node.backend.get_repository(), content
    )
    node.base.extras.set_many(dict(extras))
    announce(str(node.uuid))
    node.store()


def create_node(
    run: str, account: Owner, request: RunRequest, contents: Mapping[str, Content], catalogue: Catalogue
) -> str:
    """The uuid of the node of a run, stored with its checkpoint; no worker knows of it. `contents` are by public id.

    Others wait for the thread meanwhile, and there can be a thousand inputs.
    """
    with _kept_in_session():
        return _create_node(run, account, request, contents, catalogue)


def _create_node(
    run: str, account: Owner, request: RunRequest, contents: Mapping[str, Content], catalogue: Catalogue
) -> str:
    owner = user(account)
    labels, links = Labels(), Labels()
    sources = _sources(of.node_uuid for of in contents.values())
    builder = JobCalculation.get_builder()
    builder.code = orm.load_code(f"{LAUNCHER}@{COMPUTER}")
    steps, codes = [], {}
    for step in request.steps:
        code = catalogue.version(step.analysis, step.version).aiida_code
        label = links.of(code, code.partition("@")[0])
        codes[label] = orm.load_code(code)
        inputs = []
        for each in step.inputs:
            content = contents[each.file]
            # All that comes of one folder has one link.
            name = each.name if content.path is None else FOLDER
            inputs.append(
                {
                    "label": labels.of(content, each.name),
                    "link": links.of(content.node_uuid, name),
                    "path": content.path or sources[content.node_uuid].filename,
                    "name": each.name,
                    "unpack": each.unpack and each.name.lower().endswith(ARCHIVES),
                }
            )
        steps.append({**step.as_json(), "code": label, "inputs": inputs})
    builder.steps = orm.Dict({"steps": steps}, user=owner)
    builder.codes = codes
    files = {links.given[uuid]: source.node for uuid, source in sources.items() if uuid in links.given}
    if files:
        builder.files = files
    builder.metadata.label = request.label
    builder.metadata.description = request.description
    builder.metadata.options.run = run
    builder.metadata.options.account = account.email
    runner = get_manager().get_runner()
    process = instantiate_process(runner, builder)
    runner.persister.save_checkpoint(process)
    process.close()
    return str(process.node.uuid)


@contextmanager
def _kept_in_session() -> Iterator[None]:
    """What was read is not read again after each commit, of which AiiDA makes several: with many inputs that takes most
    of the time.
    """
    session = get_manager().get_profile_storage().get_session()
    before = session.expire_on_commit
    session.expire_on_commit = False
    try:
        yield
    finally:
        session.expire_on_commit = before


@dataclass(frozen=True)
class _Source:
    """A node that files come from; `filename` is that of one that is a single file."""

    node: Any
    filename: str


def _sources(uuids: Iterable[str]) -> dict[str, _Source]:
    """Nodes by their uuids. Raises NotExistent: there is none such."""
    wanted = set(uuids)
    found: dict[str, _Source] = {}
    for some in in_parts(wanted):
        # All that is needed in one statement: AiiDA would read the attributes of each node by itself.
        query = orm.QueryBuilder().append(orm.Data, filters={"uuid": {"in": some}}, project=_OF_SOURCES)
        found.update({uuid: _Source(node, filename or "") for uuid, node, filename in query.all()})
    if lost := wanted - found.keys():
        raise NotExistent(f"there is no node {min(lost)}")
    return found


_OF_SOURCES = ["uuid", "*", "attributes.filename"]


class Labels:
    """Labels of links, of the names of things: each thing has one, and no two the same."""

    def __init__(self) -> None:
        self.given: dict[Any, str] = {}
        self._numbers: dict[str, int] = {}
        """The last number of each label that was given, as thousands may want the same."""

    def of(self, thing: Any, name: str) -> str:
        if thing not in self.given:
            words = re.sub(r"[\W_]+", "_", name, flags=re.ASCII).strip("_").lower()
            base = words if words and not words[0].isdigit() else f"file_{words}".strip("_")
            label, number = base, self._numbers.get(base, 1)
            while label in self._numbers:
                number += 1
                label = f"{base}_{number}"
            self._numbers[base] = number
            self._numbers.setdefault(label, 1)
            self.given[thing] = label
        return self.given[thing]


def node_of_run(run: str) -> str | None:
    """The uuid of the node that carries a run's uuid and can be worked on; one that cannot is failed."""
    query = orm.QueryBuilder().append(orm.CalcJobNode, filters={f"attributes.{RUN}": run})
    found: str | None = None
    for node in query.all(flat=True):
        if node.checkpoint is None and not node.is_terminated:
            # Whoever stored it was killed before it could be continued from anything.
            fail(node, "its process was never completely stored; the run has another node")
        else:
            found = str(node.uuid)
    return found


def fail(node: orm.CalcJobNode, why: str) -> None:
    node.set_process_state("excepted")
    node.set_exception(why)
    node.logger.error(why)
    if isinstance(node, Sealable):
        node.seal()


def fail_process(pk: int, why: str) -> None:
    fail(orm.load_node(pk), why)


def hand_over(pk: int) -> None:
    """Give a process to AiiDA's workers."""
    get_manager().get_runner().controller.continue_process(pk, nowait=False, no_reply=True)


def kill(pk: int, why: str) -> None:
    """Ask AiiDA to give a process up. Whether it does is seen later."""
    get_manager().get_process_controller().kill_process(pk, msg_text=why)


def mark_stop(uuid: str) -> None:
    orm.load_node(uuid).base.extras.set(STOP, True)  # noqa: FBT003


def processes(uuids: Sequence[str]) -> dict[str, Process]:
    keys = ("id", "uuid", "attributes.process_state", "attributes.paused", "attributes.process_status")
    query = orm.QueryBuilder().append(orm.ProcessNode, filters={"uuid": {"in": list(uuids)}}, project=keys)
    return (
        {
            uuid: Process(pk, uuid, state or "created", bool(paused), status or "")
            for pk, uuid, state, paused, status in query.all()
        }
        if uuids
        else {}
    )


def container() -> Any:
    """The container of the profile's files, for one thread."""
    return get_manager().get_profile_storage().get_container()
