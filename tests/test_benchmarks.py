"""The benchmarks are honest: their profiles are AiiDA's, and the limit answers what ours does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import Client

from aiida_like.profiles import find
from aiida_like.storage import open_storage
from benchmarks.commits import main as commits
from benchmarks.document import section, written
from benchmarks.growth import section as growth
from benchmarks.limit.app import application
from benchmarks.limit.database import open_profile
from benchmarks.mix import KINDS, Kind, Sample, sample
from benchmarks.processes import cpu_by_process, cpu_of_tree
from benchmarks.since import main as since
from tests.conftest import ROOT, run
from tests.servers import PostgreSQL

NODES = 500

COUNT = """
import json, sys
from aiida import load_profile, orm
load_profile(sys.argv[1])
kinds = {"node": orm.Node, "user": orm.User, "computer": orm.Computer, "group": orm.Group, "comment": orm.Comment,
         "log": orm.Log}
print(json.dumps({name: orm.QueryBuilder().append(kind).count() for name, kind in kinds.items()}))
"""


@dataclass(frozen=True)
class Made:
    """`folder` has a profile for each database, with so many rows in each table."""

    folder: Path
    rows: dict[str, int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Made:
    folder = tmp_path_factory.mktemp("benchmark")
    url = postgresql.create("benchmark")
    command = [sys.executable, "-m", "benchmarks.generate", folder, "--nodes", str(NODES), "--postgresql", url]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Made(folder, {table: int(count) for table, count in map(str.split, done.stdout.splitlines())})


@dataclass(frozen=True)
class Both:
    ours: FlaskClient
    limit: Client
    sample: Sample


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, made: Made, serve: Callable[..., Any]) -> Iterator[Both]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIIDA_PATH", str(made.folder))
        profile = find(request.param)
    with closing(open_profile(made.folder, request.param)) as limit:
        yield Both(serve(profile, {}).test_client(), Client(application(limit)), sample_of(profile))


def sample_of(profile: Any) -> Sample:
    with closing(open_storage(profile)) as storage:
        return sample(lambda statement: storage.database.rows(statement, {}))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_profile_opens_in_aiida(made: Made, database: str) -> None:
    environment = {**os.environ, "AIIDA_PATH": str(made.folder)}
    command = [sys.executable, "-c", COUNT, database]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == {name: made.rows[f"db_db{name}"] for name in json.loads(printed)}
    assert made.rows["db_dbnode"] >= NODES
    assert all(made.rows.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_limit_answers_what_ours_does(both: Both, kind: Kind) -> None:
    """All of it, and not only by chance with nothing in it."""
    bodies = []
    for request in islice(kind.requests(both.sample), 4):
        path = f"/api/v4{request.path}"
        given = {"method": "GET"} if request.body is None else {"method": "POST", "data": request.body}
        ours, limit = both.ours.open(path, **given), both.limit.open(path, **given)
        assert (limit.status_code, limit.content_type) == (ours.status_code, ours.content_type) == (200, ours.mimetype)
        if ours.mimetype == "application/json":
            assert limit.json == ours.json
            assert limit.headers.get("X-Total-Count") == ours.headers.get("X-Total-Count")
            bodies.append(len(json.dumps(ours.json["data"])))
        else:
            assert limit.data == ours.data
            bodies.append(len(ours.data))
    assert max(bodies) > 40


def test_both_databases_are_asked_the_same(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIIDA_PATH", str(made.folder))
    assert sample_of(find("sqlite")) == sample_of(find("postgresql"))


def test_the_mix() -> None:
    """Of kinds that ask about many different things."""
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 35
    constant = [kind.name for kind in KINDS if "$" not in kind.path + (kind.body or "")]
    assert constant == []


def test_the_time_of_a_server_is_that_of_its_children_too() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    # One child that is gone, and one that waits.
    parent = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {burn!r}])\n"
        f"command = [sys.executable, '-c', {burn!r} + 'print(flush=True); input()']\n"
        "child = subprocess.Popen(command, stdin=-1, stdout=-1)\n"
        "child.stdout.readline(); print(flush=True); input(); child.communicate(b'x')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        seconds, shares = cpu_of_tree(process.pid), cpu_by_process(process.pid)
        process.communicate("\n")
    assert 0.4 <= seconds < 2
    # Of the two children one is gone: what it took is its parent's.
    assert len(shares) == 2
    assert all(0.2 <= share < 1 for share in shares.values())


FIGURES = {
    "nodes": 500,
    "has_cache": True,
    "command": "python -m benchmarks.run",
    "machine": {"cpu": "abacus", "cores": "1", "memory": "1 GB", "system": "Linux", "load": "0.0"},
    "versions": {"Python": "3"},
    "figures": {
        "sqlite": {
            "varying": {
                "users": {
                    name: {"cpu_ms": cpu, "p50_ms": cpu, "rate": 7.0, "cpu_ms_of_rounds": [cpu, 9 * cpu, 2 * cpu]}
                    for name, cpu in (("aiida-like", 1.0), ("limit", 0.5), ("aiida-core", 16.0))
                },
                "30 days": {
                    name: {"cpu_ms": 2.0, "p50_ms": 2.0, "rate": None, "cpu_ms_of_rounds": [2.0]}
                    for name in ("aiida-like", "limit")
                },
            }
        }
    },
    "processes": {
        "sqlite": {
            name: {"VmRSS": 70.0, "RssAnon": 50.0, "first_answer": 0.5}
            for name in ("aiida-like", "limit", "aiida-core")
        }
    },
}


def test_the_section_of_a_document() -> None:
    text = section(FIGURES)
    assert "Each request about something else, caches off:" in text
    assert "| users | 16.0 | 1.00 | 0.50 | 2.00 | 16.0 | 16.0 | 1.00 | 0.50 | 7.00 | 7.00 | 7.00 |" in text
    assert "| 30 days | - | 2.00 | 2.00 | 1.00 | - | - | 2.00 | 2.00 | - | - | - |" in text
    assert "| aiida-like / limit | 1.41 | 1.50 | 2.00, users | 1.00, 30 days |" in text
    document = "before\n<!-- begin benchmark -->\nold\n<!-- end benchmark -->\nbehind\n"
    assert written(written(document, text), "new") == document.replace("old", "\nnew\n")


def test_sizes_side_by_side() -> None:
    """The smaller first; what was not measured is left out."""
    varying = FIGURES["figures"]["sqlite"]["varying"]
    large = FIGURES | {
        "nodes": 10_000_000,
        "figures": {"sqlite": {"varying": varying, "cached": {"users": varying["users"]}}},
    }
    small = large | {"nodes": 500}
    lines = growth([large, small]).splitlines()
    assert "| request | 500 nodes, caches on | 10 000 000 nodes, caches on | 500 nodes, caches off | " in "\n".join(
        lines
    )
    assert "| users | 1.00 | 1.00 | 1.00 | 1.00 |" in lines
    assert "| 30 days | - | - | 2.00 | 2.00 |" in lines


def test_figures_without_aiida_core() -> None:
    figures = json.loads(json.dumps(FIGURES))
    del figures["processes"]["sqlite"]["aiida-core"], figures["figures"]["sqlite"]["varying"]["users"]["aiida-core"]
    assert "| memory of a worker behind the mix, MB | - | 70.0 | 70.0 |" in section(figures)
    assert "aiida-core / aiida-like | " not in section(figures).replace("| aiida-core / aiida-like | p50", "")


@pytest.mark.parametrize("program", ["run", "commits", "sizes", "since", "growth", "document", "runs"])
def test_the_commands_have_help(program: str) -> None:
    assert "Usage: " in run([sys.executable, "-m", f"benchmarks.{program}", "--help"], ROOT)


def test_a_kind_that_is_not_in_the_mix(tmp_path: Path) -> None:
    refused = CliRunner().invoke(commits, [str(tmp_path), "users", "no such"])
    assert refused.exit_code == 2
    assert "no such: not one of computers, users, groups, " in refused.output


def test_a_revision_that_there_is_not(tmp_path: Path) -> None:
    refused = CliRunner().invoke(since, ["no-such-revision", str(tmp_path)])
    missing = "git knows no no-such-revision" if shutil.which("git") else "git, which has the earlier versions, is not"
    assert (refused.exit_code, missing in refused.output) == (2 if shutil.which("git") else 1, True)
