"""The wrapper of jobs as one file, which Python runs as it is: the same bytes whenever it is made."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

WRAPPER = "wrapper.pyz"
_MODULES = Path(__file__).parent / "wrapper"
_START = "from wrapper.main import main\n\nmain()\n"


@cache
def packed_wrapper() -> bytes:
    """A zip file of the modules in `wrapper/`, and of a start."""
    texts = {"__main__.py": _START}
    texts |= {f"wrapper/{each.name}": each.read_text("utf-8") for each in sorted(_MODULES.glob("*.py"))}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in texts.items():
            file.writestr(zipfile.ZipInfo(name), text)  # without a time of its own
    return packed.getvalue()
