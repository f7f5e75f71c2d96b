"""The lineage page in process: what is open, folded, counted and left out, and where its links lead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient

from restapi.explorer.lineage import page as lineage
from restapi.explorer.lineage.boxes import below_title, link_labels, short_number
from tests.conftest import Golden
from tests.golden import graph, ids
from tests.markers import sampled
from tests.test_hostile import ODD, odd_archive

SVG = "{http://www.w3.org/2000/svg}"
LESS = "\N{MINUS SIGN}"
FINISHED_WITH_305 = ids[graph.failed]


@dataclass(frozen=True)
class Shown:
    """What a picture shows: nodes and stacks by their names in it, badges with their URLs, arrows by their ends."""

    root: ET.Element
    titles: dict[str, str]
    badges: dict[str, tuple[str, str]]
    arrows: set[tuple[str, str]]
    dashed: set[tuple[str, str]]

    @property
    def nodes(self) -> set[int]:
        return {int(name) for name in self.titles if not name.startswith("stack")}


def read(text: str) -> Shown:
    """The picture in a page, or in a file."""
    root = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    titles, badges = {}, {}
    for node in root.iter(SVG + "g"):
        if name := node.get("data-name"):
            (title,) = (each.text for each in node.iter(SVG + "text") if each.get("class") == "name")
            titles[name] = title or ""
            for link in node.iter(SVG + "a"):
                if link.get("class") == "badge":
                    badges[name] = "".join(link.itertext()).removeprefix(link[0].text or ""), link.attrib["href"]
    links = [each for each in root.iter(SVG + "g") if each.get("data-from")]
    ends = {each: (each.attrib["data-from"], each.attrib["data-to"]) for each in links}
    return Shown(
        root,
        titles,
        badges,
        set(ends.values()),
        {pair for each, pair in ends.items() if "logic" in each.attrib["class"]},
    )


@pytest.fixture(scope="module")
def ask(archive_client: FlaskClient) -> Callable[[str], Shown]:
    def asked(path: str) -> Shown:
        answer = archive_client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8"), answer.text
        return read(answer.text)

    return asked


def url_of(uuid: str, query: str = "") -> str:
    return f"/nodes/{uuid}/lineage" + (f"?{query}" if query else "")


def pks(*uuids: str) -> set[int]:
    return {ids[uuid] for uuid in uuids}


RELAX, SCF, PARAMETERS = ids[graph.relax], ids[graph.relax_scf], ids[graph.parameters]
AROUND_RELAX = (graph.relax, graph.parameters, graph.silicon, graph.mesh, graph.upf, graph.scf_results)
CALLED = (graph.relax_scf, graph.relax_final, graph.pick)


def test_a_workflow_is_folded(ask: Callable[[str], Shown]) -> None:
    """Its three calls are counted at itself; what it took leads on to four and three further links."""
    shown = ask(url_of(graph.relax))
    assert shown.nodes == pks(*AROUND_RELAX, graph.final_structure)
    assert shown.badges[str(RELAX)] == ("+3", url_of(graph.relax, f"open={RELAX}"))
    assert shown.badges[str(PARAMETERS)] == ("+3", url_of(graph.relax, f"open={PARAMETERS}"))
    assert shown.badges[str(ids[graph.scf_results])][0] == "+1"
    assert (str(PARAMETERS), str(RELAX)) in shown.arrows - shown.dashed
    assert (str(RELAX), str(ids[graph.final_structure])) in shown.dashed


def test_a_workflow_is_unfolded(ask: Callable[[str], Shown]) -> None:
    shown = ask(url_of(graph.relax, f"open={RELAX}"))
    assert shown.nodes == pks(*AROUND_RELAX, graph.final_structure, *CALLED)
    assert shown.badges[str(RELAX)] == (LESS, url_of(graph.relax))
    assert (str(RELAX), str(SCF)) in shown.dashed
    assert (str(SCF), str(ids[graph.scf_results])) in shown.arrows - shown.dashed
    assert ids[graph.scf_results] not in map(int, shown.badges)  # all of its links are shown


def test_nodes_are_opened_and_closed(ask: Callable[[str], Shown]) -> None:
    """Each badge leads to the picture that it promises; closing a node closes what was only reached by it."""
    both = ask(url_of(graph.relax, f"open={RELAX},{SCF}"))
    assert both.nodes > pks(graph.scf_remote, graph.scf_retrieved, graph.code_pw)
    text, url = both.badges[str(SCF)]
    assert (text, url) == (LESS, url_of(graph.relax, f"open={RELAX}"))
    assert ask(url).nodes == ask(url_of(graph.relax, f"open={RELAX}")).nodes
    remote = ids[graph.scf_remote]
    shown = ask(url_of(graph.relax, f"open={RELAX},{remote}"))
    assert shown.nodes == ask(url_of(graph.relax, f"open={RELAX}")).nodes
    assert all(f"open={RELAX},{remote}" not in url for _, url in shown.badges.values())


def test_a_workflow_is_folded_with_what_is_open_in_it(ask: Callable[[str], Shown]) -> None:
    shown = ask(url_of(graph.relax, f"open={PARAMETERS},{RELAX},{SCF}"))
    assert shown.badges[str(RELAX)] == (LESS, url_of(graph.relax, f"open={PARAMETERS}"))


@pytest.mark.parametrize(
    ("links", "root", "expected"),
    [
        ("all", graph.rescaled, (graph.rescaled, graph.rescale)),
        ("data", graph.rescaled, (graph.rescaled, graph.rescale)),
        ("logic", graph.rescaled, (graph.rescaled,)),
        ("data", graph.relax, (graph.relax,)),
        # Without calls nothing says what is folded: calculations are shown with what they took and made.
        ("data", graph.scf_results, (graph.scf_results, graph.relax_scf)),
        ("all", graph.scf_results, (graph.scf_results, graph.relax)),
        ("logic", graph.pick, (graph.pick, graph.salt, graph.silicon, graph.relax)),
    ],
)
def test_links(ask: Callable[[str], Shown], links: str, root: str, expected: tuple[str, ...]) -> None:
    shown = ask(url_of(root, f"links={links}"))
    assert shown.nodes == pks(*expected)
    assert all(f"links={links}" in url or links == "all" for _, url in shown.badges.values())


def test_alone(archive_client: FlaskClient) -> None:
    assert "Nothing leads here or from here." in archive_client.get(url_of(graph.plain)).text
    assert (
        "Nothing leads here or from here by these links." in archive_client.get(url_of(graph.relax, "links=data")).text
    )


def test_what_it_is_of_is_marked(ask: Callable[[str], Shown]) -> None:
    shown = ask(url_of(graph.failed))
    (root,) = (each for each in shown.root.iter(SVG + "g") if "root" in each.get("class", "").split())
    assert root.get("data-name") == str(ids[graph.failed])
    assert "calculation" in root.attrib["class"]
    assert [each.text for each in root.iter(SVG + "text") if each.get("class") == "flag bad"] == ["[305]"]


def test_stacks(ask: Callable[[str], Shown], archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three calculations that took a code one is shown, and the rest is a number that leads to a table."""
    monkeypatch.setattr(lineage, "PER_TYPE", 1)
    shown = ask(url_of(graph.code_pw))
    took = pks(graph.relax_scf, graph.relax_final, graph.bands_run)
    assert [len(shown.nodes), len(shown.nodes & took)] == [2, 1]
    assert shown.titles["stack0"] == "2 \N{MULTIPLICATION SIGN} CalcJobNode"
    assert (str(ids[graph.code_pw]), "stack0") in shown.arrows
    (stack,) = (each for each in shown.root.iter(SVG + "g") if each.get("data-name") == "stack0")
    path = stack[0].attrib["href"]
    assert unquote(path) == (
        f'/nodes?outgoing_of="{graph.code_pw}","input_calc"&node_type="process.calculation.calcjob.CalcJobNode."'
    )
    rows = archive_client.get(f"/api/v4{path}").get_json()["data"]["nodes"]
    assert {row["uuid"] for row in rows} == {graph.relax_scf, graph.relax_final, graph.bands_run}


@pytest.mark.parametrize(
    ("node", "link_label", "expected"),
    [
        ({"label": "silicon", "node_type": "data.core.dict.Dict."}, "parameters", "Dict"),
        ({"node_type": "data.core.dict.Dict."}, "parameters", "parameters"),
        ({"node_type": "data.core.dict.Dict."}, "", "e30da7cc"),
        ({"process_label": "Pw", "node_type": "process.calculation.calcjob.CalcJobNode."}, "scf", "scf"),
        ({"process_label": "Pw", "node_type": "process.calculation.calcjob.CalcJobNode."}, "", "CalcJobNode"),
        ({"process_label": "fit", "node_type": "process.calculation.calcjob.CalcJobNode."}, "fit", "CalcJobNode"),
        ({"label": "Si", "process_label": "Pw", "node_type": "process.calculation.calcjob.CalcJobNode."}, "scf", "Pw"),
    ],
)
def test_what_stands_below_a_title(node: dict[str, Any], link_label: str, expected: str) -> None:
    """Of what has no label it is what the node is to another one; and never the title again."""
    nothing = {"label": "", "process_label": None, "process_type": None, "uuid": graph.parameters, "id": 1}
    assert below_title({**nothing, **node}, link_label) == expected


def test_link_labels() -> None:
    """Inputs and outputs are named by processes, called processes by their callers, and the root counts most."""

    def link(label: str, kind: str) -> list[dict[str, str]]:
        return [{"label": label, "type": kind}]

    links = {
        (1, 5): link("early", "input_calc"),
        (1, 9): link("structure", "input_work"),
        (9, 2): link("energy", "return"),
        (9, 5): link("scf", "call_calc"),
        (9, 6): link("CALL", "call_work"),
        (5, 3): link("retrieved", "create"),
    }
    assert link_labels(links, 9) == {1: "structure", 2: "energy", 5: "scf", 3: "retrieved"}


def test_what_boxes_say(ask: Callable[[str], Shown]) -> None:
    shown = ask(url_of(graph.relax))
    said = ["".join(each.itertext()) for each in shown.root.iter(SVG + "text") if each.get("class") == "sub"]
    assert f"scf__output_param… · {ids[graph.scf_results]}" in said
    assert f"UpfData · {ids[graph.upf]}" in said


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "1"), (999, "999"), (1_000, "1.0k"), (9_940, "9.9k"), (9_960, "10k"), (60_000, "60k"), (1_234_567, "1235k")],
)
def test_numbers_of_badges(number: int, expected: str) -> None:
    assert short_number(number) == expected


def test_more_links_than_are_looked_at(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their types are not known, so the stack leads to a table of all of them."""
    monkeypatch.setattr("aiida_like.links_by_type.MOST_TYPED", 1)
    shown = read(archive_client.get(url_of(graph.code_pw, "links=data")).text)
    (stack,) = (each for each in shown.root.iter(SVG + "g") if each.get("data-name") == "stack0")
    assert shown.titles["stack0"] == "2 more"
    assert unquote(stack[0].attrib["href"]) == f'/nodes?outgoing_of="{graph.code_pw}","input_calc","create"'


def test_what_there_is_no_room_for(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted; and badges lead to where there is room, since here they would show nothing."""
    monkeypatch.setattr(lineage, "MOST_NODES", 8)
    page = archive_client.get(url_of(graph.relax, f"open={RELAX},{SCF}")).text
    shown = read(page)
    assert len(shown.nodes) == 8
    assert "2 more nodes would not fit into the picture" in page
    assert shown.badges[str(PARAMETERS)] == ("+1", url_of(graph.parameters))
    monkeypatch.setattr(lineage, "MOST_NODES", 100)
    monkeypatch.setattr(lineage, "MOST_OPEN", 1)
    page = archive_client.get(url_of(graph.relax, f"open={RELAX}")).text
    assert read(page).badges[str(PARAMETERS)] == ("+1", url_of(graph.parameters))
    assert f'data-step="{RELAX}"' in page
    assert f'data-step="{PARAMETERS}"' not in page
    assert "unfold workflows" in archive_client.get(url_of(graph.relax)).text
    assert "unfold workflows" not in archive_client.get(url_of(graph.relax, f"open={PARAMETERS}")).text


@pytest.mark.parametrize("seen", [url_of(graph.relax), url_of(graph.relax, f"open={RELAX},{SCF}")])
def test_all_links_lead_somewhere(ask: Callable[[str], Shown], archive_client: FlaskClient, seen: str) -> None:
    """Steps to pictures, nodes to what the API knows."""
    shown = ask(seen)
    for _, url in shown.badges.values():
        assert ask(url).nodes
    for link in shown.root.iter(SVG + "a"):
        if link.get("class") != "badge":
            assert archive_client.get(f"/api/v4{link.attrib['href']}").status_code == 200


def test_the_table_says_the_same(archive_client: FlaskClient) -> None:
    page = archive_client.get(url_of(graph.relax)).text
    shown = read(page)
    rows = page[page.index("<tbody>") : page.index("</tbody>")].split("<tr>")[1:]
    assert len(rows) == len(shown.nodes)
    (relax,) = (row for row in rows if f'<td class="number">{RELAX}</td>' in row)
    assert "base__parameters (input_work)" in relax
    assert f'href="{url_of(graph.relax, f"open={RELAX}")}"' in relax


def test_a_file(archive_client: FlaskClient) -> None:
    """It is the picture of the page, with colours of its own, and it is never shown as a page of ours."""
    answer = archive_client.get(f"/nodes/{graph.relax}/lineage.svg?open={RELAX}")
    assert (answer.status_code, answer.content_type) == (200, "image/svg+xml")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="lineage-{RELAX}.svg"'
    page, file = read(archive_client.get(url_of(graph.relax, f"open={RELAX}")).text), read(answer.text)
    assert (file.titles, file.arrows) == (page.titles, page.arrows)
    (style,) = file.root.iter(SVG + "style")
    assert ".calculation .bar{fill:#b23a48}" in (style.text or "")
    assert "href" not in answer.text
    assert file.badges == {}
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    again = archive_client.get(
        answer.request.path + f"?open={RELAX}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_the_same_each_time(archive_client: FlaskClient) -> None:
    path = url_of(graph.relax, f"open={RELAX},{SCF}")
    first = archive_client.get(path)
    assert archive_client.get(path).data == first.data
    again = archive_client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/nodes/99999/lineage", 404, "99999"),
        ("/nodes/99999/lineage.svg", 404, "99999"),
        (url_of(graph.relax, "links=some"), 400, "links takes one of all, data, logic, not"),
        (url_of(graph.relax, "open=one"), 400, "open takes the ids of nodes"),
        (url_of(graph.relax, f"open={'9' * 30}"), 400, "open takes the ids of nodes"),
        (url_of(graph.relax, "open=" + ",".join(map(str, range(99)))), 400, "open takes at most 30 nodes, not 99"),
        (url_of(graph.relax, "&" * 300), 400, "a form, or the query string of a page, has at most 300 values"),
        (f"/nodes/{graph.relax}/lineage.svg?links=", 400, "links takes one of"),
    ],
)
def test_what_cannot_be_shown(archive_client: FlaskClient, path: str, status: int, message: str) -> None:
    answer = archive_client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert message in answer.text


@pytest.mark.parametrize(
    "query", ["open=", "open=,,", f"open={RELAX},{RELAX}", "open=99999", "nothing=1", "open=1&open="]
)
def test_what_says_nothing(ask: Callable[[str], Shown], query: str) -> None:
    """The same node twice is open once; nodes that are not reached, or are not there, are not open."""
    shown = ask(url_of(graph.relax, query))
    assert ids[graph.parameters] in shown.nodes


def test_under_a_mount(archive_client: FlaskClient) -> None:
    answer = archive_client.get(url_of(graph.relax), environ_overrides={"SCRIPT_NAME": "/a b"})
    shown = read(answer.text)
    assert all(link.attrib["href"].startswith("/a%20b/nodes/") for link in shown.root.iter(SVG + "a"))
    assert 'src="/a%20b/static/' in answer.text


def test_long_names(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """A name of a million characters, which each link to its node would repeat, is cut."""
    statements = (
        f"UPDATE db_dbnode SET label = printf('%.*c', 1000000, 'm') WHERE uuid = '{graph.relax}'",
        "UPDATE db_dblink SET label = printf('%.*c', 10000, 'l') || id",
    )
    client = serve(str(odd_archive(golden, tmp_path, *statements)), {}).test_client()
    assert len(client.get(url_of(graph.relax, f"open={RELAX}")).data) < 60_000


HOSTILE = '</title></svg><script>alert(1)</script><a href="javascript:alert(1)">\u202e&\''


@pytest.fixture(scope="module")
def hostile(golden: Golden, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Flask]) -> FlaskClient:
    """The golden graph, where all that a stranger can name has one name."""
    name = HOSTILE.replace("'", "''")
    statements = [f"UPDATE db_dbnode SET label = '{name}' || id", f"UPDATE db_dblink SET label = '{name}' || id"]
    folder = tmp_path_factory.mktemp("hostile")
    return serve(str(odd_archive(golden, folder, *statements)), {}).test_client()


@pytest.mark.parametrize("page", ["lineage", "lineage.svg"])
def test_hostile_names(hostile: FlaskClient, page: str) -> None:
    text = hostile.get(f"/nodes/{graph.relax}/{page}?open={RELAX}").text
    shown = read(text)
    assert len(shown.nodes) == 10
    assert shown.titles[str(RELAX)].startswith("</title></svg>")
    assert "<script>alert" not in text
    assert 'href="javascript:' not in text


@pytest.mark.parametrize("kind", sampled(ODD, 12))
def test_odd_archives(golden: Golden, tmp_path: Path, serve: Callable[..., Flask], kind: str) -> None:
    """Whatever a stranger has put into an archive, there is a picture, or a page that says what is wrong."""
    client = serve(str(odd_archive(golden, tmp_path, ODD[kind])), {}).test_client()
    opened = ",".join(map(str, pks(graph.silicon, graph.relax, graph.relax_scf)))
    for uuid in (graph.silicon, graph.relax):
        answer: Any = client.get(url_of(uuid, f"open={opened}"), headers={"Accept": "text/html"})
        if answer.status_code == 200:
            assert ids[uuid] in read(answer.text).nodes
        else:
            assert answer.status_code in {400, 404, 503}
            assert re.search(r'<div class="failure"><pre>\S', answer.text)
