"""Pages of nodes with values that nobody expects, and of profiles that cannot be read: no page breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from aiida_like.errors import QueryError, StorageError
from aiida_like.profiles import find
from tests import writable
from tests.conftest import Golden
from tests.golden import graph, ids
from tests.html_reader import page, read
from tests.markers import sampled
from tests.test_odd_values import ODD_AND_LIVE


@pytest.mark.parametrize("name", sampled(ODD_AND_LIVE, 24))
def test_no_value_breaks_a_page(name: str, golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit(ODD_AND_LIVE[name])
    client = serve(find(**profile.target), {}).test_client()
    for key in (graph.silicon, graph.relax_scf, graph.relax):
        found = page(client, f"/nodes/{ids[key]}")
        assert found.one("main").one("h1").words
        assert client.get(f"/nodes/{key}").status_code in (200, 404)
        assert client.get(f"/nodes/{ids[key]}/files").status_code == 200
    answer = client.get(f"/compare?a={ids[graph.silicon]}&b={ids[graph.salt]}")
    assert answer.status_code == 200, answer.text


def test_an_unknown_type_of_link_is_shown(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit("UPDATE db_dblink SET type = 'cites'")
    client = serve(find(**profile.target), {}).test_client()
    titles = [each.words for each in page(client, f"/nodes/{graph.silicon}").one("main").all("h3")]
    assert any(title.startswith("cites") for title in titles)


_RELAX = f"(SELECT id FROM db_dbnode WHERE uuid = '{graph.relax}')"

MANY = (
    f"""
    INSERT INTO db_dbnode (id, uuid, node_type, process_type, label, description, ctime, mtime, attributes, extras,
        repository_metadata, user_id)
    WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1499)
    SELECT i, printf('00000000-0000-4000-8000-%012d', i), node_type, process_type, 'call ' || i, '', ctime, mtime,
        json_object('process_label', 'Sum', 'process_state', 'finished', 'exit_status', i = 1400),
        '{{}}', '{{}}', user_id
    FROM n, db_dbnode WHERE uuid = '{graph.relax_scf}'
    """,
    f"""
    INSERT INTO db_dblink (input_id, output_id, label, type)
    SELECT {_RELAX}, id, 'call_' || id, 'call_calc' FROM db_dbnode WHERE id >= 1000
    """,
    f"""
    INSERT INTO db_dblog (uuid, time, loggername, levelname, dbnode_id, message, metadata)
    SELECT uuid, ctime, 'x', iif(id % 2, 'WARNING', 'REPORT'), {_RELAX}, 'entry ' || id || printf('%6000d', 0), '{{}}'
    FROM db_dbnode WHERE id >= 1000
    """,
    f"""
    INSERT INTO db_dbcomment (uuid, dbnode_id, ctime, mtime, user_id, content)
    SELECT uuid, {_RELAX}, ctime, mtime, user_id, 'comment ' || id FROM db_dbnode WHERE id >= 1000
    """,
    """
    INSERT INTO db_dbgroup (id, uuid, label, type_string, time, description, extras, user_id)
    SELECT id, uuid, label, 'core', ctime, '', '{}', user_id FROM db_dbnode WHERE id >= 1000
    """,
    f"""
    INSERT INTO db_dbgroup_dbnodes (dbnode_id, dbgroup_id) SELECT {_RELAX}, id FROM db_dbgroup WHERE id >= 1000
    """,
    f"""
    UPDATE db_dbnode SET attributes = json_set(attributes, '$.process_state', 'finished', '$.exit_status', 5),
        repository_metadata = (
            SELECT json_object('o', json_group_object('file ' || id, json_object('k', hex(zeroblob(32)))))
            FROM db_dbnode WHERE id >= 1000
        )
    WHERE uuid = '{graph.relax}'
    """,
)
"""500 calls, entries of the log, comments, groups and files of one workchain."""


def test_there_can_be_many_of_all(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """The page shows some, says how many there are, and where the others are."""
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        for statement in MANY:
            commit(statement)
    client = serve(find(**profile.target), {}).test_client()
    answer = client.get(f"/nodes/{graph.relax}")
    assert (answer.status_code, len(answer.data) < 150_000) == (200, True)
    main = read(answer.text).one("main")
    total = client.get(f"/api/v4/processes/{graph.relax}/report?tail=1").json["data"]["total"]
    assert f"Report {total}" in [each.words for each in main.all("h2")]
    report = main.one("div", "report")
    assert f"{total - 25} earlier entries" in report.words
    assert len(report.one("ol", "log").children) == 50_000 // 2000
    assert len(list(main.all("figure", "comment"))) == 30
    assert "call 1009 and 490 more" in main.one("dl", "head-facts").words
    calls = next(main.all("ul", "calls"))
    assert 10 < len(calls.children) < 70
    assert "Not all are shown: see the lineage" in main.words
    files = next(main.all("ul", "files"))
    assert len(files.children) == 60
    assert "All 500 files and folders" in main.words
    assert "call 1400" in main.one("section", "failure").one("ol", "causes").words


def test_a_profile_that_cannot_be_read(tmp_path: Path, serve: Callable[..., Flask]) -> None:
    (tmp_path / "broken.aiida").write_text("nothing")
    answer = serve(str(tmp_path / "broken.aiida"), {}).test_client().get("/nodes/1", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "its file is not an AiiDA archive" in read(answer.text).one("main").words


def test_more_than_a_page_can_show(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """The node has its page, without what is too large."""
    profile = writable.sqlite(golden, tmp_path)
    large = json.dumps({"process_label": "Large", "numbers": [10**9] * 1_500_000})
    with profile.committing() as commit:
        commit(f"UPDATE db_dbnode SET attributes = '{large}' WHERE uuid = '{graph.relax}'")
    client = serve(find(**profile.target), {}).test_client()
    answer = client.get(f"/nodes/{graph.relax}", headers={"Accept": "text/html"})
    assert (answer.status_code, len(answer.data) < 100_000) == (200, True)
    assert "Attributes and extras have more than 16 MB together" in answer.text
    assert f'href="/api/v4/nodes/{graph.relax}/contents/attributes"' in answer.text


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (RuntimeError("secret"), 500, "This did not work"),
        (QueryError("no such key"), 400, "no such key"),
        (StorageError("secret"), 500, "This did not work"),
    ],
)
def test_errors_of_ours_have_a_page(
    golden: Golden,
    serve: Callable[..., Flask],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    text: str,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("restapi.explorer.profile.describe", fail)
    client = serve(str(golden.archive), {}).test_client()
    for _ in range(2):  # the first request goes through Flask
        answer = client.get("/", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
        assert text in answer.text
        assert "secret" not in answer.text
