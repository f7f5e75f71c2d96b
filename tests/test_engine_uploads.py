"""Uploads: what is streamed into the store, and what is refused."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiida_like.container import Container
from aiida_like_engine.errors import Busy, EngineAway, Invalid, NoRoom, NotFound, TooMuch
from aiida_like_engine.uploads import MultipartBody, Room, clean_name, receive
from tests.engine_fixture import BOUNDARY, PATIENCE, RunningEngine, an_engine, multipart, step

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(scope="module")
def small() -> Iterator[RunningEngine]:
    """An engine with small limits, without the need for workers."""
    with an_engine(upload_bytes=100_000, account_bytes=250_000, uploads=2, upload_idle_seconds=2) as made:
        made.start(workers=1)
        yield made
        made.stop()


def test_a_file_is_stored(engine: RunningEngine) -> None:
    content = os.urandom(3_000_000)
    file = engine.upload("data.bin", content)
    assert (file.name, file.type_id, file.size) == ("data.bin", 1, 3_000_000)
    assert (file.md5, file.sha512) == (hashlib.md5(content).hexdigest(), hashlib.sha512(content).hexdigest())
    row = next(each for each in engine.files() if each.public_id == file.id)
    container = Container.open(engine.root.store / "container")
    assert container.content(row.object_key) == content
    container.close()
    printed = engine.in_aiida(
        f"node = orm.load_node({row.node_uuid!r})\nprint(node.filename, len(node.get_content('rb')))"
    )
    assert printed == "data.bin 3000000\n"


def test_what_a_file_is_called(engine: RunningEngine) -> None:
    body = multipart("a.txt", b"x", "{'type_id': 4}")
    assert engine.client.upload(engine.account, [body], TYPE).type_id == 4
    file = engine.upload("C:\\dir\\naïve name.txt", b"x")
    assert file.name == "naïve name.txt"
    changed = engine.client.change_file(engine.account, file.id, name="other.txt", type_id=5)
    assert (changed.name, changed.type_id, changed.id) == ("other.txt", 5, file.id)
    with pytest.raises(Invalid, match="no name of a file"):
        engine.client.change_file(engine.account, file.id, name="../x")
    engine.client.delete_file(engine.account, file.id)
    with pytest.raises(NotFound):
        engine.client.change_file(engine.account, file.id, name="again")


@pytest.mark.parametrize(
    ("body", "type_", "message"),
    [
        (b"", TYPE, "broke off"),
        (multipart("a", b"x" * 100)[:-10], TYPE, "broke off"),
        (b"hello", "text/plain", "has to come as multipart/form-data"),
        (multipart("a", b"x").replace(b'"file"', b'"other"'), TYPE, "no part called file"),
        (multipart("a", b"x"), "multipart/form-data", "has to come as multipart/form-data"),
    ],
)
def test_what_is_no_upload(small: RunningEngine, body: bytes, type_: str, message: str) -> None:
    before = len(small.files())
    with pytest.raises(Invalid, match=message):
        small.client.upload(small.account, [body], type_, len(body))
    assert len(small.files()) == before
    assert left_over(small) == []


def test_limits_of_files(small: RunningEngine) -> None:
    account = small.add_account("limits")
    with pytest.raises(TooMuch, match="larger than the 100000 bytes that a file may have"):
        small.upload("large", b"x" * 100_001, account)
    body = multipart("large", b"x" * 500_000)
    with pytest.raises(TooMuch):  # its length is not said
        small.client.upload(account, iter([body[i : i + 1000] for i in range(0, len(body), 1000)]), TYPE)
    files = [small.upload("part", os.urandom(100_000), account) for _ in range(2)]
    with pytest.raises(TooMuch, match="what is left of the account's 250000 bytes"):
        small.upload("more", b"x" * 60_000, account)
    small.client.delete_file(account, files[0].id)
    assert small.upload("more", b"x" * 60_000, account).size == 60_000
    assert left_over(small) == []


def test_uploads_that_stall_do_not_keep_others(small: RunningEngine) -> None:
    stalled = [Stalled(small) for _ in range(2)]
    time.sleep(0.5)
    began = time.monotonic()
    assert small.client.health().ok
    assert time.monotonic() - began < 1.0
    with pytest.raises(Busy, match="2 uploads are under way"):
        small.upload("third", b"x")
    run = small.submit("true")
    assert time.monotonic() - began < 3.0
    answers = [each.answer() for each in stalled]
    assert all(b"400 Bad Request" in each and b"sent nothing for 2 s" in each for each in answers)
    assert small.upload("fourth", b"x").size == 1
    assert left_over(small) == []
    assert small.wait(run).row.exit_status == 0


class Stalled:
    """An upload that sends its beginning, and then nothing."""

    def __init__(self, engine: RunningEngine) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(engine.root.socket))
        head = f"POST /files HTTP/1.1\r\nHost: x\r\nX-Account: {engine.account}\r\nContent-Type: {TYPE}\r\n"
        self.socket.sendall(f"{head}Content-Length: 50000\r\n\r\n".encode() + multipart("a", b"x" * 1000)[:500])

    def answer(self) -> bytes:
        found = b""
        while block := self.socket.recv(4096):
            found += block
        self.socket.close()
        return found


def test_a_client_that_goes_leaves_nothing(small: RunningEngine) -> None:
    def broken() -> Iterator[bytes]:
        yield multipart("a", b"x" * 50_000)[:30_000]
        raise ConnectionError

    with pytest.raises((ConnectionError, EngineAway)):
        small.client.upload(small.account, broken(), TYPE, 50_200)
    until = time.monotonic() + PATIENCE
    while left_over(small) and time.monotonic() < until:
        time.sleep(0.05)
    assert left_over(small) == []
    assert small.upload("after", b"x").size == 1


def left_over(engine: RunningEngine) -> list[str]:
    """Halves of uploads that lie in the container."""
    return [each.name for each in (engine.root.store / "container" / "sandbox").iterdir()]


def test_a_full_disk(small: RunningEngine) -> None:
    """The disk is full by definition: nothing is written, and a job that runs is ended."""
    with an_engine(free_bytes=2**60) as full:
        full.start()
        with pytest.raises(NoRoom, match="no room"):
            full.upload("a", b"x")
        run = full.run("echo never")
        assert (run.row.reason, run.log, list(run.outputs)) == ("no_room", "", ["process_output.log"])
        full.stop()


def test_two_at_once_are_two_files(engine: RunningEngine) -> None:
    contents = [os.urandom(500_000) for _ in range(4)]
    found: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: engine.upload(f"{n}", contents[n]).md5})) for n in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {n: hashlib.md5(content).hexdigest() for n, content in enumerate(contents)}


# the multipart parser alone


class Drops(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002
        return super().read(self.most)


@pytest.mark.parametrize("most", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize(
    "content", [b"", b"abc", b"\r\n", b"\r\n--a-boundar", b" --a-boundary", b"x" * 5000 + b"\r\n-"]
)
def test_content_comes_whole(most: int, content: bytes, tmp_path: Path) -> None:
    fields = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="typeId"\r\n\r\n5\r\n'.encode()
    body = MultipartBody.of(Drops(b"preamble\r\n" + fields + multipart("a.b", content) + b"epilogue", most), TYPE)
    kept = []

    def store(counter: io.BytesIO) -> str:
        while block := counter.read(100):
            kept.append(block)
        return "key"

    received = receive(body, Room(10_000, "a limit", tmp_path, 0), store)  # type: ignore[arg-type]
    assert b"".join(kept) == content
    assert (received.name, received.type_id, received.size, received.object_key) == ("a.b", 5, len(content), "key")
    assert received.md5 == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("C:\\x\\y.zip", "y.zip"),
        ("..", "file"),
        ("", "file"),
        ("a\nb\0c", "abc"),
        ("ü" * 200, "ü" * 127),
    ],
)
def test_clean_names(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_archives_are_unpacked(engine: RunningEngine) -> None:
    import tarfile
    import zipfile

    from aiida_like_engine.protocol import StepInput

    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("case/run.sh", "echo from zip; cat case/data")
        archive.writestr("case/data", "data\n")
    with tarfile.open(fileobj=tarred, mode="w:gz") as tar:
        info = tarfile.TarInfo("deep/er/file.txt")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"tar\n"))
    first, second = engine.upload("case.zip", zipped.getvalue()), engine.upload("x.tar.gz", tarred.getvalue())
    run = engine.run(
        step(
            "bash case/run.sh; cat deep/er/file.txt; ls; rm -r case",
            StepInput(first.id, "case.zip", unpack=True),
            StepInput(second.id, "x.tar.gz", unpack=True),
        )
    )
    assert run.log == "from zip\ndata\ntar\ncase\ndeep\nprocess_output.log\n"
    assert list(run.outputs) == ["process_output.log"]
    packed = engine.run(step("ls", StepInput(first.id, "case.zip")))
    assert packed.log == "case.zip\nprocess_output.log\n"


def test_inputs_that_are_packed(engine: RunningEngine) -> None:
    """As an operator's `verdi storage maintain` leaves them: then AiiDA copies them."""
    from aiida_like_engine.protocol import StepInput

    file = engine.upload("packed.txt", b"packed")
    engine.in_aiida("""
from aiida.manage import get_manager
get_manager().get_profile_storage().get_container().pack_all_loose()
get_manager().get_profile_storage().get_container().clean_storage()""")
    run = engine.run(step("cat a b", StepInput(file.id, "a"), StepInput(file.id, "b")))
    assert (run.log, list(run.outputs)) == ("packedpacked", ["process_output.log"])
