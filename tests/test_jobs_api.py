"""The jobs API as far as it reads: what is sent, and the whole of what comes back. The engine is away."""

from __future__ import annotations

import copy
import hashlib
import io
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.routing import Map, Rule

from aiida_like_engine.root.catalogue import DEFAULT, read_catalogue
from restapi.dialects.jobs.description import OPERATIONS
from restapi.dialects.jobs.job_document import JOB as JOB_DOCUMENT
from restapi.dialects.jobs.job_document import fitted
from restapi.dialects.jobs.routes import ROUTES
from tests.conftest import Golden, at_once
from tests.exchanges import ROOT, Exchange, check
from tests.jobs_rows import ARCHIVE, BASIC_JOB, LARGE, LOG, iso, make_jobs
from tests.people import People

PRIVATE = {
    "Content-Type": "application/json",
    "Cache-Control": "private, no-store",
    "Vary": "Authorization, Cookie",
    "Access-Control-Allow-Origin": None,
    "ETag": None,
}


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_jobs(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def client(people: People, serve: Callable[..., Flask]) -> FlaskClient:
    return serve(None, {"ENGINE": str(people.root.path)}).test_client()


@pytest.fixture
def failures_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("both", "address", "account", "key")
    monkeypatch.setattr("restapi.accounts.throttle.FREE_FAILURES", dict.fromkeys(kinds, 10**9))


def file_of(
    public_id: str, name: str, content: bytes, *, owner: str = "ada", root: str = f"{ROOT}/api/v2", **others: Any
) -> dict[str, Any]:
    stem, _, suffix = name.rpartition(".")
    return {
        "typeId": 1,
        "name": name,
        "dateUploaded": iso(9.596996),
        "relativePath": name,
        "encodedEncryptionKey": "",
        "sharedWith": [],
        "decryptedSize": len(content),
        "owner": f"{owner}@example.org",
        "path": f"user/user_{owner}/{stem}-06feda72-6b3d-4f24-86e2-cd56722d1a42.{suffix}",
        "isUploaded": True,
        "viewInBrowser": False,
        "id": public_id,
        "md5": hashlib.md5(content).hexdigest(),
        "downloadUrl": f"{root}/files/{public_id}/contents/",
        "isDeleted": False,
        "fileChecksums": [{"hashFunction": "SHA512", "fileHash": hashlib.sha512(content).hexdigest()}],
        **others,
    }


def output_of(public_id: str, path: str, content: bytes) -> dict[str, Any]:
    return file_of(
        public_id,
        path.rpartition("/")[2],
        content,
        typeId=5,
        dateUploaded=iso(804),
        relativePath=path,
        path=f"user/user_ada/output/job_Stoppe/run1/{path}",
    )


def list_of(*results: Any, count: int | None = None, **links: str) -> dict[str, Any]:
    return {
        "count": len(results) if count is None else count,
        "next": links.get("next"),
        "previous": links.get("previous"),
        "results": list(results),
    }


def status(name: str, second: float, reason: str | None = None) -> dict[str, Any]:
    return {"status": name, "statusDate": iso(second), "statusReason": reason}


def summary(
    public_id: str, name: str, job_status: str | None, cluster: str, label: str, storage: int
) -> dict[str, Any]:
    return {
        "analysisNames": ["OpenFOAM"],
        "clusterStatusDisplay": {"content": cluster, "labelClass": label, "useLabel": True},
        "dateInserted": iso(600),
        "id": public_id,
        "isVisible": True,
        "jobStatus": {"content": job_status},
        "name": name,
        "owner": "ada@example.org",
        "sharedWith": [],
        "storage": storage,
    }


AIRFOIL = file_of("XkpTse", "airfoil2d.zip", ARCHIVE)
SCRIPT = file_of("Script", "Script_100%.sh", b"echo")
LOG_FILE, LARGE_FILE = output_of("Log000", "process_output.log", LOG), output_of("Large0", "results/large ü.dat", LARGE)

DRAFT = summary("QTVia0", "Basic Job", None, "Not Started", "label-default", len(ARCHIVE))
RUNNING = summary("Runnin", "Running", "Executing", "Started", "label-success", len(ARCHIVE))
STOPPED = summary("Stoppe", "Stopped", "Completed", "Stopped", "label-default", len(ARCHIVE) + len(LOG) + len(LARGE))

VERSION = {"eula": None, "allowedCoreTypes": ["standard-plus"], "stdCommand": "", "mpiCommand": "", "smpCommand": ""}
OPENFOAM = {
    "industries": [],
    "code": "openfoam",
    "description": "<p><b>OpenFOAM</b></p>",
    "versions": [
        {
            "eula": None,
            "allowedCoreTypes": ["standard-plus"],
            "stdCommand": "foamExec <module> <input-file>",
            "version": "2.3.0",
            "mpiCommand": "mpirun -np <mpi-ranks> foamExec <module> <input-file> -parallel",
            "versionCode": "2.3.0-openmpi",
            "smpCommand": "mpirun -np <smp-ranks> foamExec <module> <input-file> -parallel",
        },
        {**VERSION, "version": "2.2.2", "versionCode": "2.2.2-openmpi"},
    ],
    "supportDesks": [],
    "hasRescaleLicense": False,
    "vendorName": "",
    "pricing": "",
    "licenseSettings": [],
    "optimizerType": None,
    "thumbnail": "",
    "resources": [],
    "name": "OpenFOAM",
}

JOB = {
    "monteCarloIterations": None,
    "paramFile": None,
    "name": "Basic Job",
    "includeNominalRun": False,
    "jobanalyses": [
        {
            "envVars": None,
            "useMpi": False,
            "postProcessScriptCommand": "",
            "preProcessScriptCommand": "",
            "useRescaleLicense": False,
            "templateTasks": [],
            "analysis": {
                "code": "openfoam",
                "version": "2.3.0-openmpi",
                "name": "OpenFOAM",
                "versionName": "2.3.0",
            },
            "hardware": {
                "coreSummary": {"storagePerNode": 4000, "numberOfNodes": 1, "memoryPerNode": 3750},
                "coresPerSlot": 1,
                "slots": 1,
                "coreType": "standard-plus",
                "walltime": None,
            },
            "command": "./airFoil2D/Allrun",
            "preProcessScript": None,
            "postProcessScript": None,
            "inputFiles": [{**AIRFOIL, "decompress": True}],
            "flags": {},
        }
    ],
    "resourceFilters": [
        {"caseSensitive": False, "include": True, "filterType": name, "selector": name}
        for name in ("Analysis generated files", "Completed templates", "Input files")
    ],
    "jobvariables": [],
    "isTemplateDryRun": False,
    "remoteVizConfig": None,
    "caseFile": None,
    "isLowPriority": False,
    "owner": "ada@example.org",
    "optimizer": None,
    "expectedRuns": None,
    "id": "QTVia0",
    "archiveFilters": [],
}
"""The job of the examples, with the keys that they have and some more."""

RUN = {
    "dateCompleted": None,
    "parent": None,
    "variables": [],
    "outputFileSize": None,
    "outputFileCount": 0,
    "dateStarted": iso(703.804),
    "type": 3,
    "id": "1",
    "displayOrder": 1,
    "isOptimal": False,
}
ENDED_RUN = {
    **RUN,
    "dateCompleted": iso(804),
    "outputFileSize": len(LOG) + len(LARGE),
    "outputFileCount": 2,
    "dateStarted": iso(802),
}

NOT_FOUND = {"detail": "Not found."}


def tail_of(path: str) -> str:
    return f"/api/jobs/Runnin/runs/1/tail/{path}"


READ: list[tuple[str, Any]] = [
    ("users/me/", {"id": "ada", "username": "ada", "email": "ada@example.org", "firstName": "", "lastName": ""}),
    ("files/", list_of(SCRIPT, AIRFOIL)),
    ("files/?search=AIR", list_of(AIRFOIL)),
    ("files/?search=_100%25", list_of(SCRIPT)),
    ("files/?search=x_y", list_of()),
    ("files/?page_size=1", list_of(SCRIPT, count=2, next=f"{ROOT}/api/v2/files/?page_size=1&page=2")),
    (
        "files/?page=2&search=i&page_size=1",
        list_of(AIRFOIL, count=2, previous=f"{ROOT}/api/v2/files/?search=i&page_size=1"),
    ),
    ("files/XkpTse/", AIRFOIL),
    ("files/Log000/", LOG_FILE),
    ("files/Log000/lines/", {"lines": ["line 1\n", "line 2, ü\n", "last"]}),
    ("analyses/?page_size=1", list_of(OPENFOAM, count=2, next=f"{ROOT}/api/v2/analyses/?page_size=1&page=2")),
    (
        "coretypes/?page_size=1",
        list_of(
            {
                "code": "standard-plus",
                "name": "Marble",
                "cores": [1, 2, 4],
                "memory": 3750,
                "price": "0.15",
                "processorInfo": "a processor",
                "isDeprecated": False,
                "displayOrder": 0,
            },
            count=2,
            next=f"{ROOT}/api/v2/coretypes/?page_size=1&page=2",
        ),
    ),
    ("jobs/", list_of(STOPPED, RUNNING, DRAFT)),
    ("jobs/?state=completed", list_of(STOPPED)),
    ("jobs/?state=not_completed", list_of(RUNNING, DRAFT)),
    ("jobs/?job_status=executing", list_of(RUNNING)),
    ("jobs/?job_status=Completed&state=not_completed", list_of()),
    ("jobs/QTVia0/", JOB),
    ("jobs/QTVia0/statuses/", list_of()),
    ("jobs/QTVia0/cluster_statuses/", list_of()),
    ("jobs/QTVia0/runs/", list_of()),
    ("jobs/QTVia0/files/", list_of()),
    (
        "jobs/Runnin/statuses/",
        list_of(
            status("Executing", 703.804),
            status("Validated", 702.5),
            status("Started", 702),
            status("Queued", 701.0731),
            status("Pending", 700),
        ),
    ),
    (
        "jobs/Stoppe/statuses/?page_size=2",
        list_of(
            status("Completed", 804, "User Terminated"),
            status("Stopping", 803),
            count=7,
            next=f"{ROOT}/api/v2/jobs/Stoppe/statuses/?page_size=2&page=2",
        ),
    ),
    (
        "jobs/Stoppe/cluster_statuses/",
        list_of(
            status("Stopped", 804),
            status("Stop Requested", 803),
            status("Started", 802),
            status("Starting", 801),
            status("Not Started", 800),
        ),
    ),
    ("jobs/Runnin/runs/", list_of(RUN)),
    ("jobs/Runnin/runs/1/", RUN),
    ("jobs/Runnin/runs/1/files/", list_of()),
    ("jobs/Stoppe/runs/1", ENDED_RUN),
    ("jobs/Stoppe/files/", list_of(LOG_FILE, LARGE_FILE)),
    ("jobs/Stoppe/files/?search=LARGE", list_of(LARGE_FILE)),
    ("jobs/Stoppe/runs/1/files/?search=log", list_of(LOG_FILE)),
    (
        "jobs/Runnin/runs/1/directory-contents/",
        [
            {"path": "deep/a b.txt", "resource": tail_of("deep/a%20b.txt")},
            {"path": "process_output.log", "resource": tail_of("process_output.log")},
        ],
    ),
    (
        "jobs/Stoppe/runs/1/directory-contents/",
        [
            {"path": "process_output.log", "resource": "/api/jobs/Stoppe/runs/1/tail/process_output.log"},
            {"path": "results/large ü.dat", "resource": "/api/jobs/Stoppe/runs/1/tail/results/large%20%C3%BC.dat"},
        ],
    ),
    (
        "jobs/Runnin/runs/1/tail/process_output.log?lines=2",
        {"fileType": "text", "lines": ["line 2, ü\n", "last"]},
    ),
    ("jobs/Runnin/runs/1/tail/deep/a%20b.txt?lines=2", {"fileType": "text", "lines": ["x\n", "x\n"]}),
    ("jobs/Stoppe/runs/1/tail/process_output.log?lines=1", {"fileType": "text", "lines": ["last"]}),
]


@pytest.mark.parametrize(("path", "body"), READ, ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_read(client: FlaskClient, people: People, path: str, body: Any) -> None:
    """The same with a slash at the end and without, below `/api/v2` and below the prefix of the account."""
    headers = people.header("ada")
    check(client, Exchange(f"/api/v2/{path}", 200, PRIVATE, body, sent_headers=headers))
    bare, _, query = path.partition("?")
    other = f"{bare.removesuffix('/')}{'' if path.count('/tail/') else '/' * (not bare.endswith('/'))}?{query}"
    check(client, Exchange(f"/api/v2/{other}", 200, PRIVATE, body, sent_headers=headers))
    answer = client.get(f"/ada/api/v2/{path}", headers=headers)
    text = client.get(f"/api/v2/{path}", headers=headers).text
    assert answer.text == text.replace(f"{ROOT}/api/", f"{ROOT}/ada/api/").replace('"/api/', '"/ada/api/')


BYTES = [
    ("files/XkpTse/contents/", ARCHIVE),
    ("files/Large0/contents", LARGE),
    ("jobs/Runnin/runs/1/tail/process_output.log", LOG),
    ("jobs/Stoppe/runs/1/tail/results/large%20%C3%BC.dat", LARGE),
]


@pytest.mark.parametrize(("path", "content"), BYTES)
def test_bytes(client: FlaskClient, people: People, path: str, content: bytes) -> None:
    answer = client.get(f"/ada/api/v2/{path}", headers=people.header("ada"), buffered=True)
    assert (answer.status_code, answer.data) == (200, content)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.content_type == "application/octet-stream"


ODD_NAMES = {
    b"\xff.txt": "\\xff.txt",
    b"new\nline": "new\nline",
    b"#?%41 [1]*": "#?%41 [1]*",
    "ü".encode(): "ü",
    b"\\xff": "\\xff",
}
"""Names that a program may give, and how they are shown; what is written like one that is no UTF-8 is found first."""


def test_odd_names(client: FlaskClient, people: People) -> None:
    work = people.root.work / "running" / "work" / "odd"
    work.mkdir()
    for name in ODD_NAMES:
        (work / os.fsdecode(name)).write_bytes(name)
    os.mkfifo(work / "pipe")
    shown = client.get("/api/v2/jobs/Runnin/runs/1/directory-contents/", headers=people.header("ada")).json
    found = [each for each in shown if each["path"].startswith("odd/")]
    assert sorted(each["path"] for each in found) == sorted(f"odd/{path}" for path in ODD_NAMES.values())
    contents = {each["path"]: client.get(each["resource"], headers=people.header("ada")).data for each in found}
    assert contents == {f"odd/{path}": name for name, path in ODD_NAMES.items()}
    assert client.get("/api/v2/jobs/Runnin/runs/1/tail/odd/pipe", headers=people.header("ada")).status_code == 404
    shutil.rmtree(work)


def test_a_deep_folder(client: FlaskClient, people: People) -> None:
    """It is listed as far as it is not too deep, whatever a program makes."""
    work = people.root.work / "running" / "work"
    folder = work
    for _ in range(100):
        folder = folder / "d"
        folder.mkdir()
        (folder / "f").touch()
    found = client.get("/api/v2/jobs/Runnin/runs/1/directory-contents/", headers=people.header("ada")).json
    assert max(each["path"].count("d/") for each in found) == 64
    shutil.rmtree(work / "d")


def test_many_at_once(client: FlaskClient, people: People) -> None:
    app = client.application
    expected = {path: client.get(f"/api/v2/{path}", headers=people.header("ada")).json for path, _ in READ}
    wrong: list[str] = []

    def ask(_: int) -> None:
        own = app.test_client()
        for path, body in expected.items():
            if own.get(f"/api/v2/{path}", headers=people.header("ada")).json != body:
                wrong.append(path)

    at_once(ask)
    assert wrong == []


def test_links_of_tails_lead_there(client: FlaskClient, people: People) -> None:
    for prefix in ("", "/ada"):
        found = client.get(f"{prefix}/api/v2/jobs/Runnin/runs/1/directory-contents/", headers=people.header("ada")).json
        answer = client.get(found[1]["resource"], headers=people.header("ada"), buffered=True)
        assert (found[1]["path"], answer.data) == ("process_output.log", LOG)


def test_a_range(client: FlaskClient, people: People) -> None:
    url, headers = "/api/v2/files/Large0/contents/", people.header("ada")
    whole = client.get(url, headers=headers, buffered=True)
    tag = whole.headers["ETag"]
    assert tag == f'"{hashlib.sha256(LARGE).hexdigest()}"'
    assert (
        whole.headers["Content-Disposition"]
        == """attachment; filename="large _.dat"; filename*=UTF-8''large%20%C3%BC.dat"""
    )
    for condition in ({}, {"If-Range": tag}):
        part = client.get(url, headers={**headers, **condition, "Range": "bytes=100000-"}, buffered=True)
        assert (part.status_code, part.data) == (206, LARGE[100000:])
        assert part.headers["Content-Range"] == f"bytes 100000-{len(LARGE) - 1}/{len(LARGE)}"
    other = client.get(url, headers={**headers, "If-Range": '"other"', "Range": "bytes=1-2"}, buffered=True)
    assert (other.status_code, other.data) == (200, LARGE)
    refused = client.get(url, headers={**headers, "Range": f"bytes={len(LARGE)}-"}, buffered=True)
    assert (refused.status_code, refused.headers["Content-Range"]) == (416, f"bytes */{len(LARGE)}")
    assert refused.json == {"detail": f"the file has {len(LARGE)} bytes, and none in this range"}
    head = client.head(url, headers=headers)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(LARGE)))
    same = client.get(url, headers={**headers, "If-None-Match": tag}, buffered=True)
    assert (same.status_code, same.data, same.headers["Cache-Control"]) == (304, b"", "private, no-store")


MISSING = [
    ("GET", "files/BobsFi/"),
    ("GET", "files/BobsFi/contents/"),
    ("GET", "files/BobsFi/lines/"),
    ("PATCH", "files/BobsFi/"),
    ("DELETE", "files/BobsFi/"),
    ("GET", "files/gone01/"),
    ("GET", "files/none00/"),
    ("GET", "files/XkpTse/other/"),
    ("GET", "jobs/BobsJo/"),
    ("PUT", "jobs/BobsJo/"),
    ("PATCH", "jobs/BobsJo/"),
    ("DELETE", "jobs/BobsJo/"),
    ("POST", "jobs/BobsJo/submit/"),
    ("POST", "jobs/BobsJo/stop/"),
    ("POST", "jobs/BobsJo/clone/"),
    ("GET", "jobs/BobsJo/statuses/"),
    ("GET", "jobs/BobsJo/cluster_statuses/"),
    ("GET", "jobs/BobsJo/files/"),
    ("GET", "jobs/BobsJo/runs/"),
    ("GET", "jobs/BobsJo/runs/1/files/"),
    ("GET", "jobs/BobsJo/runs/1/directory-contents/"),
    ("GET", "jobs/BobsJo/runs/1/tail/process_output.log"),
    ("POST", "jobs/BobsJo/runs/1/stop/"),
    ("GET", "jobs/QTVia0/runs/1/"),
    ("GET", "jobs/Runnin/runs/2/"),
    ("GET", "jobs/Runnin/runs/one/"),
    ("GET", "jobs/Runnin/runs/1/tail/"),
    ("GET", "jobs/Runnin/runs/1/tail/other"),
    ("GET", "jobs/Runnin/runs/1/tail/passwd"),
    ("GET", "jobs/Runnin/runs/1/tail/passwd?lines=1"),
    ("GET", "jobs/Runnin/runs/1/tail/up/server.sqlite"),
    ("GET", "jobs/Runnin/runs/1/tail/deep"),
    ("GET", "jobs/Runnin/runs/1/tail/..%2F..%2F..%2Fserver.sqlite"),
    ("GET", "jobs/Runnin/runs/1/tail/a%00b"),
    ("GET", "jobs/Stoppe/runs/1/tail/other"),
    ("GET", "jobs/none/at/all/"),
]


@pytest.mark.parametrize(("method", "path"), MISSING)
def test_what_is_missing(client: FlaskClient, people: People, method: str, path: str) -> None:
    """What is another's is answered as what is not there."""
    sent = None if method in {"GET", "DELETE"} else {}
    for prefix in ("", "/ada"):
        url = f"{prefix}/api/v2/{path}"
        check(client, Exchange(url, 404, PRIVATE, NOT_FOUND, method, sent, people.header("ada")))


OF_ALL = ("analyses", "coretypes", "users")
"""What is no account's own, or of whoever asks."""


@pytest.mark.usefixtures("failures_are_free")
@pytest.mark.parametrize("path", [path for path, _ in [*READ, *BYTES]])
def test_each_caller(client: FlaskClient, people: People, path: str) -> None:
    """Nobody gets what is another's, though it was answered just before, or asked for by its tag."""
    url, has_id = f"/api/v2/{path}", re.match("(files|jobs)/[A-Za-z0-9]{6}", path) is not None
    whole = client.get(url, headers=people.header("ada"), buffered=True)
    tag = {"If-None-Match": whole.headers.get("ETag", "*")}
    for more in ({}, {}, tag):
        for name in ("revoked", "expired", "carl"):
            assert client.get(url, headers={**people.header(name), **more}).json == INVALID
        assert client.get(url, headers=more).json == NO_CREDENTIALS
        other = client.get(url, headers={**people.header("bob"), **more}, buffered=True)
        if has_id:
            assert (other.status_code, other.json) == (404, NOT_FOUND)
        elif not path.startswith(OF_ALL):
            assert "ada" not in other.text
        own = client.get(url, headers={**people.header("ada"), **more}, buffered=True)
        is_same = "ETag" in whole.headers and more is tag
        assert (own.status_code, own.data) == ((304, b"") if is_same else (200, whole.data))


def test_the_prefix_of_another(client: FlaskClient, people: People) -> None:
    """Even of somebody who is there, and even for a superuser."""
    for caller, user in (("ada", "bob"), ("zoe", "ada"), ("ada", "nobody")):
        url = f"/{user}/api/v2/jobs/"
        check(client, Exchange(url, 404, PRIVATE, NOT_FOUND, sent_headers=people.header(caller)))


def test_a_superuser_sees_all(client: FlaskClient, people: People) -> None:
    found = client.get("/api/v2/jobs/", headers=people.header("zoe")).json
    assert [each["id"] for each in found["results"]] == ["Stoppe", "Runnin", "BobsJo", "QTVia0"]
    assert client.get("/api/v2/files/BobsFi/", headers=people.header("zoe")).json["owner"] == "bob@example.org"


def test_the_root_of_an_account(client: FlaskClient, people: People) -> None:
    body = {name: f"{ROOT}/ada/api/v2/{name}/" for name in ("analyses", "coretypes", "files", "jobs")}
    check(client, Exchange("/ada/api/v2/", 200, PRIVATE, body, sent_headers=people.header("ada")))


NO_CREDENTIALS = {"detail": "Authentication credentials were not provided."}
INVALID = {"detail": "Invalid token."}


@pytest.mark.usefixtures("failures_are_free")
@pytest.mark.parametrize("path", ["/api/v2/jobs/", "/ada/api/v2/files/XkpTse/contents/", "/ada/api/v2/"])
def test_who_says_nothing_of_themselves(client: FlaskClient, people: People, path: str) -> None:
    headers = {**PRIVATE, "WWW-Authenticate": "Token"}
    check(client, Exchange(path, 401, headers, NO_CREDENTIALS))
    wrong = {"Authorization": "Token alk_wrong"}
    check(client, Exchange(path, 401, headers, INVALID, sent_headers=wrong))
    check(client, Exchange(path, 401, headers, INVALID, sent_headers=people.header("revoked")))


def test_many_wrong_keys(people: People, serve: Callable[..., Flask]) -> None:
    """They are slowed, and told when to go on."""
    client = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    for number in range(1000):
        answer = client.get("/api/v2/jobs/", headers={"Authorization": f"Token alk_{number}"})
        if answer.status_code != 401:
            break
    seconds = answer.headers["Retry-After"]
    detail = f"Request was throttled. Expected available in {seconds} seconds."
    assert (answer.status_code, answer.json) == (429, {"detail": detail})
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get("/api/v2/jobs/", headers=people.header("ada")).status_code == 200, "a good key is no attempt"


REFUSED = [
    ("GET", "files/?page=3", None, 404, {"detail": "Invalid page."}),
    ("GET", "files/?page=0", None, 404, {"detail": "Invalid page."}),
    ("GET", "jobs/?page=x", None, 404, {"detail": "Invalid page."}),
    (
        "GET",
        "jobs/?state=x",
        None,
        400,
        {"state": ['"x" is not a valid choice: completed, not_completed.']},
    ),
    (
        "GET",
        "jobs/?job_status=Failed",
        None,
        400,
        {
            "job_status": [
                (
                    '"Failed" is not a valid choice: Pending, Queued, Started, Validated, Executing, Stopping, '
                    "Completed, Force Stop."
                )
            ]
        },
    ),
    (
        "GET",
        "jobs/Runnin/runs/1/tail/process_output.log?lines=x",
        None,
        400,
        {"lines": ["A valid integer is required."]},
    ),
    ("PUT", "jobs/", {}, 405, {"detail": 'Method "PUT" not allowed.'}),
    ("DELETE", "analyses/", None, 405, {"detail": 'Method "DELETE" not allowed.'}),
    ("GET", "jobs/QTVia0/submit/", None, 405, {"detail": 'Method "GET" not allowed.'}),
    ("BREW", "jobs/", None, 405, {"detail": 'Method "BREW" not allowed.'}),
    ("POST", "jobs/", {}, 400, {"name": ["This field is required."], "jobanalyses": ["This field is required."]}),
    ("POST", "jobs/", [], 400, {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ("PATCH", "jobs/QTVia0/", {"name": ""}, 400, {"name": ["This field may not be blank."]}),
    ("PATCH", "files/XkpTse/", {"typeId": 6}, 400, {"typeId": ['"6" is not a valid choice.']}),
    ("PATCH", "files/XkpTse/", {"name": "a/b"}, 400, {"name": ["A name has no slash."]}),
    (
        "DELETE",
        "files/Log000/",
        None,
        403,
        {"detail": "Output files are part of the record of their run, and stay as they are."},
    ),
    (
        "POST",
        "files/contents/",
        {},
        400,
        {"file": ["No file was submitted. Send a form: multipart/form-data, with a part file."]},
    ),
    (
        "POST",
        "jobs/Stoppe/submit/",
        {},
        400,
        {"detail": "This job was submitted already; a clone of it can be submitted."},
    ),
    ("POST", "jobs/QTVia0/stop/", {}, 400, {"detail": "This job was not submitted, so there is nothing to stop."}),
]


@pytest.mark.parametrize(("method", "path", "sent", "code", "body"), REFUSED)
def test_what_is_refused(
    client: FlaskClient, people: People, method: str, path: str, sent: Any, code: int, body: Any
) -> None:
    check(client, Exchange(f"/api/v2/{path}", code, PRIVATE, body, method, sent, people.header("ada")))


BODIES = [
    (b"{", "application/json", 400, "JSON parse error - unexpected end of data: line 1 column 2 (char 1)"),
    (
        b"a=b",
        "application/x-www-form-urlencoded",
        415,
        'Unsupported media type "application/x-www-form-urlencoded" in request.',
    ),
    (b"[" * 500 + b"]" * 500, "application/json", 400, "JSON parse error - Recursion limit reached"),
    (b'"' + b"a" * 1_000_000 + b'"', "application/json", 413, "The body has more than 1000000 bytes."),
]


@pytest.mark.parametrize(("sent", "media", "code", "detail"), BODIES, ids=lambda each: str(each)[:20])
def test_bodies(client: FlaskClient, people: People, sent: bytes, media: str, code: int, detail: str) -> None:
    headers = {**people.header("ada"), "Content-Type": media}
    answer = client.post("/api/v2/jobs/", data=sent, headers=headers)
    assert (answer.status_code, answer.json) == (code, {"detail": detail})


def test_which_methods_there_are(client: FlaskClient, people: People) -> None:
    refused = client.delete("/api/v2/jobs/", headers=people.header("ada"))
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    asked = client.options("/api/v2/jobs/QTVia0/", headers=people.header("ada"))
    assert (asked.status_code, asked.headers["Allow"]) == (200, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")


WRITES = [
    ("POST", "jobs/", {"name": "x", "jobanalyses": JOB["jobanalyses"]}),
    ("PUT", "jobs/QTVia0/", {"name": "x", "jobanalyses": JOB["jobanalyses"]}),
    ("PATCH", "jobs/QTVia0/", {"name": "x"}),
    ("DELETE", "jobs/QTVia0/", None),
    ("POST", "jobs/QTVia0/submit/", None),
    ("POST", "jobs/Runnin/stop/", None),
    ("POST", "jobs/Runnin/runs/1/stop/", None),
    ("POST", "jobs/QTVia0/clone/", None),
    ("PATCH", "files/XkpTse/", {"name": "other.zip"}),
    ("DELETE", "files/XkpTse/", None),
]


@pytest.mark.parametrize(("method", "path", "sent"), WRITES)
def test_without_an_engine_nothing_is_written(
    client: FlaskClient, people: People, method: str, path: str, sent: Any
) -> None:
    answer = client.open(f"/api/v2/{path}", method=method, json=sent, headers=people.header("ada"))
    body = {"detail": "The engine does not answer now: ask again in some seconds."}
    assert (answer.status_code, answer.json) == (503, body | {"request_id": answer.headers["X-Request-ID"]})
    assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("5", "private, no-store")


def test_without_an_engine_the_log_has_one_line(
    serve: Callable[..., Flask], people: People, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(None, {"ENGINE": str(people.root.path)}).test_client()  # another one has written it already
    for _ in range(2):
        assert client.delete("/api/v2/jobs/QTVia0/", headers=people.header("ada")).status_code == 503
    (record,) = caplog.records
    assert "engine.sock does not answer: " in record.message
    assert record.exc_info is None


def test_an_upload_without_an_engine(client: FlaskClient, people: People) -> None:
    for method in ("POST", "PUT"):
        sent = {"file": (io.BytesIO(b"abc"), "a.txt")}
        answer = client.open("/api/v2/files/contents/", method=method, data=sent, headers=people.header("ada"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


class Breaking:
    """A body of which a part comes, and then an error of the connection."""

    def __init__(self, error: Exception) -> None:
        self._error, self._blocks = error, [b"--x\r\n"]

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - as it comes
        if self._blocks:
            return self._blocks.pop()
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (TimeoutError(), 408, "The file comes too slowly."),
        (ConnectionResetError(), 400, "The file breaks off."),
        (BrokenPipeError(), 400, "The file breaks off."),
    ],
)
def test_an_upload_that_breaks_is_no_fault_of_the_engine(
    client: FlaskClient, people: People, error: Exception, status: int, detail: str
) -> None:
    """The gateway is one that takes what comes and never answers."""
    with socket.socket(socket.AF_UNIX) as gateway:
        gateway.bind(str(people.root.socket))
        gateway.listen()
        try:
            answer = client.post(
                "/api/v2/files/contents/",
                content_type="multipart/form-data; boundary=x",
                headers=people.header("ada"),
                environ_overrides={
                    "wsgi.input": Breaking(error),
                    "wsgi.input_terminated": True,  # as it is where it is read while it comes
                    "CONTENT_LENGTH": "1000",
                },
            )
        finally:
            people.root.socket.unlink()
    assert (answer.status_code, answer.json) == (status, {"detail": detail})


def test_a_database_that_breaks(golden: Golden, serve: Callable[..., Flask], tmp_path: Path) -> None:
    """It loses a table, under a server that has it open."""
    people = make_jobs(tmp_path / "root", golden)
    client = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    assert client.get("/api/v2/files/", headers=people.header("ada")).status_code == 200
    with people.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE files RENAME TO others")
    answer = client.get("/api/v2/files/", headers=people.header("ada"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["detail"] == "The engine's folder cannot be read now: the cause is in the log of the server."


def test_cores_of_this_machine(golden: Golden, serve: Callable[..., Flask], tmp_path: Path) -> None:
    """As many as its engine may use, whatever the catalogue says."""
    people = make_jobs(tmp_path / "root", golden)
    people.root.settings.write_text("[limits]\ncores = 2\n")
    client = serve(None, {"ENGINE": str(people.root.path)}).test_client()
    found = client.get("/api/v2/coretypes/", headers=people.header("ada")).json["results"]
    assert [each["cores"] for each in found] == [[1, 2], [1]]
    sent = copy.deepcopy(BASIC_JOB)
    sent["jobanalyses"][0]["hardware"]["coresPerSlot"] = 4
    refused = client.post("/api/v2/jobs/", json=sent, headers=people.header("ada"))
    problem = {"hardware": {"coresPerSlot": ["Ensure this value is less than or equal to 2."]}}
    assert (refused.status_code, refused.json) == (400, {"jobanalyses": [problem]})


def test_version_2_of_aiida_is_beside_it(client: FlaskClient, people: People) -> None:
    headers = people.header("ada")
    assert client.get("/api/v2/nodes?limit=1", headers=headers).json["data"]["nodes"][0]["id"] == 1
    assert client.get("/api/v2/users/2", headers=headers).json["data"]["users"][0]["id"] == 2
    assert client.get("/ada/api/v2/nodes", headers=headers).json == NOT_FOUND


def test_streams(client: FlaskClient, people: People) -> None:
    app: Any = client.application
    paths = ["/api/v2/files/contents/", "/ada/api/v2/files/content", "/api/v2/files/XkpTse/contents/", "/api/v2/jobs/"]
    found = [app.streams({"REQUEST_METHOD": "POST", "PATH_INFO": path}) for path in paths]
    assert found == [True, True, False, False]
    assert not app.streams({"REQUEST_METHOD": "GET", "PATH_INFO": paths[0]})


@pytest.fixture(scope="module")
def document(client: FlaskClient, people: People) -> dict[str, Any]:
    answer = client.get("/api/v2/jobs/openapi.json", headers=people.header("ada"))
    assert answer.content_type == "application/json"
    return dict(answer.json)


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["servers"] == [{"url": "/api/v2"}]


def test_the_document_says_how_to_say_who_asks(client: FlaskClient, people: People, document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert document["security"] == [{"token": []}, {"bearer": []}, {"session": []}]
    told = {name: {key: value for key, value in each.items() if key != "description"} for name, each in schemes.items()}
    form = client.get("/login", headers={"Accept": "text/html"}).headers["Set-Cookie"].partition("=")[0]
    assert told == {
        "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": form.replace("form_", "")},
    }


def test_what_can_be_tried_is_right(document: dict[str, Any], tmp_path: Path) -> None:
    """The job that stands on the page as an example is one that an engine runs which was just made."""
    schema = document["paths"]["/jobs/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    (tmp_path / "analyses.toml").write_text(DEFAULT)
    (example,) = schema["examples"]
    assert fitted(JOB_DOCUMENT.of(example), read_catalogue(tmp_path / "analyses.toml"), ())["name"] == "first-job"


def test_the_document_says_where_what_was_made_is(document: dict[str, Any]) -> None:
    made = [
        each["responses"]["201"]
        for operations in document["paths"].values()
        for each in operations.values()
        if "201" in each["responses"]
    ]
    assert len(made) == 6
    assert all(each["headers"]["Location"]["schema"] == {"type": "string", "format": "uri"} for each in made)


def test_the_document_is_whole() -> None:
    """Each method of each resource is described, and nothing else."""
    methods = {route.resource: {each.lower() for each in route.resource.methods} for route in ROUTES}
    assert {resource: set(operations) for resource, operations in OPERATIONS.items()} == methods


@pytest.mark.parametrize(("path", "body"), READ, ids=lambda each: each if isinstance(each, str) else "")
def test_the_document_is_true(document: dict[str, Any], path: str, body: Any) -> None:
    """What is answered is as it says."""
    rules = [
        Rule(re.sub(r"\{(path)\}", r"<path:\1>", each).replace("{", "<").replace("}", ">"), endpoint=each)
        for each in document["paths"]
    ]
    place = path.partition("?")[0].removesuffix("/")
    matched, _ = Map(rules, strict_slashes=False).bind("localhost").match(f"/{place}/")
    schema = document["paths"][matched]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator({**schema, "components": document["components"]}, format_checker=checker)
    assert [error.message for error in validator.iter_errors(body)] == []


def test_the_page_of_the_document(client: FlaskClient, people: People) -> None:
    page = client.get("/api/v2/jobs/docs", headers=people.header("ada"))
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert 'data-document="/api/v2/jobs/openapi.json"' in page.text
    assert client.get("/api/v2/jobs/docs/docs.js", headers=people.header("ada"), buffered=True).status_code == 200
    assert client.get("/api/v2/jobs/docs").status_code == 401
    runs = client.get("/runs", headers={**people.header("ada"), "Accept": "text/html"})
    assert '<a class="button" href="/api/v2/jobs/docs">Jobs API</a>' in runs.text
    assert client.get("/", headers=people.header("ada")).json["api"]["jobs"] == f"{ROOT}/api/v2/jobs/"
