"""The scripts of a step, which its shell runs: variables, the command, what comes before and after it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

_MAIN = """\
{exports}
{prepend}
stopped=
trap 'stopped=1' TERM INT HUP
{pre}
( . {folder}/command )
code=$?
if [ -n "$stopped" ]; then
  {wait}
  exit 143
fi
{post}
exit $code
"""
_PRE = """\
( . {folder}/pre ) || exit $?
[ -n "$stopped" ] && exit 143
"""
_POST = """\
( . {folder}/post )
after=$?
[ $code = 0 ] && code=$after
"""
# Inside the sandbox there are its first process, timeout, this shell, and what is still to end.
_WAIT = "while set -- /proc/[0-9]* && [ $# -gt 3 ]; do sleep 0.1; done"


def write_scripts(folder: Path, inside: str, step: dict[str, Any], *, in_sandbox: bool) -> None:
    """Write what a step runs. Variables stand in it: in the environment of bubblewrap they could change that."""
    folder.mkdir()
    exports = [f"export {name}={shlex.quote(value)}" for name, value in step["environment"].items()]
    if step["program_folder"] not in (None, "/bin", "/usr/bin"):
        exports.insert(0, f"export PATH={shlex.quote(step['program_folder'])}:$PATH")
    here = shlex.quote(inside)
    main = _MAIN.format(
        exports="\n".join(exports),
        prepend=step["prepend"],
        folder=here,
        pre=_PRE.format(folder=here) if step["pre"] else "",
        post=_POST.format(folder=here) if step["post"] else "",
        wait=_WAIT if in_sandbox else ":",
    )
    for name, text in (("main", main), ("command", step["command"]), ("pre", step["pre"]), ("post", step["post"])):
        (folder / name).write_text(f"{text or ''}\n", "utf-8")
