"""Files: what was uploaded, and what runs left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import get_input_stream

from restapi.dialects.jobs import replies
from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.checks import Field, Integer, Invalid, Record, Text
from restapi.dialects.jobs.errors import no_permission, refusal
from restapi.dialects.jobs.pages import listed
from restapi.dialects.jobs.records import TYPES
from restapi.dialects.jobs.render import file_object
from restapi.http.encoding import json_reply
from restapi.http.reply import Reply

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHANGES = Record({"name": Field(Text()), "typeId": Field(Integer(least=min(TYPES), most=max(TYPES)))})
"""What can be changed of a file; other keys of it are left as they are."""

_BLOCK = 65_536

_UPLOAD = re.compile(r"(?:/[^/]+)*?/api/v2/files/contents?/?")


def is_upload(environ: WSGIEnvironment) -> bool:
    """Whether the body of a request is a file, which is handed through while it comes."""
    return environ["REQUEST_METHOD"] in {"POST", "PUT"} and _UPLOAD.fullmatch(environ.get("PATH_INFO", "")) is not None


class Files(JobsResource):
    """`/files/?search=airfoil`: the files that were uploaded, the newest first."""

    def get(self) -> Reply:
        page = self.asked.page()
        with self.asked.reading() as reader:
            count, found = reader.files(self.asked.query().get("search", ""), page)
        objects = [file_object(each, self.asked.links) for each in found]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, count, objects))


class Upload(JobsResource):
    """`/files/contents/`: takes a file, as the part `file` of a form."""

    def post(self) -> Reply:
        environ = self.asked.exchange.environ
        media = environ.get("CONTENT_TYPE", "")
        if not media.lower().startswith("multipart/form-data"):
            raise Invalid({"file": ["No file was submitted. Send a form: multipart/form-data, with a part file."]})
        length = environ.get("CONTENT_LENGTH")
        stored = self.asked.client.upload(
            self.asked.account.id, _blocks(environ), media, int(length) if length else None
        )
        with self.asked.reading() as reader:
            reply = json_reply(file_object(self.found_file(reader, stored.id), self.asked.links), 201)
        reply.headers["Location"] = self.asked.links.file(stored.id)
        return reply

    put = post


def _blocks(environ: WSGIEnvironment) -> Iterator[bytes]:
    """What comes of a body. Raises Refusal: it breaks off, which is no fault of the engine."""
    stream = get_input_stream(environ)
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while True:
        try:
            block = stream.read(_BLOCK)
        except TimeoutError:
            raise refusal(408, "The file comes too slowly.") from None
        except Exception:  # noqa: BLE001 each WSGI server raises errors of its own
            raise refusal(400, "The file breaks off.") from None
        if not block:
            if left > 0:  # the client has closed its side
                raise refusal(400, "The file breaks off.")
            return
        left -= len(block)
        yield block


class File(JobsResource):
    """`/files/XkpTse/`: a file, and what becomes of it."""

    def get(self, path_id: str) -> Reply:
        with self.asked.reading() as reader:
            return json_reply(file_object(self.found_file(reader, path_id), self.asked.links))

    def patch(self, path_id: str) -> Reply:
        changes = self._changes(path_id)
        self.asked.client.change_file(
            self.asked.account.id, path_id, name=changes.get("name"), type_id=changes.get("typeId")
        )
        return self.get(path_id)

    def delete(self, path_id: str) -> Reply:
        self._check_uploaded(path_id)
        self.asked.client.delete_file(self.asked.account.id, path_id)
        return replies.empty(204)

    def _changes(self, path_id: str) -> dict[str, Any]:
        self._check_uploaded(path_id)
        changes = CHANGES.changes(self.asked.body())
        if "typeId" in changes and changes["typeId"] not in TYPES:
            raise Invalid({"typeId": [f'"{changes["typeId"]}" is not a valid choice.']})
        if "/" in changes.get("name", ""):
            raise Invalid({"name": ["A name has no slash."]})
        return changes

    def _check_uploaded(self, path_id: str) -> None:
        """Raises Refusal: there is no such file, or a run left it."""
        with self.asked.reading() as reader:
            file = self.found_file(reader, path_id)
        if file.is_output:
            raise no_permission("Output files are part of the record of their run, and stay as they are.")


class Contents(JobsResource):
    """`/files/XkpTse/contents/`: the bytes of a file, or a range of them."""

    def get(self, path_id: str) -> Reply:
        with self.asked.reading() as reader:
            file = self.found_file(reader, path_id)
        return replies.contents(file, self.asked.repository, self.asked.exchange)


class Lines(JobsResource):
    """`/files/XkpTse/lines/`: the lines of a file, as text."""

    def get(self, path_id: str) -> Reply:
        with self.asked.reading() as reader:
            file = self.found_file(reader, path_id)
        return replies.lines(self.asked.repository.read(file.key).blocks)
