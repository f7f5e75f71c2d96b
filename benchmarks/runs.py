"""How fast jobs run: an engine of its own, in a folder for temporary files, on a machine that does nothing else.

python -m benchmarks.runs [--jobs 100] [--megabytes 1024] [--workers 2]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import sqlalchemy as sa

from aiida_like.container import Container
from aiida_like_engine.client import Client
from aiida_like_engine.protocol import RunRequest, Step, StepInput, StoredFile
from aiida_like_engine.root.layout import Root
from aiida_like_engine.server_db.database import ServerDatabase, inserted, now, open_to_read, open_to_write
from aiida_like_engine.server_db.tables import ACCOUNTS, OUTPUTS, RUNS
from aiida_like_engine.services.supervisor import running, wait_until_up
from benchmarks.document import table
from benchmarks.processes import cpu_by_process, words_of

ENGINE = (sys.executable, "-m", "restapi.cli", "engine")
BOUNDARY = "boundary"
IDLE_SECONDS = 20.0
REST_SECONDS = 60.0
SINGLE_JOBS = 10


@dataclass(frozen=True)
class Engine:
    root: Root
    account: int
    database: ServerDatabase

    @property
    def client(self) -> Client:
        return Client(self.root.socket)

    def submit(self, command: str, *inputs: StepInput) -> str:
        job = self.client.create_job(self.account, command, {})
        request = RunRequest(command, steps=(Step("shell", "1", command, inputs=inputs),))
        return self.client.submit(self.account, job.id, request, str(uuid.uuid4())).uuid

    def wait(self, runs: Sequence[str]) -> None:
        active = sa.select(RUNS.c.id).where(RUNS.c.uuid.in_(runs), RUNS.c.state != "ended").limit(1)
        while True:
            with self.database.reading() as connection:
                if connection.execute(active).first() is None:
                    return
            time.sleep(0.02)


@contextmanager
def engine(workers: int) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="runs-") as folder:
        root = Root(Path(folder) / "root")
        subprocess.run([*ENGINE, "init", str(root.path)], check=True, stdout=subprocess.DEVNULL)
        writer = open_to_write(root.server_database)
        with writer.writing() as connection:
            values = {"name": "one", "email": "one@localhost", "created": now()}
            account = inserted(connection, ACCOUNTS.insert().values(**values))
        writer.close()
        process = subprocess.Popen(
            [*ENGINE, "start", str(root.path), f"--workers={workers}"], stdout=subprocess.DEVNULL
        )
        made = Engine(root, account, open_to_read(root.server_database))
        try:
            wait_until_up(made.client.health)
            made.wait([made.submit("true") for _ in range(workers)])  # what is slow once
            yield made
        finally:
            process.terminate()
            process.wait()
            made.database.close()


def multipart(megabytes: int) -> Iterator[bytes]:
    """New content, as a multipart body that comes in pieces."""
    block = os.urandom(1_000_000 - 16)
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'.encode()
    for _ in range(megabytes):
        yield os.urandom(16) + block
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def memory(made: Engine) -> int:
    """The most memory that a process of the gateway had, in bytes."""
    found = 0
    for folder in Path("/proc").iterdir():
        try:
            is_gateway = b"aiida_like_engine.services.gateway" in (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes() if is_gateway else b""
        except OSError:
            continue
        if os.fsencode(made.root.path) in environment:
            lines = (folder / "status").read_text().splitlines()
            found = max(found, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")))
    return found


@contextmanager
def timed(figures: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    figures[name] = time.perf_counter() - began


def files(made: Engine, megabytes: int) -> dict[str, str]:
    """Figures of one large file, up, through a job, and down."""
    took: dict[str, float] = {}
    before = memory(made)
    with timed(took, "up"):
        type_ = f"multipart/form-data; boundary={BOUNDARY}"
        file: StoredFile = made.client.upload(made.account, multipart(megabytes), type_)
    more = memory(made) - before
    with timed(took, "job"):
        run = made.submit("cat large > out; echo >> out", StepInput(file.id, "large"))
        made.wait([run])
    with made.database.reading() as connection:
        query = sa.select(OUTPUTS.c.object_key).join(RUNS).where(RUNS.c.uuid == run, OUTPUTS.c.path == "out")
        key = connection.execute(query).scalar_one()
    container = Container.open(made.root.store / "container")
    with timed(took, "down"):
        for _ in container.read(key).blocks:
            pass
    container.close()
    return {
        f"upload of {megabytes} MB, MB/s": f"{megabytes / took['up']:.0f}",
        "... more memory of the gateway, MB": f"{more / 1e6:.0f}",
        "... into a job and out of it, s": f"{took['job']:.1f}",
        "... read from the store, MB/s": f"{megabytes / took['down']:.0f}",
    }


def jobs(made: Engine, number: int) -> dict[str, str]:
    """Figures of many jobs that do nothing."""
    single, calls = [], []
    for _ in range(SINGLE_JOBS):
        began = time.perf_counter()
        made.wait([made.submit("true")])
        single.append(time.perf_counter() - began)
    began = time.perf_counter()
    runs = []
    for _ in range(number):
        before = time.perf_counter()
        runs.append(made.submit("true"))
        calls.append(time.perf_counter() - before)
    made.wait(runs)
    took = time.perf_counter() - began
    return {
        "create and submit, p50, ms": f"{1000 * median(calls):.0f}",
        "a job alone, submit to its files, p50, s": f"{median(single):.2f}",
        f"{number} jobs, a second": f"{number / took:.2f}",
    }


KINDS = {
    "gateway": "gunicorn",
    "workers": "aiida_like_engine.services.worker",
    "broker": "broker",
    "supervisor": "engine",
}
"""Processes of the engine, by a word of their command lines."""


def kind_of(pid: int) -> str:
    words = words_of(pid)
    # What is left keeps the logs of databases.
    return next((kind for kind, word in KINDS.items() if word in words), "others")


def rest(root: Root) -> None:
    """Wait until nothing is left to do: folders of jobs are removed after their end, which takes CPU."""
    until = time.monotonic() + REST_SECONDS
    while any(each.is_file() for each in root.work.rglob("*")):
        assert time.monotonic() < until, "folders of jobs are not removed"
        time.sleep(0.1)
    time.sleep(1)


def idle(root: Root, seconds: float) -> dict[str, float]:
    """The share of a core, in %, that each kind of processes takes, the greatest first, once there is nothing to do."""
    rest(root)
    supervisor = running(root)
    assert supervisor is not None
    before = cpu_by_process(supervisor)
    time.sleep(seconds)
    used: dict[str, float] = {}
    for pid, after in cpu_by_process(supervisor).items():
        kind = kind_of(pid)
        used[kind] = used.get(kind, 0.0) + 100 * (after - before.get(pid, 0.0)) / seconds
    return dict(sorted(used.items(), key=lambda item: -item[1]))


def idle_figures(root: Root) -> dict[str, str]:
    shares = idle(root, IDLE_SECONDS)
    rows = {f"... {kind}": f"{share:.3f}" for kind, share in shares.items()}
    return {"idle, % of a core": f"{sum(shares.values()):.2f}", **rows}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--jobs", "number", type=click.IntRange(1), default=100, show_default=True, help="Jobs at once.")
@click.option("--megabytes", type=click.IntRange(1), default=1024, show_default=True, help="Size of the large file.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes of AiiDA.")
def main(number: int, megabytes: int, workers: int) -> None:
    """Prints a table of figures."""
    with engine(workers) as made:
        figures = {**jobs(made, number), **files(made, megabytes), **idle_figures(made.root)}
    load = os.getloadavg()[0]
    click.echo(table(("what", "figure"), [*figures.items(), ("load of the machine at the end", f"{load:.1f}")]))


if __name__ == "__main__":
    main()
