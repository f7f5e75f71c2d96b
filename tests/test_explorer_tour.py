"""The tour of `docs/explorer.md`, click by click, as links and forms lead; and how large the first page is."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.profiles import demo
from docs.generate import FOLDER
from tests.html_reader import Element, read

HTML = {"Accept": "text/html"}

MOST_CLICKS = 4

FIRST_PAGE = 30_000
"""Bytes of the first page with all that it loads, as gzip sends them."""


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


@dataclass
class Visitor:
    """Somebody who begins at the first page and clicks on what can be seen; parts load by themselves, as scripts do."""

    client: FlaskClient
    clicks: list[str] = field(default_factory=list)
    page: Element = field(default_factory=lambda: Element("", {}))
    text: str = ""

    def open(self, path: str) -> None:
        answer = self.client.get(path, headers=HTML, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        self.text = answer.text
        if answer.mimetype == "text/html":
            self.page = read(self.text)
            for part in [each.attributes["data-load"] for each in self.page.all() if "data-load" in each.attributes]:
                self.page.below.append(read(self.client.get(part, headers=HTML).text))

    def click(self, words: str) -> None:
        """Follows the first link of these words."""
        self.clicks.append(words)
        found = [each.attributes["href"] for each in self.page.all("a") if each.words == words]
        assert found, f"no link says {words}"
        self.open(urldefrag(found[0])[0])

    def unfold(self, words: str) -> Element:
        """What is below a summary."""
        self.clicks.append(words)
        return next(each for each in self.page.all("details") if each.one("summary").words == words)

    def send(self, form: Element, button: str, **typed: str) -> None:
        """Types into the fields of a form, and clicks on its button."""
        self.clicks.append(button)
        assert [each.words for each in form.all("button")] == [button]
        names = {each.attributes["name"] for each in (*form.all("input"), *form.all("select"))}
        assert {*typed} < names
        hidden = {each.attributes["name"]: each.attributes["value"] for each in form.all("input", type="hidden")}
        self.open(f"{form.attributes['action']}?{urlencode({**hidden, **typed})}")


@pytest.fixture
def visitor(client: FlaskClient) -> Visitor:
    made = Visitor(client)
    made.open("/")
    return made


def test_the_band_structure_of_silicon(visitor: Visitor) -> None:
    visitor.click("BandsData")
    visitor.click("Si bands")
    assert visitor.page.one("h1").words == "Si bands"
    assert len(list(visitor.page.one("svg", "plot").all("path", "line"))) >= 8
    told(visitor, 1)


def test_the_cause_of_a_failed_job(visitor: Visitor) -> None:
    visitor.click("finished [305]")
    (job,) = visitor.page.one("table").one("tbody").all("tr")
    by_id, by_name = (each.words for each in job.all("a") if each.attributes["href"].startswith("/nodes/"))
    assert by_id.isdecimal()
    visitor.click(by_name)
    failure = visitor.page.one("section", "failure")
    assert failure.one("p", "said").words == "Both the stdout and XML output files could not be read or parsed."
    told(visitor, 2)


def test_a_csv_of_all_energies_below_3(visitor: Visitor) -> None:
    visitor.click("Nodes")
    form = visitor.unfold("Filter").one("form")
    (operator,) = (each for each in form.all("option") if each.words == "is below <")
    visitor.send(form, "Add", field="attributes.energy", operator=operator.attributes["value"], value="-3")
    visitor.click("CSV")
    told(visitor, 3)
    rows = list(csv.DictReader(io.StringIO(visitor.text)))
    stored = visitor.client.get("/api/v4/nodes?attributes.energy<-3&fields=uuid,attributes.energy").json["data"][
        "nodes"
    ]
    assert len(stored) > 3
    assert {(each["uuid"], float(each["attributes.energy"])) for each in rows} == {
        (each["uuid"], each["attributes.energy"]) for each in stored
    }


def told(visitor: Visitor, number: int) -> None:
    """The clicks were few, and the tour tells the same."""
    assert len(visitor.clicks) <= MOST_CLICKS
    tour = (FOLDER / "explorer.md").read_text().partition("## A tour, by clicks")[2].partition("![")[0]
    (step,) = re.findall(rf"^{number}\. (.*?)(?=^\d\. |\Z)", tour, re.MULTILINE | re.DOTALL)
    assert [int(each) for each in re.findall(r"\((\d)\)", step)] == list(range(1, len(visitor.clicks) + 1))
    named = [each for each in re.findall(r"`([^`]+)`", step) if each in visitor.clicks]
    assert set(named) >= set(visitor.clicks) - {visitor.clicks[-1]}


def test_the_first_page_is_small(client: FlaskClient) -> None:
    """With its styles, scripts and icon, and the parts that load by themselves."""
    first = client.get("/", headers=HTML)
    found = set(re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]*)"', first.text))
    found |= set(re.findall(r'data-load="([^"]*)"', first.text))
    assert len(found) >= 5
    loaded = [first.data, *(client.get(each, headers=HTML).data for each in sorted(found))]
    modules = [client.get(each).text for each in found if each.endswith(".js")]
    assert modules
    assert not any(re.search(r"^import ", each, re.MULTILINE) for each in modules), "that would be loaded too"
    assert sum(len(gzip.compress(each)) for each in loaded) <= FIRST_PAGE
