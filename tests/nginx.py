"""gunicorn and nginx with the shipped settings, in folders of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.deployment import Profiles
from tests.servers import Serving, free_port, require, serving

SHIPPED = ROOT / "wsgi" / "gunicorn"

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


_SETTINGS = {"AIIDA_LIKE_ACCESS_LOG": "yes"}


@dataclass(frozen=True)
class Behind:
    """gunicorn, and where nginx answers for it."""

    url: str
    gunicorn: Serving


@contextmanager
def nginx_and_gunicorn(folder: Path, profiles: Profiles, options: Sequence[str]) -> Iterator[Behind]:
    """`options` are added to the command line of gunicorn."""
    socket = folder / "socket"
    (folder / ".aiida").mkdir()
    (folder / ".aiida" / "config.json").write_text(json.dumps(profiles.configuration))
    environment = {"AIIDA_PATH": str(folder), "AIIDA_LIKE_CACHE_FOLDER": str(folder / "cache"), **_SETTINGS}
    config = str(SHIPPED / "gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "-c", config, "-b", f"unix:{socket}", "--umask", "0", *options]
    with (
        nginx_before(folder, f"unix:{socket}") as url,
        serving(command, f"{url}/healthz", environment, {200}) as gunicorn,
    ):
        yield Behind(url, gunicorn)


@contextmanager
def nginx_before(folder: Path, address: str) -> Iterator[str]:
    """The URL of nginx with the shipped settings, in front of what listens at an address."""
    port = free_port()
    _write_site(folder, port, address)
    url = f"http://127.0.0.1:{port}"
    with serving([require("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder)], url):
        yield url


def _write_site(folder: Path, port: int, address: str) -> None:
    site = (SHIPPED / "nginx.conf").read_text()
    for shipped, ours in (("127.0.0.1:80;", f"127.0.0.1:{port};"), ("unix:/run/aiida-like/socket", address)):
        assert site.count(shipped) == 1
        site = site.replace(shipped, ours)
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
