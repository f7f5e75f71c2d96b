"""A purge removes the bytes of deleted files, and nothing else, while uploads and jobs come and go."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiida_like.container import Container
from aiida_like_engine.protocol import RunRequest, StepInput, StoredFile
from aiida_like_engine.root.store_lock import adding, purging, without_purges
from tests.engine_fixture import (
    BOUNDARY,
    PATIENCE,
    Run,
    RunningEngine,
    an_engine,
    halted,
    is_locked,
    multipart,
    step,
    stored_slowly,
    wait_until_locked,
)

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    with an_engine(cores=4, uploads=8) as made:
        made.start(workers=2)
        yield made
        made.stop()


def purge(engine: RunningEngine, *options: str) -> str:
    return engine.command("purge", str(engine.root.path), *options).stdout


def content(engine: RunningEngine, file: StoredFile) -> bytes | None:
    """What web workers read of a file; None: it is gone."""
    key = next((each.object_key for each in engine.files() if each.public_id == file.id), None)
    return None if key is None else of_key(engine, key)


def of_key(engine: RunningEngine, key: str) -> bytes:
    container = Container.open(engine.root.store / "container")
    try:
        return container.content(key)
    finally:
        container.close()


def test_deleted_files_go_while_the_engine_works(engine: RunningEngine) -> None:
    used, unused, kept = (engine.upload(name, name.encode() * 1000) for name in ("used", "unused", "kept"))
    again = engine.upload("the same as unused", b"unused" * 1000)
    run = engine.run(step("wc -c used", StepInput(used.id, "used")))
    for file in (used, unused):
        engine.client.delete_file(engine.account, file.id)
    assert purge(engine) == "1 files were removed, 0 bytes are free\n"
    assert [each.public_id for each in engine.files()] == [used.id, kept.id, again.id]
    assert content(engine, again) == b"unused" * 1000
    key = next(each.object_key for each in engine.files() if each.public_id == again.id)
    engine.client.delete_file(engine.account, again.id)
    assert purge(engine) == "1 files were removed, 6000 bytes are free\n"
    assert not engine.root.loose_object(key).exists()
    assert (content(engine, used), content(engine, kept)) == (b"used" * 1000, b"kept" * 1000)
    assert run.log == "4000 used\n"
    assert purge(engine) == "0 files were removed, 0 bytes are free\n"


def test_what_a_killed_gateway_has_left(engine: RunningEngine) -> None:
    """Two uploads as they stand in the database if it was killed: with the node that it had stored, and without one."""
    kept, stored, missing = (engine.upload(name, name.encode()) for name in ("kept so", "stored", "missing"))
    node = {each.public_id: each.node_uuid for each in engine.files()}
    with sqlite3.connect(engine.root.server_database) as database:
        database.execute("UPDATE files SET deleted = uploaded WHERE public_id = ?", (stored.id,))
        begun = "UPDATE files SET deleted = uploaded, node_uuid = ? WHERE public_id = ?"
        database.execute(begun, ("0b4f2b0e-6d4c-4a43-9d55-0a6bb2b8a5f3", missing.id))
    database.close()
    engine.in_aiida(
        f"from aiida.tools import delete_nodes; delete_nodes([orm.load_node('{node[missing.id]}').pk], dry_run=False)"
    )
    assert purge(engine).startswith("2 files were removed, ")
    rows = {each.public_id for each in engine.files()}
    assert (kept.id in rows, {stored.id, missing.id} & rows) == (True, set())
    asked = [node[each.id] for each in (kept, stored)]
    there = engine.in_aiida(
        f"print([orm.QueryBuilder().append(orm.Node, filters={{'uuid': each}}).count() for each in {asked}])"
    )
    assert there.strip() == "[1, 0]"
    assert content(engine, kept) == b"kept so"


def test_the_same_content_comes_meanwhile(engine: RunningEngine) -> None:
    """A slow upload keeps no purge waiting. What it brings was purged while it came: it is there all the same."""
    data = os.urandom(100_000)
    first = engine.upload("first", data)
    half, whole = threading.Event(), threading.Event()
    body = multipart("second", data)

    def slowly() -> Iterator[bytes]:
        yield body[:60_000]
        half.set()
        assert whole.wait(PATIENCE)
        yield body[60_000:]

    with ThreadPoolExecutor(1) as threads:
        coming = threads.submit(engine.client.upload, engine.account, slowly(), TYPE, len(body))
        assert half.wait(PATIENCE)
        engine.client.delete_file(engine.account, first.id)
        assert purge(engine, "--wait", "5") == "1 files were removed, 100000 bytes are free\n"
        whole.set()
        second = coming.result(PATIENCE)
    assert content(engine, second) == data


def test_a_purge_waits_for_uploads_and_they_for_it(engine: RunningEngine) -> None:
    first = engine.upload("first", b"first")
    engine.client.delete_file(engine.account, first.id)
    with ThreadPoolExecutor(2) as threads:
        with adding(engine.root):  # as an upload does whose node is being stored
            refused = engine.command("purge", str(engine.root.path), "--wait", "0.5", check=False)
            waits = threads.submit(purge, engine)
            wait_until_locked(engine.root.control)
            coming = threads.submit(engine.upload, "later", b"later")
            time.sleep(1)
            assert engine.client.health().ok
            assert (waits.done(), coming.done()) == (False, False)
        assert waits.result(PATIENCE) == "0 files were removed, 5 bytes are free\n"
        later = coming.result(PATIENCE)
    assert refused.returncode == 1
    assert refused.stderr == (
        "Error: 1 files were removed from the graph, and their bytes are there still: "
        "files of an upload or a job are being stored for 0.5 s now: try again later\n"
    )
    assert content(engine, later) == b"later"


def test_a_purge_waits_for_jobs(engine: RunningEngine) -> None:
    """AiiDA's workers are halted while they store what a job has left: no node refers to it yet."""
    for attempt in range(5):
        uuid = stored_slowly(engine, f"for i in $(seq 900); do echo {attempt} $i > $i; done")
        with halted(engine.processes()["worker"]):
            is_storing = is_locked(engine.root.scratch)
            refused = engine.command("purge", str(engine.root.path), "--wait", "1", check=False)
        run = engine.wait(uuid)
        assert {run.content(str(i)) for i in range(1, 901)} == {f"{attempt} {i}\n".encode() for i in range(1, 901)}
        if is_storing:
            break
    assert is_storing
    assert "files of an upload or a job are being stored for 1 s now" in refused.stderr
    assert purge(engine).startswith("0 files were removed")


def test_nothing_is_lost_in_between(engine: RunningEngine) -> None:
    """Uploads and outputs of jobs have the contents of files that are deleted and purged all the time."""
    texts = [f"{number}".encode() * 3000 for number in range(3)]
    is_over = threading.Event()

    def come_and_go(account: int) -> list[tuple[StoredFile, bytes]]:
        kept: list[tuple[StoredFile, bytes]] = []
        while not is_over.is_set():
            for text in texts:
                kept.append((engine.upload("kept", text, account), text))
                gone = engine.upload("gone", text, account)
                for file in (gone, *([kept.pop()[0]] if len(kept) % 3 else [])):
                    engine.client.delete_file(account, file.id)
                time.sleep(0.5)  # a purge removes one after the other: it must be faster than they come
        return kept

    with ThreadPoolExecutor(2) as threads:
        loops = [threads.submit(come_and_go, engine.add_account(name)) for name in ("comes", "goes")]
        try:
            runs = [engine.submit(f"printf '{n % 3}%.0s' $(seq 3000) > out") for n in range(8)]
            removed = [purge(engine) for _ in range(4)]
            ended: list[Run] = [engine.wait(run) for run in runs]
        finally:
            is_over.set()
        kept = [each for loop in loops for each in loop.result(PATIENCE)]
    removed.append(purge(engine))
    assert [run.content("out") for run in ended] == [texts[n % 3] for n in range(8)]
    assert [content(engine, file) for file, _ in kept] == [text for _, text in kept]
    assert all(int(each.split()[0]) > 0 for each in removed), removed


def test_a_backup_keeps_purges_away(engine: RunningEngine) -> None:
    with without_purges(engine.root):
        refused = engine.command("purge", str(engine.root.path), "--wait", "0.5", check=False)
        assert "a backup is made, or another purge works, for 0.5 s now: try again later" in refused.stderr
        assert engine.upload("beside", b"beside").size == 6
    with purging(engine.root):
        backup = threading.Thread(
            target=engine.command, args=("backup", str(engine.root.path), str(engine.home / "copy"))
        )
        backup.start()
        backup.join(3)
        assert not (engine.home / "copy" / "server.sqlite").exists()
    backup.join(PATIENCE)
    assert (engine.home / "copy" / "server.sqlite").exists()


def test_what_lies_in_packs_is_said(engine: RunningEngine) -> None:
    file = engine.upload("packed", b"packed")
    engine.in_aiida("from aiida.manage import get_manager; get_manager().get_profile_storage().maintain(full=False)")
    engine.client.delete_file(engine.account, file.id)
    assert purge(engine) == (
        "1 files were removed, 0 bytes are free\n"
        "1 contents lie in packs: verdi storage maintain --full, with the engine stopped, frees them\n"
    )


def test_what_a_run_waits_for_is_kept(engine: RunningEngine) -> None:
    """Its node, which will be linked to the file, is not made yet: the engine was killed before. It stays stopped."""
    file = engine.upload("waited-for", b"waited for")
    engine.kill("supervisor")
    database = sqlite3.connect(engine.root.server_database)
    job = (
        "INSERT INTO jobs (public_id, account_id, api, name, document, created, submitted) "
        "VALUES ('Waits0', ?, 'jobs', '', '{}', 1, 1)"
    )
    request = RunRequest("waits", steps=(step("cat file", StepInput(file.id, "file")),))
    run = (
        "INSERT INTO runs (job_id, number, uuid, state, request, cores, sealed) VALUES (?, 1, ?, 'submitting', ?, 1, 0)"
    )
    uuid = "7b0e4a5c-31a8-4f44-a64b-6a8c4e3f6f35"
    number = database.execute(job, (engine.account,)).lastrowid
    database.execute(run, (number, uuid, json.dumps(request.as_json())))
    database.execute("UPDATE files SET deleted = 1 WHERE public_id = ?", (file.id,))
    database.commit()
    database.close()
    assert purge(engine) == "0 files were removed, 0 bytes are free\n"
    engine.start(workers=2)
    assert engine.wait(uuid).log == "waited for"
