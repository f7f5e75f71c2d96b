"""Jobs that mean harm, or do it: each ends, harms nobody, and says what happened. They run as an ordinary user."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aiida_like_engine.plugins.wrapper.folders import free_bytes
from aiida_like_engine.plugins.wrapper.sandbox import no_user_namespaces
from aiida_like_engine.protocol import StepInput
from tests.engine_fixture import Run, RunningEngine, an_engine, step
from tests.servers import left_out

MORE = """
[analyses.open.versions.1]
code = "shell@localhost"
readable = ["HOME/shared"]
network = true

[analyses.foam.versions.1]
code = "foam@localhost"

[analyses.free.versions.1]
code = "shell@localhost"
sandbox = false
"""
FOAM = """
code = orm.InstalledCode(label="foam", computer=orm.load_computer("localhost"), filepath_executable="/bin/bash")
code.prepend_text = "export FOAM='of a code'\\nfoam() { echo \\"foam $1 $FOAM\\"; }"
code.store()
"""
OUTPUTS = 20
BYTES = 30_000_000
MEMORY = 2 << 30


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    limits = {"output_files": OUTPUTS, "output_bytes": BYTES, "file_bytes": 50_000_000, "processes": 60, "cores": 2}
    limits["memory_bytes"] = MEMORY
    with an_engine(with_analyses=MORE, **limits) as made:
        shared = made.home / "shared"
        shared.mkdir()
        (shared / "given").write_text("given")
        made.root.analyses.write_text(made.root.analyses.read_text().replace("HOME", str(made.home)))
        made.in_aiida(FOAM)
        assert made.person.uid != 0, "hostile jobs are not run as root"
        with made.working(workers=2):
            yield made


@pytest.fixture(scope="module")
def runs(engine: RunningEngine) -> dict[str, str]:
    """All jobs, submitted at once."""
    root, home = engine.root.path, engine.home
    (home / "private.txt").write_text("private")
    return {name: engine.submit(command.format(root=root, home=home), label=name) for name, command in COMMANDS.items()}


COMMANDS = {
    "links": "ln -s /etc/passwd passwd; ln -s nowhere dangling; ln -s . loop; "
    "ln -s {root}/server.sqlite db; ln -s ../record/end.json x; echo kept > kept",
    "fork bomb": "bomb() {{ bomb | bomb & }}; bomb; sleep 1; echo survived > kept",
    "many files": "mkdir many; cd many; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done",
    "sparse": "truncate -s 40M sparse; truncate -s 100G huge; echo $? > kept",
    "no rights": "mkdir d; echo x > d/kept; chmod 000 d/kept d; echo y > y; chmod 000 y",
    "session": "setsid sleep 987 & setsid -f sleep 987; echo left > kept",
    "pipe": "mkfifo pipe; echo kept > kept",
    "names": "echo 1 > $'new\\nline'; echo 2 > $'no-utf8-\\xff'; echo 3 > '[x]*'; echo 4 > .hidden; mkdir -p 'ä ö'; "
    "echo 5 > 'ä ö/ü'",
    "reads": "for f in {root} {root}/server.sqlite {root}/store/database.sqlite {root}/secret "
    "{root}/.aiida/config.json {home}/private.txt; do echo looked at $f; "
    "cat $f >/dev/null 2>&1 && echo read $f; ls $f >/dev/null 2>&1 && "
    "echo saw $f; done; ls /home /root /work/.. ; env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' ' '",
    "writes": "for f in / /usr /etc /work/.. {root} {home} /run /run/step; do "
    "touch $f/mine 2>/dev/null && echo wrote $f; done; "
    "echo x >> /run/step/command && echo changed; touch /tmp/mine && echo tmp",
    "network": "exec 3<>/dev/tcp/127.0.0.1/9 && echo connected; ls /sys/class/net 2>/dev/null; "
    "grep -v '^Inter\\|face\\|lo:' /proc/net/dev; python3 -c \"import socket; s=socket.socket(socket.AF_UNIX); "
    "s.connect('{root}/engine.sock')\"",
    "deep": "i=0; while [ $i -lt 400 ]; do mkdir -p aaaaaaaaaaaaaaaaaaaa && cd aaaaaaaaaaaaaaaaaaaa; i=$((i+1)); done; "
    "echo deep > deep; cd /work; echo kept > kept",
    "log": "rm process_output.log; ln -s /etc/shadow process_output.log; echo said",
    "long name": "n=$(printf '\\351%.0s' $(seq 100)); echo precious > \"$n\"; echo kept > kept",
    "clash": "echo 1 > '\\xff'; mkdir $'\\xff'; echo 2 > $'\\xff/a'; "
    "echo 3 > $'\\xff/\\xff'; echo 4 > $'\\xff/\\\\xff'",
    "rest": "mkdir more_outputs.tar; touch more_outputs.tar/x; for i in $(seq 30); do echo $i > z$i; done",
    "namespaces": "unshare --user true && echo made; echo kept > kept",
    "large": "head -c 20000000 /dev/zero > a; head -c 20000000 /dev/zero > b; echo kept > c",
}


@pytest.fixture
def ended(request: pytest.FixtureRequest, engine: RunningEngine, runs: dict[str, str]) -> Run:
    return engine.wait(runs[request.param])


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("ended", [name], indirect=True)


@of("links")
def test_links_are_not_followed(ended: Run) -> None:
    assert list(ended.outputs) == ["process_output.log", "kept"]
    assert "5 that are no files were left out, such as 'dangling'" in ended.row.message
    assert "aiida-like: 5 that are no files were left out" in ended.log


@of("fork bomb")
def test_a_fork_bomb_is_limited(ended: Run) -> None:
    assert ended.row.state == "ended"
    assert "Resource temporarily unavailable" in ended.log
    assert ended.row.wall_seconds < 60


@of("many files")
def test_many_files_are_packed(ended: Run) -> None:
    assert len(ended.outputs) == OUTPUTS
    assert ended.row.message == f"{3001 - OUTPUTS + 1} more files are in more_outputs.tar"
    with tarfile.open(fileobj=io.BytesIO(ended.content("more_outputs.tar"))) as tar:
        names = tar.getnames()
    assert len(names) == 3001 - OUTPUTS + 1
    assert set(names) | set(ended.outputs) >= {f"many/f{n}" for n in range(3000)}
    assert not set(names) & set(ended.outputs)


@of("sparse")
def test_a_file_has_a_largest_size(ended: Run) -> None:
    assert "sparse" not in ended.outputs
    assert ended.content("kept") != b"0\n"
    assert f"beyond the {BYTES} bytes that are kept of a job, such as 'sparse'" in ended.row.message


@of("large")
def test_what_is_too_large_is_named(ended: Run) -> None:
    assert list(ended.outputs) == ["process_output.log", "a", "c"]
    assert "1 files are beyond the 30000000 bytes that are kept of a job, such as 'b'" in ended.log


@of("no rights")
def test_files_that_nobody_may_read_are_kept(ended: Run) -> None:
    assert (ended.content("d/kept"), ended.content("y")) == (b"x\n", b"y\n")


@of("session")
def test_what_runs_in_the_background_ends(ended: Run) -> None:
    assert ended.content("kept") == b"left\n"
    assert not processes_of("sleep\x00987\x00")


def processes_of(command: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if (folder / "cmdline").read_bytes() == command.encode():
                found.append(int(folder.name))
    return found


@of("pipe")
def test_a_pipe_is_left_out(ended: Run) -> None:
    assert list(ended.outputs) == ["process_output.log", "kept"]


@of("names")
def test_odd_names_are_kept(ended: Run) -> None:
    names = ["process_output.log", ".hidden", "[x]*", "new\nline", "no-utf8-\\xff", "ä ö/ü"]
    assert list(ended.outputs) == names
    assert ended.content("new\nline") == b"1\n"
    assert ended.content("no-utf8-\\xff") == b"2\n"


@of("reads")
def test_nothing_of_the_engine_can_be_read(ended: Run, engine: RunningEngine) -> None:
    assert not [line for line in ended.log.splitlines() if line.startswith(("read ", "saw "))]
    assert f"looked at {engine.root.path}/server.sqlite\n" in ended.log
    assert "AIIDA" not in ended.log
    assert "gunicorn" not in ended.log


@of("writes")
def test_nothing_outside_can_be_written(ended: Run) -> None:
    wrote = [line for line in ended.log.splitlines() if line.startswith(("wrote", "changed", "tmp"))]
    # The sandbox's own root is in memory, and gone with it.
    assert set(wrote) <= {"wrote /", "wrote /work/..", "wrote /etc", "wrote /run", "tmp"}
    assert "tmp" in wrote
    assert not os.path.exists("/mine")  # noqa: PTH110
    assert not os.path.exists("/etc/mine")  # noqa: PTH110


@of("network")
def test_there_is_no_network(ended: Run) -> None:
    assert "connected" not in ended.log
    assert "FileNotFoundError" in ended.log
    assert "eth" not in ended.log


@of("deep")
def test_folders_in_folders_end_somewhere(ended: Run, engine: RunningEngine) -> None:
    assert (list(ended.outputs), ended.row.reason) == (["process_output.log", "kept"], "done")
    folder = engine.root.folder(ended.row.node_uuid)
    until = time.monotonic() + 20
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


@of("log")
def test_a_log_that_was_replaced(ended: Run) -> None:
    assert "process_output.log" not in ended.outputs
    assert "1 that are no files were left out" in ended.row.message


@of("long name")
def test_a_name_that_becomes_too_long(ended: Run) -> None:
    [log, kept, long] = ended.outputs
    assert (log, kept, ended.row.reason) == ("process_output.log", "kept", "done")
    assert long.startswith("\\xe9\\xe9")
    assert len(long) == 255
    assert ended.content(long) == b"precious\n"


@of("clash")
def test_names_that_become_the_same(ended: Run) -> None:
    contents = {path: ended.content(path) for path in ended.outputs if path != "process_output.log"}
    folder = "\\xff_"
    assert contents == {
        "\\xff": b"1\n",
        f"{folder}/a": b"2\n",
        f"{folder}/\\xff_": b"3\n",
        f"{folder}/\\xff": b"4\n",
    }


@of("rest")
def test_a_folder_with_the_name_of_the_tar_file(ended: Run) -> None:
    assert ended.row.message == f"{32 - OUTPUTS + 1} more files are in more_outputs.tar_"
    with tarfile.open(fileobj=io.BytesIO(ended.content("more_outputs.tar_"))) as tar:
        assert "more_outputs.tar/x" in ended.outputs
        assert {*tar.getnames(), *ended.outputs} >= {*(f"z{n}" for n in range(1, 31))}


@of("namespaces")
def test_a_job_makes_no_namespaces(ended: Run) -> None:
    if not no_user_namespaces():
        left_out("bubblewrap cannot forbid user namespaces here")
    assert list(ended.outputs) == ["process_output.log", "kept"]
    assert "made" not in ended.log


def test_memory_has_a_limit(engine: RunningEngine) -> None:
    """Of each process; less than that is free to have."""
    program = "python3 -c 'import mmap, sys; mmap.mmap(-1, int(sys.argv[1])); print(\"has it\")' "
    ended = engine.run(f"{program}{MEMORY}")
    assert (ended.row.reason, ended.row.exit_status) == ("failed", 1)
    assert "Cannot allocate memory" in ended.log
    for command in (f"{program}{MEMORY // 2}", "ulimit -v"):
        assert engine.run(command).log == {"u": f"{MEMORY // 1024}\n", "p": "has it\n"}[command[0]]


def test_a_step_that_shuts_others_out(engine: RunningEngine) -> None:
    first = "echo one > one; chmod 0 /work/process_output.log /tmp /work"
    run = engine.run(first, step("cat one", StepInput(engine.upload("two", b"2").id, "two")))
    assert (run.row.reason, run.content("one")) == ("done", b"one\n")
    assert run.log == "one\n"


def test_inputs_that_are_called_as_the_log(engine: RunningEngine) -> None:
    file = engine.upload("process_output.log", b"of before")
    run = engine.run(step("cat process_output-1.log", StepInput(file.id, "process_output.log")))
    assert list(run.outputs) == ["process_output.log"]
    assert run.log.startswith("aiida-like: the input process_output.log lies in process_output-1.log")
    assert run.log.endswith("of before")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("./process_output.log", "forged")
    file = engine.upload("a.zip", archive.getvalue())
    run = engine.run(step("echo said; cat process_output-1.log", StepInput(file.id, "a.zip", unpack=True)))
    assert (list(run.outputs), run.log) == (["process_output.log"], "said\nforged")


def test_an_error_while_files_are_collected(engine: RunningEngine) -> None:
    run = engine.run(step("echo kept > kept; : > ../left", analysis="free"))
    assert (run.row.reason, run.row.exit_status) == ("failed", 1)
    assert run.row.message == "not all of its files could be collected: Not a directory"
    assert run.content("kept") == b"kept\n"


def test_what_the_disk_has_no_room_for() -> None:
    """The file takes nothing on the disk, and would take all that is left where it is collected."""
    free = free_bytes(Path(tempfile.gettempdir()))
    with an_engine(free_bytes=free // 2, file_bytes=2**50, output_bytes=2**50) as made:
        made.start()
        run = made.run(f"truncate -s {free // 4} large; echo kept > kept")
        assert list(run.outputs) == ["process_output.log", "kept"]
        assert run.row.message == "1 files are not kept, as the disk has no room for them, such as 'large'"
        made.stop()


def test_archives_that_mean_harm(engine: RunningEngine) -> None:
    bomb, outside, link = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (BYTES + 10))
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../evil", b"x")
    with tarfile.open(fileobj=link, mode="w") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(info)
        info = tarfile.TarInfo("link/passwd")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    said = {
        "bomb.zip": (bomb, "what is in it is larger than a job's files may be"),
        "outside.zip": (outside, "its member '../../evil' lies outside of the folder"),
        "broken.zip": (io.BytesIO(b"PK\3\4 no zip"), "it is neither a zip nor a tar file"),
    }
    files = {name: engine.upload(name, content.getvalue()) for name, (content, _) in said.items()}
    runs = {name: engine.submit(step("echo ran", StepInput(files[name].id, name, unpack=True))) for name in said}
    tarred = engine.upload("link.tar", link.getvalue())
    linked = engine.submit(step("ls -l; cat link/passwd", StepInput(tarred.id, "link.tar", unpack=True)))
    for name, (_, message) in said.items():
        run = engine.wait(runs[name])
        assert (run.row.reason, run.row.exit_status) == ("failed", 1)
        assert run.row.message == f"{name} could not be unpacked"
        assert message in run.log
        assert "ran" not in run.log
    # The link out of the folder was left out, and what lay behind it is an ordinary folder.
    assert engine.wait(linked).log.endswith("x")


def test_the_environment_of_a_code(engine: RunningEngine) -> None:
    """What AiiDA prepends for it is there for the command and what belongs to that; for other codes it is not."""
    look = "foam command; env | grep -c AIIDA"
    run = engine.submit(step(look, pre="foam before", analysis="foam"))
    without = engine.submit("echo ${FOAM-none}")
    assert engine.wait(run).log == "foam before of a code\nfoam command of a code\n0\n"
    assert engine.wait(without).log == "none\n"


def test_an_analysis_opens_what_it_needs(engine: RunningEngine) -> None:
    shared = engine.home / "shared"
    look = (
        f"cat {shared}/given; echo x > {shared}/mine; cat {engine.root.server_database} > copy; ls /sys/class/net; pwd"
    )
    opened = engine.submit(step(f"{look}; grep -c : /proc/net/dev", analysis="open"))
    free = engine.submit(step(f"cat {shared}/given; pwd; env; setsid -f sleep 986; sleep 0.2", analysis="free"))
    ended = engine.wait(opened)
    assert ended.log.startswith("given")
    assert "Read-only file system" in ended.log
    assert (ended.outputs["copy"].size, not (shared / "mine").exists()) == (0, True)
    assert int(ended.log.splitlines()[-1]) >= 1
    ended = engine.wait(free)
    assert ended.log.startswith(f"given{engine.root.folder(ended.row.node_uuid)}/work\n")
    assert "AIIDA" not in ended.log
    assert not processes_of("sleep\x00986\x00")  # also without the sandbox, what runs in the background ends
