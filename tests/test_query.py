"""`aiida-like query`: the answer of the server, without one."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiida_like.profiles import find
from restapi.answering.csv_cells import safe_cell
from restapi.cli import main
from tests.conftest import COMMAND, Golden, GoldenPostgreSQL

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
    printed, told = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(printed), redirect_stderr(told):
        try:
            main(["query", *arguments], standalone_mode=False)
        except SystemExit as end:
            code = int(str(end.code))
    return code, printed.getvalue(), told.getvalue()


def rows_of(app: Flask, query: str) -> Any:
    path, _, text = query.partition("?")
    response = app.test_client().get(path if path.startswith("/") else f"/api/v4/{path}", query_string=text)
    (rows,) = response.json["data"].values()
    return rows


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_rows(query: str, golden: Golden, serve: Callable[..., Flask]) -> None:
    expected = rows_of(serve(str(golden.archive), {}), query)
    assert expected
    code, printed, counted = run(str(golden.archive), query, "--json")
    ((_, rows),) = json.loads(printed).items()
    assert (code, rows) == (0, expected)
    code, printed, _ = run(str(golden.archive), query, "--csv")
    found = list(csv.DictReader(io.StringIO(printed, newline="")))
    assert code == 0
    for row, cells in zip(expected, found, strict=True):
        for key, value in row.items():
            assert cells[key] == safe_cell(value)
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
    assert (code, printed, "facets as a table, or with --json" in told) == (1, "", True)


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
    assert run("demo", "nodes?id=0") == (0, "\n", "0 of 0\n")
    code, printed, counted = run("demo", "nodes?id=0", "--csv")
    assert (code, printed.strip(), counted) == (0, "", "0 of 0\n")


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


@pytest.mark.parametrize("options", [[], ["--csv"], ["--json"]])
def test_output_that_cannot_be_written(options: list[str], golden: Golden) -> None:
    command = [sys.executable, "-m", "restapi.cli", "query", str(golden.archive), "users", *options]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert "Error: the output cannot be written: No space left on device\n" in ended.stderr
    assert "Traceback" not in ended.stderr


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
