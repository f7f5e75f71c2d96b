"""Jobs from submit to end: what they leave in `server.sqlite`, and in the graph."""

from __future__ import annotations

import hashlib
import sqlite3
import uuid

import pytest

from aiida_like_engine.errors import Busy, Conflict, Invalid, NotFound
from aiida_like_engine.protocol import RunRequest, StepInput
from tests.engine_fixture import RunningEngine, step


def test_a_job_runs(engine: RunningEngine) -> None:
    run = engine.run("echo hello; echo out > out.txt; mkdir -p sub; echo deep > sub/deep.txt", label="first")
    assert (run.row.state, run.row.reason, run.row.exit_status, run.row.sealed) == ("ended", "done", 0, True)
    assert run.log == "hello\n"
    assert list(run.outputs) == ["process_output.log", "out.txt", "sub/deep.txt"]
    out = run.outputs["out.txt"]
    assert (out.size, out.md5) == (4, hashlib.md5(b"out\n").hexdigest())
    assert (out.sha512, run.content("out.txt")) == (hashlib.sha512(b"out\n").hexdigest(), b"out\n")
    assert (run.row.output_count, run.row.output_bytes) == (3, 6 + 4 + 5)


def test_events_have_their_times(engine: RunningEngine) -> None:
    run = engine.run("sleep 0.5")
    assert list(run.events) == ["pending", "queued", "started", "validated", "executing", "completed"]
    took = (run.events["completed"].at - run.events["executing"].at) / 1e6
    assert 0.5 <= took < 5
    assert 0.5 <= run.row.wall_seconds < 5
    assert (run.row.started, run.row.ended) == (run.events["started"].at, run.events["completed"].at)
    assert 0 < run.row.cpu_seconds < 0.5
    assert 10**6 < run.row.peak_bytes < 10**9


def test_inputs_lie_in_the_folder_and_are_no_outputs(engine: RunningEngine) -> None:
    given, other = engine.upload("in.txt", b"abc"), engine.upload("other.txt", b"def")
    run = engine.run(
        step(
            "cat in.txt renamed.txt; echo more >> renamed.txt",
            StepInput(given.id, "in.txt"),
            StepInput(other.id, "renamed.txt"),
        )
    )
    assert run.log == "abcdef"
    assert list(run.outputs) == ["process_output.log", "renamed.txt"]
    assert run.content("renamed.txt") == b"defmore\n"


@pytest.mark.parametrize(
    ("command", "status", "reason", "message"),
    [
        ("exit 7", 7, "failed", "exit code 7"),
        ("no-such-program", 127, "failed", "exit code 127"),
        ("kill -SEGV $BASHPID", 139, "signal", "ended by signal 11"),
        ("if then", 2, "failed", "exit code 2"),
    ],
)
def test_how_a_command_fails(engine: RunningEngine, command: str, status: int, reason: str, message: str) -> None:
    run = engine.run(f"echo before > kept\n{command}")
    assert (run.row.exit_status, run.row.reason, run.row.message) == (status, reason, message)
    assert run.content("kept") == b"before\n"
    assert run.events["completed"].reason == message


def test_the_wall_time_holds(engine: RunningEngine) -> None:
    run = engine.run(step("echo partial > kept; sleep 60", wall_seconds=1))
    assert (run.row.reason, run.row.message) == ("walltime", "it took longer than 1 s")
    assert run.content("kept") == b"partial\n"
    assert 1 <= run.row.wall_seconds < 3
    run = engine.run(step("trap '' TERM; echo partial > kept; while :; do sleep 1; done", wall_seconds=1))
    assert (run.row.reason, run.content("kept")) == ("walltime", b"partial\n")


def test_the_wall_time_holds_for_a_job_that_stops_the_clock(engine: RunningEngine) -> None:
    command = "echo partial > kept; kill -STOP $PPID; kill -STOP 2; sleep 50; echo outlived"
    run = engine.run(step(command, wall_seconds=1))
    assert (run.row.reason, run.row.message) == ("walltime", "it took longer than 1 s")
    assert (run.content("kept"), run.log) == (b"partial\n", "")
    assert run.row.wall_seconds < 15  # wall, grace and spare time


def test_steps_share_a_folder_and_the_first_failure_ends_them(engine: RunningEngine) -> None:
    run = engine.run("echo one > one", "cat one; echo two > two; exit 3", "echo three > three")
    assert (run.row.exit_status, run.row.message) == (3, "step 2: exit code 3")
    assert list(run.outputs) == ["process_output.log", "one", "two"]
    assert run.log == "one\n"


def test_commands_before_and_after(engine: RunningEngine) -> None:
    run = engine.run(step("echo $(cat before) command; exit 4", pre="echo pre > before", post="echo post; exit 5"))
    assert (run.log, run.row.exit_status) == ("pre command\npost\n", 4)
    run = engine.run(step("echo command", pre="exit 6", post="echo post"))
    assert (run.log, run.row.exit_status) == ("", 6)
    run = engine.run(step("true", post="exit 5"))
    assert run.row.exit_status == 5


def test_an_output_can_be_an_input(engine: RunningEngine) -> None:
    first = engine.run("echo made > made.txt")
    second = engine.run(step("cat again.txt", StepInput(first.outputs["made.txt"].public_id, "again.txt")))
    assert second.log == "made\n"
    printed = engine.in_aiida(f"""
from aiida.orm import CalcJobNode
query = orm.QueryBuilder().append(CalcJobNode, filters={{"uuid": {first.row.node_uuid!r}}}, tag="first")
query.append(CalcJobNode, filters={{"uuid": {second.row.node_uuid!r}}}, with_ancestors="first")
print(query.count())""")
    assert printed == "1\n"


def test_a_file_that_has_another_name_now(engine: RunningEngine) -> None:
    given = engine.upload("before.txt", b"abc")
    engine.client.change_file(engine.account, given.id, name="after.txt")
    run = engine.run(step("cat in.txt", StepInput(given.id, "in.txt")))
    assert run.log == "abc"


def test_all_that_a_job_is_told(engine: RunningEngine) -> None:
    """Its whole environment, and the command lines of all that it can see: nothing of the engine's, and no key."""
    look = "env; echo; for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $each; echo; done"
    run = engine.run(step(look, environment={"COLOUR": "a b"}, wall_seconds=77))
    environment, _, commands = run.log.partition("\n\n")
    assert dict(line.split("=", 1) for line in environment.splitlines()) == {
        "COLOUR": "a b",
        "HOME": "/work",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PWD": "/work",
        "SHLVL": "1",
        "TMPDIR": "/tmp",
        "USER": "job",
        "_": "/usr/bin/env",
    }
    sandbox, *others = (line.split() for line in commands.splitlines() if line)
    main = ["bash", "/run/step/main"]
    limits = ["prlimit", "--core=0", "--nproc=512", "--fsize=21474836480"]
    assert others == [["timeout", "--kill-after=2", "77", *limits, "--", *main], main, main]
    own = str(engine.root.folder(run.row.node_uuid))
    of_engine = [word for word in sandbox if word.startswith(str(engine.root.path))]
    assert (sandbox[0], {word.removeprefix(own) for word in of_engine}) == (
        "bwrap",
        {"/tmp", "/work", "/_run/step-0", "/_run/etc/passwd", "/_run/etc/group"},
    )


def test_python_runs(engine: RunningEngine) -> None:
    program = engine.upload("program.py", b"import sys; print(sys.version_info[0])")
    run = engine.run(step("python3 program.py", StepInput(program.id, "program.py"), analysis="python", version="3"))
    assert run.log == "3\n"


def test_a_submit_that_comes_twice_is_one_run(engine: RunningEngine) -> None:
    job = engine.client.create_job(engine.account, "twice", {})
    request, token = RunRequest("twice", steps=(step("echo once >> /work/times"),)), str(uuid.uuid4())
    first = engine.client.submit(engine.account, job.id, request, token)
    assert engine.client.submit(engine.account, job.id, request, token).uuid == first.uuid == token
    with pytest.raises(Conflict, match="submitted already"):
        engine.client.submit(engine.account, job.id, request, str(uuid.uuid4()))
    another = engine.client.create_job(engine.account, "another", {})
    with pytest.raises(Conflict, match="another job was submitted with this token"):
        engine.client.submit(engine.account, another.id, request, token)
    assert engine.wait(token).content("times") == b"once\n"


def test_anothers_job_is_not_there(engine: RunningEngine) -> None:
    other, root = engine.add_account("grace"), engine.add_account("root", is_superuser=True)
    job = engine.client.create_job(engine.account, "mine", {"a": 1})
    for call in (
        lambda account: engine.client.change_job(account, job.id, "theirs", {}),
        lambda account: engine.client.stop(account, job.id),
        lambda account: engine.client.delete_job(account, job.id),
        lambda account: engine.client.submit(account, job.id, RunRequest("", steps=(step("true"),)), str(uuid.uuid4())),
    ):
        with pytest.raises(NotFound, match=f"there is no job '{job.id}'"):
            call(other)
    file = engine.upload("mine.txt", b"mine")
    with pytest.raises(NotFound):
        engine.client.delete_file(other, file.id)
    with pytest.raises(Invalid, match="there is no file") as error:
        engine.submit(step("cat x", StepInput(file.id, "x")), account=other)
    assert error.value.field == "steps.0.inputs.0.file"
    assert engine.client.change_job(root, job.id, "changed", {}).name == "changed"
    engine.client.delete_job(engine.account, job.id)
    with pytest.raises(NotFound):
        engine.client.change_job(engine.account, job.id, "again", {})


def test_a_job_is_deleted_with_files_of_its_own_account(engine: RunningEngine) -> None:
    root = engine.add_account("root2", is_superuser=True)
    job = engine.client.create_job(root, "of root", {})
    anothers, own = engine.upload("of-ada", b"a"), engine.upload("of-root", b"b", root)
    engine.client.delete_job(root, job.id, [anothers.id, own.id])
    assert {each.public_id for each in engine.files() if each.deleted is not None} & {anothers.id, own.id} == {own.id}


def test_outputs_of_a_deleted_job_are_no_inputs(engine: RunningEngine) -> None:
    run = engine.run("echo a > a")
    engine.client.delete_job(engine.account, engine.job(run.row.uuid))
    with pytest.raises(Invalid, match="there is no file"):
        engine.submit(step("cat a", StepInput(run.outputs["a"].public_id, "a")))


def test_no_account_is_called_by_letters(engine: RunningEngine) -> None:
    root = engine.add_account("root3", is_superuser=True)
    with pytest.raises(NotFound, match="there is no such account"):
        engine.client._asked("POST", "/accounts/abc/generation", root)  # its methods take numbers


def test_a_database_that_is_locked_for_long(engine: RunningEngine) -> None:
    """Who asks is told so before giving up, and nothing is done later."""
    other = sqlite3.connect(engine.root.server_database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="the server's database is busy"):
        engine.client.create_job(engine.account, "while it is locked", {})
    other.execute("ROLLBACK")
    engine.client.create_job(engine.account, "after it", {})
    names = [
        name for (name,) in other.execute("SELECT name FROM jobs WHERE name IN ('while it is locked', 'after it')")
    ]
    other.close()
    assert names == ["after it"]
