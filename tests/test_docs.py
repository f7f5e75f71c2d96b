"""The documentation is what the code is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from docs.generate import FOLDER, TABLES, main, written
from querylang.ast import Operator
from querylang.graph.operators import OPERATORS as GRAPH_OPERATORS
from querylang.graph.schema import RELATIONS
from restapi.config import Settings
from restapi.dialects.aiida_v2.entities import ENTITIES
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v4.entities import ENTITIES as V4_ENTITIES
from restapi.dialects.aiida_v4.options import OPTIONS as V4_OPTIONS
from restapi.fetching import lineage

ROOT = FOLDER.parent
DOCUMENTS = sorted(FOLDER.glob("*.md"))


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tables_are_up_to_date(document: Path) -> None:
    text = document.read_text()
    assert written(text) == text, "run `make docs`"


def test_tables_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("before\n<!-- begin kinds -->\nold\n<!-- end kinds -->\nbehind\n")
    main(tmp_path)
    text = (tmp_path / "a.md").read_text()
    assert text == f"before\n<!-- begin kinds -->\n\n{TABLES['kinds']()}\n\n<!-- end kinds -->\nbehind\n"


def test_every_table_stands_somewhere() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    assert [name for name in TABLES if f"<!-- begin {name} -->" not in text] == []


def test_every_word_of_the_language_is_documented() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    entities = (*ENTITIES.values(), *V4_ENTITIES.values())
    keys = {key for entity in entities for key in entity.fields if entity.fields[key].is_filterable}
    names = [operator.value for operator in Operator] + sorted(
        keys | set(OPTIONS) | set(V4_OPTIONS) | set(lineage.OPTIONS)
    )
    names += [keyword for _, keyword in RELATIONS] + [name for known in GRAPH_OPERATORS.values() for name in known]
    names += [name.upper() for name in vars(Settings())]
    assert [name for name in names if f"`{name}`" not in text] == []


URLS = re.findall(r"^\| \[?`(/api/[^`]*)`", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_readme_has_five_urls() -> None:
    assert len(URLS) == 5


def test_answers_of_the_readme(client: FlaskClient) -> None:
    answers = [client.get(url) for url in URLS]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].headers["X-Total-Counts"] == "115"
    silicons = [node["label"] for node in answers[1].json["data"]["structures"]]
    assert {"silicon", "silicon, relaxed 1", "silicon, relaxed 2"} <= set(silicons)
    failed = ["Copper: gives up", "Cu, out of time", "Cu, no output"]
    assert [node["label"] for node in answers[2].json["data"]["calculations"]] == failed
    assert answers[3].headers["X-Total-Counts"] == "9"
    assert [atom["l"] for atom in answers[4].json["data"]["visualization"]["str_viz_info"]["data"]["m"][0]["a"]] == [
        "Si", "Si",
    ]  # fmt: skip


def test_the_command_of_the_readme(client: FlaskClient) -> None:
    """It shows what it filters by and orders by."""
    (query,) = re.findall(r"aiida-like query results\.aiida '(.*)'", (ROOT / "README.md").read_text())
    energies = [row["attributes.energy"] for row in client.get(f"/api/v4/{query}").json["data"]["nodes"]]
    assert len(energies) == 10
    assert energies == sorted(energies)
    assert max(energies) < -3


@pytest.mark.parametrize(("document", "tags"), [("README.md", ["n"]), ("docs/api-v4.md", ["structure", "job"])])
def test_queries_of_the_documents(client: FlaskClient, document: str, tags: list[str]) -> None:
    """What stands behind -d in the examples of the QueryBuilder."""
    found = re.search(r"-d '(\{.*?\})'$", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    data = client.post("/api/v4/querybuilder", data=found[1]).json["data"]
    assert list(data) == tags
    assert all(data.values())


def examples(version: int) -> list[str]:
    """The URLs in the table of paths, in JSON and behind curl."""
    text = (FOLDER / f"api-v{version}.md").read_text()
    rows = re.findall(r"^\| `/[^|]*\| (.*) \|$", text, re.MULTILINE)
    paths = [path.replace("\\|", "|") for row in rows for path in re.findall(r"`(/[^` ]*)`", row)]
    others = re.findall(r"http://(?:localhost|127\.0\.0\.1):5000(/api/v\d/nodes[^\s'\"]*|/api/v\d/calc[^\s']*)", text)
    return [*(f"/api/v{version}{path}" for path in paths), *others]


@pytest.mark.parametrize("url", [*examples(2), *examples(4)])
def test_examples_of_the_interfaces(client: FlaskClient, url: str) -> None:
    answer = client.get(url, buffered=True)
    assert answer.status_code == 200, answer.text
    if answer.is_json:
        assert answer.json.get("data", True), "an example shows something"


def test_there_is_an_example_for_each_path() -> None:
    assert (len(examples(2)), len(examples(4))) >= (26, 40)


def test_examples_of_the_language(client: FlaskClient) -> None:
    """Those on lines of their own, as they stand there."""
    urls = re.findall(r"^    (/api/.*)$", (FOLDER / "query-language.md").read_text(), re.MULTILINE)
    assert len(urls) >= 5
    assert [(url, client.get(url).status_code) for url in urls] == [(url, 200) for url in urls]


def test_links_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *DOCUMENTS]:
        targets = re.findall(r"\]\(([^):#]+)\)", document.read_text())
        assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_tour_ends_with_energies(client: FlaskClient) -> None:
    """The third task of the tour: its words stand on the page, and its clicks lead to a column of energies below -3."""
    task = (FOLDER / "explorer.md").read_text().partition("of all energies below -3")[2].partition("## Nodes")[0]
    clicks = re.findall(r"`(\w+)` \(\d\)", task)
    assert clicks == ["Nodes", "Filter", "Add", "CSV"]
    page = client.get("/nodes", headers={"Accept": "text/html"}).text
    assert [word for word in clicks if f">{word}<" not in page] == []
    sent = {"to": "/nodes", "query": "", "field": "attributes.energy", "operator": "<", "value": "-3"}
    shown = client.get("/filter?" + urlencode(sent), follow_redirects=True).text
    found = re.search(r'<a href="([^"]*)" download>CSV</a>', shown)
    assert found is not None
    rows = list(csv.DictReader(io.StringIO(client.get(unescape(found[1]), buffered=True).text)))
    assert len(rows) == 10
    assert max(float(row["attributes.energy"]) for row in rows) < -3
