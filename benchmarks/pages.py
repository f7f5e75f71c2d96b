"""How long pages of the explorer take: CPU time in this process, and on PostgreSQL that of its server, cold and warm.

python -m benchmarks.pages FOLDER    the profiles in FOLDER are made first where there are none

Cold: the server remembers nothing. Warm: it has answered the same before.
"""

from __future__ import annotations

import gzip
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from flask.testing import FlaskClient
from rich.console import Console
from rich.table import Table

from benchmarks.processes import cpu_of_tree
from benchmarks.profiles import DATABASES, opened
from restapi import create_app

TURNS = 7
HTML = {"Accept": "text/html"}
JOBS = 'node_type="process.calculation.calcjob.CalcJobNode."'


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("-n", "--nodes", type=click.IntRange(1000), default=100_000, show_default=True)
@click.option("-d", "--database", "databases", type=click.Choice(DATABASES), multiple=True, default=DATABASES)
def main(folder: Path, nodes: int, databases: tuple[str, ...]) -> None:
    """Measures pages on profiles in FOLDER, which are made where there are none."""
    folder.mkdir(parents=True, exist_ok=True)
    with opened(folder.absolute(), nodes, databases) as profiles:
        os.environ["AIIDA_PATH"] = str(profiles.folder)
        for database in databases:
            postmaster = profiles.postmaster if database == "postgresql" else 0
            Console(width=140).print(measured(database, nodes, postmaster))


def measured(database: str, nodes: int, postmaster: int) -> Table:
    table = Table("page", "cold, ms", "warm, ms", "kB", "gzip, kB", title=f"{database}, {nodes} nodes")
    clients = {name: create_app(database, {"CACHE": name == "warm"}).test_client() for name in ("cold", "warm")}
    for name, url in pages(clients["warm"]).items():
        times = {kind: milliseconds(client, url, postmaster) for kind, client in clients.items()}
        body = clients["warm"].get(url, headers=HTML).data
        sizes = (f"{len(each) / 1000:.1f}" for each in (body, gzip.compress(body)))
        table.add_row(name, *(f"{times[kind]:.1f}" for kind in ("cold", "warm")), *sizes)
    return table


def milliseconds(client: FlaskClient, url: str, postmaster: int) -> float:
    """The median of the CPU time of one request, the first of which is not counted."""
    clock: Callable[[], float] = time.process_time
    if postmaster:
        clock = lambda: time.process_time() + cpu_of_tree(postmaster)  # noqa: E731
    found = []
    for turn in range(TURNS + 1):
        began = clock()
        answer = client.get(url, headers=HTML)
        taken = clock() - began
        assert answer.status_code == 200, (url, answer.status)
        if turn:
            found.append(1000 * taken)
    return statistics.median(found)


def pages(client: FlaskClient) -> Mapping[str, str]:
    """URLs of pages by their names. The hub is the code that most jobs use."""

    def first(query: str) -> str:
        (node,) = client.get(f"/api/v4/nodes?{query}&limit=1").json["data"]["nodes"]
        return str(node["uuid"])

    job = first(f"{JOBS}&orderby=-id")
    structure = first('node_type="data.core.structure.StructureData."&orderby=-id')
    code = first('node_type=like="data.core.code.%"')
    return {
        "profile": "/",
        "its states": "/parts/states",
        "nodes": "/nodes",
        "nodes with a filter": f"/nodes?{JOBS}&orderby=-ctime",
        "processes": "/processes",
        "groups": "/groups",
        "a job": f"/nodes/{job}",
        "a structure": f"/nodes/{structure}",
        "a code": f"/nodes/{code}",
        "lineage of a job": f"/nodes/{job}/lineage",
        "lineage of a hub": f"/nodes/{code}/lineage",
        "search": "/search?q=si",
    }


if __name__ == "__main__":
    main()
