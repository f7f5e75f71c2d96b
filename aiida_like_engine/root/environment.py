"""The surroundings of processes of the engine: what has to stand before AiiDA is imported."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from aiida_like_engine.root.layout import Root

SANDBOX = "AIIDA_LIKE_ENGINE_SANDBOX"
"""The variable that tells workers, if it is not empty, that bubblewrap works here."""

ANSWER = "\x1e"
"""What stands before the answer of such a process: AiiDA may say something before."""

UMASK = 0o027
"""Others than the engine's user and the group of web workers read nothing."""


def surroundings(root: Root) -> Mapping[str, str]:
    """Variables for processes that load AiiDA: where its configuration is, and where it finds its own command."""
    folder = str(Path(sys.executable).parent)
    return {"AIIDA_PATH": str(root.path), "PATH": os.pathsep.join((folder, os.environ.get("PATH", os.defpath)))}


def python() -> str:
    """A Python that jobs can run: the system's, else the one that this program runs with."""
    return shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or os.path.realpath(sys.executable)
