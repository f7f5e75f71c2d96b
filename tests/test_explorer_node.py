"""Pages of nodes: they show what the API answers, name what went wrong, and no value breaks them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from urllib.parse import quote, unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from tests.html_reader import Element, page, read

Row = dict[str, Any]


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


def data(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/api/v4{path}")
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


@pytest.fixture(scope="module")
def nodes(client: FlaskClient) -> list[Row]:
    """All nodes of the demo archive."""
    return list(data(client, "/nodes?limit=400&attributes=true&extras=true")["nodes"])


@pytest.fixture(scope="module")
def rows(nodes: list[Row]) -> dict[str, Row]:
    """Nodes by their labels."""
    return {each["label"]: each for each in nodes if each["label"]}


@pytest.fixture(scope="module")
def pages(client: FlaskClient, nodes: list[Row]) -> dict[str, Element]:
    """The main parts of all pages, by uuid."""
    return {row["uuid"]: page(client, f"/nodes/{row['uuid']}").one("main") for row in nodes}


# What a tree shows, and what it should


def shown(tree: Element, path: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a tree by their paths."""
    for item in tree.children:
        branch = next((each for each in item.children if each.name == "details"), None)
        place = item if branch is None else branch.children[0]
        if "more" in item.classes:
            continue
        below = f"{path}.{place.one('span', 'key').text}"
        if branch is None:
            yield below, next(item.all("span", "value")).text
        else:
            yield from shown(branch.children[1], below)


def expected(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The same for JSON: texts as they are, unless they could be taken for something else; short lists in one line."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in pairs:
        below = f"{path}.{key}"
        scalar = not isinstance(part, dict | list) or not part
        if scalar and isinstance(part, str) and part and part.strip() == part.rstrip("\n") and not is_json(part):
            yield below, part
        elif scalar or is_line(part):
            yield below, json.dumps(part, ensure_ascii=False)
        else:
            yield from expected(part, below)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return text == "{}"
    return True


def is_line(value: Any) -> bool:
    is_short = isinstance(value, list) and len(value) <= 9 and not any(isinstance(each, dict | list) for each in value)
    return is_short and len(json.dumps(value, ensure_ascii=False)) <= 90


def trees(found: Element) -> dict[str, dict[str, str]]:
    """The trees of a page by their titles."""
    parts = found.all("section", "tree-part")
    return {part.one("h2").text: dict(shown(tree)) for part in parts for tree in part.all("ul", "tree")}


def test_the_pages_of_all_nodes(pages: dict[str, Element], nodes: list[Row]) -> None:
    assert len(nodes) > 100
    for row in nodes:
        main = pages[row["uuid"]]
        name = row["label"] or row["attributes"].get("process_label")
        assert main.one("h1").words == (name or f"{row['node_type'].split('.')[-2]} {row['uuid'][:8]}")
        assert main.one("code", "uuid").text == row["uuid"]
        copied = {each.attributes["data-copy"] for each in main.all("button") if "data-copy" in each.attributes}
        assert copied == {row["uuid"], f'load_node("{row["uuid"]}")'}
        drawn = trees(main)
        for title in ("attributes", "extras"):
            assert drawn.get(title.title(), {}) == dict(expected(row[title])), row["id"]


def test_permanent_links(client: FlaskClient, rows: dict[str, Row]) -> None:
    row = rows["silicon"]
    for key in (row["uuid"], row["id"], row["uuid"][:8]):
        link = page(client, f"/nodes/{key}").one("link", rel="canonical")
        assert link.attributes["href"] == f"/nodes/{row['uuid']}"


def test_the_neighbours_of_all_nodes(client: FlaskClient, pages: dict[str, Element]) -> None:
    for uuid, main in pages.items():
        linked = {link.partition("/nodes/")[2] for link in main.links() if link.count("/") == 2}
        there = [
            each
            for direction in ("incoming", "outgoing")
            for each in data(client, f"/nodes/{uuid}/links/{direction}")[direction]
        ]
        if len(there) <= 12:
            assert {each["uuid"] for each in there} <= linked
        labels = {each.text for each in main.all("span", "link-label")}
        assert labels <= {each["link_label"] for each in there}


def test_the_files_of_all_nodes(client: FlaskClient, pages: dict[str, Element]) -> None:
    seen = 0
    for uuid, main in pages.items():
        listed = data(client, f"/nodes/{uuid}/repo/list?recursive=true&sizes=true")["repo_list"]
        root = f"/nodes/{uuid}/files/"
        links = {unquote(each).removeprefix(root) for each in main.links() if each.startswith(root)}
        # What the scheduler printed is linked where it is shown, from the folder that came back.
        assert {each["name"] for each in listed} == links
        sizes = [each.text for each in main.all("span", "number") if "byte" in each.text or "kB" in each.text]
        assert sum(each["type"] == "FILE" for each in listed) <= len(sizes)
        for each in listed:
            seen += 1
            there = page(client, f"{root}{each['name']}").one("main")
            assert there.one("h1").text == each["name"].rpartition("/")[2]
    assert seen > 50


def test_who_made_it_and_where_it_is(client: FlaskClient, rows: dict[str, Row]) -> None:
    facts = page(client, f"/nodes/{rows['Silicon: relaxation and bands']['id']}").one("dl", "head-facts")
    texts = [each.words for each in facts.children]
    assert texts[:3] == ["created 2024-06-18 09:12", "changed 2024-06-18 10:18", "user Ada Lindqvist"]
    groups = {each["label"]: each["id"] for each in data(client, "/groups")["groups"]}
    name = "papers/2025/Zoë's silicon"
    (link,) = (each.attributes["href"] for each in facts.all("a") if each.text == name)
    assert link == f"/groups/{groups[name]}"
    facts = page(client, f"/nodes/{rows['Cu, out of time']['id']}").one("dl", "head-facts")
    assert "computer alpine" in [each.words for each in facts.children]


# Processes


def test_a_failed_calculation_says_why(client: FlaskClient, rows: dict[str, Row]) -> None:
    found = page(client, f"/nodes/{rows['Cu, out of time']['id']}")
    assert found.one("footer").one("summary").words == "The requests behind this page (11)"
    main = found.one("main")
    failure = main.one("section", "failure")
    assert failure.one("p", "said").text == "The calculation stopped prematurely because it ran out of walltime."
    printed = {each.one("a").text: each.one("pre").text for each in failure.all("figure")}
    assert printed == {
        "_scheduler-stderr.txt": "slurmstepd: error: CANCELLED DUE TO TIME LIMIT",
        "aiida.out": "     Program PWSCF v.7.3 starts\n\n     Maximum CPU time exceeded",
    }
    assert [each.text for each in main.one("p", "node-marks").all("span", "state")] == ["finished [400]"]
    sections = [each.words for each in main.all("h2")]
    assert sections.index("Why it failed") == 0
    assert {"Input files", "Output files", "Scheduler output"} <= set(sections)


def test_a_failed_workflow_names_the_cause(client: FlaskClient, rows: dict[str, Row]) -> None:
    failure = page(client, f"/nodes/{rows['Copper: gives up']['id']}").one("section", "failure")
    first, second = rows["Cu, out of time"], rows["Cu, no output"]
    (cause,) = failure.one("ol", "causes").children
    assert cause.words == (
        "cause CalcJobNode Cu, out of time finished [400] "
        "The calculation stopped prematurely because it ran out of walltime. 1 more call failed after it."
    )
    link, others = cause.links()
    assert link == f"/nodes/{first['uuid']}"
    asked = others.replace("/nodes?", "/nodes?orderby=id&", 1)
    assert [each["id"] for each in data(client, asked)["nodes"]] == [first["id"], second["id"]]


def test_an_exception_is_shown(client: FlaskClient, rows: dict[str, Row]) -> None:
    failure = page(client, f"/nodes/{rows['diamond x 0']['id']}").one("section", "failure")
    assert failure.one("p", "said").text == "ValueError: the volume of the cell is zero"
    assert [each.text.split()[0] for each in failure.one("ol", "log").all("span", "level")] == ["ERROR"]


def test_all_failed_processes_say_so(pages: dict[str, Element], nodes: list[Row]) -> None:
    failed = {
        row["uuid"]
        for row in nodes
        if row["attributes"].get("process_state") in ("excepted", "killed") or row["attributes"].get("exit_status")
    }
    assert len(failed) == 5
    assert {uuid for uuid, main in pages.items() if any(main.all("section", "failure"))} == failed


def test_called_processes(client: FlaskClient, rows: dict[str, Row]) -> None:
    main = page(client, f"/nodes/{rows['Silicon: relaxation and bands']['id']}").one("main")
    (calls,) = (each for each in main.all("section") if each.attributes.get("aria-labelledby") == "calls")
    outer = next(calls.all("ul", "calls"))
    assert [item.words.split(" PwCalculation")[0] for item in outer.children] == [
        "WorkChainNode PwRelaxWorkChain finished relax CalcJobNode",
        "CalcJobNode",
        "CalcJobNode",
    ]
    (inner,) = outer.children[0].all("ul", "calls")
    assert [item.words for item in inner.children] == [
        f"CalcJobNode PwCalculation finished iteration_0{number}" for number in (1, 2)
    ]


def test_the_report(client: FlaskClient, rows: dict[str, Row]) -> None:
    key = rows["Silicon: relaxation and bands"]["uuid"]
    logs = data(client, f"/processes/{key}/report")["logs"]
    main = page(client, f"/nodes/{key}").one("main")
    entries = main.one("div", "report").one("ol", "log").children
    assert [(each.one("span", "level").text, each.one("span", "text").text) for each in entries] == [
        (each["levelname"], each["message"]) for each in logs
    ]
    assert not list(main.all("fieldset"))  # all entries are of one level


def test_levels_of_a_report_can_be_chosen(client: FlaskClient, nodes: list[Row]) -> None:
    (inner,) = (row for row in nodes if row["attributes"].get("process_label") == "PwRelaxWorkChain")
    levels = page(client, f"/nodes/{inner['uuid']}").one("main").one("fieldset")
    assert [each.attributes["value"] for each in levels.all("input")] == ["all", "warn", "bad"]
    assert [each.words for each in levels.all("label")] == ["all", "warnings and errors 1", "errors 0"]


# Hubs, mounts and failures


def test_neighbours_of_one_name_are_told_apart(client: FlaskClient, rows: dict[str, Row]) -> None:
    """By the beginnings of their uuids, which the fields of comparisons take; names that stand once have none."""
    main = page(client, f"/nodes/{rows['Si.upf']['id']}").one("main")
    jobs, workflows = (list(group.all("li")) for group in main.all("div", "links"))
    shown = [[code.text for code in each.all("code")] for each in (*jobs, *workflows)]
    uuids = [link.removeprefix("/nodes/")[:8] for each in jobs for link in each.links()]
    assert len(set(uuids)) == 9
    assert shown == [*([each] for each in uuids), [], [], []]


def test_a_hub_shows_some_of_each_kind(client: FlaskClient, rows: dict[str, Row]) -> None:
    code = rows["pw-7.3"]
    main = page(client, f"/nodes/{code['uuid']}").one("main")
    total = len(data(client, f"/nodes/{code['uuid']}/links/outgoing")["outgoing"])
    (heading,) = (each for each in main.all("h2") if each.words.startswith("Outputs and use"))
    assert heading.words == f"Outputs and use {total}"
    groups = [group for group in main.all("div", "links") if "Input of" in group.one("h3").text]
    assert sum(len(list(group.all("li"))) for group in groups) <= 24
    for group in groups:
        number = int(group.one("h3").words.split()[-1])
        more = [each for each in group.links() if each.startswith("/nodes?")]
        assert len(more) == (number > 12)
        for link in more:
            assert len(data(client, link)["nodes"]) == number
    assert len(groups) == 2


MOUNT = "/a b/Größe"


def test_below_a_mount(client: FlaskClient, rows: dict[str, Row]) -> None:
    base = {"base_url": f"http://localhost{MOUNT}"}
    for label in ("Copper: gives up", "silicon", "notes"):
        found = page(client, f"/nodes/{rows[label]['id']}", **base)
        mount = quote(MOUNT)
        urls = [*found.links(), *(each.attributes["src"] for each in found.all("script") if "src" in each.attributes)]
        urls += [each.attributes["href"] for each in found.all("link")]
        assert [each for each in urls if not each.startswith((f"{mount}/", "#"))] == []
    file = "Größen/données 図.csv"
    found = page(client, f"/nodes/{rows['notes']['id']}/files/{file}", **base)
    assert [[cell.text for cell in row.children] for row in found.one("main").all("tr")] == [
        ["step", "value"], ["1", "0.5"], ["2", "0.25"],
    ]  # fmt: skip
    (download,) = (each for each in found.one("main").links() if "repo/contents" in each)
    assert client.get(download.removeprefix(mount)).data == b"step,value\n1,0.5\n2,0.25\n"


def test_a_prefix_of_several_uuids_lists_them(client: FlaskClient, nodes: list[Row]) -> None:
    found = page(client, "/nodes/b", 400).one("main")
    uuids = sorted(row["uuid"] for row in nodes if row["uuid"].startswith("b"))
    assert [link.removeprefix("/nodes/") for link in found.links()] == uuids
    assert "15 nodes begin with b" in found.words
    assert page(client, "/nodes/b/files", 400).one("main").links() == found.links()


@pytest.mark.parametrize(
    "path_id",
    ["99999", "0000", "nothing", "statistics", "full_types", "%00", "b%2Fc", "..", "x y", "%", "'\"<b>"],
)
def test_what_is_no_node(client: FlaskClient, path_id: str) -> None:
    for path in (f"/nodes/{path_id}", f"/nodes/{path_id}/files/a"):
        answer = client.get(path if "%" in path else quote(path), headers={"Accept": "text/html"})
        assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8"), answer.text
        assert "<b>" not in answer.text


def test_the_first_request_of_all(serve: Callable[..., Flask], rows: dict[str, Row]) -> None:
    """Flask takes it, and knows no pages."""
    answer = serve(demo(), {}).test_client().get(f"/nodes/{rows['silicon']['id']}")
    assert (answer.status_code, read(answer.text).one("h1").text) == (200, "silicon")


def test_a_page_is_the_same_each_time(client: FlaskClient, rows: dict[str, Row]) -> None:
    path = f"/nodes/{rows['Copper: gives up']['id']}"
    first, again = client.get(path), client.get(path)
    assert first.data == again.data
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(path, headers=tag).status_code == 304


def test_pages_take_little_time(serve: Callable[..., Flask], nodes: list[Row]) -> None:
    """Of the processor, where nothing is remembered. It takes a tenth of that on a machine that does nothing else."""
    forgetful = serve(demo(), {"CACHE": False}).test_client()
    times = []
    for row in nodes[::4]:
        began = time.process_time()
        forgetful.get(f"/nodes/{row['uuid']}")
        times.append(time.process_time() - began)
    assert median(times) < 0.05


def test_only_reading(client: FlaskClient) -> None:
    answer = client.post("/nodes/1")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_brillouin_zones_are_left_to_the_api(client: FlaskClient, rows: dict[str, Row]) -> None:
    """To compute one loads libraries that take seconds."""
    for label, is_derived in (("offset mesh", False), ("graphene", True)):
        answer = client.get(f"/nodes/{rows[label]['uuid']}", headers={"Accept": "text/html"})
        assert ("/contents/derived_properties" in answer.text) == is_derived, label
