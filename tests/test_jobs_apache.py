"""The jobs API below a mount point of a real Apache, with the files of apache/ and wsgi/ as they are shipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.apache import Apache, apache
from tests.conftest import ROOT, Golden
from tests.environments import make_environment
from tests.jobs_rows import LARGE, LOG, make_jobs
from tests.people import People
from tests.servers import PATIENCE, require


@dataclass(frozen=True)
class Served:
    apache: Apache
    people: People

    def ask(self, method: str, url: str, **options: object) -> httpx.Response:
        url = url if url.startswith("http") else f"{self.apache.url}{url}"
        return httpx.request(method, url, headers=self.people.header("ada"), timeout=PATIENCE, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(wheel: Path, golden: Golden) -> Iterator[Served]:
    require("apache2")
    with TemporaryDirectory(prefix="aiida-like-apache-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = make_environment(folder / "venv", "/usr/bin/python3", f"{wheel}[engine]")
        own = folder / "own"
        own.mkdir(mode=0o755)
        shutil.copytree(ROOT / "wsgi", own / "wsgi")
        people = make_jobs(own / "root", golden)
        (own / "wsgi" / "app1" / "config.py").write_text(f'ENGINE = "{people.root.path}"\n')
        site = (ROOT / "apache" / "one.conf").read_text()
        site = site.replace("/srv/aiida-like/.venv", str(environment)).replace("/srv/aiida-like", str(own))
        with apache(own, site, {}) as running:
            yield Served(running, people)


@pytest.mark.parametrize("prefix", ["/django", "/django/ada"])
def test_links_lead_back(served: Served, prefix: str) -> None:
    first = served.ask("GET", f"{prefix}/api/v2/jobs/Stoppe/files/?page_size=1").json()
    assert first["next"] == f"{served.apache.url}{prefix}/api/v2/jobs/Stoppe/files/?page_size=1&page=2"
    second = served.ask("GET", first["next"]).json()
    assert served.ask("GET", first["results"][0]["downloadUrl"]).content == LOG
    assert served.ask("GET", second["results"][0]["downloadUrl"]).content == LARGE
    (_, log) = served.ask("GET", f"{prefix}/api/v2/jobs/Runnin/runs/1/directory-contents/").json()
    assert log["resource"] == f"{prefix}/api/jobs/Runnin/runs/1/tail/process_output.log"
    assert served.ask("GET", log["resource"]).content == LOG


def test_who_asks(served: Served) -> None:
    """Apache hands the key on."""
    answer = httpx.get(f"{served.apache.url}/django/api/v2/jobs/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Authentication credentials were not provided."})
    assert served.ask("GET", "/django/bob/api/v2/jobs/").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_uploads_get_through(served: Served, method: str) -> None:
    """To the engine, which is away here. A body of unknown length, too."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + bytes(3 * 10**6)
        + b"\r\n--x--\r\n"
    )
    headers = {**served.people.header("ada"), "Content-Type": "multipart/form-data; boundary=x"}
    for content in (body, iter([body])):
        url = f"{served.apache.url}/django/api/v2/files/contents/"
        answer = httpx.request(method, url, content=content, headers=headers, timeout=PATIENCE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["detail"] == "The engine does not answer now: ask again in some seconds."
