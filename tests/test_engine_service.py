"""The unit of the engine for systemd says what its commands and the documentation say."""

from __future__ import annotations

import re

from tests.conftest import ROOT

UNIT_FILE = ROOT / "wsgi" / "engine" / "aiida-like-engine.service"
UNIT = dict(re.findall(r"^(\w+)=(.*)$", UNIT_FILE.read_text(), re.MULTILINE))
DOCUMENT = (ROOT / "docs" / "runs.md").read_text()


def test_jobs_live_on() -> None:
    """All processes of a unit are ended otherwise, jobs too."""
    assert (UNIT["KillMode"], UNIT["Type"], UNIT["Restart"]) == ("process", "simple", "always")


def test_it_starts_what_the_documentation_makes() -> None:
    program, engine, start, root = UNIT["ExecStart"].split()
    assert (program.rpartition("/")[2], engine, start) == ("aiida-like", "engine", "start")
    assert f"install -d -o {UNIT['User']} -g {UNIT['Group']} -m 2750 {root}\n" in DOCUMENT
    assert f"aiida-like engine init {root} --web-group {UNIT['Group']}\n" in DOCUMENT
    assert f"adduser --system --group {UNIT['User']}\n" in DOCUMENT
