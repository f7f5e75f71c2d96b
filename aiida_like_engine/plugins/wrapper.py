"""Runs one job: `_run/wrapper.py` in the job's folder, which holds `_run/job.json`, `work/` and `record/`.

A program of its own, of Python's standard library alone: it is copied into the folder, and survives the engine.
It leaves `record/events.jsonl`, a line when something happens; `record/outputs.json`, the files of `work/` that are the
job's; and at last `record/end.json`. A job without an end was lost, and is never run again.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import os
import resource
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

LOG = "process_output.log"
OTHER_LOG = "process_output-1.log"
"""The name of an input that is called as the log of the job is."""
REST = "more_outputs.tar"
TICK_SECONDS = 0.1
SPARE_SECONDS = 5
"""After wall and grace time, until the wrapper itself ends a step: `timeout` runs where the job can stop it."""
DEEPEST = 90
LONGEST = 3000
LONGEST_NAME = 255
"""Bytes of a name, of files and folders."""

COPIES = 3
"""Of each file that is kept there are so many more at once: in a tar file, on AiiDA's way into the store, and there."""

RECORD_BYTES = 2_000_000
"""Set aside for the record of the end, however full the disk is."""

_PR_SET_CHILD_SUBREAPER = 36
_TIMED_OUT, _KILLED = 124, 137

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


def now() -> int:
    return time.time_ns() // 1000


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
    log: int
    sandbox: bool
    stop_reason: str | None = None
    placed: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    """What each input looked like when it was placed, by its path below `work`."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def run(self) -> None:
        self.event("started")
        self.reserve()
        began, usage = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        ending = self.steps()
        wall = time.monotonic() - began
        end_processes_left()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        outputs, notes = self.collected(ending)
        self.reserved.unlink(missing_ok=True)
        ended = self.event("completed")
        record = {
            "exit_status": ending.exit_status,
            "reason": ending.reason,
            "message": "; ".join(each for each in (ending.message, *notes) if each),
            "ended": ended,
            "wall_seconds": round(wall, 6),
            "cpu_seconds": round(after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime, 6),
            "peak_bytes": after.ru_maxrss * 1024,
            "sandbox": self.sandbox,
        }
        with suppress(OSError):  # without it, the engine reads the files again
            self.write("outputs.json", outputs)
        try:
            self.write("end.json", record)
        except OSError:  # what is not kept gives way
            shutil.rmtree(self.left, ignore_errors=True)
            self.write("end.json", record)

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
        return self.folder / "left"

    @property
    def reserved(self) -> Path:
        return self.folder / "reserved"

    def reserve(self) -> None:
        with suppress(OSError), self.reserved.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RECORD_BYTES)

    def event(self, name: str) -> int:
        at = now()
        with suppress(OSError), (self.folder / "record" / "events.jsonl").open("a") as file:
            file.write(json.dumps({"name": name, "at": at}) + "\n")
        return at

    def write(self, name: str, value: Any) -> None:
        """Put a file into the record: it is whole, or not there."""
        temporary = self.folder / "record" / f".{name}"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(temporary.with_name(name))

    def say(self, text: str) -> None:
        with suppress(OSError):
            os.write(self.log, f"aiida-like: {text}\n".encode())

    def step(self, number: int, step: dict[str, Any]) -> Ending:
        if self.is_to_stop():
            return self.stopped(143)
        for each in step["files"]:
            message = self.place(each, step)
            if message is not None:
                self.say(message)
                return self.stopped(143) if self.stop_reason else Ending(1, "failed", message)
        if number == 0:
            self.event("validated")
            self.event("executing")
        folder = self.folder / "_run" / f"step-{number}"
        inside = "/run/step" if self.in_sandbox(step) else str(folder)
        write_scripts(folder, inside, step, in_sandbox=self.in_sandbox(step))
        status = self.execute(["bash", f"{inside}/main"], step, step["wall_seconds"], folder)
        return self.judged(status, number, step)

    def in_sandbox(self, step: dict[str, Any]) -> bool:
        return self.sandbox and bool(step["sandbox"])

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
                self.say(f"the input {LOG} lies in {name}: the first name is that of this file")
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

    timed_out: bool = False

    def execute(
        self, command: Sequence[str], step: dict[str, Any], wall: int, folder: Path, *, with_python: bool = False
    ) -> int:
        """Run a command to its end, as job and with the job's limits; its exit status as shells give it."""
        limited = [*timeout(wall, self.spec["grace"]), *limits(self.spec, in_sandbox=self.in_sandbox(step)), *command]
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
            stdout=self.log,
            stderr=self.log,
            cwd=self.work,
            env=environment,
            start_new_session=True,
        )
        status = self.watched(child, began + wall + self.spec["grace"] + SPARE_SECONDS)
        self.timed_out = time.monotonic() - began >= wall
        return 128 - status if status < 0 else status

    def watched(self, child: subprocess.Popen[bytes], latest: float) -> int:
        """The status of a child that is ended when it has to stop, and at the latest at a moment of the clock."""
        kill_at: float | None = None
        with os.fdopen(os.pidfd_open(child.pid), "rb", closefd=True) as handle:
            while True:
                ready, _, _ = select.select([handle], [], [], TICK_SECONDS)
                if ready:
                    return child.wait()
                if kill_at is None and self.is_to_stop():
                    end_politely(child.pid)
                    kill_at = time.monotonic() + self.spec["grace"] + 2
                if time.monotonic() > min(latest, kill_at or latest):
                    end_at_once(child.pid)

    def collect(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The job's files that are kept, alone in `work` then, and sentences on those that are not.

        Inputs that are as they were are none of them.
        """
        work = os.fsencode(self.left)
        self.work.rename(self.left)
        self.work.mkdir(0o750)
        outputs, others = sift(work, self.placed)
        notes = []
        if others:
            notes.append(f"{len(others)} that are no files were left out, such as {shown(others[0])}")
        most, why = self.most_bytes()
        chosen = choose(work, outputs, self.spec["output_files"], most)
        if chosen.too_large:
            notes.append(f"{len(chosen.too_large)} files {why}, such as {shown(chosen.too_large[0])}")
        names = readable_names(chosen.kept)
        for path, name in names.items():
            target = os.path.join(os.fsencode(self.work), name)
            os.makedirs(os.path.dirname(target), mode=0o750, exist_ok=True)
            os.rename(os.path.join(work, path), target)
        found = list(names.values())
        if chosen.packed:
            rest = free_name(REST, found)
            notes.append(f"{len(chosen.packed)} more files are in {rest}")
            pack(work, chosen.packed, self.work / rest)
            found.append(os.fsencode(rest))
        for note in notes:
            self.say(note)
        with suppress(OSError):
            os.fsync(self.log)
        return [described(os.fsencode(self.work), path) for path in found], notes

    def most_bytes(self) -> tuple[int, str]:
        """How many bytes are kept of the job, and what is true of files beyond.

        A nearly full disk takes a little still: the end of a job is worth more than the last room on it.
        """
        free, limit = free_bytes(self.folder), int(self.spec["output_bytes"])
        room = max(free - self.spec["free_bytes"], free // 8) // COPIES
        if room < limit:
            return room, "are not kept, as the disk has no room for them"
        return limit, f"are beyond the {limit} bytes that are kept of a job"


def main() -> None:
    folder = Path(__file__).resolve().parent.parent
    os.chdir(folder)
    spec = json.loads((folder / "_run" / "job.json").read_text("utf-8"))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    job = Job(folder, spec, -1, sandbox=spec["sandbox"])

    def stop(*_: object) -> None:
        # Where another wrapper runs this job, it finds the mark.
        Path(spec["stop"]).touch()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    with open(spec["lock"], "a+", encoding="utf-8") as lock:
        # AiiDA starts a job again if it was killed before it knew of the first start: that one is waited for.
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read():
            return
        lock.write(f"{os.getpid()} {folder}\n")
        lock.flush()
        os.fsync(lock.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        job.log = os.open(folder / "work" / LOG, flags, 0o640)
        if not job.sandbox and spec["require_sandbox"]:
            job.say("bubblewrap does not work on this machine, and no job may run without it")
            job.write("outputs.json", [])
            job.write("end.json", refused())
            return
        job.run()


def refused() -> dict[str, Any]:
    message = "this machine has no sandbox for jobs"
    return {
        "exit_status": 1,
        "reason": "failed",
        "message": message,
        "ended": now(),
        "wall_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_bytes": 0,
        "sandbox": False,
    }


def free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


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


def timeout(wall: int, grace: int) -> list[str]:
    return ["timeout", f"--kill-after={grace}", str(wall)]


def limits(spec: dict[str, Any], *, in_sandbox: bool) -> list[str]:
    """The beginning of a command that has limits. Outside a sandbox all processes of the user would be counted."""
    processes = spec["processes"] if in_sandbox else None
    given = {"nproc": processes, "fsize": spec["file_bytes"], "as": spec["memory_bytes"]}
    return ["prlimit", "--core=0", *(f"--{name}={value}" for name, value in given.items() if value), "--"]


def has_sandbox(folder: Path) -> bool:
    """Whether bubblewrap is there and can do what is asked of it."""
    step = {"readable": [], "writable": [], "network": False}
    command = [*sandbox(folder, step, folder / "_run"), "true"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def sandbox(folder: Path, step: dict[str, Any], run: Path, *, with_python: bool = False) -> list[str]:
    """The beginning of a command that sees /usr, its own folder as /work and a /tmp of its own: no network, nobody."""
    (folder / "tmp").mkdir(exist_ok=True)
    etc = folder / "_run" / "etc"
    if not etc.exists():
        etc.mkdir()
        (etc / "passwd").write_text("job:x:1000:1000:job:/work:/bin/bash\n")
        (etc / "group").write_text("job:x:1000:\n")
    command = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "job"]
    command += [
        *no_user_namespaces(),
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/usr",
        "/usr",
    ]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    command += ["--proc", "/proc", "--dev", "/dev", "--bind", str(folder / "tmp"), "/tmp"]  # noqa: S108
    for name in ("alternatives", "ld.so.cache", "localtime", "fonts"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--ro-bind", str(etc / "passwd"), "/etc/passwd", "--ro-bind", str(etc / "group"), "/etc/group"]
    if step["network"]:
        command += ["--share-net"]
        for name in ("resolv.conf", "hosts", "nsswitch.conf", "ssl"):
            command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    readable = [*step["readable"], *([sys.base_prefix] if with_python else [])]
    for path in readable:
        command += ["--ro-bind", path, path]
    for path in step["writable"]:
        command += ["--bind", path, path]
    command += ["--bind", str(folder / "work"), "/work", "--ro-bind", str(run), "/run/step", "--chdir", "/work"]
    return [*command, "--"]


@cache
def no_user_namespaces() -> tuple[str, ...]:
    """Options that forbid the job namespaces of its own, where bubblewrap and this machine can: less of the kernel is
    within its reach.
    """
    options = ("--disable-userns",)
    command = ["bwrap", "--unshare-all", "--unshare-user", *options, "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    with suppress(FileNotFoundError):
        if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return options
    return ()


def end_politely(child: int) -> None:
    """Send TERM to the `timeout` that runs the command: it hands it on, and kills after the grace time."""
    with suppress(ProcessLookupError):
        os.kill(next((pid for pid in family(child) if name_of(pid) == "timeout"), child), signal.SIGTERM)


def end_at_once(child: int) -> None:
    """Kill a child and its descendants; what they start meanwhile is left for the next time."""
    for pid in family(child):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def family(pid: int) -> list[int]:
    """A process and its descendants, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                parents.setdefault(parent_of(int(entry)), []).append(int(entry))
    found = [pid]
    for each in found:
        found += parents.get(each, ())
    return found


def _stat(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(errors="replace")


def parent_of(pid: int) -> int:
    return int(_stat(pid).rpartition(")")[2].split()[1])


def name_of(pid: int) -> str:
    try:
        return _stat(pid).partition("(")[2].rpartition(")")[0]
    except OSError:
        return ""


def end_processes_left() -> None:
    """Kill what the job left in the background: this process has become the parent of all of it."""
    while True:
        left = family(os.getpid())[1:]
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0):
                pass


def place_file(source: Path, folder: Path, name: str) -> None:
    """Copy an input into a folder that an earlier step may have filled: no link there is followed."""
    target = folder / name
    if target.is_symlink() or not target.is_dir():
        target.unlink(missing_ok=True)
    else:
        shutil.rmtree(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with source.open("rb") as file, open(os.open(target, flags, 0o640), "wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)


def look(path: bytes) -> tuple[int, ...]:
    """What changes with a file."""
    state = os.lstat(path)
    return (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_mode)


def paths(folder: bytes, below: bytes = b"", depth: int = 0) -> Iterator[bytes]:
    """All that is in a folder and in its folders and is no folder; those that nobody may enter are opened.

    What lies too deep to be named is left out.
    """
    here = os.path.join(folder, below)
    try:
        os.chmod(here, stat.S_IMODE(os.lstat(here).st_mode) | stat.S_IRWXU)
        with os.scandir(here) as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError:
        return
    for entry in found:
        path = os.path.join(below, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            if len(folder) + len(path) < LONGEST:
                yield path
        elif depth < DEEPEST:
            yield from paths(folder, path, depth + 1)


def sift(work: bytes, placed: dict[bytes, tuple[int, ...]]) -> tuple[list[bytes], list[bytes]]:
    """The regular files of a job, its log first, and what else there was."""
    outputs, others = [], []
    for path in list(paths(work)):
        full = os.path.join(work, path)
        if not stat.S_ISREG(os.lstat(full).st_mode):
            others.append(path)
        elif placed.get(path) != look(full):
            os.chmod(full, stat.S_IMODE(os.lstat(full).st_mode) | stat.S_IRUSR | stat.S_IWUSR)
            outputs.append(path)
    return sorted(outputs, key=lambda path: (path != os.fsencode(LOG), path)), others


@dataclass(frozen=True)
class Chosen:
    """Which files are kept one by one, which together in a tar file, and which not at all."""

    kept: list[bytes]
    packed: list[bytes]
    too_large: list[bytes]


def choose(work: bytes, outputs: list[bytes], most: int, most_bytes: int) -> Chosen:
    """What is kept of a job. A file counts as the bytes that it has when it is read, on the disk it may have fewer."""
    sizes = {path: os.lstat(os.path.join(work, path)).st_size for path in outputs}
    kept, too_large, left = fitting(sizes, most_bytes)
    if len(kept) <= most:
        return Chosen(kept, [], too_large)
    single = kept[: max(1, most - 1)]
    left = most_bytes - sum(sizes[path] for path in single) - tarfile.RECORDSIZE
    packed, beyond, _ = fitting({path: size_in_tar(path, sizes[path]) for path in kept[len(single) :]}, left)
    return Chosen(single, packed, too_large + beyond)


def fitting(sizes: dict[bytes, int], left: int) -> tuple[list[bytes], list[bytes], int]:
    """The files for which there is room, in their order; those for which there is none; and the bytes that are left."""
    fit: list[bytes] = []
    beyond: list[bytes] = []
    for path, size in sizes.items():
        (fit if size <= left else beyond).append(path)
        left -= size if size <= left else 0
    return fit, beyond, left


def size_in_tar(path: bytes, size: int) -> int:
    """Bytes of a file in a tar file, or a few more: blocks, a header, another for a long name."""
    blocks = -(-size // tarfile.BLOCKSIZE) + 1
    more = 2 + (4 * len(path) + 100) // tarfile.BLOCKSIZE  # its time, and its name with escapes
    return tarfile.BLOCKSIZE * (blocks + more)


def readable_names(paths: list[bytes]) -> dict[bytes, bytes]:
    """A path in UTF-8 for each path. None is that of another, or of a folder of another."""
    below: dict[bytes, set[bytes]] = {}
    for path in paths:
        while path:
            parent, name = os.path.split(path)
            below.setdefault(parent, set()).add(name)
            path = parent  # noqa: PLW2901
    whole = {b"": b""}
    for parent in sorted(below, key=lambda each: each.count(b"/") + bool(each)):
        for name, readable in fresh_names(below[parent]).items():
            path = os.path.join(parent, name)
            target = os.path.join(whole[parent], readable)
            # Escapes are longer than what they stand for: too long a path becomes a name.
            whole[path] = target if len(target) <= LONGEST else shortened(target, of=path)
    return {path: whole[path] for path in paths}


def fresh_names(names: set[bytes]) -> dict[bytes, bytes]:
    """A name in UTF-8 for each name in one folder: those that are UTF-8 keep theirs."""
    found: dict[bytes, bytes] = {}
    taken: set[bytes] = set()
    for name in sorted(names, key=lambda each: (escaped(each) != each, each)):
        readable = shortened(escaped(name), of=name)
        while readable in taken:
            readable = shortened(readable + b"_", of=name + readable)
        taken.add(readable)
        found[name] = readable
    return found


def escaped(name: bytes) -> bytes:
    return name.decode("utf-8", "backslashreplace").encode()


def shortened(name: bytes, *, of: bytes) -> bytes:
    """The name; one that no disk takes ends in a hash of what it is the name `of`."""
    if len(name) <= LONGEST_NAME:
        return name
    start = name.replace(b"/", b"_")[: LONGEST_NAME - 33].decode("utf-8", "ignore").encode()
    return start + b"~" + hashlib.sha256(of).hexdigest()[:32].encode()


def free_name(name: str, taken: Iterable[bytes]) -> str:
    """The name, or that with `_` behind it, that nothing has and no folder."""
    first = {path.split(b"/")[0] for path in taken}
    while os.fsencode(name) in first:
        name += "_"
    return name


def pack(work: bytes, rest: list[bytes], target: Path) -> None:
    """Put files into a new tar file."""
    try:
        with tarfile.open(target, "x") as tar:
            for path, name in readable_names(rest).items():
                tar.add(os.fsdecode(os.path.join(work, path)), name.decode(), recursive=False)
    except OSError:  # a part of it is none
        target.unlink(missing_ok=True)
        raise


def open_folder(*folders: Path) -> None:
    """Let this process in again, where a job has shut it out of its folders."""
    for folder in folders:
        with suppress(OSError):
            folder.chmod(stat.S_IMODE(folder.lstat().st_mode) | stat.S_IRWXU)


def told(error: Exception) -> str:
    """The error in words, without paths of this machine."""
    return getattr(error, "strerror", None) or type(error).__name__


def described(work: bytes, path: bytes) -> dict[str, Any]:
    md5, sha512, size = hashlib.md5(usedforsecurity=False), hashlib.sha512(), 0
    with open(os.open(os.path.join(work, path), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while block := file.read(1 << 20):
            md5.update(block)
            sha512.update(block)
            size += len(block)
    return {"path": path.decode(), "size": size, "md5": md5.hexdigest(), "sha512": sha512.hexdigest()}


def shown(path: bytes) -> str:
    return repr(path.decode("utf-8", "backslashreplace"))


if __name__ == "__main__":
    main()
