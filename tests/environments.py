"""Virtual environments, made by uv."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import run

UV = (sys.executable, "-m", "uv")


def make_environment(folder: Path, python: str, package: str) -> Path:
    """An environment of this Python with the package in it, whose modules are compiled as pip would have done."""
    run([*UV, "venv", "--quiet", "--python", python, folder], folder.parent)
    install = [*UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python"]
    run([*install, package], folder.parent)
    return folder
