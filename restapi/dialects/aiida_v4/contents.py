"""The content of a node: attributes, extras, comments, files and downloads."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, select

from aiida_like.errors import FeatureUnavailable, QueryError
from aiida_like.formats import Download, StoredNode, derived_properties, download, download_formats
from aiida_like.json_text import object_of
from aiida_like.models import comment, user
from aiida_like.storage import Statement
from restapi.answering.file_zip import answer_zip
from restapi.answering.files import answer_file, asked_listing, stored_node
from restapi.dialects.aiida_v4 import answers, options
from restapi.dialects.aiida_v4.entities import NODES
from restapi.dialects.resource import DialectResource
from restapi.http.encoding import attachment, http_date, part_of_stored, stored_json
from restapi.http.reply import Reply
from restapi.openapi.shared import FILE, ZIPPED

_STORED = ("uuid", "node_type", "label", "attributes", "repository_metadata")
"""The fields that make a `StoredNode`."""


class Attributes(DialectResource):
    """`/nodes/91a65e71/contents/attributes?attributes_filter=energy`: all attributes, or some of them."""

    column, allowed, answer = "attributes", options.ATTRIBUTES, answers.ATTRIBUTES

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        (stored,) = self.values(NODES, path_id, self.column)
        chosen = given.get(f"{self.column}_filter")
        content: Any = stored_json(stored)
        if chosen is not None:
            content = part_of_stored(
                {key: value for key, value in object_of(stored, exactly=True).items() if key in chosen}
            )
        return self.envelope(NODES.name, {self.column: content}, path_id=path_id)


class Extras(Attributes):
    """`/nodes/6c023146/contents/extras?extras_filter=tags`: all extras, or some of them."""

    column, allowed, answer = "extras", options.EXTRAS, answers.EXTRAS


class DerivedProperties(DialectResource):
    """`/nodes/6c023146/contents/derived_properties`: what follows from the content of a node."""

    answer = answers.DERIVED

    def get(self, path_id: str) -> Reply:
        self.parse_options()
        derived = derived_properties(stored_node(self.context.snapshot, *self.values(NODES, path_id, *_STORED)))
        return self.envelope(NODES.name, {"derived_properties": derived}, path_id=path_id)


class Arrays(DialectResource):
    """`/nodes/ffe1b03a/contents/arrays?array=bands&slice=0,:10`: shapes of its arrays, or a slice of one."""

    reserved, allowed, answer = options.OF_ARRAYS, frozenset(options.OF_ARRAYS), answers.ARRAYS

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        if "slice" in given and "array" not in given:
            raise QueryError("slice needs array, the name of the array")
        attributes, tree = map(object_of, self.values(NODES, path_id, "attributes", "repository_metadata"))
        # Not before it is needed, because numpy is a fifth of the time to start.
        from restapi.answering.arrays import StoredArrays

        stored = StoredArrays(attributes, tree, self.context.snapshot.storage.repository)
        if "array" not in given:
            return self.envelope(NODES.name, {"arrays": stored.listed()}, path_id=path_id)
        part = stored.part(given["array"], given.get("slice", ()))
        return self.envelope(NODES.name, {"array": part}, path_id=path_id)


class Comments(DialectResource):
    """`/nodes/6c023146/contents/comments`: what users wrote on a node."""

    answer = answers.COMMENTS

    def get(self, path_id: str) -> Reply:
        self.parse_options()
        (pk,) = self.values(NODES, path_id, "id")
        comments = [
            {
                "created_time": http_date(ctime),
                "modified_time": http_date(mtime),
                "user": f"{first_name} {last_name}",
                "message": content,
            }
            for ctime, mtime, first_name, last_name, content in self.context.snapshot.rows(
                Statement("v4 comments", _select_comments, {"main": pk})
            )
        ]
        return self.envelope(NODES.name, {"comments": comments}, path_id=path_id)


class RepositoryList(DialectResource):
    """`/nodes/86e77f60/repo/list?filename="bin"&sizes=true`: what lies in a folder of the node."""

    reserved, allowed, answer = options.OF_LISTINGS, options.LISTINGS, answers.FOLDER

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        (stored,) = self.values(NODES, path_id, "repository_metadata")
        content = {"repo_list": asked_listing(self.context.snapshot, object_of(stored), given)}
        return self.envelope(NODES.name, content, path_id=path_id)


class RepositoryContents(DialectResource):
    """`/nodes/8f884b43/repo/contents?filename="aiida.in"`: a file."""

    allowed, required, answer = options.FILES, frozenset({"filename"}), FILE

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        if not given.get("filename"):
            raise QueryError('filename is missing: name the file, as in ?filename="aiida.in"')
        (stored,) = self.values(NODES, path_id, "repository_metadata")
        return answer_file(self.context.snapshot, object_of(stored), given["filename"])


class RepositoryZip(DialectResource):
    """`/nodes/8f884b43/repo/zip?filename=".aiida"`: all files of the node, or those of a folder, as a zip file."""

    allowed, answer = options.FILES, ZIPPED

    def get(self, path_id: str) -> Reply:
        folder = self.parse_options().get("filename", "")
        uuid, ctime, stored = self.values(NODES, path_id, "uuid", "ctime", "repository_metadata")
        return answer_zip(self.context.snapshot, object_of(stored), folder, uuid, ctime)


class Downloads(DialectResource):
    """`/nodes/6c023146/download?download_format=cif`: the node as a file."""

    allowed, required, answer = options.DOWNLOAD, frozenset({"download_format"}), answers.DOWNLOAD

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        stored = stored_node(self.context.snapshot, *self.values(NODES, path_id, *_STORED))
        made = _downloaded(stored, given.get("download_format"))
        if given.get("download", True):
            return attachment(made.content, len(made.content), made.name)
        shown = {"data": _text(made), "filename": made.name, "status": 200}
        return self.envelope(NODES.name, {"download": shown}, path_id=path_id)


def _downloaded(stored: StoredNode, format_: str | None) -> Download:
    if stored.node_type.startswith("process."):
        raise FeatureUnavailable("processes cannot be downloaded, only data can")
    if format_ is None:
        formats = ", ".join(download_formats(stored)) or "none for such a node"
        raise QueryError(f"download_format is missing; there are: {formats}")
    return download(stored, format_)


def _text(made: Download) -> str:
    try:
        return made.content.decode()
    except UnicodeDecodeError:
        raise QueryError(f"{made.name} is not text, so it can only be downloaded: leave out download=false") from None


def _select_comments() -> Select[Any]:
    return (
        select(comment.c.ctime, comment.c.mtime, user.c.first_name, user.c.last_name, comment.c.content)
        .join_from(comment, user, comment.c.user_id == user.c.id)
        .where(comment.c.dbnode_id == bindparam("main", type_=BigInteger()))
        .order_by(comment.c.id)
    )
