"""What a user names, and the profile that it is."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from aiida_like.errors import TargetError, TargetMissing
from aiida_like.profiles import Backend, Profile, configuration_file, demo, expect, find, find_default
from tests.conftest import Golden


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes AiiDA's configuration with one profile, `it`, which is the default."""

    def write(backend: str, **config: Any) -> None:
        profiles = {"it": {"storage": {"backend": backend, "config": config}}}
        file = tmp_path / ".aiida" / "config.json"
        file.parent.mkdir()
        file.write_text(json.dumps({"default_profile": "it", "profiles": profiles}))
        monkeypatch.setenv("AIIDA_PATH", str(tmp_path))

    return write


def test_sqlite(configure: Any) -> None:
    configure("core.sqlite_dos", filepath="/data/it")
    expected = Profile("it", Backend.SQLITE_DOS, Path("/data/it/database.sqlite"), Path("/data/it/container"))
    assert (find("it"), find_default()) == (expected, expected)


def test_an_archive_as_profile(configure: Any) -> None:
    configure("core.sqlite_zip", filepath="/data/it.aiida")
    assert find("it") == Profile("it", Backend.SQLITE_ZIP, Path("/data/it.aiida"), None)


POSTGRESQL = {
    "database_engine": "postgresql_psycopg",
    "database_hostname": "db.example.org",
    "database_port": 5433,
    "database_username": "aiida",
    "database_password": "p@ss/w:rd%41",
    "database_name": "it",
    "repository_uri": "file:///data/with%20blank",
}


def test_postgresql(configure: Any) -> None:
    configure("core.psql_dos", **POSTGRESQL)
    url = URL.create("postgresql+psycopg", "aiida", "p@ss/w:rd%41", "db.example.org", 5433, "it")
    found = find("it")
    assert found == Profile("it", Backend.PSQL_DOS, url, Path("/data/with blank/container"))
    assert found.location == "postgresql+psycopg://aiida:***@db.example.org:5433/it"


def test_postgresql_by_its_socket(configure: Any) -> None:
    nothing: dict[str, Any] = {"database_hostname": None, "database_port": None, "database_password": ""}
    configure("core.psql_dos", **POSTGRESQL | nothing)
    assert find("it").database == URL.create("postgresql+psycopg", "aiida", database="it")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_urls(scheme: str, tmp_path: Path) -> None:
    found = find(f"{scheme}://aiida:p%40ss@db:5433/it", str(tmp_path))
    url = URL.create("postgresql+psycopg", "aiida", "p@ss", "db", 5433, "it")
    assert found == Profile("it", Backend.PSQL_DOS, url, tmp_path / "container")
    (tmp_path / "packs.idx").touch()
    assert find(f"{scheme}://aiida:p%40ss@db:5433/it", str(tmp_path)).container == tmp_path


PASSWORDS = {
    "postgresql://me:p@ss/w:rd@db/it": "the database URL has more than one @: ",
    "postgresql://me:se@cret@db:5432/it": "the database URL has more than one @: ",
    "postgresql://me:secret@db": "the database URL names no database; ",
    "postgresql://me:secret@db:port/it": "the database URL cannot be read; ",
    "postgresql:/me:secret@db/it": "no file, folder or AiiDA profile is called 'postgresql:***@db/it'; ",
    "mysql://me:se:/cr@et@db/it": "no file, folder or AiiDA profile is called 'mysql://me:***@db/it'; ",
    "a/b=postgresql://me:secret@db/it": "is called 'a/b=postgresql://me:***@db/it'; ",
    "pgsql://db/it?sslpassword=secret&user=me": "is called 'pgsql://db/it?sslpassword=***&user=me'; ",
}


@pytest.mark.parametrize("target", PASSWORDS)
def test_no_part_of_a_password_is_shown(target: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as refused:
        find(target, str(tmp_path) if target.startswith("postgresql://") else None)
    message = str(refused.value)
    assert PASSWORDS[target] in message
    assert not re.search("cret|ss/w|:rd@", message)


def test_a_password_with_any_character(tmp_path: Path) -> None:
    """Single ones need no escape but `@`; the location of the database shows none."""
    for written, password in (("a:b", "a:b"), ("a/b", "a/b"), ("a%25b", "a%b"), ("a%40b", "a@b"), ("a?b#", "a?b#")):
        found = find(f"postgresql://me:{written}@db/it?sslpassword=abc", str(tmp_path))
        assert isinstance(found.database, URL)
        assert found.database.password == password
        assert found.location == "postgresql+psycopg://me:***@db/it?sslpassword=***"


def test_names(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(golden.archive, tmp_path / "...aiida")
    for target in (f"..={golden.archive}", f".={golden.archive}", str(tmp_path / "...aiida")):
        with pytest.raises(TargetError, match=r"no profile can be called '\.\.?': give it another name, as in NAME="):
            find(target)
    for name in ("api", "healthz", "readyz"):
        with pytest.raises(TargetError, match=rf"^no profile can be called '{name}' in a URL: give it another name"):
            find(f"{name}={golden.archive}")
    with pytest.raises(TargetError, match=r"called 'a/b=x'; .* knows no profiles; a NAME in front of = has letters, "):
        find("a/b=x")
    (tmp_path / "it" / "container").mkdir(parents=True)
    shutil.copy(golden.sqlite / "database.sqlite", tmp_path / "it")
    monkeypatch.chdir(tmp_path / "it")
    for target in (".", "container/..", "../it", "database.sqlite", "./database.sqlite"):
        assert find(target).name == "it"


def test_what_may_come_later(configure: Any, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that is missing is expected; what no time can mend is refused at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for target, name in (("x.aiida", "x"), ("nobody", "nobody"), ("y=nobody", "y"), ("empty", "empty")):
        with pytest.raises(TargetMissing):
            find(target)
        assert expect(target).name == name
    for target in ("..=demo", ".=nobody", "..=nobody", "nobody/..", "missing/...aiida"):
        with pytest.raises(TargetError, match=r"^no profile can be called '\.\.?': give it another name") as refused:
            expect(target)
        assert not isinstance(refused.value, TargetMissing)
    configure("core.other")
    with pytest.raises(TargetError, match=r"^the profile 'it' has the storage 'core.other'; core.sqlite_zip, "):
        expect("it")
    (tmp_path / ".aiida" / "config.json").write_text("{")
    for target in ("it", "nobody", "demo"):
        with pytest.raises(TargetError, match=r"config\.json is not JSON: "):
            expect(target)
    shutil.copy(golden.archive, tmp_path / "there.aiida")
    assert [find(target).name for target in ("there.aiida", str(golden.sqlite))] == ["there", "sqlite"]
    assert expect("data/x.aiida").name == "x"


def test_demo_is_a_target(configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But not before a profile that is called so."""
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find("demo") == demo()
    assert find("x=demo") == replace(demo(), name="x")
    configure("core.sqlite_dos", filepath="/data/it")
    file = tmp_path / ".aiida" / "config.json"
    file.write_text(file.read_text().replace('"it"', '"demo"'))
    assert find("demo").database == Path("/data/it/database.sqlite")


def test_a_profile_comes_before_a_path(configure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure("core.sqlite_dos", filepath="/data/it")
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "database.sqlite").touch()
    monkeypatch.chdir(tmp_path)
    assert find("it").database == Path("/data/it/database.sqlite")
    assert find("./it").database == tmp_path / "it" / "database.sqlite"


def test_where_the_configuration_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configuration_file() == Path.home() / ".aiida" / "config.json"
    (tmp_path / "b" / ".aiida").mkdir(parents=True)
    paths = {
        f"{tmp_path}/a:{tmp_path}/b": tmp_path / "b" / ".aiida",
        f"{tmp_path}/a:{tmp_path}/c": tmp_path / "c" / ".aiida",
        f"{tmp_path}/b/.aiida": tmp_path / "b" / ".aiida",
        f"::{tmp_path}/b:": tmp_path / "b" / ".aiida",
        "~/x": Path.home() / "x" / ".aiida",
        ":": Path.home() / ".aiida",
    }
    for value, folder in paths.items():
        monkeypatch.setenv("AIIDA_PATH", value)
        assert configuration_file() == folder / "config.json"


def test_demo() -> None:
    assert (demo().name, demo().backend, Path(demo().location).name) == ("demo", Backend.SQLITE_ZIP, "demo.aiida")


def test_no_default_profile() -> None:
    message = f"no target was given, and AiiDA has no default profile in {Path.home()}/.aiida/config.json: "
    with pytest.raises(TargetError) as caught:
        find_default()
    assert str(caught.value) == message + "name an archive, a profile or a URL, or try --demo"
