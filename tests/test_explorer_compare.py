"""Two nodes beside one another: what differs is shown, what is equal is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from restapi.explorer.comparison.differences import MOST_SHOWN, differences
from tests.html_reader import Element, read

Row = dict[str, Any]


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


@pytest.fixture(scope="module")
def rows(client: FlaskClient) -> dict[str, Row]:
    found = client.get("/api/v4/nodes?limit=400&attributes=true").json["data"]["nodes"]
    return {each["label"]: each for each in found}


def compared(client: FlaskClient, a: Any, b: Any, status: int = 200) -> Element:
    answer = client.get(f"/compare?a={a}&b={b}")
    assert answer.status_code == status, answer.text
    return read(answer.text).one("main")


def tables(found: Element) -> Mapping[str, list[list[str]]]:
    """The rows of each table, by its name."""
    return {
        region.attributes["aria-label"]: [[cell.words for cell in row.children] for row in region.one("tbody").children]
        for region in found.all("div", role="region")
    }


def test_two_calculations(client: FlaskClient, rows: dict[str, Row]) -> None:
    a, b = rows["Cu, out of time"], rows["Cu, no output"]
    found = compared(client, a["id"], b["uuid"])
    shown = tables(found)
    assert "Values of inputs" not in shown
    by_path = {row[0]: row[1:] for row in shown["Attribute"]}
    assert by_path["exit_status"] == ["400", "305"]
    assert "process_label" not in by_path
    assert "Inputs" not in shown  # they are the same nodes
    headings = [each.words for each in found.all("h2")]
    assert "Inputs 0 differ, 5 the same" in headings
    assert "Node" in headings  # its label and its time differ
    assert [each.attributes["value"] for each in found.all("input")] == [str(a["id"]), b["uuid"]]


def test_inputs_that_differ(client: FlaskClient, rows: dict[str, Row]) -> None:
    shown = tables(compared(client, rows["Cu, out of time"]["id"], rows["Graphene, killed"]["id"]))
    by_label = {row[0]: row[1:] for row in shown["Inputs"]}
    assert by_label["structure"] == ["StructureData copper", "StructureData graphene", "compare"]
    assert by_label["pseudos__Cu"] == ["UpfData Cu.upf", "\N{EN DASH}", ""]
    assert by_label["pseudos__C"][0] == "\N{EN DASH}"
    assert shown["Values of inputs"] == [
        ["parameters.SYSTEM.ecutrho", "720.0", "480.0"],
        ["parameters.SYSTEM.ecutwfc", "90.0", "60.0"],
    ]


def test_outputs_that_differ(client: FlaskClient) -> None:
    """Energies stand in output dictionaries, and are what two jobs are compared for."""
    asked = 'attributes.process_label="PwCalculation"&attributes.exit_status=0&orderby=id&limit=2&fields=id'
    a, b = (each["id"] for each in client.get(f"/api/v4/nodes?{asked}").json["data"]["nodes"])

    def parameters(of: int) -> Row:
        path = f'/api/v4/nodes/{of}/links/outgoing?link_label="output_parameters"&fields=attributes'
        found: Row = client.get(path).json["data"]["outgoing"][0]["attributes"]
        return found

    left, right = parameters(a), parameters(b)
    found = compared(client, a, b)
    shown = tables(found)
    values = {row[0]: row[1:] for row in shown["Values of outputs"]}
    assert left["energy"] != right["energy"]
    assert values["output_parameters.energy"] == [str(left["energy"]), str(right["energy"])]
    assert "output_parameters.energy_units" not in values
    assert {row[0] for row in shown["Outputs"]} >= {"output_parameters", "remote_folder", "retrieved"}
    _, *nodes, link = next(row for row in shown["Outputs"] if row[0] == "output_parameters")
    assert [each.partition(" ")[0] for each in nodes] == ["Dict", "Dict"]
    assert link == "compare"


def test_an_output_of_one_alone(client: FlaskClient, rows: dict[str, Row]) -> None:
    asked = 'attributes.process_label="PwCalculation"&attributes.exit_status=0&limit=1&fields=id'
    done = client.get(f"/api/v4/nodes?{asked}").json["data"]["nodes"][0]["id"]
    shown = tables(compared(client, done, rows["Cu, out of time"]["id"]))
    by_label = {row[0]: row[1:] for row in shown["Outputs"]}
    assert by_label["output_parameters"][0].startswith("Dict ")
    assert by_label["output_parameters"][1:] == ["\N{EN DASH}", ""]
    assert "Values of outputs" not in shown


def test_numbers_are_compared_as_values(client: FlaskClient) -> None:
    """`Int` and its like are one value, not an object of attributes."""
    scalings = 'node_type="process.calculation.calcfunction.CalcFunctionNode."&orderby=id&limit=2&fields=id'
    a, b = (each["id"] for each in client.get(f"/api/v4/nodes?{scalings}").json["data"]["nodes"])
    assert tables(compared(client, a, b))["Values of inputs"] == [["factor", "0.98", "0.99"]]


@pytest.mark.parametrize(("most", "is_cut"), [(1, True), (3, True), (100, False)])
def test_a_server_of_small_pages(
    client: FlaskClient, serve: Callable[..., Flask], rows: dict[str, Row], most: int, *, is_cut: bool
) -> None:
    """What lies beyond the first rows is not said to be missing."""
    asked = rows["Cu, out of time"]["id"], rows["Graphene, killed"]["id"]
    found = compared(serve(demo(), {"MAX_LIMIT": most}).test_client(), *asked)
    whole, shown = (tables(each).get("Inputs", []) for each in (compared(client, *asked), found))
    assert len(shown) < len(whole) if is_cut else shown == whole
    assert [row for row in shown if row not in whole] == []
    notes = [note.words for note in found.all("p", class_="note")]
    assert any(note.startswith("There are too many to compare all") for note in notes) is is_cut


def test_a_page_of_each_kind_on_a_server_of_small_pages(serve: Callable[..., Flask], rows: dict[str, Row]) -> None:
    small = serve(demo(), {"MAX_LIMIT": 2}).test_client()
    node = rows["Cu, out of time"]["id"]
    for path in ("/", "/search?q=Si", "/search/parts/found?in=labels&q=Si", "/nodes", f"/nodes/{node}", "/groups/1"):
        answer = small.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (path, answer.text)


def test_structures(client: FlaskClient, rows: dict[str, Row]) -> None:
    shown = {
        row[0]: row[1:] for row in tables(compared(client, rows["NaCl"]["id"], rows["graphene"]["id"]))["Structure"]
    }
    assert shown == {
        "formula": ["ClNa", "C2"],
        "sites": ["2", "2"],
        "a": ["3.9882 Å", "2.4600 Å"],
        "b": ["3.9882 Å", "2.4600 Å"],
        "c": ["3.9882 Å", "15.0000 Å"],
        "angle bc": ["60.00°", "90.00°"],
        "angle ac": ["60.00°", "90.00°"],
        "angle ab": ["60.00°", "120.00°"],
        "volume": ["44.856 Å³", "78.613 Å³"],
        "periodic": ["abc", "ab"],
    }


def test_a_node_and_itself(client: FlaskClient, rows: dict[str, Row]) -> None:
    found = compared(client, rows["settings"]["id"], rows["settings"]["uuid"][:8])
    assert found.one("p", "empty").text == "They do not differ."
    assert "Attribute" not in tables(found)


def test_the_form(client: FlaskClient, rows: dict[str, Row]) -> None:
    found = read(client.get(f"/compare?a={rows['silicon']['uuid']}").text).one("main")
    assert [each.attributes["value"] for each in found.all("input")] == [rows["silicon"]["uuid"], ""]
    assert not list(found.all("h2"))
    assert not list(read(client.get("/compare").text).one("main").all("p"))


@pytest.mark.parametrize("asked", ["99999", "b", "<b>", "../x", "%00", "a" * 5000, "?", "%FF"])
def test_what_is_no_node(client: FlaskClient, asked: str) -> None:
    answer = client.get(f"/compare?a={asked}&b=1")
    assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8")
    (note,) = read(answer.text).one("main").all("p", "note")
    assert note.text


def test_differences_of_json() -> None:
    a: dict[str, Any] = {
        "same": [1, {"x": None}],
        "type": 1,
        "list": [1, 2, 3],
        "gone": {"x": 1},
        "deep": {"a": {"b": 1}},
    }
    b: dict[str, Any] = {"same": [1, {"x": None}], "type": True, "list": [1, 5], "deep": {"a": {"b": "1"}}, "new": []}
    found = differences(a, b)
    assert [(each.path, each.a, each.b) for each in found.shown] == [
        ("deep.a.b", "1", '"1"'),
        ("gone", "{1}", None),
        ("list.1", "2", "5"),
        ("list.2", "3", None),
        ("new", None, "[]"),
        ("type", "1", "true"),
    ]
    assert (found.number, found.equal, found.is_whole) == (6, 3, True)


def test_differences_are_bounded() -> None:
    found = differences({"x": list(range(30_000))}, {"x": list(range(1, 30_001))})
    assert (len(found.shown), found.is_whole) == (MOST_SHOWN, False)
    deep: Any = 1
    for _ in range(900):
        deep = {"x": deep}
    assert len(differences({"x": deep}, {"x": {"x": 2}}).shown) == 1
    (long,) = differences({"x": "a" * 10**6}, {"x": "b"}).shown
    assert long.a == "a" * 200 + "… (1,000,000 characters)"
