"""One job: its steps, one after the other in one folder, and what is kept of it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .folders import free_bytes, look, open_folder, paths, place_file
from .log import LOG, OTHER_LOG, Log
from .outputs import bounds, described, keep
from .processes import end_processes_left, limits, timeout, watched
from .record import Record
from .sandbox import sandbox
from .scripts import write_scripts

LEFT = "left"
"""The folder of what a job left and is not kept."""

SPARE_SECONDS = 5
"""After wall and grace time, until the wrapper itself ends a step: `timeout` runs where the job can stop it."""

_TIMED_OUT, _KILLED = 124, 137


@dataclass
class Ending:
    """How the job ended, as far as it is known."""

    exit_status: int = 0
    reason: str = "done"
    message: str = ""


@dataclass
class Job:
    folder: Path
    spec: dict[str, Any]
    log: Log
    record: Record
    stop_reason: str | None = None
    placed: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    """What each input looked like when it was placed, by its path below `work`."""
    timed_out: bool = False
    """Whether the last command took all the time that it had."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def run(self) -> None:
        self.record.event("started")
        self.record.reserve()
        began, usage = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        ending = self.steps()
        wall = time.monotonic() - began
        end_processes_left()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        outputs, notes = self.collected(ending)
        self.record.release()
        ended = self.record.event("completed")
        end = {
            "exit_status": ending.exit_status,
            "reason": ending.reason,
            "message": "; ".join(each for each in (ending.message, *notes) if each),
            "ended": ended,
            "wall_seconds": round(wall, 6),
            "cpu_seconds": round(after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime, 6),
            "peak_bytes": after.ru_maxrss * 1024,
            "sandbox": self.spec["sandbox"],
        }
        with suppress(OSError):  # without it, the engine reads the files again
            self.record.write("outputs.json", outputs)
        try:
            self.record.write("end.json", end)
        except OSError:  # what is not kept gives way
            shutil.rmtree(self.left, ignore_errors=True)
            self.record.write("end.json", end)

    def steps(self) -> Ending:
        """How the last step ended that was run."""
        ending = Ending()
        try:
            for number, step in enumerate(self.spec["steps"]):
                open_folder(self.work, self.folder / "tmp")
                ending = self.step(number, step)
                if ending.reason != "done":
                    break
        except Exception as error:  # noqa: BLE001 - a job has an end, and what it left so far is kept
            return Ending(1, "failed", f"step {number + 1} could not be run: {told(error)}")
        return ending

    def collected(self, ending: Ending) -> tuple[list[dict[str, Any]], list[str]]:
        """What `collect` says. An error in it fails the job, and takes nothing from what was collected before."""
        try:
            open_folder(self.work)
            return self.collect()
        except Exception as error:  # noqa: BLE001 - as above
            ending.exit_status, ending.reason = ending.exit_status or 1, "failed"
            return [], [f"not all of its files could be collected: {told(error)}"]

    @property
    def left(self) -> Path:
        """What the job left and is not kept."""
        return self.folder / LEFT

    def step(self, number: int, step: dict[str, Any]) -> Ending:
        if self.is_to_stop():
            return self.stopped(143)
        for each in step["files"]:
            message = self.place(each, step)
            if message is not None:
                self.log.say(message)
                return self.stopped(143) if self.stop_reason else Ending(1, "failed", message)
        if number == 0:
            self.record.event("validated")
            self.record.event("executing")
        folder = self.folder / "_run" / f"step-{number}"
        inside = "/run/step" if self.in_sandbox(step) else str(folder)
        write_scripts(folder, inside, step, in_sandbox=self.in_sandbox(step))
        status = self.execute(["bash", f"{inside}/main"], step, step["wall_seconds"], folder)
        return self.judged(status, number, step)

    def in_sandbox(self, step: dict[str, Any]) -> bool:
        return bool(self.spec["sandbox"] and step["sandbox"])

    def judged(self, status: int, number: int, step: dict[str, Any]) -> Ending:
        of = f"step {number + 1}: " if len(self.spec["steps"]) > 1 else ""
        if self.stop_reason:
            return self.stopped(status)
        if status in (_TIMED_OUT, _KILLED) and self.timed_out:
            return Ending(status, "walltime", f"{of}it took longer than {step['wall_seconds']} s")
        if status > 128:  # noqa: PLR2004 - as shells say it
            return Ending(status, "signal", f"{of}ended by signal {status - 128}")
        return Ending(status, "failed", f"{of}exit code {status}") if status else Ending()

    def stopped(self, status: int) -> Ending:
        assert self.stop_reason is not None
        return Ending(status, self.stop_reason, "" if self.stop_reason == "stopped" else "the disk was nearly full")

    def is_to_stop(self) -> bool:
        if self.stop_reason is None and os.path.exists(self.spec["stop"]):
            self.stop_reason = "stopped"
        if self.stop_reason is None and free_bytes(self.folder) < self.spec["free_bytes"]:
            self.stop_reason = "no_room"
        return self.stop_reason is not None

    def place(self, file: dict[str, Any], step: dict[str, Any]) -> str | None:
        """Put an input into the job's folder; what is wrong with it, if something is."""
        label = file["label"]
        source = Path(self.spec["linked"].get(label) or self.folder / "_run" / "files" / label)
        if not file["unpack"]:
            name = file["name"]
            if name == LOG:
                name = OTHER_LOG
                self.log.say(f"the input {LOG} lies in {name}: the first name is that of this file")
            place_file(source, self.work, name)
            self.remember(os.fsencode(name))
            return None
        before = set(paths(os.fsencode(self.work)))
        most = str(self.spec["output_bytes"])
        folder = self.folder / "_run" / "unpacking"
        folder.mkdir(exist_ok=True)
        shutil.copy(self.folder / "_run" / "unpack.py", folder)
        archive = folder / Path(file["name"]).name
        # It is bound read-only, so a second name will do.
        os.link(source, archive)
        inside = "/run/step" if self.in_sandbox(step) else str(folder)
        program = [sys.executable, "-I", "-S", f"{inside}/unpack.py", f"{inside}/{archive.name}", most]
        status = self.execute(program, {**step, "network": False}, step["wall_seconds"], folder, with_python=True)
        archive.unlink()
        for each in set(paths(os.fsencode(self.work))) - before:
            self.remember(each)
        return None if status == 0 else f"{file['name']} could not be unpacked"

    def remember(self, path: bytes) -> None:
        with suppress(OSError):
            self.placed[path] = look(os.path.join(os.fsencode(self.work), path))

    def execute(
        self, command: Sequence[str], step: dict[str, Any], wall: int, folder: Path, *, with_python: bool = False
    ) -> int:
        """Run a command to its end, as job and with the job's limits; its exit status as shells give it."""
        grace = self.spec["grace"]
        limited = [*timeout(wall, grace), *limits(self.spec, in_sandbox=self.in_sandbox(step)), *command]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        if self.in_sandbox(step):
            limited = [*sandbox(self.folder, step, folder, with_python=with_python), *limited]
            environment |= {"HOME": "/work", "USER": "job", "TMPDIR": "/tmp"}  # noqa: S108 - its own
        else:
            (self.folder / "tmp").mkdir(exist_ok=True)
            environment |= {"HOME": str(self.work), "TMPDIR": str(self.folder / "tmp")}
        began = time.monotonic()
        child = subprocess.Popen(
            limited,
            stdin=subprocess.DEVNULL,
            stdout=self.log.descriptor,
            stderr=self.log.descriptor,
            cwd=self.work,
            env=environment,
            start_new_session=True,
        )
        status = watched(child, began + wall + grace + SPARE_SECONDS, grace, self.is_to_stop)
        self.timed_out = time.monotonic() - began >= wall
        return 128 - status if status < 0 else status

    def collect(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The job's files that are kept, alone in `work` then, and sentences on those that are not."""
        self.work.rename(self.left)
        self.work.mkdir(0o750)
        found, notes = keep(self.left, self.work, self.placed, bounds(self.folder, self.spec))
        for note in notes:
            self.log.say(note)
        self.log.sync()
        return [described(self.work, path) for path in found], notes


def told(error: Exception) -> str:
    """The error in words, without paths of this machine."""
    return getattr(error, "strerror", None) or type(error).__name__
