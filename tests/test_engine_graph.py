"""Jobs in the graph: nodes, links, users and exports of a run, and what it takes to write them."""

from __future__ import annotations

import io
import json
import zipfile

from aiida_like.profiles import find
from aiida_like_engine.protocol import StepInput
from restapi import create_app
from tests.engine_fixture import RunningEngine, step


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
from aiida_like_engine.graph import orm as ours, results
from aiida_like_engine.root.catalogue import read_catalogue
from aiida_like_engine.protocol import RunRequest, Step, StepInput
hashed, of = [], Repository.hash
def counted(self):
    hashed.append(len(list(self.walk())))
    return of(self)
Repository.hash = counted
folder = results.retrieved({first.row.node_uuid!r})
contents = {{f"id{{n}}": ours.Content(folder, f"work/n{{n}}") for n in range(1, 11)}}
inputs = tuple(StepInput(id, id) for id in contents)
request = RunRequest("hashes", "", (Step("shell", "1", "true", inputs=inputs),))
catalogue = read_catalogue(Path({str(engine.root.analyses)!r}))
made = ours.create_node("no-run", ours.Owner("ada", "ada@example.org"), request, contents, catalogue)
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
ada = ours.Owner("ada", "ada@example.org")
files = []
for number in range(60):
    ours.store_file(f"n{number}", key, ada, {}, files.append)
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
    request = RunRequest("a", "", (step,))
    node = ours.create_node(str(uuid.uuid4()), ada, request, contents, catalogue)
    number = len(seen)
    links = orm.load_node(node).base.links.get_incoming(link_label_filter="files__%").all()
    print(number, len(links), len({each.link_label for each in links}))
"""


def test_many_inputs_take_no_longer_turn(engine: RunningEngine) -> None:
    """The one thread that writes the graph does nothing for others while it makes a node."""
    few, many = (list(map(int, line.split())) for line in engine.in_aiida(STATEMENTS).splitlines())
    assert (few[1:], many[1:]) == ([2, 2], [60, 60])
    assert many[0] - few[0] < 10


TRANSPORTS = """
import os, threading, uuid
from pathlib import Path
from aiida_like_engine.graph import orm as ours, results
from aiida_like_engine.graph.broker import processes_with_task
from aiida_like_engine.plugins.transport import SafeLocalTransport
from aiida_like_engine.protocol import RunRequest, Step
from aiida_like_engine.root.catalogue import read_catalogue

opened, really_open = [], SafeLocalTransport.open
def noted(self):
    opened.append(threading.current_thread().name)
    return really_open(self)
SafeLocalTransport.open = noted

thread, run, ended = ours.OrmThread(), str(uuid.uuid4()), NODE
catalogue = read_catalogue(Path(os.environ["AIIDA_PATH"]) / "analyses.toml")
request = RunRequest("a", "", (Step("shell", "1", "true"),))
made = thread.call(ours.create_node, run, ours.Owner("ada", "ada@example.org"), request, {}, catalogue)
assert thread.call(ours.node_of_run, run) == made
found = thread.call(ours.processes, [made, ended])
thread.call(ours.mark_stop, made)
thread.call(processes_with_task)
thread.call(ours.fail_process, found[made].pk, "of a test")
assert thread.call(results.ended, ended).exit_status == 0
thread.call(results.retrieved, ended)
with orm.load_computer("localhost").get_transport():
    print(opened)
"""


def test_the_thread_of_the_orm_opens_no_transport(engine: RunningEngine) -> None:
    """A computer that does not answer would halt it, and with it all who submit."""
    run = engine.run("true")
    printed = engine.in_aiida(TRANSPORTS.replace("NODE", repr(run.row.node_uuid)))
    assert printed == "['MainThread']\n", "that of the test, and no other"


def test_the_record_of_a_job(engine: RunningEngine) -> None:
    """All of it is in the graph; `server.sqlite` has copies."""
    run = engine.run("echo a; exit 7")
    record = json.loads(
        engine.in_aiida(
            f"import json; print(json.dumps(orm.load_node({run.row.node_uuid!r}).outputs.record.get_dict()))"
        )
    )
    assert record == {
        "exit_status": 7,
        "reason": "failed",
        "message": "exit code 7",
        "ended": run.row.ended,
        "wall_seconds": run.row.wall_seconds,
        "cpu_seconds": run.row.cpu_seconds,
        "peak_bytes": run.row.peak_bytes,
        "sandbox": True,
    }


def test_verdi_shows_it(engine: RunningEngine) -> None:
    given = engine.upload("in.txt", b"abc")
    run = engine.run(step("exit 7", StepInput(given.id, "in.txt")), label="shown by verdi")
    shown = {" ".join(line.split()[:-2]): line.split()[-2:] for line in _lines(engine, run.row.node_uuid)}
    facts = {line.split()[0]: line.partition(" ")[2].strip() for line in _lines(engine, run.row.node_uuid)}
    assert (facts["type"], facts["uuid"]) == ("JobCalculation", run.row.node_uuid)
    assert (facts["state"], facts["label"]) == ("Finished [400] exit code 7", "shown by verdi")
    assert facts["description"] == "the description of shown by verdi"
    types = {name: of[1] for name, of in shown.items() if len(of) == 2}
    inputs = {"shell": "InstalledCode", "code": "InstalledCode", "in_txt": "SinglefileData", "steps": "Dict"}
    outputs = {"record": "Dict", "remote_folder": "RemoteData", "retrieved": "FolderData"}
    assert types.items() >= {**inputs, **outputs}.items()


def _lines(engine: RunningEngine, node: str) -> list[str]:
    return [line for line in engine.verdi("process", "show", node).splitlines() if line.strip()]


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
        app.extensions["aiida_like_storage"].close()


LINKS = """
import json
node = orm.load_node(UUID)
ends = [node.base.links.get_incoming(), node.base.links.get_outgoing()]
print(json.dumps([{each.link_label: each.node.uuid for each in end.all()} for end in ends]))
"""


def test_exports_are_complete(engine: RunningEngine) -> None:
    """Ancestors, PROV-JSON and RO-Crate of a job have all that it was given and has left, by uuid and by content."""
    made = engine.run("echo made > made.txt")
    given = [engine.upload("in.txt", b"uploaded"), engine.upload("other.txt", b"too")]
    inputs = [StepInput(each.id, each.name) for each in given]
    inputs.append(StepInput(made.outputs["made.txt"].public_id, "made.txt"))
    command = "cat in.txt other.txt made.txt; echo left > left.txt"
    run = engine.run(step(command, *inputs, environment={"COLOUR": "äöü"}), label="complete")
    uuid = run.row.node_uuid
    used, left = json.loads(engine.in_aiida(LINKS.replace("UUID", repr(uuid))))
    assert set(used) == {"code", "codes__shell", "steps", "files__in_txt", "files__other_txt", "files__outputs"}
    assert set(left) == {"record", "retrieved", "remote_folder"}
    before = json.loads(engine.in_aiida(LINKS.replace("UUID", repr(made.row.node_uuid))))[0]
    app = create_app(find(str(engine.root.store)))
    client = app.test_client()

    ancestors = client.get(f"/api/v4/nodes/{uuid}/ancestors?limit=100").get_json()["data"]["ancestors"]
    assert {each["uuid"] for each in ancestors} == {*used.values(), *before.values(), made.row.node_uuid}

    prov = client.get(f"/api/v2/nodes/{uuid}/prov?direction=both").get_json()
    activity = f"uuid:{uuid}"
    assert prov["activity"][activity]["prov:label"] == "complete"
    by_role = {
        each["prov:role"]: each["prov:entity"] for each in prov["used"].values() if each["prov:activity"] == activity
    }
    assert by_role == {label: f"uuid:{each}" for label, each in used.items()}
    generated = {each["prov:entity"] for each in prov["wasGeneratedBy"].values() if each["prov:activity"] == activity}
    assert generated == {f"uuid:{each}" for each in left.values()}
    assert {*by_role.values(), *generated} <= set(prov["entity"])
    assert prov["activity"][f"uuid:{made.row.node_uuid}"]["aiida:process_state"] == "finished", "where an input is from"

    crate = client.get(f"/api/v2/nodes/{uuid}/ro-crate")
    with zipfile.ZipFile(io.BytesIO(crate.data)) as zipped:
        contents = {name: zipped.read(name) for name in zipped.namelist()}
    described = {each["@id"]: each for each in json.loads(contents["ro-crate-metadata.json"])["@graph"]}
    action = described[f"#{uuid}"]
    data = {label: each for label, each in used.items() if not label.startswith("code")}
    assert {each["@id"] for each in action["object"]} >= {f"nodes/{each}/" for each in data.values()}
    assert {each["@id"] for each in action["result"]} == {f"nodes/{each}/" for each in left.values()}
    assert {f"nodes/{each}/" for each in (*used.values(), *left.values())} <= set(described)
    (written,) = json.loads(contents[f"nodes/{used['steps']}/attributes.json"])["steps"]
    assert (written["command"], written["environment"], written["analysis"]) == (command, {"COLOUR": "äöü"}, "shell")
    assert contents[f"nodes/{used['files__in_txt']}/files/in.txt"] == b"uploaded"
    assert contents[f"nodes/{used['files__other_txt']}/files/other.txt"] == b"too"
    assert contents[f"nodes/{used['files__outputs']}/files/work/made.txt"] == b"made\n"
    assert contents[f"nodes/{left['retrieved']}/files/work/left.txt"] == b"left\n"
    assert contents[f"nodes/{left['retrieved']}/files/work/process_output.log"] == b"uploadedtoomade\n"
    assert json.loads(contents[f"nodes/{left['record']}/attributes.json"])["exit_status"] == 0
    app.extensions["aiida_like_storage"].close()
