"""Pages of profiles that a stranger filled: links lead to what they say, and what is copied does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import find
from tests import writable
from tests.conftest import Golden
from tests.golden import graph, ids
from tests.html_reader import Element, page, read

HTML = {"Accept": "text/html"}
ODD = """"><script>alert(1)</script>'&%2e?#/\\"""
IN_SQL = ODD.replace("'", "''")


@pytest.fixture
def hostile(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    """A client of the golden graph after statements have changed it."""

    def changed_by(*statements: str) -> FlaskClient:
        profile = writable.sqlite(golden, tmp_path)
        with profile.committing() as commit:
            for statement in statements:
                commit(statement)
        return serve(find(**profile.target), {}).test_client()

    return changed_by


def main_of(client: FlaskClient, path: str) -> Element:
    return page(client, path, headers=HTML).one("main")


def counts(found: Element) -> dict[str, int]:
    """The number beside each link of a list, by the URL of the link."""
    rows = (each for each in found.all("li") if next(each.all("span", "number"), None))
    return {each.links()[0]: int(each.one("span", "number").words) for each in rows}


def total(client: FlaskClient, url: str) -> int:
    """The number of rows at the API's URL of a page of nodes or processes."""
    asked = url.replace("/processes?", '/nodes?node_type=like="process.%25"&')
    return int(client.get(f"/api/v4{asked}").headers["X-Total-Count"])


def test_types_of_any_text(hostile: Callable[..., FlaskClient]) -> None:
    client = hostile(f"UPDATE db_dbnode SET node_type = node_type || '{IN_SQL}'")
    home = main_of(client, "/")
    types = [each for each in home.all("tr") if next(each.all("svg"), None)]
    assert len(types) > 5
    for row in types:
        (url,) = row.links()
        assert total(client, url) == int(row.one("td", "number").words)
    node = main_of(client, f"/nodes/{graph.silicon}")
    link = node.one("nav", "trail").links()[1]
    assert total(client, link) == total(client, '/nodes?node_type=like="data.core.structure.StructureData.%25"') > 0


def test_states_of_any_text_and_exit_statuses_of_any_type(hostile: Callable[..., FlaskClient]) -> None:
    """Each link leads to as many processes as it counts; objects and lists are no states."""
    client = hostile(
        f"""
        UPDATE db_dbnode SET attributes = json_set(
            attributes,
            '$.process_state', CASE id % 7 WHEN 5 THEN '{IN_SQL}' WHEN 6 THEN json('[1]') ELSE 'finished' END,
            '$.exit_status', json(json_extract('["0", "-3", "1.5", "true", "[1]", "0", "7"]', '$[' || (id % 7) || ']'))
        ) WHERE node_type LIKE 'process.%'
        """
    )
    found = read(client.get("/parts/states").text)
    shown = counts(found)
    assert {each.words for each in found.all("a")} == {
        *("finished", "finished [-3]", "finished [1.5]", "finished [True]", ODD)
    }
    assert {url: total(client, url) for url in shown} == shown


def test_uuids_of_any_text(hostile: Callable[..., FlaskClient]) -> None:
    """What cannot stand in a path does not: pages are linked by ids. What is copied runs nothing but itself."""
    code = "'../../x" + '");exit()#' + "'"
    key, group = ids[graph.silicon], 1
    client = hostile(
        f"UPDATE db_dbnode SET uuid = {code} WHERE id = {key}",
        f"UPDATE db_dbgroup SET uuid = {code}, user_id = 999 WHERE id = {group}",
    )
    for path in ("/", "/nodes?limit=400", "/groups", "/search?q=s", f"/groups/{group}"):
        assert not [url for url in main_of(client, path).links() if ".." in url], path
    assert main_of(client, f"/nodes?id={key}&fields=uuid").one("tbody").one("td").words == '../../x");exit()#'
    answer = client.get(f"/search?q={key}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/nodes/{key}")
    copied = [each.attributes.get("data-copy") for each in main_of(client, f"/nodes/{key}").all("button", "small")]
    assert f"load_node({key})" in copied
    heading = main_of(client, f"/groups/{group}").one("dl", "facts")
    assert "by user 999" in heading.words


@pytest.mark.parametrize(
    ("times", "months"),
    [
        (["9999-12-31 23:59:59"], ["9999-12"]),
        (["0001-01-01 00:00:00"], ["0001-01"]),
        (["2023-12-31 23:59:59", "2024-03-01 00:00:00"], ["2023-12", "2024-03"]),
        (
            ["0001-01-01 00:00:00", "2021-03-31 00:00:00", "2021-04-01 00:00:00", "2024-03-01 00:00:00"],
            ["2021-04", "2024-03"],
        ),
    ],
)
def test_months_of_any_year(hostile: Callable[..., FlaskClient], times: list[str], months: list[str]) -> None:
    """Those of the last three years before the last one, each a link to its nodes."""
    first = "SELECT id FROM db_dbnode ORDER BY id LIMIT"
    client = hostile(
        "DELETE FROM db_dblink",
        "DELETE FROM db_dbgroup_dbnodes",
        f"DELETE FROM db_dbnode WHERE id NOT IN ({first} {len(times)})",
        *(
            f"UPDATE db_dbnode SET ctime = '{time}.000000' WHERE id = ({first} 1 OFFSET {number})"
            for number, time in enumerate(times)
        ),
    )
    bars = list(main_of(client, "/").one("svg", "bars").all("a"))
    assert [each.attributes["aria-label"] for each in bars] == [f"{month}: 1" for month in months]
    assert [total(client, each.attributes["href"]) for each in bars] == [1] * len(months)


DEEP = "[" * 900 + "]" * 900


@pytest.mark.parametrize(
    ("state", "status", "text"),
    [
        (f'"{"x" * 100_000}"', "0", "x" * 59 + "…"),
        ('"finished"', f'"{"x" * 100_000}"', f"finished [{'x' * 59}…]"),
        ('"finished"', "9" * 400, f"finished [{'9' * 59}…]"),
        ('"finished"', DEEP, "finished"),
        ('"finished"', '{"a": 5}', "finished"),
        (DEEP, "5", ""),
    ],
)
def test_states_of_any_size(hostile: Callable[..., FlaskClient], state: str, status: str, text: str) -> None:
    client = hostile(
        f"""
        UPDATE db_dbnode SET attributes = '{{"process_state":{state},"exit_status":{status}}}'
        WHERE node_type LIKE 'process.%'
        """
    )
    key = ids[graph.relax_scf]
    head = main_of(client, f"/nodes/{key}").one("p", "node-marks")
    row = main_of(client, f"/nodes?id={key}").one("tbody")
    for found in (head, row):
        assert [each.words for each in found.all("span", "state")] == ([text] if text else [])
    other = f"/nodes/{graph.silicon}"
    for path in (other, f"{other}/lineage", "/parts/states", "/processes", "/search?q=scf", f"/compare?a={key}&b=1"):
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, len(answer.data) < 200_000) == (200, True), path


@pytest.mark.parametrize("path", ["/nodes?facet=label,group,user,computer", "/groups?facet=label,type_string,user"])
def test_facets_and_chips_of_any_text(hostile: Callable[..., FlaskClient], path: str) -> None:
    """A click on a value gives as many rows as stand beside it, and a click on its chip all rows again."""
    client = hostile(
        f"UPDATE db_dbnode SET label = '{IN_SQL}' || (id % 3)",
        f"UPDATE db_dbgroup SET label = '{IN_SQL}' || id, type_string = '{IN_SQL}' || (id % 2)",
        f"UPDATE db_dbuser SET first_name = '{IN_SQL}', last_name = '{IN_SQL}'",
        f"UPDATE db_dbcomputer SET label = '{IN_SQL}' || id",
    )
    table = path.partition("?")[0]
    values = counts(main_of(client, path).one("aside", "facets"))
    assert len(values) > 8
    for url, count in values.items():
        assert total(client, url) == count, url
        chosen = read(client.get(url, headers=HTML).text).one("main")
        (chip,) = chosen.all("li", "filter")
        assert urlsplit(chip.links()[0]).path == table
        assert total(client, chip.links()[0]) == total(client, table)


LONG = "printf('%.*c', 100000, 'x')"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE db_dbnode SET label = {LONG}, description = {LONG}",
        f"UPDATE db_dbnode SET node_type = node_type || {LONG}",
        f"UPDATE db_dbnode SET process_type = {LONG}",
        f"UPDATE db_dbgroup SET label = {LONG} || id, description = {LONG}, type_string = {LONG}",
        f"UPDATE db_dbcomputer SET label = {LONG} || id, hostname = {LONG}, description = {LONG}",
        f"UPDATE db_dbuser SET first_name = {LONG}, last_name = {LONG}, institution = {LONG}",
        f"UPDATE db_dblink SET label = {LONG}",
        f"UPDATE db_dblog SET levelname = {LONG}, message = {LONG}",
    ],
)
def test_names_of_any_length(hostile: Callable[..., FlaskClient], statement: str) -> None:
    """Pages show the beginning."""
    client = hostile(statement)
    nodes = [f"/nodes/{ids[each]}" for each in (graph.silicon, graph.relax, graph.relax_scf)]
    for path in (
        *("/", "/nodes", "/processes", "/groups", "/computers", "/users", "/groups/1", "/search?q=xx"),
        *("/nodes?facet=label,group,user,computer,node_type&limit=5", "/nodes?user=1&group=1&computer=1"),
        *(f"{node}{below}" for node in nodes for below in ("", "/lineage", "/files")),
        f"/compare?a={ids[graph.relax]}&b={ids[graph.relax_scf]}",
    ):
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, len(answer.data) < 200_000) == (200, True), path


def test_a_type_of_any_length_leads_to_its_nodes(hostile: Callable[..., FlaskClient]) -> None:
    client = hostile(f"UPDATE db_dbnode SET node_type = node_type || {LONG} WHERE id = {ids[graph.silicon]}")
    link = main_of(client, f"/nodes/{ids[graph.silicon]}").one("nav", "trail").links()[1]
    assert total(client, link) == 1
