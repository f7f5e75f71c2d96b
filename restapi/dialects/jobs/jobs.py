"""Jobs: drafts, their submission, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import ColumnElement

from aiida_like_engine.errors import Invalid as RefusedValue
from aiida_like_engine.server_db.database import now
from restapi.dialects.jobs import render, replies, statuses
from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.checks import Invalid, Tried, merged, tried
from restapi.dialects.jobs.errors import refusal
from restapi.dialects.jobs.job_document import JOB, fitted, misfits, used_files
from restapi.dialects.jobs.pages import MOST_JOBS, listed, part
from restapi.dialects.jobs.reading import Reader, has_ended, has_status
from restapi.dialects.jobs.records import FileRecord, JobRecord, ListedJob, RunRecord
from restapi.dialects.jobs.run_request import clashes, in_words_of_jobs, run_request
from restapi.http.encoding import json_reply
from restapi.http.reply import Reply

_STATES = {"completed": True, "not_completed": False}


class _WithJobs(JobsResource):
    def shown(self, public_id: str, status: int = 200) -> Reply:
        """The whole job. Raises Refusal: there is none such."""
        with self.asked.reading() as reader:
            job = self.found_job(reader, public_id)
            files = reader.named_files(each.id for each in used_files(job.document))
        return json_reply(render.job_object(job, files, self.asked.catalogue, self.asked.links), status)

    def fitted(self, checked: Tried) -> dict[str, Any]:
        """The document that was sent, if it can be run. Raises Invalid: with all that is wrong with it."""
        document = checked.value or {}
        catalogue, files = self.asked.catalogue, self.files_of(document)
        problems = merged(checked.problems, misfits(document, catalogue, files))
        if problems:
            raise Invalid(problems)
        return fitted(document, catalogue, files)

    def files_of(self, document: Mapping[str, Any]) -> dict[str, FileRecord]:
        """The files that a document names, without those that there are not."""
        with self.asked.reading() as reader:
            found = reader.named_files(each.id for each in used_files(document))
        return {key: file for key, file in found.items() if not file.is_deleted}

    def created(self, checked: Tried) -> Reply:
        document = self.fitted(checked)
        stored = self.asked.client.create_job(self.asked.account.id, document["name"], document)
        reply = self.shown(stored.id, 201)
        reply.headers["Location"] = self.asked.links.job(stored.id)
        return reply

    def changed_by(self, stored: Mapping[str, Any]) -> Tried:
        """The document that is stored with the changes that were sent."""
        changes = tried(JOB.changes, self.asked.body())
        return Tried({**stored, **(changes.value or {})}, changes.problems)

    def job(self, public_id: str) -> JobRecord:
        """Raises Refusal: there is none such."""
        with self.asked.reading() as reader:
            return self.found_job(reader, public_id)


class Jobs(_WithJobs):
    """`/jobs/?state=not_completed`: the jobs, the newest first; and takes new ones."""

    def get(self) -> Reply:
        page = self.asked.page(MOST_JOBS)
        with self.asked.reading() as reader:
            count, found = reader.jobs(self._wanted(), page)
            summaries = self._summaries(reader, found)
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, count, summaries))

    def post(self) -> Reply:
        return self.created(tried(JOB.of, self.asked.body()))

    def _wanted(self) -> list[ColumnElement[bool]]:
        """Conditions of the query string. Raises Invalid."""
        query = self.asked.query()
        wanted = []
        if query.get("state"):
            if query["state"] not in _STATES:
                raise Invalid({"state": [f'"{query["state"]}" is not a valid choice: completed, not_completed.']})
            wanted.append(has_ended() if _STATES[query["state"]] else ~has_ended())
        if query.get("job_status"):
            event = statuses.event_of(query["job_status"])
            if event is None:
                choices = ", ".join(statuses.JOB_STATUSES.values())
                raise Invalid({"job_status": [f'"{query["job_status"]}" is not a valid choice: {choices}.']})
            wanted.append(has_status(event))
        return wanted

    def _summaries(self, reader: Reader, jobs: Sequence[ListedJob]) -> list[dict[str, Any]]:
        runs = reader.runs(job.number for job in jobs)
        events = reader.events(run.row for of_job in runs.values() for run in of_job)
        files = reader.named_files(set().union(*(job.files for job in jobs)))
        found = []
        for job in jobs:
            newest = runs[job.number][-1:]
            happened = [event for run in newest for event in events[run.row]]
            storage = sum(files[each].size for each in job.files if each in files)
            storage += sum(run.output_bytes or 0 for run in runs[job.number])
            job_status, cluster = statuses.job_statuses(happened, None), statuses.cluster_statuses(happened)
            found.append(
                render.job_summary(
                    job,
                    self.asked.catalogue,
                    job_status[0].name if job_status else None,
                    cluster[0].name if cluster else statuses.NOT_STARTED,
                    storage,
                )
            )
        return found


class Job(_WithJobs):
    """`/jobs/QTVia/`: a job, which can be changed until it is submitted."""

    def get(self, path_id: str) -> Reply:
        return self.shown(path_id)

    def put(self, path_id: str) -> Reply:
        self.job(path_id)
        return self._changed(path_id, tried(JOB.of, self.asked.body()))

    def patch(self, path_id: str) -> Reply:
        return self._changed(path_id, self.changed_by(self.job(path_id).document))

    def delete(self, path_id: str) -> Reply:
        with_files = self.asked.query().get("deleteInputFiles", "").lower() in {"true", "1"}
        with self.asked.reading() as reader:
            job = self.found_job(reader, path_id)
            unshared = self._unshared(reader, job) if with_files else []
        self.asked.client.delete_job(self.asked.account.id, path_id, unshared)
        return replies.empty(204)

    def _unshared(self, reader: Reader, job: JobRecord) -> list[str]:
        """The ids of uploaded files that this job names, and no other one."""
        own = {each.id for each in used_files(job.document)}
        others = {each.id for document in reader.documents_beside(job) for each in used_files(document)}
        files = reader.named_files(own - others).values()
        return sorted(file.id for file in files if not (file.is_output or file.is_deleted))

    def _changed(self, path_id: str, checked: Tried) -> Reply:
        document = self.fitted(checked)
        self.asked.client.change_job(self.asked.account.id, path_id, document["name"], document)
        return self.shown(path_id)


class Submit(_WithJobs):
    """`/jobs/QTVia/submit/`: submits a job, once."""

    def post(self, path_id: str) -> Reply:
        job = self.job(path_id)
        if job.submitted is None:
            self._submit(job)
        elif not self._is_repeated(job, job.submitted):
            raise refusal(400, "This job was submitted already; a clone of it can be submitted.")
        return replies.empty(200)

    def _submit(self, job: JobRecord) -> None:
        files, catalogue = self.files_of(job.document), self.asked.catalogue
        names = {key: file.name for key, file in files.items()}
        problems = merged(misfits(job.document, catalogue, files), clashes(job.document, names))
        if problems:
            raise Invalid(problems)
        request = run_request(fitted(job.document, catalogue, files), catalogue, names)
        try:
            self.asked.client.submit(self.asked.account.id, job.id, request, token_of(job))
        except RefusedValue as refused:
            found = [in_words_of_jobs(each.field or "", str(each), len(request.steps)) for each in refused.all]
            if not any(found):
                raise
            raise Invalid(reduce(merged, [each for each in found if each])) from None

    def _is_repeated(self, job: JobRecord, submitted: int) -> bool:
        """Whether this asks for what is done, as a client does that has lost the first answer."""
        if now() < submitted + REPEATED_SECONDS * 10**6:
            return True
        with self.asked.reading() as reader:
            return not any(run.has_ended for run in reader.runs([job.number])[job.number])


REPEATED_SECONDS = 60
"""So long after a submit another one of the job means the same, and so long as the job runs."""

_TOKENS = UUID("5d4bd1ac-7f3c-4c0a-9d59-9a2b8cf1f0e6")


def token_of(job: JobRecord) -> str:
    """What the engine knows a submit by that comes twice: it is the same for a job as long as nobody changes it."""
    return str(uuid5(_TOKENS, f"{job.id} {job.created} {orjson.dumps(job.document).decode()}"))


class Stop(_WithJobs):
    """`/jobs/QTVia/stop/`: stops a job; what it has written so far is kept."""

    def post(self, path_id: str) -> Reply:
        job = self.job(path_id)
        if job.submitted is None:
            raise refusal(400, "This job was not submitted, so there is nothing to stop.")
        self.asked.client.stop(self.asked.account.id, job.id)
        return replies.empty(202)


class Clone(_WithJobs):
    """`/jobs/QTVia/clone/`: makes a new job of one, with its inputs, that can be changed and submitted."""

    def post(self, path_id: str) -> Reply:
        return self.created(self.changed_by(self.job(path_id).document))


class Statuses(JobsResource):
    """`/jobs/QTVia/statuses/`: what happened to a job, the newest first."""

    def get(self, path_id: str) -> Reply:
        page = self.asked.page()
        with self.asked.reading() as reader:
            runs = reader.runs([number := self.found_job(reader, path_id).number])[number]
            found = [] if not runs else self.of(runs[-1], reader.events([runs[-1].row])[runs[-1].row])
        shown = [each.as_json() for each in part(found, page)]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, len(found), shown))

    def of(self, run: RunRecord, events: Sequence[statuses.Event]) -> list[statuses.Status]:
        return statuses.job_statuses(events, statuses.end_of(run.reason, run.message))


class ClusterStatuses(Statuses):
    """`/jobs/QTVia/cluster_statuses/`: what became of the cluster, which is this machine, the newest first."""

    def of(self, run: RunRecord, events: Sequence[statuses.Event]) -> list[statuses.Status]:  # noqa: ARG002 as above
        return statuses.cluster_statuses(events)
