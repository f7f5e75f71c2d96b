"""The jobs API with an engine that works: a client of others, the commands of the documentation, and more."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from aiida_like_engine.server_db.database import open_to_write
from aiida_like_engine.server_db.tables import JOBS
from restapi.hosting.app import Application
from tests.conftest import ROOT, at_once
from tests.jobs_catalogue import CATALOGUE
from tests.nginx import nginx_before
from tests.runs import Runs, running
from tests.servers import PATIENCE, require

ENDED = {"completed", "force_stop"}


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with running(CATALOGUE) as made:
        yield made


class Asking:
    """Asks as one account, below its prefix: the server, or an application in this process."""

    def __init__(self, runs: Runs, name: str, application: Application | None = None) -> None:
        transport = None if application is None else httpx.WSGITransport(application)
        self.http = httpx.Client(
            base_url=f"{runs.url}/{name}/api/v2/", headers=runs.header(name), timeout=PATIENCE, transport=transport
        )

    def __call__(self, method: str, path: str, status: int, **options: Any) -> Any:
        answer = self.http.request(method, path, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.headers["Cache-Control"] == "private, no-store"
        return answer.json() if answer.headers.get("Content-Type") == "application/json" else answer.content

    def close(self) -> None:
        self.http.close()

    def uploaded(self, name: str, content: bytes) -> str:
        return str(self("POST", "files/contents/", 201, files={"file": (name, content)})["id"])

    def job(self, command: str, *files: str, **analysis: Any) -> dict[str, Any]:
        """A draft."""
        return dict(self("POST", "jobs/", 201, json=job_of(command, *files, **analysis)))

    def submitted(self, command: str, *files: str, **analysis: Any) -> str:
        public_id = str(self.job(command, *files, **analysis)["id"])
        self("POST", f"jobs/{public_id}/submit/", 200)
        return public_id

    def statuses(self, job: str) -> list[dict[str, Any]]:
        return list(self("GET", f"jobs/{job}/statuses/", 200)["results"])

    def until(self, job: str, *names: str) -> list[dict[str, Any]]:
        """The statuses of a job, once the newest is one of these."""
        deadline = time.monotonic() + PATIENCE
        while not ((found := self.statuses(job)) and found[0]["status"] in names):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def outputs(self, job: str) -> dict[str, bytes]:
        found = self("GET", f"jobs/{job}/files/?page_size=100", 200)["results"]
        return {each["relativePath"]: self("GET", f"files/{each['id']}/contents/", 200) for each in found}


def job_of(command: str, *files: str, **analysis: Any) -> dict[str, Any]:
    return {
        "name": "A job",
        "jobanalyses": [
            {
                "analysis": {"code": "shell"},
                "command": command,
                "hardware": {"coreType": "onyx", "coresPerSlot": 1},
                "inputFiles": [{"id": each} for each in files],
                **analysis,
            }
        ],
    }


@pytest.fixture(scope="module")
def application(runs: Runs, serve: Callable[..., Application]) -> Application:
    return serve(None, {"ENGINE": str(runs.engine.root.path)})


@pytest.fixture(scope="module")
def ada(runs: Runs, application: Application) -> Iterator[Asking]:
    with closing(Asking(runs, "ada", application)) as asking:
        yield asking


@pytest.fixture(scope="module")
def bob(runs: Runs, application: Application) -> Iterator[Asking]:
    with closing(Asking(runs, "bob", application)) as asking:
        yield asking


@pytest.fixture(scope="module")
def served(runs: Runs) -> Iterator[Asking]:
    """ada, who asks the server."""
    with closing(Asking(runs, "ada")) as asking:
        yield asking


def archive(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return made.getvalue()


AIRFOIL = archive(
    {
        "airFoil2D/Allrun": "#!/bin/sh\ncat airFoil2D/mesh.txt > result.txt\necho done\n",
        "airFoil2D/mesh.txt": "12 cells\n",
    }
)


RESCALEPY = """
import sys
from pathlib import Path
from rescalepy import client as module

module.ENDPOINT = sys.argv[1]
client = module.Client(sys.argv[2])
job = client.create_job("From a client", "openfoam", [Path("airFoil2D")], "sh ./airFoil2D/Allrun", core_type=None)
assert client.submit_job(job)
client.wait_for_job(job, interval=0.1)
assert client.get_job_status(job)[0]["statusReason"] == "Completed successfully"
client.download_all_results(job, Path("results"))
(run,) = client.list_job_results(job)
assert (run["id"], run["outputFileCount"]) == ("1", 2)
hardware = client.get_job_details(job)["jobanalyses"][0]["hardware"]
assert hardware["coreType"] == client.get_cheapest_core()
assert hardware["walltime"] == 48
"""


def test_rescalepy(runs: Runs, tmp_path: Path) -> None:
    """A client that others wrote: upload, create, submit, wait, download."""
    (tmp_path / "airFoil2D").mkdir()
    (tmp_path / "airFoil2D" / "Allrun").write_text("cat airFoil2D/mesh.txt; mkdir out; cp airFoil2D/mesh.txt out/copy")
    (tmp_path / "airFoil2D" / "mesh.txt").write_text("12 cells\n")
    command = [sys.executable, "-c", RESCALEPY, f"{runs.url}/ada/api/v2/", runs.keys["ada"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "process_output.log").read_text() == "12 cells\n"
    assert (tmp_path / "results" / "out" / "copy").read_text() == "12 cells\n"


def test_it_stands_in_the_graph(runs: Runs, ada: Asking) -> None:
    """Whoever reads the graph by the other dialects sees the run, by its label."""
    job = ada.submitted("echo it", ada.uploaded("in.txt", b"in"))
    ada.until(job, "Completed")
    found = httpx.get(
        f'{runs.url}/api/v4/nodes?node_type=like="process.calculation.calcjob.%25"&orderby=-id&limit=1',
        headers=runs.header("ada"),
    ).json()["data"]["nodes"]
    assert found[0]["label"] == "A job"


def test_the_commands_of_the_documentation(runs: Runs, tmp_path: Path) -> None:
    """Curl with host, key and names of files filled in, and nothing else."""
    require("curl")
    (tmp_path / "airfoil2d.zip").write_bytes(AIRFOIL)

    def curl(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", "-H", f"Authorization: Token {runs.keys['ada']}", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    api = f"{runs.url}/api/v2"
    status, body = curl(
        *("-X", "POST", "-H", "Content-Type:multipart/form-data", "-F", "file=@airfoil2d.zip", f"{api}/files/contents/")
    )
    file = json.loads(body)
    assert (status, file["name"], file["decryptedSize"]) == (201, "airfoil2d.zip", len(AIRFOIL))
    assert file["md5"] == hashlib.md5(AIRFOIL).hexdigest()
    status, body = curl(f"{api}/analyses/")
    assert (status, json.loads(body)["results"][0]["versions"][0]["versionCode"]) == (200, "2.3.0-openmpi")
    data = {
        "name": "Basic Job",
        "jobanalyses": [
            {
                "useMpi": False,
                "command": "sh ./airFoil2D/Allrun",
                "analysis": {"code": "openfoam", "version": "2.3.0-openmpi"},
                "hardware": {"coresPerSlot": 1, "slots": 1, "coreType": "standard-plus"},
                "inputFiles": [{"id": file["id"]}],
            }
        ],
    }
    (tmp_path / "data.json").write_text(json.dumps(data))
    status, body = curl("-X", "POST", "--data", "@data.json", "-H", "Content-Type: application/json", f"{api}/jobs/")
    job = json.loads(body)["id"]
    assert (status, json.loads(body)["jobanalyses"][0]["inputFiles"][0]["id"]) == (201, file["id"])
    assert curl("-X", "POST", f"{api}/jobs/{job}/submit/") == (200, "")
    deadline = time.monotonic() + PATIENCE
    while (found := json.loads(curl(f"{api}/jobs/{job}/statuses/")[1])["results"])[0]["status"] != "Completed":
        assert time.monotonic() < deadline, found
    names = [each["status"] for each in found]
    assert names == ["Completed", "Executing", "Validated", "Started", "Queued", "Pending"]
    assert sorted((each["statusDate"] for each in found), reverse=True) == [each["statusDate"] for each in found]
    status, body = curl(f"{api}/jobs/{job}/runs/")
    assert json.loads(body)["count"] == 1
    status, body = curl(f"{api}/jobs/{job}/runs/1/files/")
    log = next(each for each in json.loads(body)["results"] if each["name"] == "process_output.log")
    assert curl(f"{api}/files/{log['id']}/contents/") == (200, "done\n")


SENT: dict[str, Callable[[], Any]] = {
    "text": lambda: b"some text\n" * 3,
    "empty": lambda: b"",
    "binary": lambda: bytes(range(256)) * 5000,
}


@pytest.mark.parametrize("content", SENT)
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("asking", ["ada", "served"])
def test_a_file_comes_back_as_it_went(asking: str, method: str, content: str, request: pytest.FixtureRequest) -> None:
    ada: Asking = request.getfixturevalue(asking)
    sent = SENT[content]()
    file = ada(method, "files/contents/", 201, files={"file": ("ü b.dat", sent, "{'type_id': 4}")})
    assert (file["name"], file["typeId"], file["decryptedSize"]) == ("ü b.dat", 4, len(sent))
    assert file["md5"] == hashlib.md5(sent).hexdigest()
    assert file["fileChecksums"][0]["fileHash"] == hashlib.sha512(sent).hexdigest()
    assert ada("GET", f"files/{file['id']}/contents/", 200) == sent
    assert ada.http.get(file["downloadUrl"]).content == sent
    renamed = ada("PATCH", f"files/{file['id']}/", 200, json={"name": "c.dat", "typeId": 8})
    assert (renamed["name"], renamed["typeId"], renamed["md5"]) == ("c.dat", 8, file["md5"])
    assert ada("DELETE", f"files/{file['id']}/", 204) == b""
    assert ada("GET", f"files/{file['id']}/", 404) == {"detail": "Not found."}
    assert ada("DELETE", f"files/{file['id']}/", 404) == {"detail": "Not found."}


def test_what_is_another_s(ada: Asking, bob: Asking) -> None:
    file = ada.uploaded("mine.txt", b"mine")
    job = ada.job("true", file)
    for method, path in (
        ("GET", f"files/{file}/"),
        ("DELETE", f"files/{file}/"),
        ("GET", f"jobs/{job['id']}/"),
        ("DELETE", f"jobs/{job['id']}/"),
        ("POST", f"jobs/{job['id']}/submit/"),
    ):
        assert bob(method, path, 404) == {"detail": "Not found."}
    refused = bob("POST", "jobs/", 400, json=job_of("true", file))
    assert refused == {"jobanalyses": [{"inputFiles": [{"id": [f'Invalid pk "{file}" - object does not exist.']}]}]}
    assert job["id"] not in [each["id"] for each in bob("GET", "jobs/?page_size=1000", 200)["results"]]


def test_a_draft_is_changed(ada: Asking) -> None:
    job = ada.job("true")
    path = f"jobs/{job['id']}/"
    changed = ada("PATCH", path, 200, json={"name": "Another", "projectId": "abc"})
    assert changed == {**job, "name": "Another", "projectId": "abc"}
    replaced = ada("PUT", path, 200, json=job)
    assert replaced == job, "what was shown can be sent back"
    assert ada("POST", f"{path}clone/", 201, json={"name": "Clone"}) == {
        **job,
        "name": "Clone",
        "id": ada("GET", "jobs/", 200)["results"][0]["id"],
    }
    assert ada("DELETE", path, 204) == b""
    assert ada("GET", path, 404) == {"detail": "Not found."}


def test_a_job_is_submitted_once(runs: Runs, ada: Asking) -> None:
    """A client that has lost the answer gets it again; one that wants a second run is told how."""
    job = ada.submitted("true")
    assert ada("POST", f"jobs/{job}/submit/", 200) == b""
    ada("PATCH", f"jobs/{job}/", 400, json={"name": "x"})
    ada.until(job, "Completed")
    assert ada("POST", f"jobs/{job}/submit/", 200) == b""
    assert ada("GET", f"jobs/{job}/runs/", 200)["count"] == 1
    assert [each["status"] for each in ada.statuses(job)].count("Pending") == 1
    long_ago(runs, job)
    detail = "This job was submitted already; a clone of it can be submitted."
    assert ada("POST", f"jobs/{job}/submit/", 400) == {"detail": detail}
    running = ada.submitted("sleep 60")
    long_ago(runs, running)
    assert ada("POST", f"jobs/{running}/submit/", 200) == b""
    ada("POST", f"jobs/{running}/stop/", 202)
    ada.until(running, "Completed")
    assert ada("GET", f"jobs/{running}/runs/", 200)["count"] == 1


def long_ago(runs: Runs, job: str) -> None:
    """Let a job have been submitted an hour before."""
    database = open_to_write(runs.engine.root.server_database)
    with database.writing() as connection:
        table = JOBS
        before = table.c.submitted - 3600 * 10**6
        connection.execute(table.update().where(table.c.public_id == job).values(submitted=before))
    database.close()


def test_submits_at_the_same_time(runs: Runs, ada: Asking) -> None:
    """There is one run, and each is answered as the one that made it."""
    job = ada.job("true")["id"]
    found: list[int] = []

    def submit() -> None:
        url = f"{runs.url}/api/v2/jobs/{job}/submit/"
        found.append(httpx.post(url, headers=runs.header("ada"), timeout=PATIENCE).status_code)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 8
    ada.until(job, "Completed")
    assert ada("GET", f"jobs/{job}/runs/", 200)["count"] == 1


def test_what_was_made_has_a_place(ada: Asking) -> None:
    made = [
        ada.http.post("files/contents/", files={"file": ("a.txt", b"a")}),
        job := ada.http.post("jobs/", json=job_of("true")),
        ada.http.post(f"jobs/{job.json()['id']}/clone/", json={}),
    ]
    for answer in made:
        assert answer.status_code == 201
        assert str(ada.http.base_url) in answer.headers["Location"]
        assert ada.http.get(answer.headers["Location"]).json() == answer.json()


def test_all_that_is_wrong_is_told_at_once(ada: Asking) -> None:
    """With what only the engine knows."""
    hardware = {"coreType": "onyx", "coresPerSlot": 2, "walltime": 1000}
    one = job_of("", "gone", hardware=hardware)
    assert ada("POST", "jobs/", 400, json={**one, "name": None}) == {
        "name": ["This field may not be null."],
        "jobanalyses": [
            {
                "command": ["This field may not be blank."],
                "hardware": {"coresPerSlot": ["Ensure this value is less than or equal to 1."]},
                "inputFiles": [{"id": ['Invalid pk "gone" - object does not exist.']}],
            }
        ],
    }
    job = ada(
        "POST", "jobs/", 201, json={**job_of("true", hardware={**hardware, "coresPerSlot": 1}), "name": "ü" * 200}
    )
    refused = ada("POST", f"jobs/{job['id']}/submit/", 400)
    assert refused == {
        "name": ["it may have 255 bytes at most"],
        "jobanalyses": [{"hardware": {"walltime": ["the wall time has to be 1 to 604800 s"]}}],
    }


def test_a_failure_is_told(ada: Asking) -> None:
    """There is no status for it: the job is completed, and the reason says the rest."""
    job = ada.submitted("echo before; exit 7")
    newest = ada.until(job, "Completed")[0]
    assert newest["statusReason"].startswith("A run failed")
    assert ada.outputs(job) == {"process_output.log": b"before\n"}


@pytest.mark.parametrize("asking", ["ada", "served"])
def test_a_running_job_is_seen_and_stopped(runs: Runs, asking: str, request: pytest.FixtureRequest) -> None:
    ada: Asking = request.getfixturevalue(asking)
    job = ada.submitted("echo begun; mkdir sub; echo x > sub/partial.txt; sleep 300; echo never")
    ada.until(job, "Executing")
    deadline = time.monotonic() + PATIENCE
    while len(found := ada("GET", f"jobs/{job}/runs/1/directory-contents/", 200)) < 2:
        assert time.monotonic() < deadline, found
    assert [each["path"] for each in found] == ["process_output.log", "sub/partial.txt"]
    log = httpx.get(f"{runs.url}{found[0]['resource']}?lines=5", headers=runs.header("ada"))
    assert log.json() == {"fileType": "text", "lines": ["begun\n"]}
    assert ada("GET", f"jobs/{job}/runs/1/tail/sub/partial.txt", 200) == b"x\n"
    assert ada("DELETE", f"jobs/{job}/", 400)["detail"]
    run = ada("GET", f"jobs/{job}/runs/1/", 200)
    assert (run["dateCompleted"], run["outputFileCount"], run["outputFileSize"]) == (None, 0, None)
    assert run["dateStarted"] is not None
    assert ada("POST", f"jobs/{job}/stop/", 202) == b""
    found = ada.until(job, "Completed")
    assert found[0]["statusReason"] == "User Terminated"
    assert found[1]["status"] == "Stopping"
    outputs = ada.outputs(job)
    assert outputs["process_output.log"].startswith(b"begun\n")
    assert b"never" not in outputs["process_output.log"]
    assert outputs["sub/partial.txt"] == b"x\n"
    assert ada("POST", f"jobs/{job}/stop/", 202) == b"", "it does no harm after the end"
    assert ada("POST", f"jobs/{job}/runs/1/stop/", 200) == {}
    after = ada("GET", f"jobs/{job}/runs/1/directory-contents/", 200)
    assert [each["path"] for each in after] == ["process_output.log", "sub/partial.txt"]
    assert httpx.get(f"{runs.url}{after[1]['resource']}", headers=runs.header("ada")).content == b"x\n"


def test_analyses_in_one_folder(ada: Asking) -> None:
    """One after the other, with scripts before and after; archives are unpacked, unless they are not to be."""
    packed = ada.uploaded("data.zip", archive({"inner": "packed\n"}))
    script = ada.uploaded("after script.sh", b"cat seen >> process.txt; echo after $NAME\n")
    document = job_of("cat inner; echo 1 > seen", packed, preProcessScriptCommand="echo pre", envVars={"NAME": "ü $x"})
    second = {
        **document["jobanalyses"][0],
        "command": "test ! -e data.zip && cat seen && echo second",
        "inputFiles": [],
        "preProcessScriptCommand": "",
        "postProcessScript": {"id": script},
    }
    document["jobanalyses"].append(second)
    job = ada("POST", "jobs/", 201, json=document)["id"]
    ada("POST", f"jobs/{job}/submit/", 200)
    assert ada.until(job, "Completed")[0]["statusReason"] == "Completed successfully"
    outputs = ada.outputs(job)
    assert outputs["process_output.log"].decode() == "pre\npacked\n1\nsecond\nafter ü $x\n"
    assert outputs["process.txt"] == b"1\n"


def test_an_output_is_an_input(ada: Asking) -> None:
    first = ada.submitted("echo 42 > answer.txt")
    ada.until(first, "Completed")
    (answer,) = ada("GET", f"jobs/{first}/files/?search=answer", 200)["results"]
    second = ada.submitted("cat answer.txt", answer["id"])
    ada.until(second, "Completed")
    assert ada.outputs(second)["process_output.log"] == b"42\n"


def test_walltime(ada: Asking) -> None:
    hardware = {"coreType": "onyx", "coresPerSlot": 1, "walltime": 1 / 3600}
    job = ada.submitted("echo begun; sleep 300", hardware=hardware)
    reason = ada.until(job, "Completed")[0]["statusReason"]
    assert reason.startswith("A run failed: ")
    assert ada.outputs(job)["process_output.log"].startswith(b"begun\n")


def test_input_files_go_with_their_job(ada: Asking) -> None:
    """But for those that another job names."""
    own, shared = ada.uploaded("own.txt", b"a"), ada.uploaded("shared.txt", b"b")
    draft, other = ada.job("true", own, shared)["id"], ada.job("true", shared)["id"]
    ada("DELETE", f"jobs/{draft}/?deleteInputFiles=true", 204)
    ada("GET", f"files/{own}/", 404)
    ada("GET", f"files/{shared}/", 200)
    ada("POST", f"jobs/{other}/submit/", 200)
    ada.until(other, "Completed")
    ada("DELETE", f"jobs/{other}/?deleteInputFiles=true", 204)
    ada("GET", f"files/{shared}/", 404)


def test_a_deleted_file_is_still_shown_with_its_job(ada: Asking) -> None:
    file = ada.uploaded("a.txt", b"a")
    job = ada.job("true", file)["id"]
    ada("DELETE", f"files/{file}/", 204)
    (shown,) = ada("GET", f"jobs/{job}/", 200)["jobanalyses"][0]["inputFiles"]
    assert (shown["id"], shown["isDeleted"]) == (file, True)
    refused = ada("POST", f"jobs/{job}/submit/", 400)
    assert refused == {"jobanalyses": [{"inputFiles": [{"id": [f'Invalid pk "{file}" - object does not exist.']}]}]}


def test_uploads_that_are_none(served: Asking) -> None:
    boundary = "multipart/form-data; boundary=x"
    for content_type, body in ((boundary, b"nonsense"), (boundary, b"--x--\r\n"), ("multipart/form-data", b"")):
        answer = served("POST", "files/contents/", 400, content=body, headers={"Content-Type": content_type})
        assert isinstance(answer, dict)


def begun_upload(runs: Runs, size: int, sent: bytes = b"", **headers: str) -> socket.socket:
    """A connection on which an upload of so many bytes begins."""
    host, _, port = runs.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), PATIENCE)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    fields = {"Host": host, "Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(size), **headers}
    written = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"POST /api/v2/files/contents/ HTTP/1.1\r\n{written}\r\n".encode() + head + sent)
    return connection


def test_an_upload_that_breaks_off(runs: Runs, served: Asking) -> None:
    """It leaves nothing, and those that come after it have its place."""
    before = served("GET", "files/", 200)["count"]
    for _ in range(6):
        begun_upload(runs, 10**7, bytes(10**6), **runs.header("ada")).close()
    deadline = time.monotonic() + PATIENCE
    while (answer := served.http.post("files/contents/", files={"file": ("b.txt", b"b")})).status_code == 503:
        assert answer.headers["Retry-After"] == "5"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.status_code == 201
    assert served("GET", "files/", 200)["count"] == before + 1


def test_an_upload_whose_client_closes_its_side(runs: Runs) -> None:
    began = time.monotonic()
    with begun_upload(runs, 10**7, bytes(1000), **runs.header("ada")) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert all_of(connection).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - began < 10


@pytest.mark.long
def test_an_upload_that_stalls(runs: Runs) -> None:
    """It is no fault of the engine, which waits as long as the server."""
    with begun_upload(runs, 10**7, bytes(1000), **runs.header("bob")) as connection:
        connection.settimeout(4 * PATIENCE)
        answer = all_of(connection)
    assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))


def test_an_upload_that_has_no_room_is_refused_at_once(runs: Runs) -> None:
    began = time.monotonic()
    with begun_upload(runs, 10**12, **runs.header("ada")) as connection:
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"the file is larger than the" in answer
    assert time.monotonic() - began < 10


def test_an_upload_whose_chunks_are_none(runs: Runs) -> None:
    host, _, port = runs.url.removeprefix("http://").partition(":")
    fields = {"Host": host, "Content-Type": "multipart/form-data; boundary=x", **runs.header("ada")}
    written = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        head = f"POST /api/v2/files/contents/ HTTP/1.1\r\n{written}Transfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"3\r\n--x\r\nZZZ\r\n\r\n")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"detail":"The file breaks off."}')


def all_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    while block := connection.recv(4096):
        found += block
    return found


def test_who_has_no_account_uploads_nothing(runs: Runs) -> None:
    """The answer comes before the body, which is never read."""
    for headers in ({}, {"Authorization": "Token alk_wrong"}):
        with begun_upload(runs, 10**12, **headers) as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_uploads_at_the_same_time(runs: Runs) -> None:
    """Whoever is told to come again in some seconds comes again, and in the end all is there."""
    contents = [bytes([number]) * 3_000_000 for number in range(8)]
    found: dict[int, Any] = {}

    def upload(number: int) -> None:
        with closing(Asking(runs, "bob")) as bob:
            deadline = time.monotonic() + 2 * PATIENCE
            while time.monotonic() < deadline:
                answer = bob.http.post("files/contents/", files={"file": (f"{number}.bin", contents[number])})
                if answer.status_code != 503:
                    found[number] = answer.json()
                    return
                time.sleep(0.2)

    at_once(upload, len(contents))
    assert {number: file["md5"] for number, file in found.items()} == {
        number: hashlib.md5(content).hexdigest() for number, content in enumerate(contents)
    }


def test_behind_nginx(runs: Runs, tmp_path: Path) -> None:
    """With the shipped settings: files that are longer than other bodies may be go through, and links lead back."""
    content = bytes(range(256)) * 20_000
    with nginx_before(tmp_path, runs.url.removeprefix("http://")) as url:
        files = {"file": ("a.bin", content)}
        answer = httpx.post(
            f"{url}/ada/api/v2/files/contents/", files=files, headers=runs.header("ada"), timeout=PATIENCE
        )
        assert answer.status_code == 201, answer.text
        download = answer.json()["downloadUrl"]
        assert download.startswith(f"{url}/ada/api/v2/files/")
        assert httpx.get(download, headers=runs.header("ada")).content == content


def test_the_guide(tmp_path: Path) -> None:
    """The commands of docs/runs.md for a job, one after the other, with the ids that they answer."""
    require("curl")
    with running() as runs:
        ids = {"XkpTse": "", "QTViab": "", "jEBnQC": ""}
        answers = []
        for command in _commands_of_the_guide():
            written = command.replace("http://127.0.0.1:5000", runs.url)
            for shown, found in ids.items():
                written = written.replace(shown, found or shown)
            if "statuses" in written:
                with closing(Asking(runs, "ada")) as ada:
                    ada.until(ids["QTViab"], "Completed")
            answers.append(_shell(written, tmp_path, KEY=runs.keys["ada"]))
            body = json.loads(answers[-1]) if answers[-1].startswith("{") else {}
            if "md5" in body:
                ids["XkpTse"] = body["id"]
            elif "jobanalyses" in body:
                ids["QTViab"] = body["id"]
            elif body.get("results", [{}])[0].get("name") == "process_output.log":
                ids["jEBnQC"] = body["results"][0]["id"]
        assert "3 cells\n" in answers
        (node,) = json.loads(answers[-1])["data"]["calculations"]
        assert (node["label"], node["state"]) == ("first-job", "FINISHED")


def _commands_of_the_guide() -> Iterator[str]:
    text = (ROOT / "docs" / "runs.md").read_text()
    lines = iter(text.partition("## A job\n")[2].partition("\n## ")[0].splitlines())
    for line in lines:
        if line.startswith("$ "):
            document = [*iter(lambda: next(lines), "END"), "END"] if "<<" in line else []
            yield "\n".join([line[2:], *document])


def _shell(command: str, folder: Path, **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout
