"""Several profiles in one process."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client as UnbufferedClient
from werkzeug.test import TestResponse

from aiida_like.errors import TargetError
from aiida_like.profiles import demo
from aiida_like.storage import LazyStorage, Storage
from restapi import create_app, create_site
from restapi.hosting.site import Site
from tests.conftest import ROOT, Golden, GoldenPostgreSQL
from tests.exchanges import with_id
from tests.golden import graph

DEMO = str(demo().database)
LARGE = f"/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt"
NOT_NOW = "this profile cannot be served now: "


class Client(UnbufferedClient):
    """Closes each response at once, which is when its profile is no longer in use."""

    def open(self, *arguments: Any, buffered: bool = True, **options: Any) -> TestResponse:
        return super().open(*arguments, buffered=buffered, **options)


@pytest.fixture
def make() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def create(targets: list[str], settings: dict[str, Any] | None = None) -> Site:
        site = create_site(targets, settings or {})
        assert isinstance(site, Site)
        made.append(site)
        return site

    yield create
    for site in made:
        site.open.close()


def test_slashes_before_a_name(make: Callable[..., Site]) -> None:
    client = Client(make([DEMO, f"other={DEMO}"]))
    moved = {"//demo/api/v4/nodes": "/demo/api/v4/nodes?limit=1", "///demo": "/demo?limit=1"}
    for sent, there in moved.items():
        answer = client.get("/?limit=1", environ_overrides={"PATH_INFO": sent})
        assert (answer.status_code, answer.headers["Location"]) == (308, f"http://localhost{there}")


def total(client: Client, mount: str) -> int:
    response = client.get(f"{mount}/api/v4/nodes?limit=1", buffered=True)
    assert response.status_code == 200, response.text
    return int(response.headers["X-Total-Count"])


def test_where_each_is(golden: Golden, make: Callable[..., Site]) -> None:
    client = Client(make([DEMO, f"größe-1={golden.sqlite}", str(golden.archive)]))
    nodes = total(client, "")
    assert (nodes, total(client, "/demo"), total(client, "/gr%C3%B6%C3%9Fe-1"), total(client, "/golden")) == (
        nodes, nodes, 81, 81,
    )  # fmt: skip
    assert client.get("/golden").json["profile"] == client.get("/golden/").json["profile"] == "golden"
    answer = client.get(f"/golden/api/v2/nodes/{graph.silicon}")
    assert (answer.json["url"], answer.json["path"]) == (
        f"http://localhost/golden/api/v2/nodes/{graph.silicon}",
        f"/api/v2/nodes/{graph.silicon}",
    )
    for path in ("/nobody/api/v2/nodes", "/nobody", "/goldenx/api/v2/nodes", "/NOBODY/api/v4"):
        answer = client.get(path)
        message = (
            f"no profile is called {path.split('/')[1]!r} at http://localhost/NAME/, there are: demo, größe-1, golden"
        )
        assert (answer.status_code, answer.json) == (404, {"message": message})
    assert client.get("/golden/demo/api/v2/nodes").status_code == 404
    assert client.get("/golden/readyz").json == client.get("/readyz").json == {"status": "ready"}


MOUNTS = {"": "", "/lab": "/lab", "/l\xc3\xa4b 1": "/l%C3%A4b%201"}
"""Paths that a web server hands on in SCRIPT_NAME, decoded as Latin-1 (PEP 3333), and in URLs."""


@pytest.mark.parametrize("script_name", MOUNTS)
@pytest.mark.parametrize("profile", ["demo", "größe"])
def test_urls_carry_the_mount(golden: Golden, make: Callable[..., Site], script_name: str, profile: str) -> None:
    client = Client(make([DEMO, f"größe={golden.sqlite}"]))
    site = MOUNTS[script_name]
    here = f"{site}/{quote(profile)}"

    def ask(path: str, accept: str = "*/*") -> TestResponse:
        return client.get(
            f"/{profile}{path}", headers={"Accept": accept}, environ_overrides={"SCRIPT_NAME": script_name}
        )

    for version in ("v2", "v4"):
        hint = f"No resource has this URL. GET {here}/api/{version} lists all endpoints."
        assert hint in ask(f"/api/{version}/nothing").text
        assert hint in ask(f"/api/{version}/docs/nothing").text
        lines = ask(f"/api/{version}").json["data"]["available_endpoints"]
        assert {line.split()[-1][: len(f"{here}/api/v")] for line in lines} == {f"{here}/api/v"}
        assert ask(f"/api/{version}/openapi.json").json["servers"] == [{"url": f"{here}/api/{version}"}]
        answer = ask(f"/api/{version}/nodes/page/1?perpage=5")
        assert answer.json["url_root"] == f"http://localhost{here}/"
        assert f"<http://localhost{here}/api/{version}/nodes/page/2?perpage=5>" in answer.headers["Link"]
        assert ask(f"/api/{version}//nodes").headers["Location"] == f"http://localhost{here}/api/{version}/nodes"
        assert f'src="{here}/api/{version}/docs/docs.js?' in ask(f"/api/{version}/docs").text
    assert ask("/").json["api"]["v4"] == f"http://localhost{here}/api/v4"
    page = ask("/", "text/html").text
    links = re.findall('(?:href|src|action)="([^"#]*)"', page)
    assert len(links) > 10
    assert {link for link in links if not link.startswith(f"{here}/")} == {f"{site}/"} | {
        link for link in links if link.startswith(f"{site}/static/")
    }
    listed = client.get("/", headers={"Accept": "text/html"}, environ_overrides={"SCRIPT_NAME": script_name}).text
    assert f'<h2><a href="{here}/">' in listed
    assert f"<code>{here}/</code>" in listed
    nobody = client.get("/nobody", environ_overrides={"SCRIPT_NAME": script_name}).json["message"]
    assert nobody == f"no profile is called 'nobody' at http://localhost{site}/NAME/, there are: demo, größe"


def test_pages_bring_their_icon(golden: Golden, make: Callable[..., Site]) -> None:
    """So that no browser asks for /favicon.ico."""
    client = Client(make([DEMO, str(golden.archive)]))
    for path in ("/", "/demo/", "/api/v4/docs"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert len(re.findall(r'<link rel="icon" href="/static/\w+/icon.svg">', page)) == 1


def test_the_list(golden: Golden, golden_postgresql: GoldenPostgreSQL, make: Callable[..., Site]) -> None:
    targets = [DEMO, f"größe={golden.sqlite}", str(golden.archive)]
    client = Client(
        make([*targets, f"team={golden_postgresql.url}"], {"REPOSITORY": str(golden_postgresql.repository)})
    )
    counts = {"nodes": 81, "links": 52, "groups": 7, "users": 4, "computers": 5}
    answer = client.get("/")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    shown = answer.json["profiles"]
    assert [(each["name"], each["title"], each["storage"], each["error"]) for each in shown] == [
        ("demo", "demo.aiida", "core.sqlite_zip", None),
        ("größe", "größe", "core.sqlite_dos", None),
        ("golden", "golden.aiida", "core.sqlite_zip", None),
        ("team", "team", "core.psql_dos", None),
    ]
    assert [each["counts"] for each in shown[1:]] == [counts] * 3
    assert shown[1]["api"]["v4"] == "http://localhost/gr%C3%B6%C3%9Fe/api/v4"
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    links = re.findall('<h2><a href="([^"]*)"', page.text)
    assert links == ["/demo/", "/gr%C3%B6%C3%9Fe/", "/golden/", "/team/"]
    assert [client.get(link, headers={"Accept": "text/html"}).status_code for link in links] == [200] * 4
    assert page.text.count("81 nodes") == 3
    assert client.post("/").status_code == 405


def test_an_archive_that_changes(golden: Golden, make: Callable[..., Site], tmp_path: Path) -> None:
    """It is served as it was opened, until it is opened again; and so it is counted."""
    file = shutil.copy(golden.archive, tmp_path / "changes.aiida")
    client = Client(make([DEMO, str(file)], {"MAX_OPEN_PROFILES": 1}))
    assert client.get("/").json["profiles"][1]["counts"]["nodes"] == 81
    shutil.copy(DEMO, file)
    assert client.get("/").json["profiles"][1]["counts"]["nodes"] == total(client, "/changes") == 81
    nodes = total(client, "/demo")  # which closes the other
    first, second = client.get("/").json["profiles"]
    assert first["counts"] == second["counts"]
    assert first["counts"]["nodes"] == total(client, "/changes") == nodes


def test_the_least_recently_used_is_closed(golden: Golden, make: Callable[..., Site]) -> None:
    site = make([f"{name}={golden.archive}" for name in "abcd"], {"MAX_OPEN_PROFILES": 2})
    client = Client(site)
    assert site.open.names == ()
    for name, open_ in (("a", "a"), ("b", "ab"), ("a", "ba"), ("c", "ac"), ("b", "cb"), ("b", "cb"), ("d", "bd")):
        assert total(client, f"/{name}") == 81
        assert site.open.names == tuple(open_)


def test_what_is_closed_holds_no_file(golden: Golden, make: Callable[..., Site], tmp_path: Path) -> None:
    files = [shutil.copy(golden.archive, tmp_path / f"{name}.aiida") for name in "abc"]
    site = make(list(map(str, files)), {"MAX_OPEN_PROFILES": 1})
    client = Client(site)
    before = len(list(Path("/proc/self/fd").iterdir()))
    counts = []
    for name in "abcabc":
        assert client.get(f"/{name}{LARGE}").status_code == 200
        counts.append(len(list(Path("/proc/self/fd").iterdir())) - before)
    assert max(counts) == min(counts) > 0


def test_an_application_can_go() -> None:
    """Nothing holds one that is not served any more."""
    gone = create_app(DEMO, {})
    assert Client(gone).get("/api/v4/nodes?limit=1").status_code == 200
    reference = weakref.ref(gone)
    del gone
    gc.collect()
    assert reference() is None


def test_what_is_in_use_stays_open(golden: Golden, make: Callable[..., Site]) -> None:
    site = make([f"{name}={golden.archive}" for name in "abc"], {"MAX_OPEN_PROFILES": 1})
    client = Client(site)
    whole = client.get("/a" + LARGE).data
    reading = client.get("/a" + LARGE, buffered=False)
    blocks = reading.iter_encoded()
    begin = next(iter(blocks))
    assert [total(client, f"/{name}") for name in "bc"] == [81, 81]
    assert site.open.names == ("a",)
    assert begin + b"".join(blocks) == whole
    reading.close()
    assert total(client, "/b") == 81
    assert site.open.names == ("b",)


def test_eight_threads(golden: Golden, make: Callable[..., Site]) -> None:
    site = make([DEMO, *(f"{name}={golden.archive}" for name in "abcd")], {"MAX_OPEN_PROFILES": 2})
    client = Client(site)
    expected = {"/demo": total(client, ""), **dict.fromkeys(("/a", "/b", "/c", "/d"), 81)}

    def ask(start: int) -> list[tuple[str, int]]:
        mounts = [list(expected)[(start + number * (start + 1)) % 5] for number in range(15)]
        return [(mount, total(Client(site), mount)) for mount in mounts]

    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(ask, range(8)):
            assert [number for _, number in answers] == [expected[mount] for mount, _ in answers]
    assert len(site.open.names) == 2


def test_a_broken_one(golden: Golden, make: Callable[..., Site], tmp_path: Path) -> None:
    """It says why without naming a path, leaves the others alone, and is served when it is mended."""
    file = tmp_path / "broken.aiida"
    file.write_bytes(golden.archive.read_bytes()[:20_000])
    client = Client(make([DEMO, str(file)]))
    for url in ("/broken/api/v2/nodes", "/broken/api/v4/nodes", "/broken/"):
        answer = client.get(url)
        assert (answer.status_code, answer.json) == (
            503,
            with_id(answer, {"message": f"{NOT_NOW}its archive is damaged"}),
        )
        assert answer.headers["Retry-After"] == "10"
    assert (client.get("/api/v4/nodes").status_code, client.get("/demo/api/v4/nodes").status_code) == (200, 200)
    good, bad = client.get("/").json["profiles"]
    assert (good["counts"]["nodes"], good["error"]) == (total(client, "/demo"), None)
    assert (bad["counts"], bad["error"]) == (None, "its archive is damaged")
    page = client.get("/", headers={"Accept": "text/html"}).text
    assert "cannot be served now: its archive is damaged" in page
    assert str(tmp_path) not in page
    shutil.copy(golden.archive, file)
    assert total(client, "/broken") == 81


def test_reasons(
    golden: Golden, golden_postgresql: GoldenPostgreSQL, make: Callable[..., Site], tmp_path: Path
) -> None:
    """All that can be wrong with a profile that was found."""
    (tmp_path / "text.aiida").write_text("nothing")
    shutil.copy(golden.archive, tmp_path / "gone.aiida")
    shutil.copytree(golden.sqlite, tmp_path / "files")
    shutil.copytree(golden.sqlite, tmp_path / "tables")
    shutil.copytree(golden.sqlite, tmp_path / "database")
    away = golden_postgresql.url.replace("/golden", "/nothing")
    targets = [str(tmp_path / name) for name in ("text.aiida", "gone.aiida", "files", "tables", "database")]
    site = make([DEMO, *targets, f"away={away}"], {"REPOSITORY": str(golden_postgresql.repository)})
    (tmp_path / "gone.aiida").unlink()
    shutil.rmtree(tmp_path / "files" / "container")
    shutil.copy(ROOT / "README.md", tmp_path / "tables" / "database.sqlite")
    (tmp_path / "database" / "database.sqlite").unlink()
    reasons = {each["name"]: each["error"] for each in Client(site).get("/").json["profiles"]}
    assert reasons == {
        "demo": None,
        "text": "its file is not an AiiDA archive",
        "gone": "its archive is missing",
        "files": "its repository is missing or damaged",
        "tables": "its file is no database of SQLite",
        "database": "its database is missing",
        "away": "its database does not answer",
    }


FORK = """
import os, sys
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from aiida_like.storage import LazyStorage

opening = LazyStorage(lambda: open_storage(find(*sys.argv[1:])))

def session():
    ((number,),) = opening().database.rows("SELECT pg_backend_pid()", {})
    return number

before = session()
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print(before, end=" ")
print(session(), flush=True)
opening.close()
"""


def test_each_process_opens_its_own(golden_postgresql: GoldenPostgreSQL) -> None:
    """A connection that crosses a fork would give one process the answers of the other."""
    command = [sys.executable, "-c", FORK, golden_postgresql.url, str(golden_postgresql.repository)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs, before, behind = map(int, done.stdout.split())
    assert theirs != before == behind


def test_those_who_waited_share_the_failure() -> None:
    """A database that is away lets one thread wait for it, not one after the other."""
    waiting, let_go = threading.Semaphore(0), threading.Event()
    tries: list[int] = []

    def open_slowly() -> Storage:
        tries.append(1)
        let_go.wait(30)
        raise TargetError("far away", "it does not answer")

    opening = LazyStorage(open_slowly)

    def ask(_: int) -> str:
        waiting.release()
        with pytest.raises(TargetError, match=r"^far away$") as refused:
            opening()
        return refused.value.reason

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(ask, range(8))
        for _ in range(8):
            waiting.acquire()
        threading.Timer(0.2, let_go.set).start()
        assert list(answers) == ["it does not answer"] * 8
    assert len(tries) <= 2  # two, if a thread had not yet asked when the first failed
    with pytest.raises(TargetError):
        opening()


MEMORY = """
import sys
from pathlib import Path
from restapi import create_app, create_site
from werkzeug.test import Client

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

site = create_site(sys.argv[1:], {"MAX_OPEN_PROFILES": 100})
client = Client(site)
names = [Path(each).stem for each in sys.argv[1:]]
urls = ["", "/api/v2/nodes", "/api/v4/nodes", "/api/v4/nodes?attributes=true", "/api/v4/nodes/full_types_count"]

def ask(name):
    for url in urls:
        assert client.get(f"/{name}{url}", buffered=True).status_code == 200

for _ in range(3):
    ask(names[0])
registered = megabytes()
for name in names:
    ask(name)
assert len(site.open.names) == len(names)
print(registered, (megabytes() - registered) / (len(names) - 1))
"""


def test_a_hundred_archives(golden: Golden, tmp_path: Path) -> None:
    """In megabytes: all registered, and each when it was opened, asked, and is idle."""
    archives = [str(shutil.copy(golden.archive, tmp_path / f"a{number}.aiida")) for number in range(100)]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *archives], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    registered, each = map(float, done.stdout.split())
    assert registered < 200
    assert each < 3
