"""Make the demo archive: a small AiiDA archive, worth browsing, the same bytes at each run.

It needs aiida-core, ase and PyCifRW, and leaves nothing behind but the archive: not even that when a check of it fails.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
import zipfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True

from reproducible import DATABASE, Clock, reproducible, rewrite  # noqa: E402 (after the line above)

SEED = 20240304
QUIET = {"warnings.showdeprecations": False, "logging.aiida_loglevel": "WARNING"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "out",
        nargs="?",
        type=Path,
        default=Path(__file__).with_name("demo.aiida"),
        help="default: %(default)s",
    )
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        scratch = Path(name)
        prepare(scratch)
        build(scratch / "raw.aiida", scratch)
        demo = scratch / "demo.aiida"
        rewrite(scratch / "raw.aiida", demo, scratch)
        counts = count_nodes(demo)
        problems = [*inconsistencies(demo, scratch), *traces_of_this_machine(demo, scratch)]
        if problems:
            print(*problems, sep="\n", file=sys.stderr)
            return 1
        shutil.copyfile(demo, out)
    for node_type, count in sorted(counts.items()):
        print(f"{count:>5}  {node_type}")
    print(f"{counts.total():>5}  nodes, {out.stat().st_size} bytes: {out}")
    return 0


def prepare(scratch: Path) -> None:
    """Give AiiDA a configuration folder of its own; it looks for one as soon as it is imported."""
    (scratch / ".aiida").mkdir()
    os.environ["AIIDA_PATH"] = str(scratch)


def build(archive: Path, scratch: Path) -> None:
    """Tell the whole story in a profile in memory and export it."""
    from aiida.manage import get_manager
    from aiida.storage.sqlite_temp import SqliteTempBackend
    from aiida.tools.archive import create_archive

    clock = Clock("2024-03-04 08:00")
    with reproducible(clock, SEED):
        profile = SqliteTempBackend.create_profile("demo", "ada@example.org", QUIET, filepath=str(scratch))
        get_manager().load_profile(profile)
        tell(clock, scratch)
        clock.move_to("2025-04-01 12:00")
        create_archive(None, archive, include_authinfos=True)


def tell(clock: Clock, scratch: Path) -> None:
    import lab
    import materials
    import odds_and_ends
    import story

    place = lab.open_lab(clock, scratch)
    pseudos = materials.make_pseudos(place, scratch)
    structures = materials.make_structures(place)
    silicon = structures["silicon"], pseudos["Si"]
    workchains = {"eos": story.compute_equation_of_state(place, *silicon)}
    workchains["bands"] = story.compute_bands(place, *silicon)
    story.fail_copper(place, structures["copper"], pseudos["Cu"])
    story.kill_graphene(place, structures["graphene"], pseudos["C"])
    story.break_rescaling(place, structures["diamond"])
    data = odds_and_ends.store_data(place)
    odds_and_ends.annotate(place, structures, data, workchains)


def count_nodes(archive: Path) -> Counter[str]:
    """The number of nodes of each type, as aiida-core reads the archive."""
    from aiida import orm
    from aiida.storage.sqlite_zip.backend import SqliteZipBackend

    with closing(SqliteZipBackend(SqliteZipBackend.create_profile(archive))) as storage:
        query = orm.QueryBuilder(backend=storage).append(orm.Node, project="node_type")
        return Counter(query.all(flat=True))


def inconsistencies(archive: Path, scratch: Path) -> list[str]:
    """What is wrong in the archive: broken references, times that run backwards, damaged or missing files."""
    with closing(open_database(archive, scratch)) as connection:
        found = [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        backwards = "SELECT id FROM db_dbnode WHERE mtime < ctime"
        found += [f"node {node_id} was modified before it was created" for (node_id,) in connection.execute(backwards)]
        trees = [json.loads(tree) for (tree,) in connection.execute("SELECT repository_metadata FROM db_dbnode")]
    wanted = set().union(*map(file_keys, trees))
    with zipfile.ZipFile(archive) as members:
        present = {name.removeprefix("repo/") for name in members.namelist() if name.startswith("repo/")}
        intact = {key for key in present if hashlib.sha256(members.read(f"repo/{key}")).hexdigest() == key}
    return found + [f"file {key} is missing, damaged or of no use" for key in sorted(wanted ^ intact)]


def file_keys(tree: dict[str, Any]) -> set[str]:
    """The keys of all files below an entry of a repository: `{"o": {name: entry}}` or `{"k": key}`."""
    return {tree["k"]} if "k" in tree else set().union(*map(file_keys, tree.get("o", {}).values()))


def traces_of_this_machine(archive: Path, scratch: Path) -> list[str]:
    """Where in the archive a path of this machine or the name of it or its user occurs."""
    paths = {
        str(Path.cwd()),
        str(Path.home()),
        sys.prefix,
        sys.base_prefix,
        str(scratch),
        tempfile.gettempdir(),
    }
    names = {socket.gethostname(), getpass.getuser()}
    words = "|".join(re.escape(word) for word in paths | names if len(word) > 1)
    pattern = re.compile(rf"(?<![\w.-])(?:{words})(?![\w-])".encode())
    with zipfile.ZipFile(archive) as members:
        contents = {name: members.read(name) for name in members.namelist() if name != DATABASE}
    with closing(open_database(archive, scratch)) as connection:
        contents[DATABASE] = "\n".join(connection.iterdump()).encode()
    return [
        f"{name} holds {match.group().decode()!r}"
        for name, content in contents.items()
        if (match := pattern.search(content))
    ]


def open_database(archive: Path, scratch: Path) -> sqlite3.Connection:
    with zipfile.ZipFile(archive) as members:
        return sqlite3.connect(members.extract(DATABASE, scratch))


if __name__ == "__main__":
    sys.exit(main())
