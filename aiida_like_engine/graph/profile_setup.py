"""What AiiDA has in a ROOT: profile, computer and codes. It runs in processes of its own: see `setup.in_a_process`."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiida_like_engine.errors import RootError
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.root.environment import ANSWER, UMASK, python, surroundings
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, read_settings

EMAIL = "engine@localhost"
COMPUTER = "localhost"
LAUNCHER = "launcher"
"""The code that starts a job's wrapper; what a job runs is another code."""

PLUGIN = "aiida_like.local"


def run(function: Callable[..., str | None], path: str, *arguments: str) -> str | None:
    """Call a function for a ROOT and print what it returns; the message of its error."""
    try:
        _surround(Root(Path(path)))
        answer = function(Root(Path(path)), *arguments)
    except RootError as error:
        return str(error)
    sys.stdout.write(f"{ANSWER}{answer or ''}")
    return None


def _surround(root: Root) -> None:
    os.environ.update(surroundings(root))
    os.umask(UMASK)
    try:
        from aiida.plugins.entry_point import get_entry_points
    except ImportError:
        raise RootError("the engine needs the optional part 'engine': pip install 'aiida-like[engine]'") from None
    if not any(each.name == PLUGIN for each in get_entry_points("aiida.transports")):
        raise RootError("AiiDA does not know this program's plug-ins: install aiida-like once more, with pip")


def fill(root: Root) -> None:
    """Make, or mend, what AiiDA has in a ROOT."""
    settings = read_settings(root.settings)
    _profile(root, settings)
    _fill(root, settings)
    _check_codes(root)


def prepare(root: Root) -> None:
    """Make the settings of a ROOT those of AiiDA, before the engine starts.

    Raises:
        RootError: a code is missing that an analysis runs with.
    """
    check_codes(root)
    _computer(root, read_settings(root.settings))


def check_codes(root: Root) -> None:
    """Make sure that all codes which analyses run with are in the profile.

    Raises:
        RootError: one is not.
    """
    from aiida import load_profile

    load_profile(read_settings(root.settings).name)
    _check_codes(root)


def _check_codes(root: Root) -> None:
    for analysis in read_catalogue(root.analyses).analyses.values():
        for version in analysis.versions.values():
            check_code(f"{root.analyses}, {analysis.code} {version.code}", version.aiida_code)


def _profile(root: Root, settings: EngineSettings) -> None:
    from aiida.manage import configuration as module

    config = module.get_config(create=True)
    if settings.name not in config.profile_names:
        module.create_profile(
            config,
            name=settings.name,
            email=EMAIL,
            first_name="engine",
            storage_backend="core.sqlite_dos",
            storage_config={"filepath": str(root.store)},
            broker_backend="core.zeromq",
            broker_config={},
        )
        config.set_default_profile(settings.name)
    profile = config.get_profile(settings.name)
    if profile.storage_config["filepath"] != str(root.store):  # it was moved, or restored elsewhere
        profile.set_storage(profile.storage_backend, {**profile.storage_config, "filepath": str(root.store)})
        config.update_profile(profile)
    config.set_option("warnings.showdeprecations", False)  # noqa: FBT003
    config.set_option("transport.task_retry_initial_interval", 1, scope=settings.name)
    config.store()
    module.load_profile(settings.name)


def _fill(root: Root, settings: EngineSettings) -> None:
    from aiida import orm

    connection = sqlite3.connect(root.store_database)
    # It stays with the file. Else a worker that is killed in a commit leaves a journal that readers cannot pass.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    computer = _computer(root, settings)
    _code(orm, computer, LAUNCHER, "/bin/bash")
    _code(orm, computer, "shell", "/bin/bash")
    _code(orm, computer, "python", python())


def _computer(root: Root, settings: EngineSettings) -> Any:
    from aiida import orm
    from aiida.common.exceptions import NotExistent

    try:
        computer = orm.Computer.collection.get(label=COMPUTER)
        if computer.get_workdir() != str(root.work):
            computer.set_workdir(str(root.work))
    except NotExistent:
        computer = orm.Computer(
            label=COMPUTER,
            hostname="localhost",
            description="the machine of the engine",
            transport_type=PLUGIN,
            scheduler_type=PLUGIN,
            workdir=str(root.work),
        ).store()
    computer.set_minimum_job_poll_interval(settings.poll_seconds)
    computer.set_default_mpiprocs_per_machine(1)
    # A login shell would run the profile of the engine's user at each command.
    computer.configure(use_login_shell=False, safe_interval=0.0)
    return computer


def _code(orm: Any, computer: Any, label: str, program: str) -> None:
    from aiida.common.exceptions import NotExistent

    try:
        orm.load_code(f"{label}@{computer.label}")
    except NotExistent:
        orm.InstalledCode(label=label, computer=computer, filepath_executable=program).store()


def check_code(place: str, label: str) -> None:
    """Make sure that a code is in the profile that is loaded.

    Raises:
        RootError: it is not; `place` says who wants it.
    """
    from aiida import orm
    from aiida.common.exceptions import MultipleObjectsError, NotExistent

    try:
        orm.load_code(label)
    except (NotExistent, MultipleObjectsError):
        raise RootError(
            f"{place}: there is no code {label!r} in the profile: AIIDA_PATH=ROOT verdi code create core.code.installed"
        ) from None
