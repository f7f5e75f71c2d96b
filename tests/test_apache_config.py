"""`aiida-like apache-config`: what it writes. That Apache can read it is in test_apache.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from aiida_like.profiles import Backend, Profile, demo
from restapi.cli import main
from restapi.commands.apache_config import App, app_of, files
from restapi.config import settings_of_file
from tests.conftest import ROOT, Golden, GoldenPostgreSQL

SHIPPED = [App("django", "app1", '"django"'), App("sqlalchemy", "app2", '"sqlalchemy"')]


@pytest.mark.parametrize("one", [True, False])
def test_the_shipped_files(one: bool) -> None:
    made = dict(files(SHIPPED, one=one, folder="/srv/aiida-like", environment="/srv/aiida-like/.venv"))
    assert made == {name: (ROOT / name).read_text() for name in made}
    assert set(made) == {
        "apache/one.conf" if one else "apache/many.conf",
        *(f"wsgi/{app}/{name}" for app in ("app1", "app2") for name in ("rest.wsgi", "config.py")),
    }


def test_what_the_document_explains() -> None:
    """Each directive of its table is in both files, and the other way round."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    explained = {line.split()[0] for line in re.findall(r"^\| `([^`]*)` \|", text, re.MULTILINE)}
    for name in ("one.conf", "many.conf"):
        site = (ROOT / "apache" / name).read_text()
        given = set(re.findall(r"^(?:    )?((?:WSGI|Require)\w+)", site, re.MULTILINE))
        of_the_profiles = {"WSGIDaemonProcess", "WSGIProcessGroup", "WSGIScriptAlias"}
        assert given - of_the_profiles <= explained
        assert {word for word in explained if word.startswith("WSGI")} <= given


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["apache-config", *map(str, arguments)])
    return result.exit_code, result.output


def test_settings(golden: Golden, golden_postgresql: GoldenPostgreSQL, tmp_path: Path) -> None:
    """Each profile is found again by what its config.py says, wherever AiiDA's configuration is."""
    targets = [golden.archive, f"folder={golden.sqlite}", f"team={golden_postgresql.url}"]
    options = ["--many", "--folder", tmp_path, "--user", "ada", "--repository", golden_postgresql.repository]
    code, output = run(*targets, *options)
    assert (code, output.count("wrote ")) == (0, 7), output
    found = {}
    for name in ("golden", "folder", "team"):
        config = tmp_path / "wsgi" / name / "config.py"
        assert config.stat().st_mode & 0o007 == 0
        settings = settings_of_file(config)
        found[name] = settings.find_profile()
        assert found[name].name == name
        assert settings.cache_folder == (f"{tmp_path}/cache" if name == "golden" else None)
    assert [str(found["golden"].database), str(found["folder"].database)] == [
        str(golden.archive),
        str(golden.sqlite / "database.sqlite"),
    ]
    assert found["team"].location.endswith("/golden")
    assert found["team"].container == golden_postgresql.repository / "container"
    site = (tmp_path / "apache" / "many.conf").read_text()
    assert site.count(f"python-home={sys.prefix} ") == site.count(" user=ada\n") == 3
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o770


def test_the_password_of_a_database_is_in_its_settings() -> None:
    url = "postgresql://ada:secret@localhost:5432/aiida"
    app = app_of(Profile("team", Backend.PSQL_DOS, make_url(url), Path("/srv/repository/container")))
    assert (app.profile, app.repository) == (f'"team={url}"', '"/srv/repository"')


def test_demo(tmp_path: Path) -> None:
    assert run("demo", "--folder", tmp_path)[0] == 0
    assert settings_of_file(tmp_path / "wsgi" / "demo" / "config.py").find_profile() == demo()


def test_what_is_there_is_not_replaced(golden: Golden, tmp_path: Path) -> None:
    assert run(golden.archive, "--folder", tmp_path)[0] == 0
    config = tmp_path / "wsgi" / "golden" / "config.py"
    config.write_text("mine")
    code, output = run(golden.archive, "--folder", tmp_path)
    assert (code, output) == (
        2,
        f"Error: {tmp_path}/apache/one.conf is there already: name another --folder, or replace it with --force\n",
    )
    assert config.read_text() == "mine"
    assert run(golden.archive, "--folder", tmp_path, "--force")[0] == 0
    assert settings_of_file(config).profile == f"golden={golden.archive}"


REFUSED = [
    (["a b={archive}"], "is called 'a b="),
    (["api={archive}", "x={archive}"], "no profile can be called 'api' in a URL"),
    (["x={archive}", "x={archive}"], "two targets are called 'x'"),
    (["api={archive}"], "no profile can be called 'api' in a URL"),
    (["healthz={archive}"], "no profile can be called 'healthz' in a URL"),
    (["readyz={archive}", "x={archive}"], "no profile can be called 'readyz' in a URL"),
    (["..={archive}"], "no profile can be called '..'"),
    ([".={archive}", "x={archive}"], "no profile can be called '.'"),
    (["..=nobody"], "no profile can be called '..'"),
    (["a/b={archive}"], "a NAME in front of = has letters, digits and . _ - @ alone"),
    (["{text}"], "README.md is not an AiiDA archive (no zip file)"),
    (["nobody"], "no file, folder or AiiDA profile is called 'nobody'"),
    (["{archive}", "--user", "ada lovelace"], "'ada lovelace' has characters that mean something else to Apache"),
    (["{archive}", "--folder", "{folder}/a b"], "a b' has characters that mean something else to Apache"),
    (["{archive}", "--folder", "{archive}/x"], "cannot be written: Not a directory"),
    (["x@y={archive}"], "'x@y' cannot be the name of a group of processes"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_is_refused(arguments: list[str], message: str, golden: Golden, tmp_path: Path) -> None:
    given = [each.format(archive=golden.archive, folder=tmp_path, text=ROOT / "README.md") for each in arguments]
    folder = [] if "--folder" in given else ["--folder", str(tmp_path / "new")]
    code, output = run(*given, *folder)
    assert (code, message in output, output.startswith("Error: ")) == (2, True, True), output
    assert list(tmp_path.iterdir()) == []


def test_help() -> None:
    code, output = run("--help")
    options = ("--one / --many", "--folder", "--venv", "--user", "--force", "--repository")
    assert (code, [option for option in options if option not in output]) == (0, [])
    assert "\n  Examples:\n    aiida-like apache-config my-profile papers=/data/papers.aiida\n" in output
