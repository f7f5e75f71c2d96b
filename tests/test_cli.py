"""The command, as users run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner
from flask import Flask
from gunicorn.config import Config, ForwardedAllowIPS
from werkzeug.test import Client

from aiida_like.errors import (
    AiidaLikeError,
    BeingOpened,
    StatementCancelled,
    StatementTimeout,
    StorageError,
    TargetError,
)
from aiida_like.profiles import Profile, demo, find, find_all
from restapi import create_site
from restapi.cli import main
from restapi.commands import serve as serve_command
from restapi.commands.terminal import told_in_one_line
from restapi.config import Settings, settings_of_file
from tests.asking import get
from tests.conftest import COMMAND, ROOT, Golden, GoldenPostgreSQL
from tests.golden import graph
from tests.servers import PATIENCE, PostgreSQL, free_port, serving
from tests.writable import rezip


def users(root: str) -> list[str]:
    return [user["first_name"] for user in get(f"{root}/api/v2/users?orderby=id")["data"]["users"]]


GOLDEN_USERS = ["AiiDA", "Günther", "", "Zoë"]


@pytest.mark.parametrize("name", ["archive", "folder", "file", "profile", "default"])
def test_serve_sqlite(golden: Golden, name: str) -> None:
    targets = {
        "archive": [str(golden.archive)],
        "folder": [str(golden.packed)],
        "file": [str(golden.sqlite / "database.sqlite")],
        "profile": ["packed"],
        "default": [],
    }
    root = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", *targets[name], "-P", root.rpartition(":")[2], "-w", "1"]
    with serving(command, root, {"AIIDA_PATH": str(golden.aiida_path)}) as server:
        assert users(root) == GOLDEN_USERS
        assert f"  '{root}/nodes?orderby=-ctime'\n" in server.stderr


@pytest.mark.parametrize(("before", "ends"), [("SIG_DFL", True), ("SIG_IGN", False)])
def test_serve_until_the_terminal_is_closed(golden: Golden, before: str, ends: bool) -> None:
    """What it is told so by, SIGHUP, is ignored below nohup."""
    root = f"http://127.0.0.1:{free_port()}"
    serve = [*COMMAND, "serve", str(golden.archive), "-P", root.rpartition(":")[2], "-w", "1"]
    begin = (
        f"import os, signal, sys; signal.signal(signal.SIGHUP, signal.{before}); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with serving([sys.executable, "-c", begin, *serve], root) as server:
        os.kill(server.pid, signal.SIGHUP)
        if ends:
            assert server.process.popen.wait(PATIENCE) == 0
        else:
            assert users(root) == GOLDEN_USERS
            assert server.process.popen.poll() is None


def test_serve_postgresql(golden_postgresql: GoldenPostgreSQL) -> None:
    root = f"http://127.0.0.1:{free_port()}"
    targets = [golden_postgresql.url, "--repository", str(golden_postgresql.repository)]
    with serving([*COMMAND, "serve", *targets, "-P", root.rpartition(":")[2]], root) as server:
        assert users(root) == GOLDEN_USERS
        assert golden_postgresql.url not in server.stderr


def test_serve_a_postgresql_profile(golden_postgresql: GoldenPostgreSQL) -> None:
    root = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", "postgresql", "-P", root.rpartition(":")[2]]
    with serving(command, root, {"AIIDA_PATH": str(golden_postgresql.aiida_path)}):
        assert users(root) == GOLDEN_USERS


def test_serve_several(golden: Golden) -> None:
    root = f"http://127.0.0.1:{free_port()}"
    with serving([*COMMAND, "serve", "--demo", str(golden.archive), "-P", root.rpartition(":")[2]], root):
        assert users(root) == users(f"{root}/demo")
        assert users(f"{root}/golden") == GOLDEN_USERS
        answer = get(f"{root}/golden/api/v2/nodes/{graph.silicon}")
        assert answer["path"] == f"/api/v2/nodes/{graph.silicon}"
        assert answer["url"] == f"{root}/golden/api/v2/nodes/{graph.silicon}"


TO_NOBODY = """
import os, sys
ours, theirs = os.pipe()
os.close(ours)
os.dup2(theirs, 1)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_serve_where_nobody_reads_the_greeting() -> None:
    root = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-c", TO_NOBODY, *COMMAND, "serve", "demo", "-P", root.rpartition(":")[2], "-w", "1"]
    with serving(command, root):
        assert users(root)[0] == "Ada"


def test_flask_run(golden: Golden) -> None:
    port = free_port()
    command = [sys.executable, "-m", "flask", "--app", "restapi", "run", "--port", str(port)]
    root = f"http://127.0.0.1:{port}"
    with serving(command, root, {"AIIDA_LIKE_PROFILE": str(golden.archive)}):
        assert users(root) == GOLDEN_USERS


def test_a_port_that_is_taken(golden: Golden) -> None:
    root = f"http://127.0.0.1:{free_port()}"
    port = root.rpartition(":")[2]
    with serving([*COMMAND, "serve", "--demo", "-P", port], root):
        done = subprocess.run([*COMMAND, "serve", "--demo", "-P", port], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"Error: cannot listen at 127.0.0.1, port {port}: Address already in use; choose with -H and -P\n",
    )


def run(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit code and what was printed, in this process: nothing listens yet when a target is refused."""
    result = CliRunner().invoke(main, ["serve", *arguments], env=env)
    return result.exit_code, result.output


def refused(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    code, output = run(*arguments, env=env)
    assert (code, output.count("\n"), output[:7]) == (2, 1, "Error: ")
    return output[7:].rstrip("\n")


def with_version(version: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        return json.dumps({"export_version": version}).encode() if name == "metadata.json" else content

    return change


def test_nothing_is_called_so(golden: Golden) -> None:
    env = {"AIIDA_PATH": str(golden.aiida_path)}
    config = golden.aiida_path / ".aiida" / "config.json"
    assert refused("nothing", env=env) == (
        f"no file, folder or AiiDA profile is called 'nothing'; {config} knows the profiles packed, sqlite"
    )


def test_no_target_and_no_aiida(tmp_path: Path) -> None:
    config = tmp_path / ".aiida" / "config.json"
    assert refused(env={"AIIDA_PATH": str(tmp_path)}) == (
        f"no target was given, and AiiDA has no default profile in {config}: "
        "name an archive, a profile or a URL, or try --demo"
    )


TWO_STEPS = "; formats before 0.4 are first migrated by aiida-core 1, as aiida-core 2 does not know them"


@pytest.mark.parametrize(
    ("version", "more"), [("0.1", TWO_STEPS), ("0.3", TWO_STEPS), ("0.4", ""), ("0.13", ""), ("main_0000", "")]
)
def test_an_old_archive(golden: Golden, tmp_path: Path, version: str, more: str) -> None:
    old = rezip(golden.archive, tmp_path / "old.aiida", with_version(version))
    assert refused(str(old)) == (
        f"the archive {old} has the old format {version}, main_0001 or later can be read: "
        f"run `verdi archive migrate old.aiida NEW.aiida`{more}"
    )


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_that_is_a_tar_file(tmp_path: Path, mode: Any) -> None:
    old = tmp_path / "old.aiida"
    (tmp_path / "metadata.json").write_text('{"export_version": "0.9"}')
    with tarfile.open(old, mode) as file:
        file.add(tmp_path / "metadata.json", "metadata.json")
    assert refused(str(old)) == (
        f"the archive {old} is a tar file, as AiiDA 0 and 1 wrote them: "
        f"run `verdi archive migrate old.aiida NEW.aiida`{TWO_STEPS}"
    )


def test_files_that_are_no_archive(golden: Golden, tmp_path: Path) -> None:
    text = tmp_path / "text.aiida"
    text.write_text("no zip")
    assert refused(str(text)) == f"the file {text} is not an AiiDA archive (no zip file)"
    other = rezip(golden.archive, tmp_path / "other.aiida", lambda name, content: None if "." in name else content)
    assert refused(str(other)) == (
        f"the file {other} is a zip file, but not an AiiDA archive (it holds no metadata.json)"
    )
    empty = rezip(golden.archive, tmp_path / "empty.aiida", lambda name, content: None if "db" in name else content)
    assert refused(str(empty)) == f"{empty} is not an AiiDA archive (it holds no db.sqlite3)"
    for metadata in (b"{}", b"[]", b"nonsense", b'{"export_version": 1}'):
        nameless = tmp_path / "nameless.aiida"
        rezip(golden.archive, nameless, lambda name, content, m=metadata: m if name == "metadata.json" else content)
        assert refused(str(nameless)) == (
            f"{nameless} is not an AiiDA archive (its metadata.json names no export_version)"
        )


def test_a_database_that_is_not_aiidas(golden: Golden, tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    shutil.copytree(golden.sqlite / "container", folder / "container")
    connection = sqlite3.connect(folder / "database.sqlite")
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    assert refused(str(folder)) == (
        f"{folder}/database.sqlite is not a database of AiiDA 2 (db_dbcomputer: no such table: db_dbcomputer); "
        "one of AiiDA 1 can be migrated with `verdi storage migrate`"
    )
    (folder / "database.sqlite").write_text("no database at all, but long enough to be one" * 100)
    assert refused(str(folder)) == (
        f"the database {folder}/database.sqlite does not answer: file is not a database; "
        "its file is no database of SQLite"
    )


def test_folders(tmp_path: Path, golden: Golden) -> None:
    assert refused(str(tmp_path)) == (
        f"the folder {tmp_path} holds neither database.sqlite (an AiiDA profile) nor db.sqlite3 (an unpacked archive)"
    )
    shutil.copy(golden.sqlite / "database.sqlite", tmp_path)
    assert refused(str(tmp_path)) == (
        f"{tmp_path}/container is not a repository of AiiDA (no readable config.json of a disk-objectstore container): "
        "name the folder that holds container/"
    )
    (tmp_path / "container").mkdir()
    (tmp_path / "container" / "config.json").write_text('{"container_version": 2, "loose_prefix_len": 2}')
    assert refused(str(tmp_path)) == (
        f"the repository {tmp_path}/container is a container of version 2; version 1 can be read"
    )


def test_postgresql(golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL) -> None:
    repository = ("--repository", str(golden_postgresql.repository))
    assert refused(golden_postgresql.url) == (
        "a postgresql:// URL needs --repository FOLDER, the folder that holds AiiDA's container/"
    )
    shown = f"postgresql+psycopg://aiida:***@127.0.0.1:{postgresql.port}/"
    assert refused(postgresql.create("empty"), *repository) == (
        f'{shown}empty is not a database of AiiDA 2 (db_dbcomputer: relation "db_dbcomputer" does not exist); '
        "one of AiiDA 1 can be migrated with `verdi storage migrate`"
    )
    missing = refused(postgresql.url("missing"), *repository)
    assert missing.startswith(f"the database {shown}missing does not answer: ")
    assert 'database "missing" does not exist' in missing
    port = free_port()
    silent = refused(f"postgresql://aiida@127.0.0.1:{port}/x", *repository)
    assert silent.startswith(f"the database postgresql+psycopg://aiida@127.0.0.1:{port}/x does not answer: ")
    assert "Connection refused" in silent
    assert refused("sqlite", "--repository", "x") == (
        "--repository goes with a postgresql:// URL; 'sqlite' brings its own repository"
    )
    assert refused("postgresql://aiida@127.0.0.1", *repository) == (
        "the database URL names no database; it looks like postgresql://user:password@host:5432/name"
    )
    assert refused("postgresql://aiida@127.0.0.1:port/x", *repository) == (
        "the database URL cannot be read; it looks like postgresql://user:password@host:5432/name"
    )


CONFIGURATIONS = {
    "[]": "AiiDA's configuration {file} is not a JSON object",
    "{": "AiiDA's configuration {file} is not JSON: ",
    '{"profiles": {"it": {}}}': (
        "the profile 'it' in {file} is not as AiiDA 2 writes it ('storage' is missing): "
        "run any verdi command to migrate the configuration"
    ),
    '{"profiles": {"it": {"storage": {"backend": "core.sqlite_temp", "config": {}}}}}': (
        "the profile 'it' has the storage 'core.sqlite_temp'; "
        "core.sqlite_zip, core.sqlite_dos, core.psql_dos can be served"
    ),
    '{"profiles": {"it": {"storage": {"backend": "core.sqlite_dos", "config": {"filepath": "/nowhere"}}}}}': (
        "the database /nowhere/database.sqlite cannot be read: No such file or directory"
    ),
    '{"profiles": {"it": {"storage": {"backend": "core.sqlite_zip", "config": {"filepath": "/nowhere.aiida"}}}}}': (
        "there is no archive /nowhere.aiida"
    ),
}


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configurations(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".aiida" / "config.json"
    file.parent.mkdir()
    file.write_text(text)
    message, expected = refused("it", env={"AIIDA_PATH": str(tmp_path)}), CONFIGURATIONS[text].format(file=file)
    # What is wrong with JSON, each version of its reader says in its words.
    assert message.startswith(expected) if expected.endswith(": ") else message == expected


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / ".aiida" / "config.json"
    file.mkdir(parents=True)
    message = refused("it", env={"AIIDA_PATH": str(tmp_path)})
    assert message == f"AiiDA's configuration {file} cannot be read: Is a directory"


THERE_ARE = (
    "There are: PROFILE, REPOSITORY, CACHE_FOLDER, STATEMENT_SECONDS, SLOW_STATEMENTS, CONNECTIONS, MAX_LIMIT, "
    "PAGE_SIZE, MAX_QUERY_LENGTH, MAX_QUERY_ROWS, MAX_ROW_CHARACTERS, MAX_EXPORT_ROWS, GRAPH_NODES, MAX_GRAPH_NODES, "
    "MAX_OPEN_PROFILES, "
    "CACHE, ACCESS_LOG, ARCHIVE_MAX_AGE, OLD_TYPE_NAMES, EXPLORER, QUERYBUILDER, CLIENT_SECONDS, "
    "TRUSTED_PROXIES, "
    "MAX_BODY_LENGTH, ENGINE, READ_ACCESS, ACCOUNTS, SESSION_DAYS, GATEWAY_SECRET_FILE"
)

SETTINGS = {
    ("AIIDA_LIKE_PROFIL", "x"): f"there is no setting PROFIL; did you mean PROFILE? {THERE_ARE}",
    ("AIIDA_LIKE_FOO", "x"): f"there is no setting FOO. {THERE_ARE}",
    ("AIIDA_LIKE_MAX_LIMIT", "many"): "the setting MAX_LIMIT takes an integer above 0, not 'many'",
    ("AIIDA_LIKE_MAX_LIMIT", "0"): "the setting MAX_LIMIT takes an integer above 0, not '0'",
    ("AIIDA_LIKE_ACCESS_LOG", "maybe"): "the setting ACCESS_LOG takes true or false, not 'maybe'",
    ("AIIDA_LIKE_STATEMENT_SECONDS", "-1"): "the setting STATEMENT_SECONDS takes a number above 0, not '-1'",
}


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_settings(name: str, value: str) -> None:
    assert refused("--demo", env={name: value}) == SETTINGS[name, value]


def test_a_file_of_settings(golden: Golden, tmp_path: Path) -> None:
    file = tmp_path / "config.py"
    file.write_text(f"from pathlib import Path\nPROFILE = {str(golden.archive)!r}\nACCESS_LOG = True\nsmall = 1\n")
    settings = settings_of_file(file)
    assert (settings.profile, settings.access_log, settings.max_limit) == (str(golden.archive), True, 400)
    file.write_text("MAX_LIMITS = 5\n")
    with pytest.raises(TargetError, match=f"^there is no setting MAX_LIMITS; did you mean MAX_LIMIT\\? {THERE_ARE}$"):
        settings_of_file(file)
    with pytest.raises(TargetError, match=r"nothing\.py cannot be read: .*No such file"):
        settings_of_file(tmp_path / "nothing.py")


def test_the_same_name_twice(golden: Golden, tmp_path: Path) -> None:
    copy = shutil.copy(golden.archive, tmp_path)
    assert refused(str(golden.archive), str(copy)) == (
        "two targets are called 'golden': give one another name, as in golden2=TARGET"
    )
    for name in ("api", "healthz", "readyz"):
        for targets in ([f"{name}={copy}"], [str(golden.archive), f"{name}={copy}"], [f"{name}=nobody"]):
            message = f"no profile can be called {name!r} in a URL: give it another name, as in NAME=TARGET"
            assert refused(*targets) == message
            with pytest.raises(TargetError, match=message):
                create_site(targets, {})
    for name in (".", ".."):
        for targets in ([f"{name}=demo"], ["demo", f"{name}={copy}"], [f"{name}=nobody"]):
            assert refused(*targets) == f"no profile can be called {name!r}: give it another name, as in NAME=TARGET"
            with pytest.raises(TargetError, match=f"^no profile can be called '{re.escape(name)}': give it another"):
                create_site(targets, {})


def test_one_of_several_is_broken(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serve_command, "run", lambda *_: None)
    (tmp_path / "short.aiida").write_bytes(golden.archive.read_bytes()[:20_000])
    (tmp_path / "text.aiida").write_text("nothing")
    broken = [str(tmp_path / "short.aiida"), str(tmp_path / "text.aiida")]
    warnings = [
        f"the archive {broken[0]} is damaged: File is not a zip file",
        f"the file {broken[1]} is not an AiiDA archive (no zip file)",
    ]
    code, output = run(*broken, str(golden.archive), "-P", str(free_port()))
    assert (code, output.startswith("".join(f"Warning: {warning}\n" for warning in warnings))) == (0, True)
    # What is announced is there.
    assert " serves golden, read-only.\n" in output
    paths = [unquote(urlsplit(url.strip(" '")).path) for url in output.splitlines() if "http://" in url]
    assert {path.split("/")[1] for path in paths} == {"", "golden"}
    assert refused(*broken) == warnings[0]


@pytest.mark.parametrize("explorer", [True, False])
def test_pages_are_announced_where_there_are_some(capsys: pytest.CaptureFixture[str], *, explorer: bool) -> None:
    serve_command._announce([demo()], "http://x", Settings(explorer=explorer), is_alone=True)
    assert ("http://x/nodes?orderby=-ctime" in capsys.readouterr().out) is explorer


MISPLACED = [
    ["postgresql://me:secret@db/it"],
    ["query", "demo", "nodes", "postgresql://me:secret@db/it"],
    ["query", "postgresql:/me:s@ecret@db/it", "nodes"],
    ["query", "postgresql://me:s@ecret@db/it", "nodes", "--repository", "x"],
    ["serve", "-P", "postgresql://me:secret@db/it"],
    ["serve", "postgres:/me:secret@db/it", "--repository", "x"],
    ["apache-config", "--venv", "postgresql://me:secret@db/it", "demo"],
]


@pytest.mark.parametrize("arguments", MISPLACED)
def test_no_message_shows_a_password(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "***@db" in result.output or "has more than one @" in result.output) == (2, True)
    assert "ecret" not in result.output


def test_the_list_of_processes_shows_no_password() -> None:
    show = "from restapi.commands.arguments import *; hide_passwords(); print(open('/proc/self/cmdline').read())"
    urls = ["postgresql://me:a@b:c/d@db/it?sslpassword=abc", "team=postgresql://me:abc@db/it", "::1"]
    done = subprocess.run([sys.executable, "-c", show, *urls], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\0\n").split("\0")[3:] == [
        "postgresql://me:*******@db/it?sslpassword=***", "team=postgresql://me:***@db/it", "::1",
    ]  # fmt: skip


def test_one_repository_for_one_url(golden: Golden, golden_postgresql: GoldenPostgreSQL) -> None:
    url, folder = golden_postgresql.url, str(golden_postgresql.repository)
    assert refused(url, f"b={url}", "--repository", folder) == (
        "--repository goes with one postgresql:// URL, not with 2"
    )
    assert refused(str(golden.archive), str(golden.sqlite), "--repository", folder) == (
        "--repository goes with one postgresql:// URL, not with 0"
    )
    found = find_all([f"team={url}", str(golden.archive)], folder)
    assert [(each.name, each.container) for each in found] == [
        ("team", golden_postgresql.repository / "container"),
        ("golden", None),
    ]


def test_help_names_all() -> None:
    code, output = run("--help")
    options = ["-H, --hostname", "-P, --port", "-w, --workers", "--threads", "--access-log", "--repository", "--demo"]
    assert "\n  Examples:\n    aiida-like serve results.aiida\n" in output
    settings = [f"AIIDA_LIKE_{name.upper()}" for name in vars(Settings())]
    assert (code, [word for word in options + settings if word not in output]) == (0, [])
    assert "how long a statement may take [10.0]\n" in output


def test_what_is_run(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gunicorn, whose processes coverage cannot see into: what it would be given."""
    given: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: given.extend(arguments))
    port = str(free_port())
    arguments = ["--demo", str(golden.archive), "-H", "::1", "-P", port, "-w", "3", "--threads", "2"]
    code, output = run(*arguments, env={"SCRIPT_NAME": "/lab"})
    assert (code, given[1:]) == (0, [f"[::1]:{port}", 3, 2, {"forwarded_allow_ips": ""}])
    assert f"  golden: http://[::1]:{port}/lab/golden/api/v4\n" in output
    answer = Client(given[0]).get("/golden/api/v2/users/1")
    assert re.search('"first_name":"AiiDA"', answer.text)
    given[0].open.close()


TAKEN = {
    "127.0.0.1": "127.0.0.1",
    "10.1.2.3/8, 2001:DB8::1,": "10.0.0.0/8,2001:db8::1",
    "*": "*",
    "0.0.0.0/0,::/0": "*",
    "127.0.0.1,*": "*",
    ",": "",
}
"""What gunicorn is given for TRUSTED_PROXIES. It refuses a network with bits beyond its mask, and an empty one."""


@pytest.mark.parametrize("proxies", TAKEN)
def test_proxies_that_gunicorn_is_given(proxies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: given.extend(arguments))
    monkeypatch.setattr(serve_command, "_is_known_to_gunicorn", lambda _: True)
    code, output = run("--demo", "-P", str(free_port()), env={"AIIDA_LIKE_TRUSTED_PROXIES": proxies})
    assert (code, given[-1]) == (0, {"forwarded_allow_ips": TAKEN[proxies]})
    assert "Warning" not in output
    Config().set("forwarded_allow_ips", TAKEN[proxies].replace("10.0.0.0/8", "10.0.0.1"))


def test_networks_and_a_gunicorn_that_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As version 23 does."""
    given: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: given.extend(arguments))
    monkeypatch.setattr(ForwardedAllowIPS, "validator", staticmethod(_addresses))
    env = {"AIIDA_LIKE_TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1,fd00::/8"}
    code, output = run("--demo", "-P", str(free_port()), env=env)
    assert (code, given[-1]) == (0, {"forwarded_allow_ips": "127.0.0.1"})
    assert output.endswith(
        "Warning: this version of gunicorn takes addresses alone, so no X-Forwarded-Proto of 10.0.0.0/8, fd00::/8 is "
        "believed\n"
    )


def _addresses(text: str) -> list[str]:
    return [str(ip_address(each)) for each in text.split(",")]


def test_a_server_behind_a_network_of_proxies() -> None:
    """It starts, and believes them. (A host bit is set, which gunicorn would refuse.)"""
    root = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", "--demo", "-P", root.rpartition(":")[2], "-w", "1"]
    with serving(command, root, {"AIIDA_LIKE_TRUSTED_PROXIES": "127.0.0.1/8"}):
        asked = Request(f"{root}/api/v4/users", headers={"X-Request-ID": "of-the-proxy"})
        with urlopen(asked) as answer:
            assert answer.headers["X-Request-ID"] == "of-the-proxy"


FORGED = {
    ("X-Forwarded-Proto", "https"): (200, '"url_root":"https://'),
    ("SCRIPT_NAME", "/y"): (400, "the path does not begin with that in SCRIPT_NAME, which a proxy has sent"),
    ("SCRIPT_NAME", "/api"): (404, "No resource has this URL. GET /api/api/v2 lists all endpoints."),
    ("SCRIPT_NAME", "/"): (404, "No resource has this URL."),
    ("SCRIPT_NAME", "/api/v4/users?limit=1"): (400, "the path does not begin with"),
    ("PATH_INFO", "/healthz"): (200, '"url_root":"http://'),
}
"""Headers, and what is answered if a proxy sends them."""


@pytest.mark.parametrize("proxies", ["", "127.0.0.1"])
def test_headers_of_proxies(proxies: str) -> None:
    """Of who is none they say nothing, also on the same machine; of a proxy none is an error of the server."""
    root = f"http://127.0.0.1:{free_port()}"
    command = [*COMMAND, "serve", "--demo", "-P", root.rpartition(":")[2], "-w", "1"]
    with serving(command, root, {"AIIDA_LIKE_TRUSTED_PROXIES": proxies, "FORWARDED_ALLOW_IPS": "127.0.0.1"}):
        for (name, value), (status, text) in FORGED.items():
            with closing(HTTPConnection(root.removeprefix("http://"))) as connection:
                connection.request("GET", "/api/v4/users?limit=1", headers={name: value})
                answer = connection.getresponse()
                found = answer.status, answer.read().decode()
            if proxies:
                assert (found[0], text in found[1]) == (status, True), found
            else:
                assert (found[0], f'"url_root":"{root}/"' in found[1]) == (200, True), found


@pytest.mark.parametrize("error", [StatementTimeout(1), StatementCancelled(), StorageError("it is damaged")])
def test_what_a_database_says_is_told_in_one_line(error: AiidaLikeError, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^1$"), told_in_one_line():
        raise error
    assert capsys.readouterr().err == f"Error: {error}\n"


def test_a_terminal_sees_the_progress(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serve_command, "run", lambda *_: None)
    env = {"FORCE_COLOR": "1", "AIIDA_LIKE_CACHE_FOLDER": str(tmp_path)}
    code, output = run(str(golden.archive), "-P", str(free_port()), env=env)
    assert (code, "unpacking the database of golden" in output) == (0, True)


@pytest.mark.parametrize(
    ("setting", "warning"), [("_SECONDS_EACH", "takes longer to open"), ("_SECONDS_ALL", "is not open yet")]
)
def test_a_slow_archive_keeps_nobody_waiting(
    setting: str, warning: str, golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What takes long is told, and served all the same. An archive alone is waited for."""
    served: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: served.append(arguments[0]))
    monkeypatch.setattr(serve_command, setting, -1.0)
    env = {"AIIDA_LIKE_CACHE_FOLDER": str(tmp_path)}
    code, output = run("--demo", str(golden.archive), "-P", str(free_port()), env=env)
    more = "so it is opened when it is asked for, and the answer is 503 until it is open"
    assert output.startswith("".join(f"Warning: {name} {warning}, {more}\n" for name in ("demo", "golden")))
    assert " serves demo, golden, read-only.\n" in output
    assert (code, list(tmp_path.glob("*/*.sqlite"))) == (0, [])
    assert Client(served[0]).get("/golden/api/v4/users?limit=1").status_code == 200
    served[0].open.close()
    code, output = run(str(golden.archive), "-P", str(free_port()), env={"AIIDA_LIKE_CACHE_FOLDER": f"{tmp_path}/2"})
    assert (code, "Warning" in output, len(served)) == (0, False, 2)


def test_a_slow_archive_is_named_after_the_others(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that cannot be opened not at all."""
    refusals = {"golden": BeingOpened("golden takes longer to open"), "odd": TargetError("odd is damaged")}

    def refuse(profile: Profile, *_: Any) -> None:
        if profile.name in refusals:
            raise refusals[profile.name]

    monkeypatch.setattr(serve_command, "run", lambda *_: None)
    monkeypatch.setattr(serve_command, "open_visibly", refuse)
    targets = [str(golden.archive), f"odd={golden.archive}", "demo"]
    code, output = run(*targets, "-P", str(free_port()))
    assert (code, " serves demo, golden, read-only.\n" in output, "Warning: odd is damaged\n" in output) == (
        0,
        True,
        True,
    )
    # If no other is open, it is served none the less.
    code, output = run(*targets[:2], "-P", str(free_port()))
    assert (code, " serves golden, read-only.\n" in output) == (0, True)


def test_the_home_page(golden: Golden, serve: Callable[..., Flask]) -> None:
    client = serve(find(str(golden.archive)), {}).test_client()
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    links = re.findall('<a href="([^"]*)"', page.text)
    assert [client.get(unescape(link)).status_code for link in links] == [200] * len(links)
    assert len(links) > 10
    data = client.get("/").json
    assert data["counts"] == {"nodes": 81, "links": 52, "groups": 7, "users": 4, "computers": 5}
    assert (data["profile"], data["storage"], data["api"]) == (
        "golden",
        "core.sqlite_zip",
        {"v2": "http://localhost/api/v2", "v4": "http://localhost/api/v4"},
    )


def test_the_environment_makes_an_application(
    golden: Golden, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Flask]
) -> None:
    monkeypatch.setenv("AIIDA_LIKE_PROFILE", str(golden.archive))
    monkeypatch.setenv("AIIDA_LIKE_MAX_LIMIT", "2")
    by_environment = serve().test_client()
    assert by_environment.get("/api/v2/nodes?limit=3").json == {
        "message": "limit=3 is out of range: it goes from 1 to 2"
    }
    by_name = serve(str(golden.archive), {"PAGE_SIZE": 3}).test_client()
    assert len(by_name.get("/api/v2/nodes/page/1").json["data"]["nodes"]) == 3
    assert os.environ["AIIDA_LIKE_PROFILE"] == str(golden.archive)


@pytest.mark.parametrize("port", ["0", "65536"])
def test_ports(port: str) -> None:
    result = CliRunner().invoke(main, ["serve", "--demo", "--port", port])
    assert result.exit_code == 2
    assert f"Invalid value for '-P' / '--port': {port} is not in the range 1<=x<=65535." in result.output


@pytest.mark.parametrize(("port", "is_refused"), [(5061, True), (6667, True), (5071, False)])
def test_ports_that_browsers_refuse(monkeypatch: pytest.MonkeyPatch, port: int, is_refused: bool) -> None:
    given: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: given.extend(arguments))
    monkeypatch.setattr(serve_command, "check_address", lambda *_: None)
    code, output = run("--demo", "-P", str(port))
    given[0].extensions["aiida_like_storage"].close()
    warning = f"Warning: browsers refuse port {port}; choose another one with -P\n"
    assert (code, warning in output) == (0, is_refused)
