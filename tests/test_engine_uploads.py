"""Uploads: what is streamed into the store, and what is refused."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import sqlalchemy as sa

from aiida_like.container import Container
from aiida_like_engine.errors import Busy, EngineAway, Invalid, NotFound, TooMuch
from aiida_like_engine.server_db.tables import JOBS
from aiida_like_engine.services.uploads import clean_name
from tests.engine_fixture import BOUNDARY, PATIENCE, RunningEngine, an_engine, multipart, step
from tests.servers import wait_until

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(scope="module")
def small() -> Iterator[RunningEngine]:
    """An engine with small limits, without the need for workers."""
    with (
        an_engine(
            upload_bytes=100_000,
            account_bytes=250_000,
            account_running=1,
            account_queued=2,
            uploads=4,
            upload_idle_seconds=2,
            upload_rate=20_000,
            account_drafts=3,
            document_bytes=1000,
        ) as made,
        made.working(),
    ):
        yield made


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


def test_eight_uploads_that_stall_keep_nobody(engine: RunningEngine) -> None:
    """As many as there may be, half of them of one account."""
    other, last = engine.add_account("stalls"), engine.add_account("waits")
    with ExitStack() as stack:
        for account in [engine.account] * 4 + [other] * 3:
            stack.enter_context(Stalled(engine, account).socket)
        wait_until(lambda: "4 uploads of the account are under way" in refusal(engine, engine.account))
        assert engine.upload("others", b"x", last).size == 1
        stack.enter_context(Stalled(engine, other).socket)
        wait_until(lambda: "8 uploads are under way" in refusal(engine, last))
        began = time.monotonic()
        assert engine.client.health().ok
        health = time.monotonic() - began
        run = engine.submit("true")
        took = time.monotonic() - began
        assert "8 uploads are under way" in refusal(engine, last), "all of them stall still"
        # 0.1 s and 1 s are wanted; machines that run tests are busy.
        assert (health < 1.0, took < 10.0) == (True, True)
        assert engine.wait(run).row.exit_status == 0
        assert "8 uploads are under way" in refusal(engine, last)
    wait_until(lambda: refusal(engine, last) == "")


def test_an_upload_that_stalls_is_ended(small: RunningEngine) -> None:
    answers = [each.answer() for each in [Stalled(small), Stalled(small)]]
    assert all(b"400 Bad Request" in each and b"sent nothing for 2 s" in each for each in answers)
    assert small.upload("after", b"x").size == 1
    assert left_over(small) == []


def refusal(engine: RunningEngine, account: int) -> str:
    """Why an upload is refused now; empty: it is not."""
    try:
        engine.upload("tried", b"x", account)
    except Busy as refused:
        return str(refused)
    return ""


def test_jobs_that_wait_are_limited(small: RunningEngine) -> None:
    """One runs and two wait: the next is refused, and taken once one has ended."""
    account = small.add_account("queues")
    runs = [small.submit("touch up; sleep 60", account=account) for _ in range(3)]
    with pytest.raises(TooMuch, match=r"^3 jobs of the account run or wait; wait until some have ended$"):
        small.submit("true", account=account)
    assert small.run("true").row.reason == "done", "others do not notice"
    small.client.stop(account, small.job(runs[2]))
    assert small.wait(runs[2]).row.reason == "stopped"
    runs.append(small.submit("true", account=account))
    for each in (runs[1], runs[3], runs[0]):
        small.client.stop(account, small.job(each))
    assert all(small.wait(each).row.reason in ("stopped", "done") for each in runs)


def test_an_upload_that_drips_is_ended(small: RunningEngine) -> None:
    """A few bytes each 0.3 s are no silence, but less than the least rate."""
    began = time.monotonic()
    dripping = Stalled(small)
    dripping.socket.settimeout(0.3)
    answer = b""
    while not answer.endswith(b"}") and time.monotonic() < began + PATIENCE:
        with suppress(TimeoutError):
            answer += dripping.socket.recv(4096)
        with suppress(BrokenPipeError):
            dripping.socket.sendall(b"x" * 10)
    dripping.socket.close()
    assert b"400 Bad Request" in answer
    assert b"sent less than 20000 bytes a second" in answer
    # 2 s of patience, and 3.3 s that a block may take.
    assert 5.0 < time.monotonic() - began < 15.0
    assert left_over(small) == []


def test_uploads_at_once_share_what_is_left(small: RunningEngine) -> None:
    """Both begin while there is room for either, but not for both."""
    account = small.add_account("shares")
    for name in ("first", "second"):
        small.upload(name, os.urandom(100_000), account)
    contents = [os.urandom(40_000) for _ in range(2)]
    both_have_begun = threading.Barrier(2)

    def slowly(body: bytes) -> Iterator[bytes]:
        yield body[:1000]
        both_have_begun.wait(PATIENCE)
        time.sleep(0.5)
        yield body[1000:]

    def upload(content: bytes) -> str:
        body = multipart("half", content)
        try:
            return small.client.upload(account, slowly(body), TYPE, len(body)).name
        except TooMuch as refused:
            return str(refused)

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(upload, contents))
    assert answers == ["half", "the file is larger than what is left of the account's 250000 bytes"]
    assert sum(file.size for file in small.files() if file.account_id == account) == 240_000
    assert left_over(small) == []


class Stalled:
    """An upload that sends its beginning, and then nothing."""

    def __init__(self, engine: RunningEngine, account: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(engine.root.socket))
        head = f"POST /files HTTP/1.1\r\nHost: x\r\nX-Account: {account or engine.account}\r\nContent-Type: {TYPE}\r\n"
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


def test_two_at_once_are_two_files(engine: RunningEngine) -> None:
    contents = [os.urandom(500_000) for _ in range(4)]
    accounts = [engine.account, engine.add_account("uploads")]
    found: dict[int, str] = {}

    def upload(n: int) -> None:
        found[n] = engine.upload(f"{n}", contents[n], accounts[n % 2]).md5

    threads = [threading.Thread(target=upload, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {n: hashlib.md5(content).hexdigest() for n, content in enumerate(contents)}


def test_a_length_is_refused_before_the_body(small: RunningEngine) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(TooMuch, match="larger than the 100000 bytes that a file may have"):
        small.client.upload(small.add_account("announces"), never(), TYPE, 10**12)


def test_chunks_that_are_none(small: RunningEngine) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(small.root.socket))
        head = f"POST /files HTTP/1.1\r\nHost: x\r\nX-Account: {small.account}\r\nContent-Type: {TYPE}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\nZZZ\r\n".encode())
        answer = b""
        while block := connection.recv(4096):
            answer += block
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"its chunks cannot be read" in answer


def test_a_refused_upload_leaves_nothing(small: RunningEngine) -> None:
    account = small.add_account("refused")

    def stored() -> int:
        found = (small.root.store / "container" / "loose").rglob("*")
        return sum(each.stat().st_size for each in found if each.is_file())

    before = stored()
    body = multipart("a", os.urandom(90_000))[: -len(f"--{BOUNDARY}--\r\n")] + f"--{BOUNDARY}\r\n".encode()
    with pytest.raises(Invalid, match="too many headers"):
        small.client.upload(account, [body + b"X: " + b"h" * 20_000], TYPE)
    assert stored() - before < 90_000
    assert left_over(small) == []


def test_drafts_have_a_limit(small: RunningEngine) -> None:
    account = small.add_account("drafts")
    jobs = [small.client.create_job(account, "a", {}).id for _ in range(3)]
    with pytest.raises(TooMuch, match="3 jobs of the account were not submitted"):
        small.client.create_job(account, "a", {})
    small.client.delete_job(account, jobs[0])
    assert small.database is not None
    with small.database.reading() as connection:
        kept = connection.execute(sa.select(JOBS.c.public_id).where(JOBS.c.account_id == account)).scalars().all()
    assert kept == jobs[1:]
    assert small.client.create_job(account, "a", {}).name == "a"
    with pytest.raises(TooMuch, match="a job may have 1000 bytes at most, as JSON"):
        small.client.change_job(account, jobs[1], "a", {"x": "y" * 1000})


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
