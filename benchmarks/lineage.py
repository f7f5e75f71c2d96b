"""How long walks over links take: CPU time of a request inside the process, the database included.

python -m benchmarks.lineage FOLDER [NUMBER]    a profile folder (core.sqlite_dos), made first where there is none

The jobs of `generate.py` stand alone; here all of them use one code, fifty after each other restart from the one
before, and a work chain has called those fifty.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.generate import generate
from restapi import create_app

CHAIN = 50
CODE, WORK_CHAIN = "data.core.code.installed.InstalledCode.", "process.workflow.workchain.WorkChainNode."


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("number", type=int, default=1_000_000)
def main(folder: Path, number: int) -> None:
    if not folder.exists():
        generate(folder, number)  # it makes up whole jobs, so a multiple of 10 000 is exact
        connect(folder)
    client = create_app(str(folder), {"STATEMENT_SECONDS": 300}).test_client()
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


def connect(folder: Path) -> None:
    """Makes one graph of the jobs."""
    connection = sqlite3.connect(folder / "database.sqlite")
    _, _, *rest = connection.execute("SELECT * FROM db_dbnode WHERE id = 1").fetchone()
    (count,) = connection.execute("SELECT count(*) FROM db_dbnode").fetchone()
    code = chain = count + 1
    nodes, links = {code: CODE}, []
    for place in range(count // 5):
        structure, job, results = 5 * place + 1, 5 * place + 3, 5 * place + 4
        if place % CHAIN:
            links.append((results - 5, job, "parent", "input_calc"))
        else:
            chain += 1
            nodes[chain] = WORK_CHAIN
            links.append((structure, chain, "structure", "input_work"))
        links += [(code, job, "code", "input_calc"), (chain, job, f"CALL_{place}", "call_calc")]
    rows = ((number, f"00000000-0000-4000-8000-{number:012d}", kind, *rest[1:]) for number, kind in nodes.items())
    connection.executemany(f"INSERT INTO db_dbnode VALUES ({','.join('?' * 13)})", rows)
    connection.executemany("INSERT INTO db_dblink (input_id, output_id, label, type) VALUES (?, ?, ?, ?)", links)
    connection.commit()
    connection.close()


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
