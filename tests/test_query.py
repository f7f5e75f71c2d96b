"""`aiida-like query`: the answer of the server, without one."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiida_like.profiles import find
from restapi.answering.csv_cells import safe_cell
from restapi.cli import main
from tests.conftest import COMMAND, Golden, GoldenPostgreSQL
from tests.markers import sampled
from tests.servers import free_port

QUERIES = [
    'nodes?label=like="%25i%25"&limit=3',
    'nodes?label=like="%i%"&orderby=-ctime&limit=3',
    'nodes?filter=label LIKE "Aii%" OR NOT attributes.exit_status=0',
    'users?last_name=like="%ü%"',
    "users",
    "nodes/page/2?perpage=5&attributes=true",
    "/api/v2/nodes?limit=2",
]


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, and what was printed to each of the two streams (click's own runner mixes them before 8.2)."""
    printed, told = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO()
    code = 0
    with redirect_stdout(printed), redirect_stderr(told):
        try:
            main(["query", *arguments], standalone_mode=False)
        except SystemExit as end:
            code = int(str(end.code))
    printed.seek(0)
    return code, printed.read(), told.getvalue()


def rows_of(app: Flask, query: str) -> Any:
    path, _, text = query.partition("?")
    response = app.test_client().get(path if path.startswith("/") else f"/api/v4/{path}", query_string=text)
    (rows,) = response.json["data"].values()
    return rows


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_rows(query: str, golden: Golden, serve: Callable[..., Flask]) -> None:
    app = serve(str(golden.archive), {})
    expected = rows_of(app, query)
    assert expected
    code, printed, counted = run(str(golden.archive), query, "--json")
    ((_, rows),) = json.loads(printed).items()
    assert (code, rows) == (0, expected)
    path, _, text = query.partition("?")
    path = path if path.startswith("/") else f"/api/v4/{path}"
    file = app.test_client().get(path, query_string=text, headers={"Accept": "text/csv"})
    assert run(str(golden.archive), query, "--csv") == (0, file.text, "")
    code, printed, counted = run(str(golden.archive), query)
    names, *lines = printed.splitlines()
    assert (code, names.split(), len(lines)) == (0, list(expected[0]), len(expected))
    assert counted.startswith(f"{len(expected)} of ") or query.startswith("/api/v2")


def test_a_database(golden_postgresql: GoldenPostgreSQL) -> None:
    arguments = [golden_postgresql.url, "users?id=2", "--repository", str(golden_postgresql.repository)]
    code, printed, _ = run(*arguments)
    assert (code, printed.splitlines()[1].split()) == (0, ["2", "Günther", "PSI,", "Würenlingen", "Müßig"])


def test_facets() -> None:
    """Tables of their own, behind that of the rows."""
    query = "nodes?facet=user,attributes.exit_status&limit=2&fields=id"
    code, printed, counted = run("demo", query)
    tables = [[line.split() for line in table.splitlines()] for table in printed.split("\n\n")]
    assert (code, counted, tables[0]) == (0, "2 of 115\n", [["id"], ["1"], ["2"]])
    assert [tables[1][0], tables[2][0]] == [["user", "count", "name"], ["attributes.exit_status", "count"]]
    assert [sum(int(row[1]) for row in table[1:] if len(row) > 1) for table in tables[1:2]] == [115]
    code, printed, _ = run("demo", query, "--json")
    assert (code, list(json.loads(printed)["facets"])) == (0, ["user", "attributes.exit_status"])
    code, printed, told = run("demo", query, "--csv")
    assert (code, printed, "facet is for JSON" in told) == (1, "", True)


def test_a_file() -> None:
    """As it is, whatever the format."""
    for query, beginning in {
        "nodes?format=ndjson&fields=id&limit=2": b'{"id":1}\n{"id":2}\n',
        "nodes?format=csv&fields=id&limit=1": b"id\r\n1\r\n",
    }.items():
        done = subprocess.run([*COMMAND, "query", "demo", query], capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, beginning, b"")


def test_what_is_no_list() -> None:
    code, printed, counted = run("demo", "nodes/statistics")
    assert (code, json.loads(printed)["total"], counted) == (0, 115, "")


def test_nothing_found() -> None:
    """CSV of a list has its header."""
    for query in ("nodes?id=0&fields=id,label", "nodes/page/1?id=0&fields=id,label"):
        assert run("demo", query) == (0, "", "0 of 0\n")
        assert run("demo", query, "--csv") == (0, "id,label\r\n", "")
    for options in ([], ["--csv"]):
        assert run("demo", "nodes/1/repo/list", *options)[::2] == (0, "0 of 0\n")
    assert run("demo", "nodes/112/repo/list", "--csv")[1].startswith("name,type\r\nx_array.npy,FILE\r\n")


COUNTED = {"nodes?limit=2": "2 of 115", "nodes/112/repo/list": "3 of 3", "nodes/6c02": "1 of 1", "users": "4 of 4"}


@pytest.mark.parametrize("query", COUNTED)
def test_how_many_there_are(query: str) -> None:
    assert run("demo", query)[2] == f"{COUNTED[query]}\n"


def test_one_form() -> None:
    done = subprocess.run([*COMMAND, "query", "demo", "nodes", "--csv", "--json"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b"Error: --csv and --json are two forms of one answer: choose\n")


def in_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines that a terminal of so many columns shows, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    with subprocess.Popen([*COMMAND, "query", *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=environment):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # what Linux says when the other side is closed
            while read := os.read(ours, 1 << 16):
                shown += read
    os.close(ours)
    return [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in shown.decode().splitlines()]


def test_a_terminal_shows_what_it_has_room_for() -> None:
    """One line for each row; numbers and uuids are whole, texts are cut, columns that have no room are left out."""
    # Without the blanks, of which versions of rich set different numbers.
    assert [line.split() for line in in_terminal(80, "demo", "nodes/6c02/links/outgoing?limit=2")] == [
        ["id", "label", "node_type", "uuid", "user_id"],
        ["18", "Silicon:", "equat…", "process.wor…", "63fc5272-6413-412a-85c0-5b17dd4e7f08", "3"],
        ["20", "process.cal…", "a6eca7e3-fe55-4a65-94a6-fbf34c8a37a4", "3"],
    ]
    assert [line.split() for line in in_terminal(30, "demo", "nodes?limit=1&fields=uuid,label,id")] == [
        ["uuid", "id"],
        ["079404f3-08c8-46c7-b1ab-acd5a1de7c97", "1"],
    ]
    heading, *_ = in_terminal(80, "demo", "nodes?limit=1&fields=attributes.energy,label,id")
    assert heading.split() == ["attributes.energy", "label", "id"]


CARET = """\
Error: syntax error in the query string at column 22: expected a comparison such as label="Si", NOT or (, found ')'
  filter=(label="a" OR )
                       ^
"""

ERRORS = {
    'nodes?filter=(label="a" OR )': CARET,
    "nodes?nope=1&limit=1": (
        "Error: nodes have no key 'nope' to filter or order by. There are: id, label, node_type, process_type, "
        "full_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, attributes, extras, pk, user, computer, "
        "group, incoming_of, outgoing_of, ancestor_of, descendant_of\n"
    ),
    "nothing": "Error: No resource has this URL. GET /api/v4 lists all endpoints.\n",
    "querybuilder": (
        "Error: The QueryBuilder is asked by POST, with a JSON object as QueryBuilder.as_dict() of AiiDA gives it, "
        'such as {"path": [{"entity_type": "data.core.dict.Dict.", "tag": "dict"}], "project": '
        '{"dict": ["uuid", "attributes"]}}\n'
    ),
    "/nothing": "Error: No resource has this URL. GET /api/v2 lists all endpoints.\n",
    "nodes/12345678/repo/contents?filename=x": (
        "Error: there is no object among the nodes whose uuid begins with '12345678', and none with the id 12345678\n"
    ),
}


@pytest.mark.parametrize("query", ERRORS)
def test_errors(query: str) -> None:
    assert run("demo", query) == (1, "", ERRORS[query])


WRITING = [
    ["query", "demo", "nodes"],
    ["query", "demo", "nodes", "--csv"],
    ["query", "demo", "nodes", "--json"],
    ["query", "demo", "nodes?format=csv"],
    ["advise", "demo", "users"],
    ["serve", "demo", "--port", "PORT"],
    ["apache-config", "demo", "--folder", "FOLDER"],
    ["--help"],
    ["serve", "--help"],
    ["--version"],
]
"""Of all commands what they print."""


def written_to(
    output: int, arguments: list[str], folder: Path, most: int | None = None, **environment: str
) -> tuple[int, str]:
    """The status of a command, and what it told; `most`: so many bytes fit into the file."""
    given = {"PORT": str(free_port()), "FOLDER": str(folder)}
    command = [*COMMAND, *(given.get(each, each) for each in arguments)]
    limit = None if most is None else partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
    ended = subprocess.run(
        command, stdout=output, stderr=subprocess.PIPE, text=True, check=False, env=os.environ | environment,
        preexec_fn=limit,
    )  # fmt: skip
    return ended.returncode, "\n".join(line for line in ended.stderr.splitlines() if " of " not in line)


@pytest.mark.parametrize("arguments", sampled(WRITING, 4))
def test_a_full_disk(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        assert written_to(full.fileno(), arguments, tmp_path) == (
            1,
            "Error: the output cannot be written: No space left on device",
        )


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    sampled(product([["query", "demo", "nodes"], ["query", "demo", "nodes?format=csv"]], ["", "1"]), 2),
)
def test_a_disk_that_takes_a_part(arguments: list[str], unbuffered: str, tmp_path: Path) -> None:
    """The last byte alone is missing."""
    with (tmp_path / "whole").open("w") as file:
        assert written_to(file.fileno(), arguments, tmp_path)[0] == 0
    most = (tmp_path / "whole").stat().st_size - 1
    with (tmp_path / "part").open("w") as file:
        assert written_to(file.fileno(), arguments, tmp_path, most, PYTHONUNBUFFERED=unbuffered) == (
            1,
            "Error: the output cannot be written: File too large",
        )


@pytest.mark.parametrize("arguments", sampled([each for each in WRITING if "PORT" not in each], 3))
def test_a_reader_who_has_enough(arguments: list[str], tmp_path: Path) -> None:
    """As `| head -1` is: who of the two is faster makes no difference."""
    ours, theirs = os.pipe()
    os.close(ours)
    assert written_to(theirs, arguments, tmp_path) == (0, "")
    os.close(theirs)


def test_characters_that_a_file_cannot_hold(golden: Golden) -> None:
    command = [sys.executable, "-m", "restapi.cli", "query", str(golden.archive), "users"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.endswith("Error: the output holds characters that ascii lacks: PYTHONIOENCODING=utf-8\n")


def test_a_profile_that_is_not_there(golden: Golden) -> None:
    name = str(golden.archive) + "x"
    known = f"{Path.home()}/.aiida/config.json knows no profiles"
    message = f"Error: no file, folder or AiiDA profile is called {name!r}; {known}\n"
    assert run(name, "nodes") == (2, "", message)


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_what_a_spreadsheet_would_run(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "text"), [(-3.5, "-3.5"), (None, ""), ("a-b", "a-b"), ({"a": 1}, '{"a":1}'), (True, "true")]
)
def test_what_it_would_not(value: Any, text: str) -> None:
    assert safe_cell(value) == text


def test_control_characters_stay_out_of_the_terminal(golden: Golden) -> None:
    """A label can hold what moves the cursor, and what rich takes for markup."""
    found = find(str(golden.archive))
    assert found
    code, printed, _ = run(str(golden.archive), 'nodes?description=like="%\n%"')
    assert code == 0
    assert all(line.isprintable() for line in printed.splitlines())
