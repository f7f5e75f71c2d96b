"""The wrapper of jobs, as it lies in a job's folder: one file, which needs nothing of this software."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from aiida_like_engine import plugins
from aiida_like_engine.plugins import wrapper
from aiida_like_engine.plugins.packed_wrapper import WRAPPER, packed_wrapper

MODULES = sorted(Path(wrapper.__file__).parent.glob("*.py"))

LIMITS = {
    "grace": 1, "sandbox": False, "require_sandbox": False, "output_files": 10, "output_bytes": 10**6,
    "memory_bytes": 0, "processes": 0, "file_bytes": 0, "free_bytes": 0, "linked": {},
}  # fmt: skip
STEP = {
    "files": [], "environment": {"WHAT": "a 'word'"}, "prepend": "", "pre": None, "post": None, "program_folder": None,
    "wall_seconds": 20, "readable": [], "writable": [], "network": False, "sandbox": False,
}  # fmt: skip


def test_the_same_bytes_each_time() -> None:
    first = packed_wrapper()
    packed_wrapper.cache_clear()
    assert packed_wrapper() == first
    with zipfile.ZipFile(io.BytesIO(first)) as packed:
        assert packed.namelist() == ["__main__.py", *(f"wrapper/{each.name}" for each in MODULES)]
        assert {each.date_time for each in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_imports_the_standard_library_alone() -> None:
    imported = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level:
                imported |= {f".{node.module}"}
            elif isinstance(node, ast.ImportFrom):
                imported |= {str(node.module).partition(".")[0]}
    ours = {f".{each.stem}" for each in MODULES}
    assert {"subprocess", ".job"} < imported
    assert imported - sys.stdlib_module_names - ours == set()


def job_in(folder: Path, *, requires_sandbox: bool = False, **step: Any) -> dict[str, Any]:
    """A job as the engine lays it down; the end that its wrapper recorded, run by a Python that knows nothing of us."""
    for name in ("work", "record", "_run"):
        (folder / name).mkdir(parents=True)
    (folder / "_run" / WRAPPER).write_bytes(packed_wrapper())
    limits = {**LIMITS, "require_sandbox": requires_sandbox}
    marks = {"lock": str(folder.parent / "lock"), "stop": str(folder.parent / "stop")}
    (folder / "_run" / "job.json").write_text(json.dumps({**limits, **marks, "steps": [{**STEP, **step}]}))
    subprocess.run([sys.executable, "-I", "-S", f"_run/{WRAPPER}"], cwd=folder, check=True, capture_output=True)
    end: dict[str, Any] = json.loads((folder / "record" / "end.json").read_text())
    return end


def test_it_runs_by_itself(tmp_path: Path) -> None:
    end = job_in(tmp_path / "job", command="echo $WHAT; mkdir a; echo b > a/b; exit 3")
    assert (end["reason"], end["exit_status"], end["message"]) == ("failed", 3, "exit code 3")
    log, b = json.loads((tmp_path / "job" / "record" / "outputs.json").read_text())
    assert (log["path"], log["md5"]) == ("process_output.log", hashlib.md5(b"a 'word'\n").hexdigest())
    assert (b["path"], b["size"], b["sha512"]) == ("a/b", 2, hashlib.sha512(b"b\n").hexdigest())
    events = [json.loads(line) for line in (tmp_path / "job" / "record" / "events.jsonl").read_text().splitlines()]
    assert [each["name"] for each in events] == ["started", "validated", "executing", "completed"]


def test_where_a_sandbox_is_required_nothing_runs_without(tmp_path: Path) -> None:
    end = job_in(tmp_path / "job", requires_sandbox=True, command="touch ran")
    assert (end["reason"], end["message"]) == ("failed", "this machine has no sandbox for jobs")
    assert [each.name for each in (tmp_path / "job" / "work").iterdir()] == ["process_output.log"]


def test_a_job_that_began_goes_on_without_its_file(tmp_path: Path) -> None:
    """All modules are read when it starts: what becomes of files later, as by an upgrade, is nothing to it."""
    end = job_in(tmp_path / "job", command=f"rm {tmp_path}/job/_run/{WRAPPER}; echo on")
    assert (end["reason"], (tmp_path / "job" / "work" / "process_output.log").read_text()) == ("done", "on\n")


def test_checkpoints_of_jobs_name_a_class_that_stays() -> None:
    """AiiDA continues a job by its checkpoint, which an older version may have written: MODULE:CLASS."""
    module = Path(plugins.__file__).parent / "calculation.py"
    assert plugins.__name__ == "aiida_like_engine.plugins"
    classes = [node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.ClassDef)]
    assert classes == ["JobCalculation"]
