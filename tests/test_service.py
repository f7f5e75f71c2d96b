"""The files of wsgi/gunicorn/: what they name is there, and each agrees with the others.

test_gunicorn.py runs those of gunicorn and nginx.
"""

from __future__ import annotations

import re
import runpy
from importlib.metadata import entry_points

import pytest
from gunicorn.config import Config

from aiida_like_engine.client import UPLOAD_SECONDS
from restapi.config import ENVIRONMENT_PREFIX, Settings, read_settings
from restapi.dialects.jobs import is_upload
from tests.conftest import ROOT

FOLDER = ROOT / "wsgi" / "gunicorn"
FILES = {path.name: path.read_text() for path in sorted(FOLDER.iterdir()) if path.is_file()}
SERVICE, NGINX = FILES["aiida-like.service"], FILES["nginx.conf"]
UNIT = dict(re.findall(r"^(\w+)=(.*)$", SERVICE, re.MULTILINE))
ENVIRONMENT = dict(re.findall(r"^Environment=(\w+)=(.*)$", SERVICE, re.MULTILINE))
GUNICORN = {name: value for name, value in runpy.run_path(str(FOLDER / "gunicorn.conf.py")).items() if name[0] != "_"}
DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()


def nginx(directive: str) -> str:
    """The value for all requests; the place for uploads, at the end, has others."""
    return str(all_of(directive)[0])


def all_of(directive: str) -> list[str]:
    return re.findall(rf"^ *{directive} (.*);$", NGINX, re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_settings_are_settings(file: str) -> None:
    named = re.findall(rf"(?:{ENVIRONMENT_PREFIX}|\bsee )([A-Z_]{{3,}})", FILES[file])
    assert [name for name in named if name.lower() not in vars(Settings())] == []


def test_what_the_service_runs() -> None:
    program, option, config = UNIT["ExecStart"].split()
    venv, _, command = program.rpartition("/bin/")
    assert f"python3 -m venv {venv}\n" in DOCUMENT
    assert f"{venv}/bin/pip install " in DOCUMENT
    assert {found.name for found in entry_points(group="console_scripts", name=command)} == {"gunicorn"}
    home = ENVIRONMENT["AIIDA_PATH"]
    assert (option, ROOT / config.removeprefix(f"{home}/")) == ("-c", FOLDER / "gunicorn.conf.py")
    assert f"--home {home} {UNIT['User']}\n" in DOCUMENT
    assert "systemctl enable --now aiida-like " in DOCUMENT


def test_where_the_files_go() -> None:
    rows = dict(re.findall(r"^\| \[`(.*?)`\]\(\.\./wsgi/gunicorn/.*?\) \| `(.*?)`", DOCUMENT, re.MULTILINE))
    assert set(rows) == set(FILES)
    assert UNIT["ExecStart"].endswith(f" {rows['gunicorn.conf.py']}gunicorn.conf.py")
    assert f"cp aiida-like.service {rows['aiida-like.service']} " in SERVICE
    assert f"cp nginx.conf {rows['nginx.conf']}\n" in NGINX


def test_the_socket_alone_is_believed() -> None:
    """By default gunicorn believes whoever asks from the same machine, too."""
    assert GUNICORN["forwarded_allow_ips"] == ""


def test_its_settings() -> None:
    start = len(ENVIRONMENT_PREFIX)
    given = {name[start:]: value for name, value in ENVIRONMENT.items() if name.startswith(ENVIRONMENT_PREFIX)}
    settings = read_settings(given)
    assert settings.access_log
    assert settings.cache_folder == f"/var/cache/{UNIT['CacheDirectory']}"


def test_one_agrees_with_the_other() -> None:
    assert GUNICORN["bind"] == nginx("server").split()[0] == f"unix:/run/{UNIT['RuntimeDirectory']}/socket"
    assert nginx("proxy_read_timeout") == f"{GUNICORN['timeout']}s"
    assert int(UNIT["TimeoutStopSec"]) >= GUNICORN["graceful_timeout"]
    # Room for what the settings allow.
    assert GUNICORN["timeout"] > Settings().statement_seconds
    assert GUNICORN["limit_request_line"] > Settings().max_query_length
    assert int(nginx("client_max_body_size").removesuffix("m")) * 2**20 > Settings().max_body_length


def test_uploads_are_of_any_length() -> None:
    assert all_of("client_max_body_size")[1:] == ["0"]
    assert all_of("proxy_request_buffering") == ["off"]
    assert int(all_of("proxy_read_timeout")[1].removesuffix("s")) > UPLOAD_SECONDS
    (place,) = re.findall(r"location ~ (.*) {", NGINX)
    for path in ("/api/v2/files/contents/", "/mount/runs/ada/api/v2/files/content"):
        assert re.search(place, path)
        assert is_upload({"REQUEST_METHOD": "POST", "PATH_INFO": path})
    assert not re.search(place, "/api/v2/files/XkpTse/contents/")


def test_gunicorn_knows_its_own() -> None:
    """It says nothing of names that it does not know."""
    since_version_25 = {"control_socket_disable"}
    assert set(GUNICORN) - set(Config().settings) <= since_version_25
