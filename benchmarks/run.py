"""Ours beside the limit: CPU time of the server for each request, both in one run, in turns.

python -m benchmarks.run FOLDER            a profile folder (core.sqlite_dos), made first where there is none
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.generate import generate, sample_uuids

TICKS = os.sysconf("SC_CLK_TCK")
SERVERS: Mapping[str, tuple[str, str]] = {
    "ours": ("restapi:create_app()", "AIIDA_LIKE_PROFILE"),
    "limit": ("benchmarks.limit:app", "BENCHMARK_PROFILE"),
}


@dataclass
class Measured:
    """`cpu` and `latencies` in seconds."""

    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / len(self.latencies)


@dataclass(frozen=True)
class Server:
    pid: int
    connection: http.client.HTTPConnection

    def get(self, url: str) -> bytes:
        self.connection.request("GET", url)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise click.ClickException(f"{url}: {answer.status} {body[:200]!r}")
        return body

    def cpu(self) -> float:
        """Seconds that the process and its children have used."""
        return sum(_ticks(pid) for pid in (self.pid, *_children(self.pid))) / TICKS


def _ticks(pid: int) -> int:
    """User and system time; proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def serving(name: str, folder: Path) -> Iterator[Server]:
    """Under gunicorn with two sync workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target, variable = SERVERS[name]
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", "--log-level", "error", target]
    process = subprocess.Popen(command, env={**os.environ, variable: str(folder)})
    try:
        server = Server(process.pid, http.client.HTTPConnection("127.0.0.1", port, timeout=60))
        for _ in range(200):
            try:
                server.get("/api/v2/nodes?limit=20&orderby=-id")
                break
            except (OSError, http.client.HTTPException):
                server.connection.close()
                time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def mix(folder: Path) -> dict[str, list[str]]:
    """URLs, none of which is asked twice in a row."""
    uuids = list(sample_uuids(folder, 500))
    offsets = range(0, 20 * len(uuids), 20)
    return {
        "list of 20 by -id": [f"/api/v2/nodes?limit=20&offset={offset}&orderby=-id" for offset in offsets],
        "list of 20 by -ctime": [f"/api/v2/nodes?limit=20&offset={offset}&orderby=-ctime" for offset in offsets],
        "list of 400 by -id": [f"/api/v2/nodes?limit=400&offset={offset}&orderby=-id" for offset in offsets],
        "one node": [f"/api/v2/nodes/{uuid}" for uuid in uuids],
        "attributes": [f"/api/v2/nodes/{uuid}/content/attributes" for uuid in uuids],
        "inputs": [f"/api/v2/nodes/{uuid}/io/inputs" for uuid in uuids],
    }


def check_equal(servers: Mapping[str, Server], urls: Sequence[str]) -> None:
    """The limit is one only as long as it gives the same answers."""
    for url in urls[:20]:
        answers = {name: json.loads(server.get(url))["data"] for name, server in servers.items()}
        if answers["ours"] != answers["limit"]:
            raise click.ClickException(f"the servers differ in {url}")


def measure(server: Server, urls: Sequence[str], measured: Measured) -> None:
    before = server.cpu()
    for url in urls:
        start = time.perf_counter()
        server.get(url)
        measured.latencies.append(time.perf_counter() - start)
    measured.cpu += server.cpu() - before


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-n", "--nodes", default=100_000, show_default=True, help="Size of the profile, if it is made.")
@click.option("-r", "--requests", default=2000, show_default=True, help="Requests of each kind to each server.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file.")
def main(folder: Path, nodes: int, requests: int, output: Path | None) -> None:
    """Measures ours beside the limit on the profile in FOLDER."""
    folder = folder.absolute()
    if not folder.exists():
        with Console(stderr=True).status(f"making a profile of {nodes} nodes"):
            generate(folder, nodes)
    results: dict[str, dict[str, Measured]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(name, folder)) for name in SERVERS}
        for kind, urls in track(mix(folder).items(), description="measuring", transient=True):
            check_equal(servers, urls)
            results[kind] = {name: Measured() for name in servers}
            # In turns, so that a noisy neighbour disturbs both alike.
            for _ in range(-(-requests // len(urls))):
                for name, server in servers.items():
                    measure(server, urls, results[kind][name])
    report(results)
    if output is not None:
        figures = {
            kind: {name: {"cpu_ms": each.cpu_ms, "p50_ms": 1000 * statistics.median(each.latencies)}}
            for kind, by_server in results.items()
            for name, each in by_server.items()
        }
        output.write_text(json.dumps(figures, indent=1) + "\n")


def report(results: Mapping[str, Mapping[str, Measured]]) -> None:
    table = Table(title="CPU time of the server for one request")
    table.add_column("request")
    for heading in ("ours, ms", "limit, ms", "ratio", "p50 ours, ms", "p50 limit, ms"):
        table.add_column(heading, justify="right")
    ratios = []
    for kind, measured in results.items():
        ours, limit = measured["ours"], measured["limit"]
        ratios.append(ours.cpu_ms / limit.cpu_ms)
        medians = [f"{1000 * statistics.median(each.latencies):.2f}" for each in (ours, limit)]
        table.add_row(kind, f"{ours.cpu_ms:.2f}", f"{limit.cpu_ms:.2f}", f"{ratios[-1]:.2f}", *medians)
    table.add_section()
    table.add_row("geometric mean", "", "", f"{statistics.geometric_mean(ratios):.2f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
