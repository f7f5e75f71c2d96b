"""`aiida-like account` and `aiida-like key`, and what `serve` says of an engine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from werkzeug.test import Client

from aiida_like_engine.errors import RootError
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import create_database, open_to_read
from aiida_like_engine.server_db.directory import Directory
from aiida_like_engine.server_db.passwords import Passwords
from aiida_like_engine.server_db.tables import FILES, JOBS
from restapi.cli import main
from restapi.commands import serve as serve_command
from restapi.commands import with_engine
from restapi.config import Settings
from tests.conftest import COMMAND, Golden
from tests.jobs_rows import BASIC_JOB, Rows
from tests.people import PASSWORD, People, make_people
from tests.servers import free_port, wait_until


@pytest.fixture
def people(golden: Golden, tmp_path: Path) -> People:
    return make_people(tmp_path / "root", golden)


def run(people: People, *arguments: str, stdin: str = "", code: int = 0) -> str:
    done = CliRunner().invoke(main, [*arguments, "--engine", str(people.root.path)], input=stdin)
    assert done.exit_code == code, done.output
    return done.output


def test_accounts(people: People) -> None:
    made = run(people, "account", "add", "dora", "--email", "dora@example.org", stdin="a long password\n")
    added = f"aiida-like key add dora --engine {people.root.path}"
    assert made == f"Added the account dora. A key for its programs: {added}\n"
    run(people, "account", "add", "eve", "--email", "eve@x.org", "--no-password", "--superuser")
    assert run(people, "account", "list") == (
        "name  email             rights     state     password\n"
        "ada   ada@example.org   own runs   active    yes\n"
        "bob   bob@example.org   own runs   active    no\n"
        "carl  carl@example.org  own runs   disabled  yes\n"
        "dora  dora@example.org  own runs   active    yes\n"
        "eve   eve@x.org         superuser  active    no\n"
        "zoe   zoe@example.org   superuser  active    yes\n"
    )
    directory = Directory(people.root.server_database)
    fits = Passwords().fits
    assert fits(directory.by_name("dora"), "a long password")
    assert run(people, "account", "disable", "dora") == "The account dora is disabled.\n"
    assert not fits(directory.by_name("dora"), "a long password")
    assert run(people, "account", "disable", "dora", "--undo") == "The account dora is active.\n"
    assert run(people, "account", "password", "dora", stdin="another password\n") == (
        "The account dora has another password.\n"
    )
    assert fits(directory.by_name("dora"), "another password")
    assert directory.by_name("dora").generation == 3  # type: ignore[union-attr]
    directory.close()


def test_who_may_not_write_is_told_in_one_line(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user of web workers, who may read the database alone."""
    monkeypatch.setattr("restapi.commands.accounts.open_to_write", open_to_read)
    said = run(people, "account", "add", "eve", "--email", "eve@x.org", "--no-password", code=2)
    assert said == (
        f"Error: {people.root.server_database} cannot be written: attempt to write a readonly database; "
        "the engine's user may\n"
    )
    assert "cannot be written" in run(people, "key", "add", "bob", code=2)


def test_removing(people: People) -> None:
    """The name can be given again, to somebody who has nothing of what was whose before."""
    assert "Aborted!" in run(people, "account", "remove", "ada", stdin="n\n", code=1)
    directory = Directory(people.root.server_database)
    before = directory.by_name("ada")
    assert run(people, "account", "remove", "ada", stdin="y\n").endswith("The account ada is removed.\n")
    assert directory.by_name("ada") is None
    assert directory.by_key(people.keys["ada"]).state == "revoked"  # type: ignore[union-attr]
    run(people, "account", "add", "ada", "--email", "ada@example.org", "--no-password")
    after = directory.by_name("ada")
    assert before is not None
    assert after is not None
    assert after.id > before.id
    assert run(people, "key", "list", "ada") == "id  account  label  state  created  expires\n"
    assert "~" not in run(people, "account", "list")
    assert run(people, "account", "remove", "ada", "--yes") == "The account ada is removed.\n"
    assert sorted(directory.names()) == ["bob", "carl", "zoe"]
    directory.close()


def test_removing_with_files(people: People) -> None:
    """What was deleted before stays as it is, and so does what is another's, and what was submitted."""
    with people.writing() as connection:
        rows = Rows(people, connection)
        for public_id, owner, deleted in (("OnexAA", "ada", None), ("TwoxAA", "ada", 7), ("OnexBB", "bob", None)):
            rows.file(public_id, owner, "in.zip", deleted=deleted)
        for public_id, owner, submitted in (("Draft1", "ada", None), ("Ended1", "ada", 5), ("Draft2", "bob", None)):
            rows.job(public_id, owner, BASIC_JOB, submitted=submitted)
    asked = run(people, "account", "remove", "ada", "--files", stdin="n\n", code=1)
    assert "Remove the account ada, its files and its drafts? [y/N]" in asked
    assert run(people, "account", "remove", "ada", "--files", "--yes") == (
        "The account ada is removed.\n"
        f"1 files of it are deleted; their bytes go with: aiida-like engine purge {people.root.path}\n"
    )
    with people.writing() as connection:
        deleted = {row.public_id: row.deleted for row in connection.execute(select(FILES))}
        assert deleted.pop("OnexAA") > 7
        assert deleted == {"TwoxAA": 7, "OnexBB": None}
        assert list(connection.execute(select(JOBS.c.public_id).order_by(JOBS.c.id)).scalars()) == ["Ended1", "Draft2"]


def test_keys(people: People) -> None:
    made = run(people, "key", "add", "bob", "--label", "a laptop\x1b[2J", "--days", "30")
    key, said = made.splitlines()
    assert re.fullmatch(r"alk_[\w-]{43}", key)
    assert said == "This key is shown once. Who has it is the account: keep it as a password."
    directory = Directory(people.root.server_database)
    found = directory.by_key(key)
    assert found is not None
    assert (found.account.name, found.state) == ("bob", "valid")
    assert (found.expires or 0) - found.created == 30 * 86_400 * 10**6
    listed = run(people, "key", "list")
    assert key not in listed
    assert "\x1b" not in listed
    assert re.search(
        rf"^{found.id} +bob +a laptop \[2J +valid +20\d\d-\d\d-\d\d +20\d\d-\d\d-\d\d$", listed, re.MULTILINE
    )
    assert [line.split()[1] for line in run(people, "key", "list", "bob").splitlines()] == ["account", "bob", "bob"]
    assert {"revoked", "expired", "of a disabled account"} <= set(re.split(r"  +|\n", listed))
    assert run(people, "key", "revoke", str(found.id)) == f"The key {found.id} is revoked.\n"
    assert directory.by_key(key).state == "revoked"  # type: ignore[union-attr]
    directory.close()


REFUSED = {
    ("account", "add", "A", "--email", "a@b"): "'A' is no name of an account: it has 2 to 32 of a-z, 0-9, _ and -",
    (
        "account",
        "add",
        "a" * 33,
        "--email",
        "a@b",
    ): f"'{'a' * 33}' is no name of an account: it has 2 to 32 of a-z, 0-9, _ and -",
    (
        "account",
        "add",
        "ab\n",
        "--email",
        "a@b",
    ): "'ab\\n' is no name of an account: it has 2 to 32 of a-z, 0-9, _ and -",
    ("account", "add", "ada", "--email", "a@b"): "there is an account with the name 'ada' already",
    ("account", "add", "adb", "--email", "ada@example.org"): (
        "there is an account with the email 'ada@example.org' already"
    ),
    ("account", "add", "adb", "--email", "nobody"): "'nobody' is no e-mail address, by which AiiDA knows the account",
    ("account", "add", "adb", "--email", "a@b.org"): "a password has 10 to 256 characters",
    ("account", "password", "ada"): "a password has 10 to 256 characters",
    ("account", "password", "nobody"): "no account is called 'nobody'; there are: ada, bob, carl, zoe",
    ("account", "disable", "nobody"): "no account is called 'nobody'; there are: ada, bob, carl, zoe",
    ("account", "remove", "nobody"): "no account is called 'nobody'; there are: ada, bob, carl, zoe",
    ("key", "add", "nobody"): "no account is called 'nobody'; there are: ada, bob, carl, zoe",
    ("key", "list", "nobody"): "no account is called 'nobody'; there are: ada, bob, carl, zoe",
    ("key", "revoke", "99"): "there is no key 99 that could be revoked: `aiida-like key list` shows them",
    **{
        ("account", "add", name, "--email", "a@b.org"): (
            f"no account can be called {name!r}, which leads elsewhere in a URL: choose another name"
        )
        for name in ("api", "healthz", "login", "accounts", "v1", "runs")
    },
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_one_line_errors(people: People, arguments: tuple[str, ...]) -> None:
    assert run(people, *arguments, stdin="short\n", code=1) == f"Error: {REFUSED[arguments]}\n"


def test_without_an_engine(tmp_path: Path, golden: Golden) -> None:
    done = CliRunner().invoke(main, ["account", "list", "--engine", str(tmp_path)])
    assert (done.exit_code, done.output) == (
        2,
        f"Error: {tmp_path} is no engine's folder: aiida-like engine init {tmp_path}\n",
    )
    done = CliRunner().invoke(main, ["key", "list"])
    assert done.exit_code == 2
    assert "Missing option '--engine' (env var: 'AIIDA_LIKE_ENGINE')." in done.output
    people = make_people(tmp_path / "root", golden)
    done = CliRunner().invoke(main, ["key", "list"], env={"AIIDA_LIKE_ENGINE": str(people.root.path)})
    assert done.exit_code == 0


def test_commands_read_the_files_themselves(people: People, golden: Golden) -> None:
    """Whoever may do that needs no key, though the environment names an engine."""
    env = {"AIIDA_LIKE_ENGINE": str(people.root.path), "AIIDA_LIKE_READ_ACCESS": "superuser"}
    done = CliRunner().invoke(main, ["query", str(golden.archive), "users?limit=1"], env=env)
    assert (done.exit_code, done.stderr) == (0, "1 of 4\n")


@pytest.mark.parametrize("group", ["account", "key"])
def test_help(group: str) -> None:
    shown = CliRunner().invoke(main, [group, "-h"]).output
    commands = {"account": ["add", "disable", "list", "password", "remove"], "key": ["add", "list", "revoke"]}[group]
    for command in commands:
        assert re.search(rf"^  {command} +\w", shown, re.MULTILINE)
        done = CliRunner().invoke(main, [group, command, "--help"])
        assert (done.exit_code, "AIIDA_LIKE_ENGINE" in done.output) == (0, True)


def test_a_profile_of_aiida_has_the_name(people: People, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIIDA_PATH", str(golden.aiida_path))
    output = run(people, "account", "add", "packed", "--email", "a@b.org", "--no-password", code=1)
    assert output.startswith("Error: no account can be called 'packed', which leads elsewhere in a URL")


def test_nobody_waits_for_a_password(people: People) -> None:
    """While it is typed, others write. It is stored as slow to guess as RFC 9106 says."""
    command = [*COMMAND, "account", "add", "dora", "--email", "d@x.org", "--engine", str(people.root.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        time.sleep(1)
        with people.writing() as connection:
            accounts.set_disabled(connection, "bob", is_disabled=True)
        process.stdin.write("a long password\n")
        process.stdin.close()
        assert process.wait(30) == 0
    directory = Directory(people.root.server_database)
    account = directory.by_name("dora")
    directory.close()
    assert account is not None
    assert str(account.password_hash).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def served(people: People, monkeypatch: pytest.MonkeyPatch, *arguments: str, code: int = 0) -> tuple[str, list[Any]]:
    given: list[Any] = []
    monkeypatch.setattr(serve_command, "run", lambda *arguments: given.extend(arguments))
    output = run(people, "serve", *arguments, "-P", str(free_port()), code=code)
    return output, given


def test_serve(people: People, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    output, given = served(people, monkeypatch, str(golden.archive))
    assert " serves runs, where jobs run; golden, read-only.\n" in output
    assert f"\n  KEY=$(aiida-like key add ACCOUNT --engine {people.root.path})\n" in output
    told = "Warning: no engine works here now: what was run can be read. To run more, start it:\n"
    assert f"\n{told}  aiida-like engine start {people.root.path}\n" in output
    for path in ("/api/v2/analyses/", "/api/v2/files/contents/", "/api/v2/jobs/"):
        assert re.search(rf'^  curl -H "Authorization: Token \$KEY" .*http://\S+:\d+{path}$', output, re.MULTILINE)
    assert re.search(r"\nSign in at http://127\.0\.0\.1:\d+/login, or send a key with each request: -H 'Auth", output)
    client = Client(given[0])
    assert client.get("/golden/api/v4/users").status_code == 401
    names = [each["name"] for each in client.get("/", headers=people.header("bob")).json["profiles"]]
    assert names == ["runs", "golden"]
    assert not people.root.first_key.exists()
    given[0].open.close()


def test_serve_a_desktop(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first account and key are made once."""
    people = make_people(tmp_path / "root", golden)
    people.root.server_database.unlink()
    for log in ("-wal", "-shm"):
        people.root.server_database.with_name(f"server.sqlite{log}").unlink()
    create_database(people.root.server_database)
    first, given = served(people, monkeypatch, "--no-accounts")
    key = people.root.first_key.read_text().strip()
    assert people.root.first_key.stat().st_mode & 0o777 == 0o600
    assert f"The first key is in {people.root.first_key}.\n" in first
    assert key not in first, "only a terminal shows it"
    assert f"\n  KEY=$(cat {people.root.first_key})\n" in first
    client = Client(given[0])
    assert client.get("/api/v4/users").status_code == 401
    assert client.get("/api/v4/users", headers={"Authorization": f"Token {key}"}).status_code == 200
    served(people, monkeypatch, "--no-accounts")
    assert people.root.first_key.read_text().strip() == key
    assert "me    me@localhost  superuser  active  no\n" in run(people, "account", "list")


def test_a_first_key_that_cannot_be_written(tmp_path: Path) -> None:
    """Then there is no account either, which nobody had a key of."""
    root = Root(tmp_path)
    root.settings.touch()
    create_database(root.server_database)
    root.first_key.mkdir()
    with pytest.raises(RootError, match=r"first-key cannot be written: "):
        with_engine.tell_first_key(Settings(engine=str(tmp_path)), "http://127.0.0.1:5000/login")
    directory = Directory(root.server_database)
    assert directory.names() == []
    directory.close()


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_first_key_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(tmp_path)
    root.settings.touch()
    create_database(root.server_database)
    settings = Settings(engine=str(tmp_path))
    shown = []
    for _ in range(2):
        monkeypatch.setattr("sys.stdout", Terminal())
        with_engine.tell_first_key(settings, "http://127.0.0.1:5000/login")
        shown.append(sys.stdout.getvalue())  # type: ignore[attr-defined]
    link = f"http://127.0.0.1:5000/login#{root.first_key.read_text().strip()}"
    assert shown == [f"Sign in, this once by this link: {link}\nThe first key is in {root.first_key}.\n", ""]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_desktop_listens_to_itself(people: People, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    output, _ = served(people, monkeypatch, "--no-accounts", "-H", host, code=2)
    assert output == (
        f"Error: without accounts this machine alone may ask, which {host} is not: leave -H or --no-accounts out\n"
    )


def test_without_a_root() -> None:
    for option in ("--with-engine", "--no-accounts"):
        done = CliRunner().invoke(main, ["serve", "--demo", option])
        assert (done.exit_code, done.output) == (2, f"Error: {option} needs --engine ROOT, the folder of the engine\n")


LIVES = "import sys, time; open(sys.argv[1], 'a').write('x'); time.sleep(60)"


def test_both_end_together(tmp_path: Path) -> None:
    mark = tmp_path / "engine"
    server = [sys.executable, "-c", "import sys, time; time.sleep(1); sys.exit(3)"]
    assert with_engine.run_both([sys.executable, "-c", LIVES, str(mark)], server) == 3
    assert mark.read_text() == "x"


def test_the_server_waits_for_the_engine(tmp_path: Path) -> None:
    """What tells how to get in comes when there is something to get in to, and once."""
    mark, happened = tmp_path / "engine", []
    server = [sys.executable, "-c", f"import pathlib; pathlib.Path({str(tmp_path / 'server')!r}).touch()"]

    def is_up() -> bool:
        assert not (tmp_path / "server").exists()
        happened.append("asked")
        return len(happened) > 2 and mark.exists()

    code = with_engine.run_both(
        [sys.executable, "-c", LIVES, str(mark)], server, is_up, lambda: happened.append("told")
    )
    assert (code, (tmp_path / "server").exists()) == (0, True)
    assert happened[:3] == ["asked"] * 3
    assert happened.count("told") == 1
    assert happened[-1] == "told"


def test_a_server_beside_an_engine_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads all the same."""
    monkeypatch.setattr(with_engine, "_LATEST_SECONDS", 0.5)
    engine = [sys.executable, "-c", LIVES, str(tmp_path / "engine")]
    assert with_engine.run_both(engine, [sys.executable, "-c", "raise SystemExit(5)"], lambda: False) == 5


def test_an_engine_that_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "server"
    engine = [sys.executable, "-c", "import sys; sys.exit(7)"]
    assert with_engine.run_both(engine, [sys.executable, "-c", LIVES, str(mark)]) == 1
    assert capsys.readouterr().err == "Error: the engine has ended with code 7\n"


def test_an_engine_that_is_killed_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(with_engine, "_FEWEST_SECONDS", 0.0)
    monkeypatch.setattr(with_engine, "_AGAIN_SECONDS", 0.0)
    mark = tmp_path / "engine"
    dies = "import os, sys; open(sys.argv[1], 'a').write('x'); os.kill(os.getpid(), 9)"
    wait = f"import pathlib, time\nfile = pathlib.Path({str(mark)!r})\n"
    wait += "while not file.exists() or len(file.read_text()) < 3: time.sleep(0.05)"
    assert with_engine.run_both([sys.executable, "-c", dies, str(mark)], [sys.executable, "-c", wait]) == 0
    assert len(mark.read_text()) >= 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both(tmp_path: Path, number: signal.Signals) -> None:
    marks = [tmp_path / "engine", tmp_path / "server"]
    programs = [[sys.executable, "-c", LIVES, str(mark)] for mark in marks]
    both = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # this test may run below nohup
    both += f"from restapi.commands.with_engine import run_both; sys.exit(run_both(*{programs!r}))"
    with subprocess.Popen([sys.executable, "-c", both]) as process:
        wait_until(lambda: all(mark.exists() for mark in marks))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        assert process.wait(30) == 0
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_what_is_killed_leaves_nothing(tmp_path: Path) -> None:
    marks = [tmp_path / "engine", tmp_path / "server"]
    programs = [[sys.executable, "-c", LIVES, str(mark)] for mark in marks]
    both = f"from restapi.commands import with_engine; with_engine.run_both(*{programs!r})"
    with subprocess.Popen([sys.executable, "-c", both]) as process:
        wait_until(lambda: all(mark.exists() for mark in marks))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert len(children) == 2
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


STUBBORN = f"import signal; [signal.signal(each, signal.SIG_IGN) for each in (2, 15)]; {LIVES}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait(tmp_path: Path, number: signal.Signals) -> None:
    """It leaves nothing behind that ends slowly, or never."""
    marks = [tmp_path / "engine", tmp_path / "server"]
    programs = [[sys.executable, "-c", STUBBORN, str(mark)] for mark in marks]
    both = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    both += "from restapi.commands import with_engine\n"
    both += f"sys.exit(with_engine.run_both(*{programs!r}))"
    with subprocess.Popen([sys.executable, "-c", both]) as process:
        wait_until(lambda: all(mark.exists() for mark in marks))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(number)
        assert process.wait(10) == 0
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_the_password_is_not_shown(people: People) -> None:
    run(people, "account", "password", "ada", stdin=f"{PASSWORD}\n")
    assert PASSWORD not in run(people, "account", "list") + run(people, "key", "list")
