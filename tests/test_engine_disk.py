"""A disk that fills up: what is on its way is ended and leaves nothing, what runs is stopped and keeps what it has."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aiida_like_engine.errors import NoRoom
from aiida_like_engine.root.settings import read_settings
from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import open_to_write
from restapi.hosting.app import Application
from tests.engine_fixture import BOUNDARY, RunningEngine, an_engine, multipart
from tests.servers import left_out, require, wait_until

TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MIB = 1 << 20
MARGIN = 2048 * MIB
"""Bytes that are free beyond the threshold: others who write to this disk meanwhile do not need so many."""


@pytest.fixture(scope="module")
def engine() -> Iterator[RunningEngine]:
    """One whose disk has some room beyond what has to stay free."""
    free = shutil.disk_usage("/tmp").free
    if free < 3 * MARGIN:
        left_out("the disk has too little room for tests of a full one")
    with an_engine(free_bytes=free - MARGIN, cores=2) as made, made.working():
        yield made


def too_much(engine: RunningEngine) -> int:
    """Bytes for which there is no room now, though others may have taken or left some since the engine was made."""
    least = read_settings(engine.root.settings).limits.free_bytes
    return shutil.disk_usage(engine.home).free - least + MARGIN // 4


@contextmanager
def filled(engine: RunningEngine) -> Iterator[None]:
    """Takes the room, without writing so much."""
    file = engine.home / "takes-room"
    try:
        done = subprocess.run(
            [require("fallocate"), "-l", str(too_much(engine)), str(file)], check=False, capture_output=True
        )
        if done.returncode:
            left_out(f"this disk cannot be filled so: {done.stderr.decode()}")
        yield
    finally:
        file.unlink(missing_ok=True)


def left_of_uploads(engine: RunningEngine) -> list[Path]:
    return list(engine.root.incomplete_contents.iterdir())


def test_an_upload_whose_length_is_said(engine: RunningEngine) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    # More than there is, though the disk is not full yet.
    with pytest.raises(NoRoom, match="the server's disk has no room for the file; ask its operator"):
        engine.client.upload(engine.account, never(), TYPE, too_much(engine))
    with filled(engine), pytest.raises(NoRoom):
        engine.upload("small", b"x")
    assert left_of_uploads(engine) == []
    assert engine.upload("after", b"x").size == 1


def test_over_http(engine: RunningEngine, serve: Callable[..., Application]) -> None:
    database = open_to_write(engine.root.server_database)
    with database.writing() as connection:
        key = accounts.add_key(connection, "ada", "of a test")
    database.close()
    client, headers = serve(None, {"ENGINE": str(engine.root.path)}).test_client(), {"Authorization": f"Token {key}"}
    told = {"detail": "the server's disk has no room for the file; ask its operator"}
    body = multipart("a.bin", b"x" * 1000)
    with filled(engine):
        answer = client.post("/api/v2/files/contents/", data=body, content_type=TYPE, headers=headers)
    assert (answer.status_code, answer.json) == (507, told)
    answer = client.post("/api/v2/files/contents/", data=body, content_type=TYPE, headers=headers)
    assert (answer.status_code, answer.json["decryptedSize"]) == (201, 1000)


def test_an_upload_on_its_way(engine: RunningEngine) -> None:
    """Its length is not said. It is ended when the disk has filled up, and nothing of it is left."""
    before, sizes = len(engine.files()), []

    def chunks() -> Iterator[bytes]:
        body = multipart("large", bytes(20 * MIB))
        yield body[: 10 * MIB]
        wait_until(lambda: left_of_uploads(engine) != [])
        sizes.extend(each.stat().st_size for each in left_of_uploads(engine))
        with filled(engine):
            yield from (body[at : at + MIB] for at in range(10 * MIB, len(body), MIB))
            time.sleep(0.1)

    with pytest.raises(NoRoom, match="the server's disk has no room for the file"):
        engine.client.upload(engine.account, chunks(), TYPE)
    assert len(sizes) == 1, "it had begun"
    wait_until(lambda: left_of_uploads(engine) == [])
    assert len(engine.files()) == before
    assert engine.upload("after", bytes(20 * MIB)).size == 20 * MIB


def test_a_job_that_runs(engine: RunningEngine) -> None:
    run = engine.submit("echo partial > kept; echo printed; sleep 100; echo over > over")
    engine.in_folder(run, "kept")
    with filled(engine):
        ended = engine.wait(run)
    assert (ended.row.reason, ended.row.message) == ("no_room", "the disk was nearly full")
    assert list(ended.outputs) == ["process_output.log", "kept"]
    assert (ended.content("kept"), ended.log.splitlines()[0]) == (b"partial\n", "printed")
    assert ended.row.wall_seconds < 60
    assert ended.events["completed"].reason == "the disk was nearly full"


def test_a_job_that_has_not_begun(engine: RunningEngine) -> None:
    with filled(engine):
        run = engine.run("echo never")
    assert (run.row.reason, run.log, list(run.outputs)) == ("no_room", "", ["process_output.log"])
    assert engine.run("echo after").log == "after\n"
