"""Runs of jobs: what they left, and while they go on, what they are writing."""

from __future__ import annotations

from pathlib import Path

from flask import Response

from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.checks import Invalid
from restapi.dialects.jobs.errors import not_found
from restapi.dialects.jobs.live import CollectedFolder, FolderOfRun, LiveFolder, NoSuchFile, last_lines
from restapi.dialects.jobs.pages import Page, listed, part
from restapi.dialects.jobs.render import file_object, run_object
from restapi.http.encoding import json_reply
from restapi.http.reply import Reply

_MOST_PATHS = 10_000
_MOST_LINES = 10_000
_DIGITS = 9


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
    """`/jobs/QTVia/runs/1/tail/process_output.log?lines=10`: the end of a file that a run writes, or all of it."""

    def get(self, path_id: str, run: str, rest: str) -> Reply:
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

    def _lines(self) -> int | None:
        """The number of lines that are asked for. Raises Invalid."""
        text = self.asked.query().get("lines")
        if text is None:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text)):
            raise Invalid({"lines": ["A valid integer is required."]})
        return min(int(text), _MOST_LINES)
