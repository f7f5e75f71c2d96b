"""Jobs from submit to end: what they leave in `server.sqlite`, and in the graph."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import uuid
import zipfile

import pytest

from aiida_like.profiles import find
from aiida_like_engine.errors import Busy, Conflict, Invalid, NotFound
from aiida_like_engine.protocol import RunRequest, StepInput
from restapi import create_app
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


def test_the_graph_has_all_of_it(engine: RunningEngine) -> None:
    given = engine.upload("in.txt", b"abc")
    command = step("cat in.txt; echo $COLOUR > out.txt", StepInput(given.id, "in.txt"), environment={"COLOUR": "äöü"})
    run = engine.run(command, label="in the graph")
    printed = engine.in_aiida(f"""
import json
node = orm.load_node({run.row.node_uuid!r})
steps = node.inputs.steps.get_dict()["steps"]
print(json.dumps({{
    "label": node.label, "description": node.description, "user": node.user.email, "name": node.user.first_name,
    "state": node.process_state.value,
    "exit_status": node.exit_status, "sealed": node.is_sealed, "run": node.base.attributes.get("run"),
    "process_type": node.process_type, "command": steps[0]["command"], "environment": steps[0]["environment"],
    "inputs": sorted(node.base.links.get_incoming().all_link_labels()),
    "outputs": sorted(node.base.links.get_outgoing().all_link_labels()),
    "users": sorted({{each.user.email for each in node.base.links.get_outgoing().all_nodes()}}),
    "content": node.inputs.files.in_txt.get_content(), "owner": node.inputs.files.in_txt.user.email,
    "writer": node.inputs.steps.user.email, "printed": node.get_option("output_filename"),
    "out": node.outputs.retrieved.base.repository.get_object_content("work/out.txt"),
    "reason": node.outputs.record["reason"], "code": node.inputs.codes.shell.full_label,
}}))""")
    assert json.loads(printed) == {
        "label": "in the graph",
        "description": "the description of in the graph",
        "user": "ada@example.org",
        "name": "ada",
        "state": "finished",
        "exit_status": 0,
        "sealed": True,
        "run": run.row.uuid,
        "process_type": "aiida.calculations:aiida_like.job",
        "command": "cat in.txt; echo $COLOUR > out.txt",
        "environment": {"COLOUR": "äöü"},
        "inputs": ["code", "codes__shell", "files__in_txt", "steps"],
        "outputs": ["record", "remote_folder", "retrieved"],
        "users": ["ada@example.org"],
        "content": "abc",
        "owner": "ada@example.org",
        "writer": "ada@example.org",
        "printed": "work/process_output.log",
        "out": "äöü\n",
        "reason": "done",
        "code": "shell@localhost",
    }


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


def test_inputs_of_one_folder_have_one_link(engine: RunningEngine) -> None:
    first = engine.run("for i in $(seq 60); do echo $i > n$i; done")
    given = engine.upload("n1", b"uploaded")
    names = {f"n{number}": first.outputs[f"n{number}"].public_id for number in range(1, 61)}
    inputs = [StepInput(public_id, f"in_{name}") for name, public_id in names.items()]
    second = engine.run(
        step("cat in_n1 in_n60 up", *inputs, StepInput(given.id, "up")),
        step("cat again", StepInput(names["n7"], "again")),
    )
    assert second.log == "1\n60\nuploaded7\n"
    printed = engine.in_aiida(f"""
links = orm.load_node({second.row.node_uuid!r}).base.links.get_incoming().all_link_labels()
print(sorted(label for label in links if label.startswith("files__")))""")
    assert printed == "['files__outputs', 'files__up']\n"


def test_contents_of_inputs_are_not_hashed(engine: RunningEngine) -> None:
    first = engine.run("for i in $(seq 10); do echo $i > n$i; done")
    printed = engine.in_aiida(f"""
from pathlib import Path
from aiida.repository import Repository
from aiida.tools import delete_nodes
from aiida_like_engine.graph import orm as ours
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.protocol import RunRequest, Step, StepInput
hashed, of = [], Repository.hash
def counted(self):
    hashed.append(len(list(self.walk())))
    return of(self)
Repository.hash = counted
folder = ours.retrieved({first.row.node_uuid!r})
contents = {{f"id{{n}}": ours.Content(folder, f"work/n{{n}}") for n in range(1, 11)}}
inputs = tuple(StepInput(id, id) for id in contents)
request = RunRequest("hashes", "", (Step("shell", "1", "true", inputs=inputs),))
catalogue = read_catalogue(Path({str(engine.root.analyses)!r}))
made = ours.create_node("no-run", "ada@example.org", request, contents, catalogue)
print([folders for folders in hashed if folders > 1])
import logging
logging.disable(logging.CRITICAL)
delete_nodes([orm.load_node(made).pk], dry_run=False)""")
    assert printed == "[]\n"


STATEMENTS = """
import io, os, uuid
from pathlib import Path
import sqlalchemy as sa
from aiida.manage import get_manager
from aiida_like_engine.graph import orm as ours
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.protocol import RunRequest, Step, StepInput

with ours.container() as container:
    key = container.add_streamed_object(io.BytesIO(b"x"))
files = [ours.store_file(f"n{number}", key, "ada@example.org", {}) for number in range(60)]
catalogue = read_catalogue(Path(os.environ["AIIDA_PATH"]) / "analyses.toml")
session = get_manager().get_profile_storage().get_session()
seen = []
sa.event.listen(session.get_bind(), "before_cursor_execute", lambda *given: seen.append(given[2]))
for some in (files[:2], files):
    contents = {f"f{number}": ours.Content(each) for number, each in enumerate(some)}
    inputs = tuple(StepInput(each, each) for each in contents)
    session.commit()  # as each turn of the thread begins
    seen.clear()
    step = Step("shell", "1", "true", inputs=inputs)
    node = ours.create_node(str(uuid.uuid4()), "ada@example.org", RunRequest("a", "", (step,)), contents, catalogue)
    number = len(seen)
    links = orm.load_node(node).base.links.get_incoming(link_label_filter="files__%").all()
    print(number, len(links), len({each.link_label for each in links}))
"""


def test_many_inputs_take_no_longer_turn(engine: RunningEngine) -> None:
    """The one thread that writes the graph does nothing for others while it makes a node."""
    few, many = (list(map(int, line.split())) for line in engine.in_aiida(STATEMENTS).splitlines())
    assert (few[1:], many[1:]) == ([2, 2], [60, 60])
    assert many[0] - few[0] < 10


def test_a_file_that_has_another_name_now(engine: RunningEngine) -> None:
    given = engine.upload("before.txt", b"abc")
    engine.client.change_file(engine.account, given.id, name="after.txt")
    run = engine.run(step("cat in.txt", StepInput(given.id, "in.txt")))
    assert run.log == "abc"


def test_others_can_read_it(engine: RunningEngine) -> None:
    """AiiDA's own archive of a job, and aiida-like's exports."""
    given = engine.upload("in.txt", b"abc")
    run = engine.run(step("cat in.txt > out.txt", StepInput(given.id, "in.txt")), label="exported")
    archive = engine.home / "exported.aiida"
    engine.in_aiida(f"""
from aiida.tools.archive import create_archive
create_archive([orm.load_node({run.row.node_uuid!r})], filename={str(archive)!r})""")
    for target in (engine.root.store, archive):
        app = create_app(find(str(target)))
        client = app.test_client()
        found = client.get(f"/api/v2/calculations/{run.row.node_uuid}").get_json()["data"]["calculations"][0]
        assert (found["label"], found["state"]) == ("exported", "FINISHED")
        prov = client.get(f"/api/v2/nodes/{run.row.node_uuid}/prov").get_json()
        assert len(prov["activity"]) == 1
        crate = client.get(f"/api/v2/nodes/{run.row.node_uuid}/ro-crate")
        with zipfile.ZipFile(io.BytesIO(crate.data)) as zipped:
            contents = {zipped.read(name) for name in zipped.namelist()}
        assert b"abc" in contents
        app.extensions["aiida_like_storage"].close()


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
