"""How long walks over links take: CPU time of a request inside the process, the database included.

python -m benchmarks.lineage FOLDER [NUMBER]    the profile in FOLDER/sqlite is made first where there is no folder

All jobs use one code, fifty after each other restart from the one before, and a work chain has called those fifty.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.generate import fill, made_up, put_files
from benchmarks.node_types import CHAIN as CHAIN_TYPE
from benchmarks.node_types import CODE, DICT, FOLDER, JOB, STRUCTURE
from benchmarks.profile.content import process
from benchmarks.profile.rows import Batch, Rows
from benchmarks.profile.stores import SQLITE, SQLiteStore
from restapi import create_app

CHAIN = 50


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("number", type=int, default=1_000_000)
def main(folder: Path, number: int) -> None:
    if not folder.exists():
        make(folder.absolute(), number)
    # With caches, all but the first two answers to a URL would be those that were given before.
    client = create_app(str(folder / SQLITE), {"STATEMENT_SECONDS": 300, "CACHE": False}).test_client()
    table = Table("request", "CPU, ms", "bytes", "nodes")
    for path in paths(number):
        client.get(f"/api/v4/nodes/{path}")
        times = []
        for _ in range(5):
            began = time.process_time()
            response = client.get(f"/api/v4/nodes/{path}")
            times.append(time.process_time() - began)
        assert response.status_code == 200, response.text
        milliseconds = f"{1000 * statistics.median(times):.1f}"
        table.add_row(path, milliseconds, str(len(response.data)), response.headers["X-Total-Count"])
    Console(width=120).print(table)


def make(folder: Path, number: int) -> None:
    """A profile that is one graph of jobs. The ids of the five nodes of a job follow each other."""
    store = SQLiteStore(folder)
    fill([store], jobs(made_up(number, put_files(store.container))), number)


def jobs(rows: Rows) -> Iterator[Batch]:
    choice, content, node, link = rows.chance.choice, rows.content, rows.node, rows.link
    code = chain = rows.number + 1
    chains = []
    for place in range(rows.number // 5):
        structure = node(STRUCTURE, choice(content.structures), 1)
        parameters = node(DICT, choice(content.parameters), 1)
        job = node(JOB, content.job("", place, "PwCalculation", 1, 0), 1, process_type="aiida.calculations:demo.pw")
        results = node(DICT, content.results_of_job(), 1)
        retrieved = node(FOLDER, "{}", 1)
        for given, label in ((structure, "structure"), (parameters, "parameters"), (code, "code")):
            link(given, job, label, "input_calc")
        for made, label in ((results, "output_parameters"), (retrieved, "retrieved")):
            link(job, made, label, "create")
        if place % CHAIN:
            link(results - 5, job, "parent", "input_calc")
        else:
            chain += 1
            chains.append(structure)
        link(chain, job, f"CALL_{place}", "call_calc")
        if rows.is_full:
            yield from rows.taken()
    node(CODE, "{}", 1)
    for structure in chains:
        link(structure, node(CHAIN_TYPE, process("Chain"), 1), "structure", "input_work")
    yield from rows.taken()


def paths(number: int) -> Iterator[str]:
    """Around a job in the middle, the last of its chain, and around the code."""
    chain = number // 10 // CHAIN * CHAIN * 5
    job, last, code = chain + 3, chain + 5 * (CHAIN - 1) + 3, number + 1
    yield from (f"{job}/graph?limit={limit}" for limit in (100, 1000, 10_000))
    yield from (f"{last}/graph?direction=in", f"{job}/graph?direction=out", f"{job}/graph?depth=1")
    yield from (f"{code}/graph", f"{last}/ancestors?limit=20", f"{last}/ancestors?limit=20&depth=10")
    yield from (f"{code}/descendants?limit=20{more}" for more in ("", "&depth=1", "&depth=100", "&orderby=-ctime"))


if __name__ == "__main__":
    main()
