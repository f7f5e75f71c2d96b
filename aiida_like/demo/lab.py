"""Who works where: users, computers, codes. And how the rest of the story puts a node on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiida import orm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reproducible import Clock

N = TypeVar("N", bound=orm.Node)

USERS = {
    "ada": ("Ada", "Lindqvist", "Institute of Example Physics"),
    "bruno": ("Bruno", "O'Keller", 'Materials "Open Data" Lab'),
    "zoe": ("Zoë", "Müller-Łukasik", "Universität Beispielstadt"),
    "guest": ("", "", ""),
}

#: label: (hostname, transport, scheduler, work directory, processes a machine, description)
COMPUTERS = {
    "localhost": (
        "localhost",
        "core.local",
        "core.direct",
        "/scratch/{username}/aiida",
        4,
        "The workstation",
    ),
    "alpine": (
        "login.alpine.example.org",
        "core.ssh",
        "core.slurm",
        "/scratch/{username}/aiida",
        64,
        "Cluster, 320 nodes of 64 cores; the default for production runs",
    ),
    "merle": (
        "merle.example.org",
        "core.ssh",
        "core.pbspro",
        "/home/{username}/runs",
        24,
        "Switched off at the end of 2024",
    ),
    "torque-box": ("10.20.0.7", "core.ssh", "core.torque", "/data/aiida", 16, "Never configured for anybody"),
}

#: (computer, user, enabled): nobody may use merle any more
ACCESS = [
    ("localhost", "ada", True),
    ("alpine", "ada", True),
    ("alpine", "zoe", True),
    ("alpine", "bruno", False),
    ("merle", "ada", False),
    ("merle", "zoe", False),
]

#: full label: (executable, plugin, description)
CODES = {
    "pw-7.3@alpine": ("/opt/qe/7.3/bin/pw.x", "quantumespresso.pw", "Quantum ESPRESSO 7.3, GNU compilers"),
    "pw-6.8@merle": ("/usr/local/qe-6.8/bin/pw.x", "quantumespresso.pw", "Quantum ESPRESSO 6.8"),
    "bash@localhost": ("/bin/bash", "core.shell", "Small scripts"),
}

PORTABLE_FILES = {
    "unfold.py": "#!/usr/bin/env python3\nfrom lib.fold import unfold\n\nprint(unfold('aiida.in'))\n",
    "lib/__init__.py": "",
    "lib/fold.py": "def unfold(path):\n    return open(path).read()\n",
}


@dataclass(frozen=True)
class Lab:
    """What every scene of the story needs; the mappings go by nickname and label."""

    clock: Clock
    users: Mapping[str, orm.User]
    computers: Mapping[str, orm.Computer]
    codes: Mapping[str, orm.AbstractCode]


def open_lab(clock: Clock, scratch: Path) -> Lab:
    """Store users, computers and codes; AiiDA wants the files of a portable code in a folder."""
    users = {nickname: make_user(nickname, *names) for nickname, names in USERS.items()}
    clock.move_to("2024-03-04 08:30")
    computers = {label: make_computer(label, row) for label, row in COMPUTERS.items()}
    computers["alpine"].set_property("transport_params", {"port": 22, "compress": True})
    computers["alpine"].set_prepend_text("module purge\nmodule load gcc/13 openmpi/5")
    for computer, user, enabled in ACCESS:
        parameters = {"username": user, "port": 22, "safe_interval": 30.0}
        orm.AuthInfo(computers[computer], users[user], enabled, auth_params=parameters).store()
    clock.wait(20)
    codes: dict[str, orm.AbstractCode] = {}
    for full_label, (executable, plugin, description) in CODES.items():
        label, _, computer = full_label.partition("@")
        code = orm.InstalledCode(computers[computer], executable, default_calc_job_plugin=plugin)
        codes[full_label] = record(code, label, description)
    for path, content in PORTABLE_FILES.items():
        file = scratch / "unfold" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    portable = orm.PortableCode("unfold.py", scratch / "unfold", default_calc_job_plugin="core.shell")
    codes["unfold"] = record(portable, "unfold", "A script with a small library, copied along with each job")
    return Lab(clock, users, computers, codes)


def make_user(nickname: str, first_name: str, last_name: str, institution: str) -> orm.User:
    """Store a user; the profile begins with its default user, who then gets a name."""
    _, user = orm.User.collection.get_or_create(f"{nickname}@example.org")
    user.first_name, user.last_name, user.institution = first_name, last_name, institution
    return user.store()


def make_computer(label: str, row: tuple[str, str, str, str, int, str]) -> orm.Computer:
    hostname, transport, scheduler, workdir, processes, description = row
    computer = orm.Computer(
        label=label,
        hostname=hostname,
        description=description,
        transport_type=transport,
        scheduler_type=scheduler,
        workdir=workdir,
    )
    computer.set_default_mpiprocs_per_machine(processes)
    computer.set_mpirun_command(["mpirun", "-np", "{tot_num_mpiprocs}"])
    return computer.store()


def record(
    node: N,
    label: str = "",
    description: str = "",
    *,
    user: orm.User | None = None,
    extras: Mapping[str, Any] | None = None,
) -> N:
    """Store a node, by default as the first user's."""
    node.label, node.description = label, description
    if user:
        node.user = user
    if extras:
        node.base.extras.set_many(dict(extras))
    return node.store()


def put_files(node: orm.Node, files: Mapping[str, str | bytes]) -> None:
    """Put files (path: text or bytes) into the repository of an unstored node."""
    for path, content in files.items():
        node.base.repository.put_object_from_bytes(content.encode() if isinstance(content, str) else content, path)
