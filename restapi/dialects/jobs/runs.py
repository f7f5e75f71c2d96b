"""Runs of jobs: what they left, and while they go on, what they are writing."""

from __future__ import annotations

from pathlib import Path

from flask import Response

from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.checks import Invalid
from restapi.dialects.jobs.errors import not_found
from restapi.dialects.jobs.live import (
    LONGEST_CHARACTER,
    MOST_READ,
    CollectedFolder,
    FolderOfRun,
    LiveFolder,
    NoSuchFile,
    Piece,
    last_lines,
    lines_of,
    whole_characters,
)
from restapi.dialects.jobs.pages import Page, listed, part
from restapi.dialects.jobs.render import file_object, run_object
from restapi.http.encoding import json_reply
from restapi.http.headers import tag_by_content
from restapi.http.reply import Reply, as_response

_MOST_PATHS = 10_000
_MOST_LINES = 10_000
_DIGITS = 15


class Runs(JobsResource):
    """`/jobs/QTVia/runs/`: the runs of a job; here each job has one."""

    def get(self, path_id: str) -> Reply:
        page = self.asked.page()
        with self.asked.reading() as reader:
            runs = reader.runs([number := self.found_job(reader, path_id).number])[number]
        found = [run_object(each) for each in runs]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, len(found), part(found, page)))


class Run(JobsResource):
    """`/jobs/QTVia/runs/1/`: a run."""

    def get(self, path_id: str, run: str) -> Reply:
        with self.asked.reading() as reader:
            return json_reply(run_object(self.found_run(reader, self.found_job(reader, path_id), run)))


class StopRun(JobsResource):
    """`/jobs/QTVia/runs/1/stop/`: stops a run."""

    def post(self, path_id: str, run: str) -> Reply:
        with self.asked.reading() as reader:
            job = self.found_job(reader, path_id)
            self.found_run(reader, job, run)
        self.asked.client.stop(self.asked.account.id, job.id)
        return json_reply({})


class JobFiles(JobsResource):
    """`/jobs/QTVia/files/?search=log`: the output files of all runs of a job."""

    def get(self, path_id: str) -> Reply:
        return self.outputs(path_id, None)

    def outputs(self, path_id: str, run: str | None) -> Reply:
        """The output files of one run, or of all."""
        page = self.asked.page()
        with self.asked.reading() as reader:
            job = self.found_job(reader, path_id)
            runs = reader.runs([job.number])[job.number] if run is None else [self.found_run(reader, job, run)]
            rows = [each.row for each in runs]
            count, found = reader.outputs(rows, self.asked.query().get("search", ""), page)
        objects = [file_object(each, self.asked.links) for each in found]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, count, objects))


class RunFiles(JobFiles):
    """`/jobs/QTVia/runs/1/files/`: the output files of a run, once it has ended."""

    def get(self, path_id: str, run: str) -> Reply:  # type: ignore[override]  # its path has more in it
        return self.outputs(path_id, run)


class _OfFolder(JobsResource):
    def folder(self, path_id: str, run: str) -> FolderOfRun:
        """What the run has written. Raises Refusal: there is no such run, or it has no folder yet."""
        with self.asked.reading() as reader:
            job = self.found_job(reader, path_id)
            found = self.found_run(reader, job, run)
            path = reader.folder(found.row)
            if path is not None and not found.has_ended:
                return LiveFolder(Path(path))
            _, outputs = reader.outputs([found.row], "", Page(1, _MOST_PATHS))
        return CollectedFolder({each.relative_path: each for each in outputs}, self.asked.repository)


class DirectoryContents(_OfFolder):
    """`/jobs/QTVia/runs/1/directory-contents/`: the files that a run has written so far."""

    def get(self, path_id: str, run: str) -> Reply:
        links = self.asked.links
        paths = self.folder(path_id, run).paths(_MOST_PATHS)
        return json_reply([{"path": path, "resource": links.tail(path_id, run, path)} for path in paths])


class Tail(_OfFolder):
    """`/jobs/QTVia/runs/1/tail/process_output.log?lines=10`: the end of a file that a run writes, or all of it.

    With `position` the lines from there on, and where the next ones will begin: who follows a file asks with that.
    """

    def get(self, path_id: str, run: str, rest: str) -> Reply:
        if "position" in self.asked.query():
            return self._piece(path_id, run, rest)
        number = self._lines()
        folder = self.folder(path_id, run)
        try:
            if number is None:
                return Response(folder.blocks(rest), content_type="application/octet-stream")
            end = folder.end(rest, number + 1)
        except NoSuchFile:
            raise not_found() from None
        kind = "binary" if b"\0" in end else "text"
        return json_reply({"fileType": kind, "lines": last_lines(end, number)})

    def _piece(self, path_id: str, run: str, rest: str) -> Reply:
        position, most = self._number("position", least=None) or 0, self._number("bytes") or MOST_READ
        folder = self.folder(path_id, run)
        goes_on = isinstance(folder, LiveFolder)
        try:
            read = folder.piece(rest, position, min(max(most, LONGEST_CHARACTER), MOST_READ))
        except NoSuchFile:
            if not goes_on:
                raise not_found() from None
            read = Piece(0, b"", 0)  # it may come
        found = whole_characters(read, is_final=not goes_on)
        kind = "binary" if b"\0" in found.content else "text"
        places = {"position": found.position, "next": found.next, "size": found.size}
        value = {"fileType": kind, "lines": lines_of(found.content), **places}
        return tag_by_content(as_response(json_reply(value)), self.asked.exchange)

    def _lines(self) -> int | None:
        """The number of lines that are asked for. Raises Invalid."""
        number = self._number("lines")
        return None if number is None else min(number, _MOST_LINES)

    def _number(self, name: str, least: int | None = 1) -> int | None:
        """The number that the query string has under a name; `least` None: it may be below 0. Raises Invalid."""
        text = self.asked.query().get(name)
        if text is None:
            return None
        digits = text if least is not None else text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS):
            raise Invalid({name: ["A valid integer is required."]})
        if least is not None and int(text) < least:
            raise Invalid({name: ["A valid integer is required."]})
        return int(text)
