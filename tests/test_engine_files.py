"""Files of a ROOT: settings, what is offered, `server.sqlite` and its versions, ids, requests."""

from __future__ import annotations

import io
import os
import stat
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from aiida_like_engine.client import Client
from aiida_like_engine.errors import EngineAway, Invalid, Refused, RootError, TooMuch
from aiida_like_engine.maintenance import backup
from aiida_like_engine.maintenance.setup import init, warnings
from aiida_like_engine.protocol import KINDS, RunRequest, Step, StepInput, refusal_as_json, refusal_from_json
from aiida_like_engine.root.catalogue import DEFAULT, read_catalogue
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, Limits, read_settings, read_size, written_settings
from aiida_like_engine.server_db.database import create_database, inserted, now, open_to_read, open_to_write, salt
from aiida_like_engine.server_db.ids import SHORTEST, Ids
from aiida_like_engine.server_db.tables import ACCOUNTS
from aiida_like_engine.services.calls import LONGEST_BODY, Call
from aiida_like_engine.services.request_checks import read_request
from restapi.cli import main


def test_written_settings_are_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(written_settings())
    assert read_settings(file) == EngineSettings()
    file.write_text(written_settings().replace("# ", "").replace("Settings of", "# Settings of"))
    lines = [line.removeprefix("# ") if " = " in line else line for line in written_settings().splitlines()]
    file.write_text("\n".join(lines))
    assert read_settings(file) == EngineSettings()


def test_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "engine.toml"
    file.write_text("[engine]\nworkers = 3\nrequire_sandbox = true\n[limits]\nupload_bytes = '2.5 GiB'\ncores = 2\n")
    settings = read_settings(file)
    assert (settings.workers, settings.require_sandbox) == (3, True)
    assert (settings.limits.upload_bytes, settings.limits.cores) == (int(2.5 * 2**30), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[limits]\ncolour = 1", "[limits]: 'colour' is unknown; there is account_bytes"),
        ("[other]", "'other' is unknown; there is engine, limits"),
        ("[limits]\nuploads = 0", "[limits]: uploads has to be 1 or more, and is 0"),
        ("[limits]\nuploads = true", "uploads has to be a whole number, and is True"),
        ("[limits]\nupload_bytes = 'much'", "upload_bytes: 'much' is no size: 4096, 10 MB, 2.5 GiB"),
        ("[engine]\nrequire_sandbox = 1", "require_sandbox has to be true or false, and is 1"),
        ("engine = 1", "[engine] is no table"),
        ("[engine", "engine.toml: "),
    ],
)
def test_settings_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "engine.toml"
    file.write_text(text)
    with pytest.raises(RootError) as error:
        read_settings(file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_all_limits_have_help() -> None:
    assert all(each.metadata["help"] for each in fields(Limits))
    assert (read_size("1 kB"), read_size("3MiB"), read_size("7")) == (1000, 3 * 2**20, 7)


def test_what_is_offered_by_default(tmp_path: Path) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    offered = read_catalogue(file)
    assert list(offered.analyses) == ["shell", "python"]
    assert offered.version("shell", None).aiida_code == "shell@localhost"
    assert offered.version("python", "3").aiida_code == "python@localhost"
    with pytest.raises(Invalid, match="there is no analysis 'openfoam'; there is shell, python"):
        offered.version("openfoam", None)
    with pytest.raises(Invalid, match="shell has no version '7'; there is 1"):
        offered.version("shell", "7")


def test_versions_by_code_and_by_name(tmp_path: Path) -> None:
    file = tmp_path / "analyses.toml"
    text = "".join(
        f'[analyses.foam.versions."{name}-openmpi"]\nname = "{name}"\ncode = "foam@localhost"\nreadable = ["/opt"]\n'
        for name in ("2.2", "2.3")
    )
    file.write_text(text)
    offered = read_catalogue(file)
    assert offered.version("foam", None).code == "2.3-openmpi"
    assert offered.version("foam", "2.2").code == offered.version("foam", "2.2-openmpi").code == "2.2-openmpi"
    assert offered.version("foam", "2.2").readable == ("/opt",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[analyses.x]\nname = 'X'", "[analyses.x] has no version"),
        ("[analyses.x]\ncolour = 1\n[analyses.x.versions.1]\ncode='a@b'", "[analyses.x]: 'colour' is unknown"),
        ("[analyses.x.versions.1]\nname = 'one'", '[analyses.x.versions."1"] names no AiiDA code'),
        ("[analyses.x.versions.1]\ncode = 'a'", "code has to be label@computer, and is 'a'"),
        ("[analyses.x.versions.1]\ncode = 'a@b'\nsize = 1", "'size' is unknown; there is code, command, coretypes, "),
        ("[analyses.x.versions.1]\ncode = 'a@b'\ncoretypes = ['c']", "there is no coretype 'c'; there is "),
        ("[analyses.x.versions.1]\ncode = 'a@b'\nreadable = ['opt']", "'opt' is no absolute path"),
        ("[analyses.x.versions.1]\ncode = 'a@b'\nnetwork = 1", "network has to be true or false, and is 1"),
        ("[coretypes.c]\ncores = [1, 'two']", "cores has to be a list of whole numbers, and is [1, 'two']"),
        ("coretypes = 1", "coretypes has to be a table"),
        ("[machines.c]", "'machines' is unknown; there is analyses, coretypes"),
    ],
)
def test_offers_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(text)
    with pytest.raises(RootError) as error:
        read_catalogue(file)
    assert message in str(error.value)


def test_ids() -> None:
    ids = Ids("a salt")
    made = [ids.of_file(n) for n in range(500)] + [ids.of_job(n) for n in range(500)]
    made += [ids.of_output(run, position) for run in range(50) for position in range(20)]
    assert len(set(made)) == len(made)
    assert all(len(each) >= SHORTEST and each.isalnum() and each.isascii() for each in made)
    assert Ids("another").of_file(1) != ids.of_file(1) == Ids("a salt").of_file(1)


# server.sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.sqlite"


def test_a_database_is_made_once(path: Path) -> None:
    create_database(path)
    database = open_to_write(path)
    with database.writing() as connection:
        first = salt(connection)
        values = {"name": "ada", "email": "a@b", "created": now()}
        assert inserted(connection, ACCOUNTS.insert().values(**values)) == 1
    database.close()
    create_database(path)
    reader = open_to_read(path)
    with reader.reading() as connection:
        assert salt(connection) == first
        assert connection.execute(sa.select(ACCOUNTS.c.name)).scalars().all() == ["ada"]
    with pytest.raises(sa.exc.OperationalError, match="readonly"), reader.writing() as connection:
        connection.execute(ACCOUNTS.delete())
    reader.close()


def test_a_write_is_kept_whole_or_not_at_all(path: Path) -> None:
    create_database(path)
    database = open_to_write(path)
    twice = [{"name": "ada", "email": "a@b", "created": 1}] * 2
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        connection.execute(ACCOUNTS.insert(), twice)
    with database.reading() as connection:
        assert connection.execute(ACCOUNTS.select()).all() == []
    database.close()


def test_the_log_is_left(path: Path) -> None:
    """Else nobody could read who may not write the folder."""
    create_database(path)
    database = open_to_write(path)
    database.close()
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "server.sqlite",
        "server.sqlite-shm",
        "server.sqlite-wal",
    ]
    assert path.with_name("server.sqlite-wal").stat().st_size == 0


def test_a_copy_is_nobody_elses(path: Path, tmp_path: Path) -> None:
    """Its folder may be one that was there, and that others can enter."""
    create_database(path)
    before = os.umask(0o022)
    try:
        backup._copy_database(path, tmp_path / "copy.sqlite")  # the whole needs AiiDA's store
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy.sqlite").stat().st_mode) == 0o600
    assert open_to_read(tmp_path / "copy.sqlite").path == tmp_path / "copy.sqlite"


def test_what_is_no_database(path: Path) -> None:
    with pytest.raises(RootError, match="is missing: aiida-like engine init"):
        open_to_read(path)
    path.write_bytes(b"no database, though it is long enough to be one" * 100)
    with pytest.raises(RootError, match="cannot be read: file is not a database; aiida-like engine check"):
        open_to_read(path)


def test_a_root_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RootError, match=f"{tmp_path} is no engine's folder: aiida-like engine init {tmp_path}"):
        Root.existing(tmp_path)


@pytest.mark.parametrize(
    ("path", "message"),
    [("/usr/share/runs", "lies below /usr, which all jobs can read"), ("/" + "x" * 100, "is too long a path")],
)
def test_where_no_root_can_be(path: str, message: str) -> None:
    with pytest.raises(RootError, match=message):
        init(Path(path))
    assert not Path(path).exists()


@pytest.mark.parametrize("command", ["init", "start"])
def test_it_runs_on_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    done = CliRunner().invoke(main, ["engine", command, str(tmp_path / "root")])
    told = "Error: the engine runs on Linux only: elsewhere, serve what it has made\n"
    assert (done.exit_code, done.output) == (2, told)
    assert list(tmp_path.iterdir()) == []


def test_what_an_operator_is_told() -> None:
    settings = EngineSettings(require_sandbox=True)
    assert not [each for each in warnings(settings, has_sandbox=True) if "bubblewrap" in each]
    with pytest.raises(RootError, match="require_sandbox is set: apt install bubblewrap"):
        warnings(settings, has_sandbox=False)
    assert "jobs can read and change all that the engine's user can" in warnings(EngineSettings(), has_sandbox=False)[0]


# between web workers and gateway


def test_refusals_have_a_kind() -> None:
    def below(class_: type[Refused]) -> set[type[Refused]]:
        return {class_}.union(*(below(each) for each in class_.__subclasses__()))

    assert set(KINDS) == below(Refused) - {Refused}
    for class_ in KINDS:
        again = refusal_from_json(refusal_as_json(class_("no", "a.b")))
        assert (type(again), str(again), again.field) == (class_, "no", "a.b")


def test_no_gateway(tmp_path: Path) -> None:
    with pytest.raises(EngineAway, match="does not answer"):
        Client(tmp_path / "engine.sock").health()


STEP: dict[str, Any] = {"analysis": "shell", "version": "1", "command": "true"}


def test_a_request_comes_back_as_it_was(tmp_path: Path) -> None:
    request = RunRequest(
        "label",
        "description",
        (
            Step("shell", "1", "echo", "pre", "post", {"A": "ä"}, 2, 60, (StepInput("XkpTse", "a.zip", unpack=True),)),
            Step("python", "3", "python3 x.py"),
        ),
    )
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    import json

    value = json.loads(json.dumps(request.as_json()))
    assert read_request(value, read_catalogue(file), Limits(), 4) == request


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"analysis": "none"}, "steps.0.analysis", "there is no analysis 'none'"),
        ({"version": "9"}, "steps.0.analysis", "has no version '9'"),
        ({"command": 1}, "steps.0.command", "has to be a text"),
        ({"command": "a\0b"}, "steps.0.command", "no character 0"),
        ({"command": "a\ud800b"}, "steps.0.command", "half a character"),
        ({"command": "x" * 1_000_001}, "steps.0.command", "1000000 bytes at most"),
        ({"environment": {"A-B": "x"}}, "steps.0.environment", "'A-B' is no name of a variable"),
        ({"environment": {"A": 1}}, "steps.0.environment", "the value of A has to be a text"),
        ({"environment": []}, "steps.0.environment", "an object or null"),
        ({"cores": 0}, "steps.0.cores", "0 cores were asked for; there are 1 to 4"),
        ({"cores": 5}, "steps.0.cores", "there are 1 to 4"),
        ({"cores": True}, "steps.0.cores", "a whole number"),
        ({"wall_seconds": 0}, "steps.0.wall_seconds", "the wall time has to be 1 to"),
        ({"wall_seconds": 10**9}, "steps.0.wall_seconds", "the wall time has to be 1 to"),
        ({"inputs": [{"file": "a", "name": "../x"}]}, "steps.0.inputs.0.name", "'../x' is no name of a file"),
        ({"inputs": [{"file": "a", "name": ".."}]}, "steps.0.inputs.0.name", "is no name of a file"),
        ({"inputs": [{"file": "a", "name": "x" * 256}]}, "steps.0.inputs.0.name", "255 bytes at most"),
        ({"inputs": [{"file": "a"}]}, "steps.0.inputs.0.name", "it is required"),
        ({"inputs": [{"file": "a", "name": "b", "unpack": 1}]}, "steps.0.inputs.0.unpack", "true or false"),
        ({"inputs": ["a"]}, "steps.0.inputs.0", "has to be an object"),
        ({"inputs": 1}, "steps.0.inputs", "has to be a list"),
    ],
)
def test_requests_that_are_refused(tmp_path: Path, change: dict[str, Any], field: str, message: str) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    with pytest.raises(Invalid) as error:
        read_request({"label": "", "steps": [{**STEP, **change}]}, read_catalogue(file), Limits(), 4)
    assert (error.value.field, message in str(error.value)) == (field, True), str(error.value)


def test_all_that_is_wrong_with_a_request_is_told(tmp_path: Path) -> None:
    """And handed on to the web worker."""
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    bad = {**STEP, "cores": 9, "command": "\0", "environment": {"A-B": "x"}, "inputs": [{"file": "a", "name": ".."}]}
    request = {"label": "x" * 256, "steps": [STEP, bad]}
    with pytest.raises(Invalid) as error:
        read_request(request, read_catalogue(file), Limits(), 4)
    fields = ["label", *(f"steps.1.{name}" for name in ("command", "environment", "cores", "inputs.0.name"))]
    assert [each.field for each in error.value.all] == fields
    again = refusal_from_json(refusal_as_json(error.value))
    assert isinstance(again, Invalid)
    assert [(each.field, str(each)) for each in again.all] == [(each.field, str(each)) for each in error.value.all]
    of_types = {"label": 1, "steps": [{**STEP, "cores": "1", "inputs": [{"file": 1}]}, 7]}
    with pytest.raises(Invalid) as error:
        read_request(of_types, read_catalogue(file), Limits(), 4)
    places = ["steps.0.cores", "steps.0.inputs.0.name", "steps.0.inputs.0.file", "steps.1", "label"]
    assert [each.field for each in error.value.all] == places


def test_no_more_is_told_than_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    inputs = [{"file": "a", "name": ".."}] * 900
    with pytest.raises(Invalid) as error:
        read_request({"label": "", "steps": [{**STEP, "inputs": inputs}]}, read_catalogue(file), Limits(), 4)
    assert len(error.value.all) == 100


def test_a_job_has_no_more_inputs_than_the_operator_lets_it(tmp_path: Path) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    inputs = [{"file": "a", "name": str(number)} for number in range(100)]
    request = {"label": "", "steps": [{**STEP, "inputs": inputs}] * 10}
    assert len(read_request(request, read_catalogue(file), Limits(), 4).steps) == 10
    request["steps"] = [*request["steps"], {**STEP, "inputs": inputs[:1]}]
    with pytest.raises(Invalid, match="a job has 1000 inputs at most, all its steps together") as error:
        read_request(request, read_catalogue(file), Limits(), 4)
    assert error.value.field == "steps"


def test_a_label_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    for change in ({"label": 1}, {"label": "x" * 256}):
        with pytest.raises(Invalid) as error:
            read_request({**change, "steps": [STEP]}, read_catalogue(file), Limits(), 4)
        assert error.value.field == "label"


@pytest.mark.parametrize("value", [None, [], {}, {"steps": []}, {"steps": {}}, {"label": "x", "steps": []}])
def test_a_request_has_steps(tmp_path: Path, value: Any) -> None:
    file = tmp_path / "analyses.toml"
    file.write_text(DEFAULT)
    with pytest.raises(Invalid) as error:
        read_request(value, read_catalogue(file), Limits(), 4)
    assert error.value.field == "steps"


# calls


def call(body: bytes, length: int | None = None, *, is_superuser: bool = False) -> Call:
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body) if length is None else length)}
    return Call(SimpleNamespace(is_superuser=is_superuser), "XkpTse", environ)


def test_the_json_of_a_call() -> None:
    assert call(b'{"name": "a"}').json() == {"name": "a"}
    assert call(b"").json() == {}
    for body, message in (
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "too deep"),
        (b"[1]", "has to be an object"),
    ):
        with pytest.raises(Invalid, match=message):
            call(body).json()
    with pytest.raises(TooMuch, match=f"longer than {LONGEST_BODY} bytes"):
        call(b"{}", LONGEST_BODY + 1).json()


def test_who_sees_all() -> None:
    assert [call(b"", is_superuser=each).sees_all for each in (True, False)] == [True, False]
