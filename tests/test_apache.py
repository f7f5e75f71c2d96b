"""The files of apache/ and wsgi/ as they are shipped, in a real Apache: two profiles, two applications."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import psycopg
import pytest

from aiida_like.errors import NOT_READABLE
from tests.apache import Apache, apache
from tests.asking import check_parts, curl
from tests.conftest import COMMAND, ROOT, Effort, Golden, GoldenPostgreSQL, run
from tests.deployment import (
    COMMENTS,
    EXTRAS,
    PROFILES,
    Profiles,
    ask_with_eight,
    faulty_groups,
    locked,
    make_profiles,
    waits,
)
from tests.environments import make_environment
from tests.golden import FILES, graph
from tests.manual import OF_EACH_KIND, check
from tests.servers import PostgreSQL, wait_until

NOT_NOW = "this profile cannot be served now: "


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One that the user of Apache's daemons may enter, which those of pytest are not."""
    with TemporaryDirectory(prefix="aiida-like-apache-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="module")
def environment(folder: Path, wheel: Path) -> Path:
    """Of the Python that Debian's mod_wsgi is built for."""
    return make_environment(folder / "venv", "/usr/bin/python3", f"{wheel}[postgresql,structures]")


@pytest.fixture(scope="module")
def profiles(folder: Path, golden: Golden, golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL) -> Profiles:
    return make_profiles(folder, "apache", golden, golden_postgresql, postgresql)


@pytest.fixture(scope="module", params=["one.conf", "many.conf"])
def served(request: pytest.FixtureRequest, folder: Path, environment: Path, profiles: Profiles) -> Iterator[Apache]:
    own = folder / request.param.partition(".")[0]
    own.mkdir(mode=0o755)
    shutil.copytree(ROOT / "wsgi", own / "wsgi")
    for config in own.glob("wsgi/app*/config.py"):
        config.write_text(config.read_text().replace("# ACCESS_LOG", "ACCESS_LOG"))
    site = (ROOT / "apache" / request.param).read_text()
    site = site.replace("/srv/aiida-like/.venv", str(environment)).replace("/srv/aiida-like", str(own))
    with apache(own, site, profiles.configuration) as running:
        yield running


@pytest.mark.parametrize("url", OF_EACH_KIND)
def test_characters_in_a_url(served: Apache, url: str) -> None:
    """Sent raw by curl."""
    answer = curl(f"{served.url}/sqlalchemy/api/v2{url}")
    check(OF_EACH_KIND[url], answer.status, answer.text, "/sqlalchemy")


def test_a_file_in_parts(served: Apache, tmp_path: Path) -> None:
    url = f"{served.url}/django/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt"
    check_parts(url, FILES["large.txt"], tmp_path)


def test_an_archive_that_may_not_be_read(served: Apache, profiles: Profiles) -> None:
    """The daemons start without it; it is served when it may be read."""
    profiles.archive.chmod(0)
    try:
        served.restart_gracefully()
        wait_until(lambda: curl(f"{served.url}/django/readyz").status == 503)
        for path in ("/django/api/v4/nodes", "/django/api/v2/nodes", "/django/"):
            answer = curl(f"{served.url}{path}")
            assert (answer.status, json.loads(answer.text)["message"]) == (503, f"{NOT_NOW}{NOT_READABLE}")
        assert json.loads(curl(f"{served.url}/django/readyz").text) == {"status": f"not ready: {NOT_READABLE}"}
        for path in ("/django/healthz", "/sqlalchemy/readyz", "/sqlalchemy/api/v4/nodes"):
            assert curl(f"{served.url}{path}").status == 200
    finally:
        profiles.archive.chmod(0o644)
    wait_until(lambda: curl(f"{served.url}/django/readyz").status == 200)


@pytest.mark.parametrize("profile", PROFILES)
def test_each_serves_its_own_profile(served: Apache, profile: str) -> None:
    assert json.loads(curl(f"{served.url}/{profile}/").text)["profile"] == profile
    answer = json.loads(curl(served.url + f"/{profile}" + EXTRAS).text)
    assert (answer["data"]["extras"].get("of") == "sqlalchemy") is (profile == "sqlalchemy")
    assert answer["url"] == f"{served.url}/{profile}{EXTRAS}"


PAGES = {
    f"/nodes/{graph.relax}": "<h1>",
    f"/nodes/{graph.relax}/lineage": 'class="lineage" width=',
    "/nodes?label=like=%22%25i%25%22&orderby=-id": '<table class="rows">',
    "/nodes?label=": 'data-column="7"',
    f"/nodes/{graph.folder}/files/large.txt": 'id="L12"',
}
"""Paths of pages, and what each has."""


@pytest.mark.parametrize("profile", PROFILES)
def test_pages_and_what_they_load(served: Apache, profile: str) -> None:
    """A browser gets pages below each mount, whose links, scripts and styles lead to below it."""
    loaded = set[str]()
    for path, part in PAGES.items():
        answer = curl(f"{served.url}/{profile}{path}", "-H", "Accept: text/html")
        assert answer.status == (400 if path.endswith("=") else 200), answer.text
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert part in answer.text
        links = re.findall(r'(?:href|src|action|data-load)="([^"]*)"', answer.text)
        assert [each for each in links if not each.startswith((f"/{profile}/", "#", "?"))] == []
        loaded |= set(re.findall(r'(?:href|src)="(/[^"]*/static/[^"]*)"', answer.text))
    assert {each.rpartition("/")[2] for each in loaded} > {"base.css", "base.js", "icon.svg", "lineage.js", "table.css"}
    for each in loaded:
        answer = curl(served.url + each)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.headers["Content-Type"].split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}


def test_a_query_of_unknown_length(served: Apache) -> None:
    """A body in chunks, and an Authorization header that passes."""
    body = '{"path": ["user"], "project": {"user_1": "id"}}'
    answer = curl(
        f"{served.url}/django/api/v4/querybuilder",
        *("-H", "Transfer-Encoding: chunked", "-H", "Authorization: Bearer x", "-d", body),
    )
    assert (answer.status, len(json.loads(answer.text)["data"]["user_1"])) == (200, 4)


def test_eight_clients_and_new_settings(served: Apache, effort: Effort) -> None:
    """Touching rest.wsgi makes the daemons load it anew."""
    loaded = served.errors.count("Loading Python script file")

    def touch() -> None:
        for file in (served.folder / "wsgi").glob("*/rest.wsgi"):
            file.touch()

    outcome = ask_with_eight(served.url, effort.either(2, 10), touch)
    assert (outcome.wrong, outcome.refused) == ([], [])
    assert served.errors.count("Loading Python script file") > loaded


def test_eight_clients_and_a_graceful_restart(served: Apache, effort: Effort) -> None:
    """All that an application has begun is answered. What has not reached one in that instant is refused by mod_wsgi,
    which takes its socket away before there is a new one.
    """
    query = f"?_={time.time_ns()}"  # is ignored; by it no line of another test is counted that is written only now

    def begun() -> int:
        return len(re.findall(rf'"url":"[^"]*{EXTRAS}{re.escape(query)}","status":200', served.errors))

    outcome = ask_with_eight(served.url, effort.either(2, 10), served.restart_gracefully, query)
    assert outcome.wrong == []
    # The line is written when the answer is sent, which may be a moment after it arrived.
    answered = sum(outcome.answered) - len(outcome.refused)
    wait_until(lambda: begun() >= answered)
    assert begun() == answered, outcome.refused
    assert set(outcome.refused) <= {"503, again in 1 s", "500, again in None s"}


def test_a_request_in_the_middle_of_a_graceful_restart(served: Apache, profiles: Profiles) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked(profiles.url):
            asked = pool.submit(curl, f"{served.url}/sqlalchemy{COMMENTS}")
            wait_until(lambda: waits(profiles.url))
            served.restart_gracefully()
            time.sleep(1)
            assert not asked.done()
        assert asked.result().status == 200


@pytest.mark.parametrize("kind", ["--one", "--many"])
def test_what_apache_config_writes(kind: str, folder: Path, environment: Path, profiles: Profiles) -> None:
    """For other names than those that AiiDA knows, and without AiiDA's configuration."""
    own = folder / f"written{kind}"
    repository = str(folder / "repository")
    targets = [f"django={profiles.archive}", f"sqlalchemy={profiles.url}", "--repository", repository]
    run([*COMMAND, "apache-config", kind, "--folder", own, "--venv", environment, *targets], folder)
    (site,) = (own / "apache").iterdir()
    with apache(own, site.read_text(), {}) as served:
        for profile in PROFILES:
            answer = json.loads(curl(f"{served.url}/{profile}{EXTRAS}").text)
            assert (answer["data"]["extras"].get("of") == "sqlalchemy") is (profile == "sqlalchemy")
            assert json.loads(curl(f"{served.url}/{profile}/").text)["profile"] == profile


def test_a_traceback_is_for_the_log(served: Apache, profiles: Profiles) -> None:
    with faulty_groups(profiles.url):
        answer = curl(f"{served.url}/sqlalchemy/api/v4/groups?extras.a=1")
    assert answer.status == 500
    body = json.loads(answer.text)
    assert body["message"] == "Internal server error: the cause is in the log of the server"
    # That of Apache's mod_unique_id, which can stand in Apache's own logs.
    assert re.fullmatch(r"[A-Za-z0-9@_-]{24,}", body["request_id"])
    assert f"{body['request_id']}: GET /api/v4/groups" in served.errors
    assert "Traceback (most recent call last)" in served.errors
    assert "StorageError" in served.errors


def test_a_file_that_breaks_off_is_seen(served: Apache, profiles: Profiles) -> None:
    """The daemons of mod_wsgi cannot tell Apache that a body broke off; so the client has to count the rows."""
    add = (
        "INSERT INTO db_dbnode (id, uuid, node_type, label, description, ctime, mtime, attributes, extras, "
        "repository_metadata, user_id) SELECT i, gen_random_uuid(), '', 'many', '', ctime, mtime, "
        "jsonb_build_object('a', repeat('x', 10000)), '{}', '{}', user_id FROM generate_series(1000, 4000) AS i, "
        "db_dbnode WHERE db_dbnode.id = 1"
    )
    with closing(psycopg.connect(profiles.url, autocommit=True)) as connection:
        connection.execute(add)
        try:
            with urlopen(f"{served.url}/sqlalchemy/api/v4/nodes?id>=1000&attributes=true&format=csv") as response:
                begin = response.read(1000)
                connection.execute("ALTER TABLE db_dbnode RENAME TO gone")
                lines = (begin + response.read()).count(b"\n")
                assert 1 < lines < int(response.headers["X-Total-Count"]) + 1
            wait_until(lambda: "GET /api/v4/nodes: StorageError: relation" in served.errors)
        finally:
            connection.execute("ALTER TABLE IF EXISTS gone RENAME TO db_dbnode")
            connection.execute("DELETE FROM db_dbnode WHERE id >= 1000")
