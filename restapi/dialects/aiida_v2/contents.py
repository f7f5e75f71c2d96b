"""The content of a node: attributes, extras, files, downloads and pictures."""

from __future__ import annotations

from typing import Any

from aiida_like.errors import QueryError
from aiida_like.formats import download, visualization
from aiida_like.json_text import object_of
from aiida_like.repository import paths
from querylang.options import Options
from querylang.schema import Entity
from restapi.answering.files import Tree, answer_file, retrieved_files, stored_node
from restapi.dialects.aiida_v2 import answers, options
from restapi.dialects.resource import DialectResource
from restapi.http.encoding import attachment, part_of_stored, stored_json
from restapi.http.reply import Reply
from restapi.openapi.shared import DOWNLOAD

_CALCJOB = "process.calculation.calcjob."

_STORED = ("uuid", "type", "label", "attributes", "repository_metadata")
"""The fields that make a `StoredNode`."""


class Attributes(DialectResource):
    """`/nodes/91a65e71/content/attributes?alist=energy`: all attributes, or some of them."""

    column, only, without = "attributes", "alist", "nalist"
    allowed, answer = options.ATTRIBUTES, answers.ATTRIBUTES

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        pk, stored = self.values(entity, path_id, "id", self.column)
        content = {self.column: self._chosen(given, stored)}
        return self.envelope(entity.name, content, pk=pk, path_id=path_id)

    def _chosen(self, given: Options, stored: str | None) -> Any:
        if self.only not in given and self.without not in given:
            return stored_json(stored)
        content = object_of(stored, exactly=True)
        only, without = given.get(self.only, tuple(content)), given.get(self.without, ())
        return part_of_stored({key: value for key, value in content.items() if key in only and key not in without})


class Extras(Attributes):
    """`/nodes/6c023146/content/extras?nelist=_aiida_hash`: all extras, or some of them."""

    column, only, without = "extras", "elist", "nelist"
    allowed, answer = options.EXTRAS, answers.EXTRAS


class Visualization(DialectResource):
    """`/structures/6c023146/content/visualization?visformat=xsf`: the data of a picture."""

    allowed, answer = options.VISUALIZATION, answers.VISUALIZATION

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        pk, *content = self.values(entity, path_id, "id", *_STORED)
        stored = stored_node(self.context.snapshot, *content)
        picture = {"visualization": visualization(stored, given.get("visformat"))}
        return self.envelope(entity.name, picture, pk=pk, path_id=path_id)


class Download(DialectResource):
    """`/structures/6c023146/content/download?format=xsf`: a file."""

    allowed, answer = options.DOWNLOAD, DOWNLOAD

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        stored = stored_node(self.context.snapshot, *self.values(entity, path_id, *_STORED))
        made = download(stored, given.get("format"))
        return attachment(made.content, len(made.content), f"{stored.uuid}.{made.format}")


class RetrievedInputs(DialectResource):
    """`/calculations/8f884b43/io/retrieved_inputs?filename="aiida.in"`: files that a job was run with."""

    key, is_output = "retrieved_inputs", False
    allowed, answer = options.RETRIEVED, answers.files(key)

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        pk, node_type, own = self.values(entity, path_id, "id", "type", "repository_metadata")
        tree: Tree = {}
        if node_type.startswith(_CALCJOB):
            tree = (retrieved_files(self.context.snapshot, pk) or {}) if self.is_output else object_of(own)
        if "filename" in given:
            return self._answer_file(tree, given)
        if "rtype" in given:
            raise QueryError("rtype goes with filename: name the file to download")
        return self.envelope(entity.name, {self.key: paths(tree)}, pk=pk, path_id=path_id)

    def _answer_file(self, tree: Tree, given: Options) -> Reply:
        action = given.get("rtype", "download")
        if action != "download":
            raise QueryError(f"rtype can only be download, not {action!r}")
        return answer_file(self.context.snapshot, tree, given["filename"])


class RetrievedOutputs(RetrievedInputs):
    """`/calculations/8f884b43/io/retrieved_outputs`: files that a job left, in its output `retrieved`."""

    key, is_output = "retrieved_outputs", True
    answer = answers.files(key)
