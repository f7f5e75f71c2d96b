"""Makes profiles with many nodes, the same of SQLite and of PostgreSQL: the same ids, uuids, times and JSON.

python -m benchmarks.generate FOLDER [--nodes N] [--postgresql URL]

aiida-core sets them up, plain SQL fills them. FOLDER gets `.aiida/config.json`, `sqlite/`, and with the URL of an empty
database `postgresql/` with the files that belong to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

import click
from disk_objectstore import Container
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.profile.content import Content, files
from benchmarks.profile.provenance import batches
from benchmarks.profile.rows import Batch, Rows
from benchmarks.profile.stores import PostgreSQLStore, SQLiteStore, Store

SEED = 7


def generate(folder: Path, nodes: int, url: str | None = None, seed: int = SEED) -> Mapping[str, int]:
    """Writes the profiles and returns how many rows each table has; `folder` is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    stores: list[Store] = [SQLiteStore(folder.absolute())]
    if url is not None:
        stores.append(PostgreSQLStore(folder.absolute(), url))
    keys: Mapping[str, str] = {}
    for store in stores:
        keys = put_files(store.container)
    rows = made_up(nodes, keys, seed)
    fill(stores, batches(rows), nodes)
    return rows.counts


def made_up(nodes: int, keys: Mapping[str, str], seed: int = SEED) -> Rows:
    """Still without any row; the same number and seed will give the same."""
    chance = Random(seed)
    return Rows(nodes, chance, Content(chance, keys))


def put_files(container: Path) -> dict[str, str]:
    """The objects that all nodes share; their keys by their names."""
    objects = files()
    with Container(container) as opened:
        stored = opened.add_objects_to_pack(list(objects.values()))
    keys = dict(zip(objects, stored, strict=True))
    assert keys == {name: hashlib.sha256(content).hexdigest() for name, content in objects.items()}
    return keys


def fill(stores: Sequence[Store], parts: Iterable[Batch], nodes: int) -> None:
    with _progress() as progress:
        filling = progress.add_task("nodes", total=nodes)
        for table, rows in parts:
            for store in stores:
                store.put(table, rows)
            progress.advance(filling, len(rows) if table == "db_dbnode" else 0)
        finishing = progress.add_task("indexes", total=len(stores))
        for store in stores:
            store.finish()
            progress.advance(finishing)


def _progress() -> Progress:
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-n", "--nodes", default=100_000, show_default=True)
@click.option("--seed", default=SEED, show_default=True)
@click.option("--postgresql", "url", help="An empty database that is filled, too.")
def main(folder: Path, nodes: int, seed: int, url: str | None) -> None:
    """Makes profiles in FOLDER."""
    for table, count in generate(folder, nodes, url, seed).items():
        click.echo(f"{table} {count}")


if __name__ == "__main__":
    main()
