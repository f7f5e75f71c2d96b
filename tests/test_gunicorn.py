"""gunicorn behind nginx with the shipped settings, and how servers of ours end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.asking import check_parts, curl
from tests.conftest import COMMAND, ROOT, Effort, Golden, GoldenPostgreSQL
from tests.deployment import COMMENTS, PROFILES, Profiles, ask_with_eight, faulty_groups, locked, make_profiles, waits
from tests.golden import FILES, graph
from tests.manual import OF_EACH_KIND, check
from tests.nginx import Behind, nginx_and_gunicorn
from tests.servers import PostgreSQL, free_port, require, serving, wait_until
from tests.writable import relabelled, rezip

KINDS = {
    "ours": [],
    "ours, preloaded": ["--preload"],
    "gthread": ["-k", "gthread"],
    "sync": ["-k", "sync", "--threads", "1", "-w", "4"],
    "sync, preloaded": ["-k", "sync", "--threads", "1", "-w", "4", "--preload"],
}


@pytest.fixture(scope="module")
def profiles(
    tmp_path_factory: pytest.TempPathFactory,
    golden: Golden,
    golden_postgresql: GoldenPostgreSQL,
    postgresql: PostgreSQL,
) -> Profiles:
    return make_profiles(tmp_path_factory.mktemp("profiles"), "gunicorn", golden, golden_postgresql, postgresql)


@pytest.fixture(scope="module", params=KINDS)
def served(
    request: pytest.FixtureRequest, profiles: Profiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    with nginx_and_gunicorn(tmp_path_factory.mktemp("nginx"), profiles, KINDS[request.param]) as running:
        yield running


def test_characters_in_a_url(served: Behind) -> None:
    """Sent raw by curl."""
    for url, expected in OF_EACH_KIND.items():
        answer = curl(f"{served.url}/django/api/v2{url}")
        check(expected, answer.status, answer.text, "/django")


def test_a_file_in_parts(served: Behind, tmp_path: Path) -> None:
    url = f"{served.url}/django/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt"
    check_parts(url, FILES["large.txt"], tmp_path)


def test_addresses(served: Behind) -> None:
    """As the client sees them, also where nginx ends TLS."""
    answer = json.loads(curl(f"{served.url}/sqlalchemy/api/v2/nodes?limit=1").text)
    assert answer["url"] == f"{served.url}/sqlalchemy/api/v2/nodes?limit=1"
    assert answer["url_root"] == f"{served.url}/sqlalchemy/"
    listed = json.loads(curl(f"{served.url}/").text)["profiles"]
    assert [each["url"] for each in listed] == [f"{served.url}/{name}/" for name in PROFILES]


def test_who_asked(served: Behind) -> None:
    """The client that nginx names, and the id that it gives. What the client says of both is not taken."""
    url = f"{served.url}/sqlalchemy/api/v4/users"
    answer = curl(url, "-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Request-ID: mine")
    id_ = answer.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", id_)
    wait_until(lambda: f'"id":"{id_}"' in served.gunicorn.stderr)
    entry = next(json.loads(line) for line in served.gunicorn.stderr.splitlines() if f'"id":"{id_}"' in line)
    assert (entry["client"], entry["url"]) == ("127.0.0.1", "/sqlalchemy/api/v4/users")


def test_a_query_of_unknown_length(served: Behind) -> None:
    body = '{"path": ["user"], "project": {"user_1": "id"}}'
    answer = curl(f"{served.url}/sqlalchemy/api/v4/querybuilder", "-H", "Transfer-Encoding: chunked", "-d", body)
    assert (answer.status, len(json.loads(answer.text)["data"]["user_1"])) == (200, 4)


def test_eight_clients_and_a_reload(served: Behind, effort: Effort) -> None:
    outcome = ask_with_eight(served.url, effort.either(2, 6), lambda: os.kill(served.gunicorn.pid, signal.SIGHUP))
    assert (outcome.wrong, outcome.refused) == ([], [])


def test_a_traceback_is_for_the_log(served: Behind, profiles: Profiles) -> None:
    before = len(served.gunicorn.stderr)
    with faulty_groups(profiles.url):
        answer = curl(f"{served.url}/sqlalchemy/api/v4/groups?extras.a=1")
    assert answer.status == 500
    assert json.loads(answer.text)["message"] == "Internal server error: the cause is in the log of the server"
    wait_until(lambda: "StorageError: " in served.gunicorn.stderr[before:])
    assert "Traceback (most recent call last)" in served.gunicorn.stderr[before:]


def test_an_answer_that_breaks_off_is_seen(profiles: Profiles, tmp_path: Path) -> None:
    """Also behind nginx, whether its length was known or not: curl says 18, `CURLE_PARTIAL_FILE`."""
    options = ["--pythonpath", str(ROOT), "tests.odd_application:application"]
    with nginx_and_gunicorn(tmp_path, profiles, options) as served:
        for path, status in {"/whole": 0, "/breaks": 18, "/short": 18}.items():
            command = [require("curl"), "-sS", "-o", os.devnull, served.url + path]
            assert (path, subprocess.run(command, check=False).returncode) == (path, status)


@pytest.mark.parametrize("is_site", [False, True])
def test_an_archive_that_is_replaced(is_site: bool, golden: Golden, tmp_path: Path) -> None:
    """All workers serve the new one, or say why they cannot."""
    archive = Path(shutil.copy(golden.archive, tmp_path / "served.aiida"))
    other = rezip(golden.archive, tmp_path / "other.aiida", relabelled)
    broken = tmp_path / "broken.aiida"
    broken.write_bytes(other.read_bytes()[:20_000])
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [*COMMAND, "serve", str(archive), *(["--demo"] if is_site else []), "-P", str(port), "-w", "2"]

    def answers() -> set[tuple[int, str]]:
        asked = [curl(f"{root}{'/served' * is_site}/api/v4/nodes/{graph.zeta}") for _ in range(20)]
        return {(each.status, re.sub('"request_id":"[^"]*"', "", each.text)) for each in asked}

    def is_new(before: set[tuple[int, str]]) -> bool:
        now = answers()
        return len(now) == 1 and now != before

    with serving(command, root):
        first = before = answers()
        for replacement, status in ((other, 200), (broken, 503), (golden.archive, 200)):
            shutil.copy(replacement, tmp_path / "new").rename(archive)
            wait_until(partial(is_new, before))
            before = answers()
            assert {code for code, _ in before} == {status}
        assert before == first


def test_the_end_of_a_server(profiles: Profiles, golden_postgresql: GoldenPostgreSQL) -> None:
    """At SIGTERM what was begun is finished, and nothing new is begun."""
    root = f"http://127.0.0.1:{free_port()}"
    targets = [profiles.url, "--repository", str(golden_postgresql.repository)]
    command = [*COMMAND, "serve", *targets, "-P", root.rpartition(":")[2], "-w", "2"]
    with serving(command, root) as server, ThreadPoolExecutor(1) as pool:
        with locked(profiles.url):
            asked = pool.submit(curl, f"{root}{COMMENTS}")
            wait_until(lambda: waits(profiles.url))
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(1)
            assert not asked.done()
        assert asked.result().status == 200
        assert server.process.popen.wait(30) == 0
        with pytest.raises(subprocess.CalledProcessError):
            curl(root)
