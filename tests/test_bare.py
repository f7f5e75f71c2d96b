"""The two commands of the README on a Debian with nothing else, as an ordinary user: `make bare`, as root."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.conftest import ROOT, built, run
from tests.servers import free_port, left_out, serving

SUITE = "bookworm"
USER = "ada"
PACKAGES = "make,python3,python3-venv"
"""What the README names, besides what each Debian has."""

MOST_MEGABYTES = 250

_HANDED_IN = re.compile(r"(PIP|UV)_\w*(INDEX|CERT)\w*|SSL_CERT_FILE|(https?|no)_proxy", re.IGNORECASE)
"""Variables that say where packages are found here; files that they name are copied. DEBIAN_MIRROR is Debian's."""


def environment() -> Mapping[str, str]:
    """All variables of the user."""
    return {
        **{name: value for name, value in os.environ.items() if _HANDED_IN.fullmatch(name)},
        "HOME": f"/home/{USER}",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }


@pytest.fixture(scope="module")
def machine(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root of a machine, where the sdist lies unpacked in the home of its user."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        left_out("only root can make another root, with Debian's debootstrap")
    folder = tmp_path_factory.mktemp("machine")
    root = folder / "root"
    mirror = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
    run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root, mirror], folder)
    for name in ("/etc/resolv.conf", "/etc/hosts", *environment().values()):
        if Path(name).is_file():
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, root / name[1:])
    run(["chroot", root, "useradd", "--create-home", USER], folder)
    with tarfile.open(built(source, "--sdist", folder / "sdist")) as packed:
        packed.extractall(root / "home" / USER, filter="data")
    run(["chroot", root, "chown", "--recursive", f"{USER}:", f"/home/{USER}"], folder)
    yield root
    shutil.rmtree(root)


def on(machine: Path, command: str) -> list[str]:
    """A command in the unpacked sdist, as the user; what is mounted is so for it alone."""
    kinds = {"proc": "proc", "tmpfs": "dev/shm", "devpts": "dev/pts -o newinstance,ptmxmode=666"}
    begin = " && ".join(f"mount -t {kind} {kind} {machine}/{place}" for kind, place in kinds.items())
    variables = [f"{name}={value}" for name, value in environment().items()]
    inside = ["env", "-i", *variables, "sh", "-c", f"cd && cd aiida_like-* && exec {command}"]
    enter = shlex.join(["exec", "chroot", f"--userspec={USER}", str(machine), *inside])
    return ["unshare", "--mount", "sh", "-c", f"{begin} && {enter}"]


def test_make_serve(machine: Path) -> None:
    """It serves the URLs of the README, in a small environment."""
    root = f"http://127.0.0.1:{free_port()}"
    urls = re.findall(r"^\| \[?`(/api/.*?)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(urls) == 5
    # Installing takes longer than servers are waited for.
    run(on(machine, "make .venv/.installed"), machine)
    with serving(on(machine, f"make serve PORT={root.rpartition(':')[2]}"), root):
        for url in urls:
            with urlopen(root + quote(url, safe="/?=&")) as answer:
                assert answer.status == 200
    (environment_,) = (machine / "home" / USER).glob("aiida_like-*/.venv")
    assert int(run(["du", "-sm", environment_], machine).split()[0]) < MOST_MEGABYTES


def test_make_test(machine: Path) -> None:
    done = subprocess.run(
        on(machine, "make test"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("SKIPPED"))
    assert done.returncode == 0, told[-20_000:]
    assert re.search(r"\d+ passed", done.stdout)
