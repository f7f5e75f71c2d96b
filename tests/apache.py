"""A real Apache with mod_wsgi, in folders of its own, on a port of its own, its daemons without privileges."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import Serving, free_port, require, serving

MODULES = Path("/usr/lib/apache2/modules")

MAIN = """
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
LogLevel warn wsgi:info
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule unique_id_module {modules}/mod_unique_id.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGISocketPrefix "{folder}/wsgi"
DefaultRuntimeDir "{folder}"
Include "{folder}/site.conf"
"""


@dataclass(frozen=True)
class Apache:
    """`folder` holds wsgi/, error.log and the cache."""

    url: str
    folder: Path
    server: Serving
    command: tuple[str, ...]

    @property
    def errors(self) -> str:
        return (self.folder / "error.log").read_text(errors="replace")

    def restart_gracefully(self) -> None:
        subprocess.run([*self.command, "-k", "graceful"], check=True, timeout=30)


@contextmanager
def apache(folder: Path, site: str, aiida: Mapping[str, Any]) -> Iterator[Apache]:
    """Apache with the configuration `site`; `folder` has wsgi/. `aiida` is the content of AiiDA's config.json."""
    program = require("apache2")
    port = free_port()
    # The daemons begin in the home of their account, which may have none.
    (folder / "site.conf").write_text(
        re.sub(r"^WSGIDaemonProcess \S+", rf"\g<0> home={folder}", site, flags=re.MULTILINE)
    )
    (folder / ".aiida").mkdir()
    (folder / ".aiida" / "config.json").write_text(json.dumps(aiida))
    (folder / "xdg").mkdir()
    user = ""
    if os.geteuid() == 0:
        account = pwd.getpwnam("www-data")
        user = f"User {account.pw_name}\nGroup www-data"
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
    text = MAIN.format(folder=folder, port=port, modules=MODULES, user=user)
    (folder / "apache2.conf").write_text(text)
    command = (program, "-d", str(folder), "-f", str(folder / "apache2.conf"))
    url = f"http://127.0.0.1:{port}"
    variables = {"AIIDA_PATH": str(folder), "XDG_CACHE_HOME": str(folder / "xdg"), "HOME": str(folder)}
    with serving([*command, "-D", "FOREGROUND"], f"{url}/django/healthz", variables) as server:
        yield Apache(url, folder, server, command)
