"""A run as a Process Run Crate, https://w3id.org/ro/wfrun/process/0.5: a zip file that is made while it is sent.

Each process is an action with its data as `object` and `result`. A node with something to show has a folder,
`nodes/UUID/`: `attributes.json` of data, and `files/` of its repository.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from aiida_like.core_names import type_spellings
from aiida_like.errors import MissingExtra
from aiida_like.provenance.subgraph import INPUTS, OUTPUTS, Node, Run
from aiida_like.repository import StoredFile, is_key, key_of, paths
from aiida_like.zip_stream import Member, zip_blocks

if TYPE_CHECKING:
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
METADATA = "ro-crate-metadata.json"
ATTRIBUTES = "attributes.json"
_CODES = type_spellings("data.core.code.")
_FORMAT_VERSION = "1.1"
"""The version of RO-Crate that the profile is made for."""


@dataclass(frozen=True)
class Sources:
    """The content of files: attributes of a node by its id, stored files by their keys.

    `check` raises DamagedNode of a stored file that is lost, or damaged where it begins.
    """

    attributes: Callable[[int], bytes]
    files: Callable[[str], StoredFile]
    check: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class _Member(Member):
    """`key` if it is an object of the repository."""

    key: str | None = None


def crate(run: Run, sources: Sources) -> Iterator[bytes]:
    """The zip file in blocks; at no time is more than one block of a file in memory.

    Raises:
        MissingExtra: the library `rocrate` is not installed.
        DamagedNode, StorageError: as `Sources.check`, before the first block.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise MissingExtra("provenance", "RO-Crate") from error

    members = {node.id: _members(node, run, sources) for node in run.subgraph.nodes}
    stored = [each for of_node in members.values() for each in of_node]
    for key in sorted({each.key for each in stored if each.key}):
        sources.check(key)
    described = _Description(ROCrate(version=_FORMAT_VERSION), run, members).complete()
    metadata = orjson.dumps(described, option=orjson.OPT_INDENT_2)
    first = _Member(METADATA, lambda: StoredFile.of(metadata))
    return zip_blocks([first, *stored], run.subgraph.nodes[0].began)


def _members(node: Node, run: Run, sources: Sources) -> list[_Member]:
    folder, tree = _folder(node), run.trees.get(node.id, {})
    members = [
        _Member(f"{folder}files/{path}", partial(sources.files, key), key)
        for path in sorted(paths(tree))
        if is_key(key := key_of(tree, path))
    ]
    if not node.is_process:
        members.insert(0, _Member(f"{folder}{ATTRIBUTES}", lambda: StoredFile.of(sources.attributes(node.id))))
    return members


class _Description:
    """Builds the metadata of a crate."""

    def __init__(self, crate: ROCrate, run: Run, members: dict[int, list[_Member]]) -> None:
        from rocrate.model.contextentity import ContextEntity
        from rocrate.model.dataset import Dataset
        from rocrate.model.file import File

        self._crate, self._run, self._members = crate, run, members
        self._context, self._dataset, self._file = ContextEntity, Dataset, File
        links = run.subgraph.links
        self._inputs = _grouped((link.output_id, link.input_id) for link in links if link.type in INPUTS)
        self._outputs = _grouped((link.input_id, link.output_id) for link in links if link.type in OUTPUTS)

    def complete(self) -> dict[str, Any]:
        graph = self._run.subgraph
        main = graph.nodes[0]
        crate = self._crate
        crate.name = main.name
        crate.description = main.description or f"What {main.name} did, with its data"
        if graph.is_truncated:
            crate.description += " (truncated: it called more processes than are here)"
        crate.datePublished = main.ended or main.began
        crate.license = "No licence is stated"
        profile = {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        crate.root_dataset["conformsTo"] = self._add(PROFILE, profile)
        people = {
            user.id: self._add(f"#user-{user.id}", {"@type": "Person", "name": user.name})
            for user in graph.users.values()
        }
        entities = {node.id: self._data(node) for node in graph.nodes if not node.is_process}
        actions = [self._action(node, entities, people) for node in graph.nodes if node.is_process]
        crate.root_dataset["mentions"] = actions
        return dict(crate.metadata.generate())

    def _add(self, identifier: str, properties: dict[str, Any]) -> Entity:
        return self._crate.add(self._context(self._crate, identifier, properties=properties))

    def _data(self, node: Node) -> Entity:
        kinds = ["Dataset", "SoftwareApplication"] if node.node_type.startswith(_CODES) else "Dataset"
        return self._folder(node, {"@type": kinds, "name": node.name})

    def _folder(self, node: Node, properties: dict[str, Any]) -> Entity:
        common = {
            "identifier": f"urn:uuid:{node.uuid}",
            "additionalType": node.node_type,
            "dateCreated": node.began.isoformat(),
            **({"description": node.description} if node.description else {}),
        }
        folder = self._crate.add(self._dataset(self._crate, dest_path=_folder(node), properties=common | properties))
        for member in self._members[node.id]:
            name = member.path.removeprefix(_folder(node)).removeprefix("files/")
            kind = {"encodingFormat": "application/json"} if name == ATTRIBUTES else {}
            file = self._file(self._crate, dest_path=member.path, properties={"name": name, **kind})
            folder.append_to("hasPart", self._crate.add(file))
        return folder

    def _action(self, node: Node, entities: dict[int, Entity], people: dict[int, Entity]) -> Entity:
        used = [entities[each] for each in self._inputs.get(node.id, ()) if each in entities]
        made = [entities[each] for each in self._outputs.get(node.id, ()) if each in entities]
        codes = [each for each in used if "SoftwareApplication" in each.type]
        action = self._add(
            f"#{node.uuid}",
            {
                "@type": "CreateAction",
                "name": node.name,
                "identifier": f"urn:uuid:{node.uuid}",
                "additionalType": node.node_type,
                "startTime": node.began.isoformat(),
                **({"endTime": node.ended.isoformat()} if node.ended else {}),
                **_status(node),
            },
        )
        action["instrument"] = codes or [self._program(node)]
        action["object"] = _once(each for each in used if "SoftwareApplication" not in each.type)
        action["result"] = _once(made)
        if node.user_id in people:
            action["agent"] = people[node.user_id]
        if self._members[node.id]:
            files = self._folder(node, {"name": f"Files of {node.name}"})
            files["about"] = action
            action["subjectOf"] = files
        return action

    def _program(self, node: Node) -> Entity:
        """The software that a process ran, if no code is among its inputs."""
        name = node.process_type or node.node_type
        return self._add(f"#{name}", {"@type": "SoftwareApplication", "name": node.process_label or name})


def _grouped(ends: Iterable[tuple[int, int]]) -> Mapping[int, Sequence[int]]:
    """Pairs of a process and its data -> the data of each process, in the order of the pairs."""
    grouped = defaultdict(list)
    for process, data in ends:
        grouped[process].append(data)
    return grouped


def _once(entities: Any) -> list[Any]:
    return list({each.id: each for each in entities}.values())


def _status(node: Node) -> dict[str, str]:
    if node.ended is None:
        return {"actionStatus": "http://schema.org/ActiveActionStatus"}
    if node.state == "finished" and node.exit_status in {None, "0"}:
        return {"actionStatus": "http://schema.org/CompletedActionStatus"}
    reason = node.exit_message or f"{node.state}, exit status {node.exit_status}"
    return {"actionStatus": "http://schema.org/FailedActionStatus", "error": reason}


def _folder(node: Node) -> str:
    return f"nodes/{node.uuid}/"
