"""What each method of each resource takes and answers, for the document of OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from restapi.dialects.jobs import answers, files, jobs, overviews, runs
from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.job_document import JOB
from restapi.dialects.jobs.pages import MOST, MOST_JOBS, PAGE_SIZE
from restapi.dialects.jobs.routes import ROUTES
from restapi.dialects.jobs.statuses import JOB_STATUSES
from restapi.http.route_tree import ID, REST, RUN
from restapi.openapi.answer import BYTES, JSON
from restapi.openapi.parameters import in_path, in_query
from restapi.openapi.run_document import Described, Operation, RunDocument, with_markers
from restapi.openapi.schema import BOOLEAN, TEXT, Parameter, Schema, Shape, one_of

_ABOUT = """Files are uploaded, jobs are made of them, submitted and watched, and what they leave is downloaded.

Paths and bodies are those of version 2 of Rescale's platform API, so that its clients work here. All of it is for one
account, whose key is sent as `Authorization: Token KEY`; the same paths are below `/USER/api/v2`, for the account of
that name. What is tried on a page of this server is asked as the account that is signed in. What was run stands in
the provenance graph, which the other interfaces show. `docs/api-jobs.md` has the rest.
"""

_TAGS = {
    "files": "What was uploaded, and what runs left",
    "analyses": "What can be run",
    "coretypes": "What it can be run on",
    "jobs": "What is to be run, and what became of it",
    "users": "Who asks",
}

_REFUSALS = {
    400: "What was sent is at fault; the body says where",
    401: "No account is named, or not by a key that is good",
    404: "There is no such thing, or it is another account's",
    503: "The engine, or its folder, cannot be reached now: `Retry-After` says when to ask again",
}

_PAGED = (
    in_query("page", {"type": "integer", "minimum": 1}, "The number of the page, from 1"),
    in_query(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MOST},
        f"Rows of a page; {PAGE_SIZE} without it, of jobs {MOST_JOBS} at most",
    ),
)
_SEARCH = in_query("search", TEXT, "A part of the name, in capitals or not")

_MARKERS: Mapping[str, Parameter] = {
    ID: in_path("id", {**TEXT, "pattern": "^[A-Za-z0-9]+$"}, "The id"),
    RUN: in_path("run", {**TEXT, "pattern": "^[0-9]+$"}, "The number of the run, from 1"),
    REST: in_path("path", TEXT, "The path of the file below the folder of the run"),
}


def _json(summary: str, shape: Shape, status: int = 200, **body: Shape) -> Operation:
    return Operation(summary, {status: {JSON: shape}}, {JSON: body["body"]} if body else {})  # type: ignore[dict-item]


def _listed(summary: str, row: Shape, *parameters: Parameter) -> Operation:
    return Operation(summary, {200: {JSON: answers.page(row)}}, parameters=(*_PAGED, *parameters))


def _empty(summary: str, status: int, *parameters: Parameter) -> Operation:
    return Operation(summary, {status: {}}, parameters=parameters)


_UPLOAD = Operation("Uploads a file", {201: {JSON: answers.FILE}}, {"multipart/form-data": answers.UPLOAD})

_JOB: Schema = {
    **JOB.schema,
    "examples": [
        {
            "name": "first-job",
            "jobanalyses": [
                {
                    "analysis": {"code": "shell"},
                    "command": "echo done",
                    "hardware": {"coreType": "standard", "coresPerSlot": 1},
                }
            ],
        }
    ],
}
"""With a job that each new engine can run, to be tried."""

OPERATIONS: Mapping[type[JobsResource], Mapping[str, Operation]] = {
    overviews.Me: {"get": _json("The account that asks", answers.USER)},
    overviews.Analyses: {"get": _listed("What can be run", answers.ANALYSIS)},
    overviews.CoreTypes: {"get": _listed("What it can be run on", answers.CORE_TYPE)},
    files.Files: {"get": _listed("The uploaded files, the newest first", answers.FILE, _SEARCH)},
    files.Upload: {"post": _UPLOAD, "put": _UPLOAD},
    files.File: {
        "get": _json("A file", answers.FILE),
        "patch": _json("Changes the name or the type of an uploaded file", answers.FILE, body=answers.FILE_CHANGES),
        "delete": _empty("Deletes an uploaded file; what a job used of it stays in the graph", 204),
    },
    files.Contents: {
        "get": Operation("The bytes of a file, or a range of them", {200: {BYTES: None}, 206: {BYTES: None}})
    },
    files.Lines: {"get": _json("The lines of a file, as text", answers.LINES)},
    jobs.Jobs: {
        "get": _listed(
            "The jobs, the newest first",
            answers.JOB_SUMMARY,
            in_query("state", one_of("completed", "not_completed"), "Whether they have ended"),
            in_query("job_status", one_of(*JOB_STATUSES.values()), "Their newest status"),
        ),
        "post": _json("Makes a job, which does not run until it is submitted", answers.JOB_OBJECT, 201, body=_JOB),
    },
    jobs.Job: {
        "get": _json("A job", answers.JOB_OBJECT),
        "put": _json("Replaces a job that was not submitted", answers.JOB_OBJECT, body=_JOB),
        "patch": _json(
            "Changes fields of a job that was not submitted",
            answers.JOB_OBJECT,
            body={**JOB.schema, "required": [], "examples": [{"name": "Another name"}]},
        ),
        "delete": _empty(
            "Deletes a job that does not run; the graph keeps what was run",
            204,
            in_query("deleteInputFiles", BOOLEAN, "Whether its files go too, if no other job names them"),
        ),
    },
    jobs.Submit: {"post": _empty("Submits a job, once", 200)},
    jobs.Stop: {"post": _empty("Stops a job; what it has written is kept", 202)},
    jobs.Clone: {"post": _json("Makes a new job of one, with its inputs", answers.JOB_OBJECT, 201)},
    jobs.Statuses: {"get": _listed("What happened to a job, the newest first", answers.STATUS)},
    jobs.ClusterStatuses: {"get": _listed("What became of its cluster, the newest first", answers.CLUSTER_STATUS)},
    runs.JobFiles: {"get": _listed("The output files of all runs of a job", answers.FILE, _SEARCH)},
    runs.Runs: {"get": _listed("The runs of a job", answers.RUN)},
    runs.Run: {"get": _json("A run", answers.RUN)},
    runs.RunFiles: {"get": _listed("The output files of a run, once it has ended", answers.FILE, _SEARCH)},
    runs.StopRun: {"post": _json("Stops a run", answers.NOTHING)},
    runs.DirectoryContents: {"get": _json("The files that a run has written so far", answers.DIRECTORY)},
    runs.Tail: {
        "get": Operation(
            "What a run has written into a file so far, or the last lines of it",
            {200: {JSON: answers.TAIL, BYTES: None}},
            parameters=(
                in_query("lines", {"type": "integer", "minimum": 1}, "How many lines; without it all bytes"),
                in_query(
                    "position",
                    {"type": "integer"},
                    "The byte where the lines begin, as `next` of an answer says it; below 0 it counts from the end",
                ),
                in_query("bytes", {"type": "integer", "minimum": 1}, "At most so many bytes from `position` on"),
            ),
        )
    },
}


def _described() -> Iterator[Described]:
    for route in ROUTES:
        path, parameters = with_markers(f"{route.path}/", _MARKERS)
        operations = OPERATIONS[route.resource]
        yield Described(path, parameters, path.split("/")[1], operations)


DOCUMENT = RunDocument(
    title="Jobs API",
    about=_ABOUT,
    tags=_TAGS,
    paths=tuple(_described()),
    error=answers.EITHER_ERROR,
    refusals=_REFUSALS,
)
