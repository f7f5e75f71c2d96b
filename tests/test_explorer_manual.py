"""What the manual of the query language writes, typed into the query line: the page has the rows that the API gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiida_like.errors import RequestError
from aiida_like.profiles import demo
from docs.generate import FOLDER
from restapi.explorer import filters
from restapi.layout import SAFE_IN_URLS

MANUAL = (FOLDER / "query-language.md").read_text()

OF_VERSION_2 = {
    re.compile(r"\bname=(?=i?like)"): "label=",
    re.compile(r"^like="): "label=like=",
    re.compile(r"(?<![_.])\btype(?=[=,])"): "node_type",
    re.compile(r"\bstate(?=!?=|,)"): "attributes.process_state",
}
"""Keys that the manual writes of version 2 alone, as the nodes of version 4 have them."""

VALUES = {
    "integer": ("id", "64", "8,64,999"),
    "string": ("label", '"Si"', '"silicon","decay"'),
    "uuid": ("uuid", '"8f884b43-99ee-4589-ab61-2d7d16a0224d"', '"8f884b43-99ee-4589-ab61-2d7d16a0224d"'),
    "bool": ("attributes.converged", "true", "true,false"),
    "datetime": ("ctime", "2024-06", "2024-06,2024-04-16"),
    "dict": ("attributes.process_state", '"finished"', '"killed","excepted"'),
}
"""Of each type of the table of operators a key, a value and a list."""

TEXTS = {"=like=": '"%i%"', "=ilike=": '"%I%"', "=isnull=": "true", "=contains=": '"i"', "=startswith=": '"8"'}
"""What stands behind operators that take something else."""

RELATED = {
    "group": ('"structures"', 'in="structures","nothing yet"'),
    "user": ('"Ada Lindqvist"', "in=1,2"),
    "computer": ('"alpine"', 'notin="alpine","merle"'),
    "incoming_of": ('83,"create"', "83"),
    "outgoing_of": ("61", '61,"call_calc","call_work"'),
    "ancestor_of": ("85", '85,"all"'),
    "descendant_of": ("8", '8,"logic"'),
}
"""Of each key of the table of related rows two values."""


def typed_as(text: str) -> str | None:
    """What somebody types who has read this in the manual; None: it is no query."""
    for pattern, key in OF_VERSION_2.items():
        text = pattern.sub(key, text)
    for each in (f"filter={text}" if text.startswith("attributes=") else text, f"filter={text}"):
        try:
            if filters.read(each).pairs:
                return each
        except RequestError:
            continue
    return None


def written() -> Iterator[str]:
    """The queries that stand in the text, in examples and in tables of the manual."""
    prose = re.sub(r"```.*?```", "", MANUAL, flags=re.DOTALL)
    for text in (*re.findall(r"/api/v[24]/nodes\?([^'\n`]+)", MANUAL), *re.findall(r"`([^`\n]+)`", prose)):
        query = typed_as(text)
        # Files are not shown, and of the cursor only the beginning is written.
        is_key = re.fullmatch(r"(?!cursor)\w+=", text)
        if query is not None and not is_key and "format=" not in query and "..." not in query:
            yield query


def by_operators() -> Iterator[str]:
    """A query for each operator and type that the table has a tick for."""
    table = MANUAL.partition("<!-- begin operators -->")[2].partition("<!-- end operators -->")[0]
    for symbol, *ticks in re.findall(r"^\| `([^`]*)` \|[^|]*" + r"\|([^|]*)" * 6, table, re.MULTILINE):
        for (key, one, several), tick in zip(VALUES.values(), ticks, strict=True):
            if tick.strip():
                value = several if symbol in {"=in=", "=notin="} else TEXTS.get(symbol, one)
                yield f"{key}{symbol}{value}"


def by_relations() -> Iterator[str]:
    """Queries for each key of the table of related rows."""
    table = MANUAL.partition("<!-- begin related -->")[2].partition("<!-- end related -->")[0]
    for key in re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE):
        one, other = RELATED[key]
        yield from (f"{key}={one}", f"{key}!={one}", f"{key}={other}")


OTHERS = (
    'group="papers/2025/Zoë\'s silicon"&user="Ada Lindqvist"',
    "outgoing_of=81",
    'incoming_of=83,"create"',
    'descendant_of=8&node_type=like="process.%"',
    "id>45&id<100",
    'label="say ""hi"""',
    'label=ilike="%SI%"&attributes.kinds.0.name!="Ba"',
    "id=in=3,4,5",
    "ctime=2024-04-16T13&orderby=+id",
    "attributes.exit_status=isnull=false&attributes.exit_status!=0",
    'filter=NOT (id IN (1, 2) OR label LIKE "%a%")',
    'filter=attributes HAS "cell"',
    'full_type="process.%|%"',
    "&&id=7&&",
)
"""Other spellings, and what goes together."""

QUERIES = list(dict.fromkeys((*written(), *by_operators(), *by_relations(), *OTHERS)))


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


def test_the_manual_is_read() -> None:
    assert len(list(written())) > 50
    assert len(list(by_operators())) >= 60
    assert len(list(by_relations())) == 3 * len(RELATED)
    for example in ('filter=label STARTS WITH "si"', "ctime=in=2015,2016-04", 'label=like="aii%d_a"', "user=2"):
        assert example in QUERIES


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_typed_gives_the_rows_of_the_api(client: FlaskClient, query: str) -> None:
    """By the ids of rows, or by their uuids where the query itself says which columns there are."""
    # The page has the youngest first if nothing is said.
    query += ("" if "limit=" in query else "&limit=400") + ("" if "orderby=" in query else "&orderby=-id")
    answer = client.get(f"/api/v4/nodes?{quote(query, safe=SAFE_IN_URLS)}")
    assert answer.status_code == 200, answer.text
    sent = client.get("/filter?" + urlencode({"to": "/nodes", "line": query}))
    page = client.get(sent.headers["Location"])
    assert page.status_code == 200, page.text
    key = "uuid" if "fields=" in query else "id"
    column = re.findall(r"<tr><td[^>]*>(?:<(?:a|code)[^>]*>)*([^<]*)<", page.text)
    rows = [str(each[key]) for each in answer.json["data"]["nodes"]]
    assert column == rows
    (total,) = re.findall(r'<div class="summary">\s*<p><b[^>]*>([^<]*)</b>', page.text) or ["0"]
    assert total == answer.headers["X-Total-Count"]


def test_most_of_it_finds_something(client: FlaskClient) -> None:
    """Else equal rows would say little."""
    found = [
        int(client.get(f"/api/v4/nodes?{quote(each, safe=SAFE_IN_URLS)}").headers["X-Total-Count"]) for each in QUERIES
    ]
    assert sum(map(bool, found)) > 0.75 * len(found)
    assert sum(0 < each < 115 for each in found) > 0.6 * len(found)
