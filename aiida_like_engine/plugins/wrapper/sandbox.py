"""The sandbox of a job, made by bubblewrap."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any


def has_sandbox(folder: Path) -> bool:
    """Whether bubblewrap is there and can do what is asked of it."""
    step = {"readable": [], "writable": [], "network": False}
    command = [*sandbox(folder, step, folder / "_run"), "true"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def sandbox(folder: Path, step: dict[str, Any], run: Path, *, with_python: bool = False) -> list[str]:
    """The beginning of a command that sees /usr, its own folder as /work and a /tmp of its own: no network, nobody."""
    (folder / "tmp").mkdir(exist_ok=True)
    etc = folder / "_run" / "etc"
    if not etc.exists():
        etc.mkdir()
        (etc / "passwd").write_text("job:x:1000:1000:job:/work:/bin/bash\n")
        (etc / "group").write_text("job:x:1000:\n")
    command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "job"]
    command += [
        *no_user_namespaces(),
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/usr",
        "/usr",
    ]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    command += ["--proc", "/proc", "--dev", "/dev", "--bind", str(folder / "tmp"), "/tmp"]  # noqa: S108
    for name in ("alternatives", "ld.so.cache", "localtime", "fonts"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--ro-bind", str(etc / "passwd"), "/etc/passwd", "--ro-bind", str(etc / "group"), "/etc/group"]
    if step["network"]:
        command += ["--share-net"]
        for name in ("resolv.conf", "hosts", "nsswitch.conf", "ssl"):
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    readable = [*step["readable"], *([sys.base_prefix] if with_python else [])]
    for path in readable:
        command += ["--ro-bind", path, path]
    for path in step["writable"]:
        command += ["--bind", path, path]
    command += ["--bind", str(folder / "work"), "/work", "--ro-bind", str(run), "/run/step", "--chdir", "/work"]
    return [*command, "--"]


@cache
def no_user_namespaces() -> tuple[str, ...]:
    """Options that forbid the job namespaces of its own, where bubblewrap and this machine can: less of the kernel is
    within its reach.
    """
    options = ("--disable-userns",)
    command = ["bwrap", "--unshare-all", "--unshare-user", *options, "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    with suppress(FileNotFoundError):
        if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return options
    return ()
