"""Tables of the explorer: what they show is what API v4 answers, however it was asked for."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aiida_like.profiles import demo, find
from aiida_like.tuning import Tuning
from docs.generate import FOLDER
from restapi import create_app
from restapi.explorer import ask, filters
from restapi.explorer.tables import facets
from restapi.explorer.tables.definitions import TABLES
from restapi.layout import SAFE_IN_URLS
from tests.conftest import Golden, GoldenPostgreSQL, at_once

MANUAL = (FOLDER / "query-language.md").read_text()
TIMES = "\N{MULTIPLICATION SIGN}"
"""What takes a filter away."""


@pytest.fixture(scope="module")
def client(serve: Callable[..., Flask]) -> FlaskClient:
    return serve(demo(), {}).test_client()


def quoted(query: str) -> str:
    return quote(query, safe=SAFE_IN_URLS)


def ids(page: str) -> list[int]:
    """The ids in the first column of a table."""
    return [int(found) for found in re.findall(r'<tr><td class="number"><a href="[^"]*">(\d+)</a></td>', page)]


def rows_in(page: str) -> list[str]:
    """The rows of a table as HTML."""
    return re.findall(r"<tr><td.*?</tr>", page, re.DOTALL)


def links(page: str, text: str) -> list[str]:
    """Where links with this text lead."""
    found = re.findall(r'<a\b[^>]*?href="([^"]*)"[^>]*>\s*(?:<[^>]*>)?([^<]*)', page)
    return [unescape(address) for address, shown in found if unescape(shown).strip() == text]


def chips(page: str) -> list[tuple[str, str]]:
    """Filters in words, and as text."""
    found = re.findall(r'<li class="filter"[^>]*><span>([^<]*)<code>([^<]*)</code>', page)
    return [(unescape(words), unescape(text)) for words, text in found]


def line(page: str) -> str:
    found = re.search(r'<input id="line" name="line" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


def shown_total(page: str) -> str:
    found = re.search(r'<div class="summary">\s*<p><b[^>]*>([^<]*)</b>', page)
    assert found is not None
    return found[1]


def api(client: FlaskClient, query: str) -> TestResponse:
    answer = client.get(f"/api/v4/nodes?{quoted(query)}")
    assert answer.status_code == 200, answer.text
    return answer


def typed(client: FlaskClient, query: str, path: str = "/nodes") -> TestResponse:
    """The page that somebody gets who types this into the query line."""
    answer = client.get("/filter?" + urlencode({"to": path, "line": query}))
    assert answer.status_code == 303
    return client.get(answer.headers["Location"])


def test_every_operator_of_the_manual_is_in_the_form(client: FlaskClient) -> None:
    table = MANUAL.partition("<!-- begin operators -->")[2].partition("<!-- end operators -->")[0]
    offered = re.findall(r'<option value="([^"]*)" data-types="([^"]*)"', client.get("/nodes").text)
    of_type = {unescape(symbol): types.split() for symbol, types in offered}
    for symbol, *ticks in re.findall(r"^\| `([^`]*)` \|[^|]*" + r"\|([^|]*)" * 6, table, re.MULTILINE):
        kinds = ("integer", "string", "uuid", "bool", "datetime", "dict")
        assert [kind for kind, tick in zip(kinds, ticks, strict=True) if tick.strip()] == [
            kind for kind in kinds if kind in of_type[symbol]
        ]


def test_files_of_the_manual(client: FlaskClient) -> None:
    query = 'node_type=like="process.%"&fields=uuid,ctime,attributes.exit_status&format=csv'
    assert query in MANUAL
    answer = client.get("/filter?" + urlencode({"to": "/nodes", "line": query}), follow_redirects=True)
    assert answer.content_type.startswith("text/csv")
    assert answer.text.splitlines()[0] == "uuid,ctime,attributes.exit_status"
    part = client.get("/nodes/page/2?perpage=5&fields=id&format=ndjson", follow_redirects=True)
    assert [json.loads(each)["id"] for each in part.text.splitlines()] == [6, 7, 8, 9, 10]
    of_group = client.get("/groups/2?fields=id&format=csv&orderby=id", follow_redirects=True)
    assert of_group.text.split() == ["id", "8", "9", "10", "11", "12", "13", "14"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('node_type="data.core.dict.Dict."', "type is Dict"),
        ('node_type=like="data.core.%"', "type is like data.core.%"),
        ('label!="a ""b"""', 'label is not a "b"'),
        ("ctime>2024-04-16", "created is after 2024-04-16"),
        ("ctime=2024-04-16T05:30Z", "created is 2024-04-16 05:30"),
        ("mtime<=2024-04-16", "changed is until 2024-04-16"),
        ("id=in=1,2", "id is one of 1, 2"),
        ("user=1", "user is Ada Lindqvist"),
        ("user_id=in=1,2", "user is one of Ada Lindqvist, Bruno O'Keller"),
        ("computer=1", "computer is localhost"),
        ("dbcomputer_id=isnull=true", "computer is missing"),
        ("computer=isnull=true", "computer is missing"),
        ("process_type=isnull=false", "process type is there"),
        ('attributes.process_state="finished"', "state is finished"),
        ("attributes.energy<-3.5", "attributes.energy is below -3.5"),
        ("attributes.converged=true", "attributes.converged is true"),
        ('extras.tags=contains="published"', "extras.tags contains published"),
        ('incoming_of="d936d72b","create"', "leads to d936d72b by create"),
        ("descendant_of!=5", "not: is a descendant of 5"),
        ('full_type="process.%|%"', "full type is process.%|%"),
        (
            'filter=(label="a" OR id>3) AND NOT attributes.x IS NULL',
            "(label is a or id is above 3) and not attributes.x is missing",
        ),
    ],
)
def test_filters_in_words(client: FlaskClient, query: str, words: str) -> None:
    page = client.get(f"/nodes?{quoted(query)}").text
    assert [found for found, _ in chips(page)] == [words]


def test_a_group_is_called_by_its_name(client: FlaskClient) -> None:
    group = client.get('/api/v4/groups?label="structures"').json["data"]["groups"][0]
    assert chips(client.get(f"/nodes?group={group['id']}").text) == [("group is structures", f"group={group['id']}")]


def test_a_long_filter_is_cut(client: FlaskClient) -> None:
    ((words, text),) = chips(client.get(f'/nodes?label="{"x" * 300}"').text)
    assert len(words) == 120
    assert text == f'label="{"x" * 300}"'


def test_chips_take_filters_away(client: FlaskClient) -> None:
    query = 'label=ilike="%si%"&id>20&orderby=id&fields=id,label'
    page = client.get(f"/nodes?{quoted(query)}").text
    assert chips(page) == [("label is like (any case) %si%", 'label=ilike="%si%"'), ("id is above 20", "id>20")]
    without = [unquote(urlsplit(each).query) for each in links(page, TIMES)]
    assert without == ["id>20&orderby=id&fields=id,label", 'label=ilike="%si%"&orderby=id&fields=id,label']
    assert links(page, "Take all away") == ["/nodes?orderby=id&fields=id,label"]
    assert line(page) == query


def test_many_filters_make_no_large_page(client: FlaskClient) -> None:
    """The link of each chip holds all other filters, so not all have one."""
    answer = client.get("/nodes?" + "&".join(f"id>{-number}" for number in range(150)))
    assert (answer.status_code, len(answer.data) < 500_000) == (200, True)
    assert len(chips(answer.text)) == 30
    assert "and 120 more, in the query line" in answer.text


LONG = {
    "a long text": f'label!="{"x" * 7500}"',
    "many filters": "&".join(f"attributes.a{number:0110}=isnull=true" for number in range(55)),
    "many columns": "fields=" + ",".join(f"attributes.{number:070}" for number in range(80)),
    "a long list": f"id=notin={','.join(map(str, range(10**9, 10**9 + 600)))}",
}


@pytest.mark.parametrize("name", LONG)
def test_long_queries_make_no_large_page(client: FlaskClient, name: str) -> None:
    """Each link to other rows holds the query, so there are fewer of them; rows and what was asked for are there."""
    query = LONG[name]
    assert 6000 < len(query) < 8000
    answer = client.get(f"/nodes?{query}")
    assert (answer.status_code, len(answer.data) < 250_000) == (200, True), len(answer.data)
    assert line(answer.text) == query
    assert "The query is so long that values are not counted here" in answer.text
    assert answer.text.count("<tr>") == 51
    assert '<details class="facet"' not in answer.text


def test_columns_order_rows(client: FlaskClient) -> None:
    page = client.get("/nodes?id>100").text
    assert ids(page) == [each["id"] for each in api(client, "id>100&orderby=-ctime").json["data"]["nodes"]]
    assert 'aria-sort="descending"><a href="/nodes?id%3E100&amp;orderby=ctime">Created</a>' in page
    assert 'aria-sort="ascending"' in client.get("/nodes?orderby=ctime").text
    (by_id,) = links(page, "Id")
    assert by_id == "/nodes?id%3E100&orderby=-id"
    assert ids(client.get(by_id).text) == sorted(ids(page), reverse=True)
    assert links(client.get(by_id).text, "Id") == ["/nodes?id%3E100&orderby=id"]
    assert links(page, "Label") == ["/nodes?id%3E100&orderby=label"]
    energies = client.get("/nodes?attributes.energy%3C0&orderby=attributes.energy&fields=id,attributes.energy").text
    rows = api(client, "attributes.energy<0&orderby=attributes.energy&fields=id").json["data"]["nodes"]
    assert ids(energies) == [each["id"] for each in rows]


def test_columns_by_choice(client: FlaskClient) -> None:
    query = 'attributes.energy<-3&fields=id,label,attributes.energy,extras."a b"'
    page = client.get(f"/nodes?{quoted(query)}").text
    titles = [unescape(each) for each in re.findall(r'<th scope="col"[^>]*><a [^>]*>([^<]*)</a>', page)]
    assert titles == ["Id", "Label", "attributes.energy", 'extras."a b"']
    rows = api(client, "attributes.energy<-3&fields=id,attributes.energy&orderby=-ctime").json["data"]["nodes"]
    assert re.findall(r'<td class="number">(-[\d.]+)</td>', page) == [str(each["attributes.energy"]) for each in rows]
    # They stay when the order or a filter changes.
    assert all(
        "fields=id,label,attributes.energy," in unescape(each) for each in links(page, "Id") + links(page, TIMES)
    )
    sent = {"to": "/nodes", "query": "id>3&fields=id", "shown": ["id", "uuid", 'attributes.energy, extras."a,b"']}
    answer = client.get("/filter?" + urlencode(sent, doseq=True))
    asked = unquote(urlsplit(answer.headers["Location"]).query)
    assert asked == 'id>3&fields=id,uuid,attributes.energy,"extras.""a,b"""'
    assert client.get(answer.headers["Location"]).status_code == 200
    none = client.get("/filter?" + urlencode({"to": "/nodes", "query": "id>3&fields=id", "shown": ""}))
    assert none.headers["Location"] == "/nodes?id%3E3"


def test_values_of_all_kinds(client: FlaskClient) -> None:
    query = (
        'node_type="data.core.structure.StructureData."&fields=id,attributes.kinds,attributes.pbc1,attributes.cell.0.1'
    )
    page = client.get(f"/nodes?{quoted(query)}&orderby=id&limit=1").text
    (row,) = re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)
    assert "<code>[{&#34;mass&#34;:28.085,&#34;name&#34;:&#34;Si&#34;" in row
    assert "<td><code>true</code></td>" in row
    assert '<td class="number">2.715</td>' in row


def test_long_integers_in_a_column(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "long-integers")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET attributes = ?", ('{"x": [123456789012345678901234567890]}',))
    app = create_app(str(folder), {})
    page = app.test_client().get("/nodes?fields=id,attributes.x&limit=1").text
    assert "<code>[123456789012345678901234567890]</code>" in page
    app.extensions["aiida_like_storage"].close()


def test_what_can_be_of_any_size_is_no_column(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    page = client.get("/nodes?fields=id,attributes")
    assert page.status_code == 400
    assert "attributes as a whole is no column" in page.text
    monkeypatch.setattr(ask, "_MOST_BYTES", 1000)
    page = client.get("/nodes?fields=id,attributes.kinds")
    assert page.status_code == 400
    assert "more than a page can show" in page.text


def test_facets_of_columns(client: FlaskClient) -> None:
    query = 'node_type=like="data.%"'
    page = client.get(f"/nodes?{quoted(query)}").text
    found = api(client, f"{query}&facet=node_type,user,computer").json["data"]["facets"]
    counted = re.findall(r'<li><a href="([^"]*)"[^>]*>([^<]*)</a> <span class="number">(\d+)</span></li>', page)
    assert len(counted) == sum(each["distinct"] for each in found.values())
    for address, _, count in counted:
        assert shown_total(client.get(unescape(address)).text) == count, address
    names = {unescape(name) for _, name, _ in counted}
    assert {"Dict", "StructureData", "Ada Lindqvist", "none"} <= names


@pytest.mark.parametrize("path", TABLES)
def test_each_table_has_pages_by_number(client: FlaskClient, path: str) -> None:
    first_two = rows_in(client.get(f"{path}?limit=2").text)
    assert len(first_two) == 2
    assert [
        *rows_in(client.get(f"{path}/page?perpage=1").text),
        *rows_in(client.get(f"{path}/page/2?perpage=1").text),
    ] == (first_two)


def test_users_and_computers_of_other_pages_are_chosen_in_the_facets(client: FlaskClient) -> None:
    for path in ("/", "/nodes/64"):
        found = re.findall(
            r'href="(/nodes\?(?:user|computer)[^"]*)"', client.get(path, headers={"Accept": "text/html"}).text
        )
        assert found, path
        for link in found:
            assert '<li class="chosen">' in client.get(unescape(link)).text, link


def test_a_chosen_value_can_be_left_again(client: FlaskClient) -> None:
    page = client.get("/nodes?id%3C90&user=1").text
    assert links(page, f"Ada Lindqvist {TIMES}") == ["/nodes?id%3C90"]
    assert 'aria-label="Ada Lindqvist: take this filter away"' in page


def asked_by(page: str) -> list[str]:
    """The requests that stand at the foot of a page, decoded."""
    return [unquote(unescape(each)) for each in re.findall(r'<code><a href="[^"]*">([^<]*)</a></code>', page)]


def test_facets_in_json_are_counted_when_they_are_opened(client: FlaskClient) -> None:
    page = client.get("/processes").text
    assert [each for each in asked_by(page) if "facet" in each] == [
        '/api/v4/nodes?node_type=like="process.%"&facet=node_type,user,computer&fields=id&limit=1'
    ]
    part = re.search(
        r'data-load="(/processes/parts/facet\?[^"]*process_state[^"]*)"><a href="([^"]*)">Count them', page
    )
    assert part is not None
    loaded = client.get(unescape(part[1])).text
    assert "<html" not in loaded
    found = re.findall(r">(\w+)</a> <span class=\"number\">(\d+)", loaded)
    assert found == [("finished", "23"), ("excepted", "1"), ("killed", "1")]
    whole = client.get(unescape(part[2])).text
    assert re.findall(r">(finished|excepted|killed)</a> <span class=\"number\">(\d+)", whole) == found
    assert shown_total(whole) == "25"


def test_where_filters_look_into_json_no_facet_is_counted_at_once(client: FlaskClient) -> None:
    for query in ("attributes.energy<0", 'filter=attributes HAS "cell"', "descendant_of=8"):
        page = client.get(f"/nodes?{quoted(query)}").text
        assert [each for each in asked_by(page) if "facet" in each] == []
        assert page.count("Count them") == 7


@pytest.mark.parametrize(
    ("query", "total", "keys"),
    [
        ("", 50_000, "node_type,user,computer"),
        ("orderby=id", 50_001, "node_type"),
        ("", 200_001, ""),
        ("id>3", 1000, "node_type,user,computer"),
        ("id>3", 1001, ""),
        ('full_type="a|b"', 1001, ""),
        ("attributes.x=1", 5, ""),
        ("id>3", None, ""),
    ],
)
def test_few_rows_are_counted_at_once(query: str, total: int | None, keys: str) -> None:
    assert ",".join(facets._at_once(TABLES["/nodes"], filters.read(query), total)) == keys
    assert list(facets._at_once(TABLES["/processes"], filters.read(""), 1001)) == []


def test_any_key_can_be_a_facet(client: FlaskClient) -> None:
    page = client.get("/nodes?facet=attributes.kinds.0.name").text
    assert "<summary>attributes.kinds.0.name</summary>" in page
    assert links(page, "Si") == ["/nodes?facet=attributes.kinds.0.name&attributes.kinds.0.name=%22Si%22"]
    page = client.get("/nodes?facet=attributes.kinds").text
    assert '<span title="[{' in page
    assert client.get("/nodes?facet=uuid").status_code == 400
    refused = client.get("/nodes/parts/facet?facet=")
    assert refused.status_code == 400


@pytest.mark.parametrize("query", ["limit=7", "limit=7&orderby=label", 'limit=2&node_type="data.core.float.Float."'])
def test_pages_give_each_row_once(client: FlaskClient, query: str) -> None:
    address: str | None = f"/nodes?{quoted(query)}"
    found: list[int] = []
    first = address
    while address:
        page = client.get(address).text
        found += ids(page)
        assert "cursor" not in line(page)
        (address,) = links(page, "Next") or [None]
    filters = query.partition("&")[2]
    rows = api(client, filters if "orderby" in filters else f"{filters}&orderby=-ctime").json["data"]["nodes"]
    assert found == [each["id"] for each in rows]
    assert links(page, "First") == [first]


def test_pages_by_number(client: FlaskClient) -> None:
    page = client.get("/nodes/page/2?id%3E5&perpage=30").text
    rows = client.get("/api/v4/nodes/page/2?id%3E5&perpage=30&orderby=-ctime").json["data"]["nodes"]
    assert ids(page) == [each["id"] for each in rows]
    assert links(page, "Next") == ["/nodes/page/3?id%3E5&perpage=30"]
    assert links(page, "Previous") == links(page, "First") == ["/nodes/page/1?id%3E5&perpage=30"]
    assert ids(client.get("/nodes/page").text) == ids(client.get("/nodes").text)
    last = client.get("/nodes/page/3?perpage=50").text
    assert links(last, "Next") == []
    beyond = client.get("/nodes/page/9")
    assert "There are no further nodes." in beyond.text
    offset = client.get("/nodes?offset=110").text
    assert len(ids(offset)) == 5
    assert links(offset, "First") == ["/nodes"]


@pytest.mark.parametrize("path", ["/nodes?id>20&limit=3", '/processes?attributes.process_state="finished"&orderby=id'])
def test_exports_are_these_rows(client: FlaskClient, path: str) -> None:
    page = client.get(quoted(path.partition("?")[0]) + "?" + quoted(path.partition("?")[2])).text
    total = int(shown_total(page))
    lists = {name: links(page, name)[0] for name in ("CSV", "NDJSON", "JSON")}
    rows = client.get(lists["JSON"]).json["data"]["nodes"]
    assert [each["id"] for each in rows][: len(ids(page))] == ids(page)
    assert len(rows) == total
    lines = [json.loads(each) for each in client.get(lists["NDJSON"]).text.splitlines()]
    table = list(csv.DictReader(io.StringIO(client.get(lists["CSV"]).text)))
    assert [each["id"] for each in lines] == [int(each["id"]) for each in table] == [each["id"] for each in rows]
    assert list(table[0]) == list(rows[0]) == list(lines[0])
    assert {"id", "label", "attributes.process_state", "ctime"} <= set(table[0])


def test_json_of_many_rows_begins_with_a_cursor(serve: Callable[..., Flask]) -> None:
    client = serve(demo(), {"MAX_LIMIT": 60}).test_client()
    (address,) = links(client.get("/nodes").text, "JSON")
    answer = client.get(address)
    assert len(answer.json["data"]["nodes"]) == 60
    assert 'rel="next"' in answer.headers["Link"]


@pytest.mark.parametrize(
    ("query", "message", "column"),
    [
        ("label=", "syntax error in the query string at column 7: expected a value", 7),
        ('filter=(label="a" OR )', "syntax error in the query string at column 22", 22),
        ('labl="a"', "nodes have no key &#39;labl&#39; to filter or order by; did you mean &#39;label&#39;?", 0),
        ("limit=0", "limit=0 is out of range: it goes from 1 to 400", 0),
        ("limit=1&limit=2", "limit is given twice", 0),
        ("perpage=5", "perpage needs a page in the path", 0),
        ("filename=x", "filename has no meaning for this resource", 0),
        ("attributes=true", "fields is incompatible with attributes and extras", 0),
        ("orderby=nothing", "nodes have no key &#39;nothing&#39;", 0),
        ('ctime="soon"', "ctime", 0),
    ],
)
def test_a_wrong_query_is_kept_with_what_is_wrong(client: FlaskClient, query: str, message: str, column: int) -> None:
    page = typed(client, query)
    assert page.status_code == 400
    assert line(page.text) == query
    assert message in page.text
    assert f'data-column="{column}"' in page.text
    assert 'aria-invalid="true" aria-describedby="wrong"' in page.text
    found = re.search(r"<pre>([^<]*)</pre>", page.text.partition('id="wrong"')[2])
    if column:
        assert found is not None
        text, caret = unescape(found[1]).splitlines()
        assert (text, caret) == (f"  {query}", " " * (column + 1) + "^")
        # The form is there to go on with.
        assert 'name="field"' in page.text
    assert "<table" not in page.text


@pytest.mark.parametrize(
    ("query", "base", "field", "operator", "value"),
    [
        ('id>3&ctime="soon"', "id>3", "ctime", "=", "soon"),
        ("label=", "", "label", "=", ""),
        ('label="a & b"&labl=like="%ü""x%"&limit=5', 'label="a & b"&limit=5', "labl", "=like=", '%ü"x%'),
        ('attributes."a b".c>"x', "", 'attributes."a b".c', ">", '"x'),
        ("id>=x&fields=id,uuid&orderby=id", "fields=id,uuid&orderby=id", "id", ">=", "x"),
        ("limit=0", "limit=0", "", "", ""),
    ],
)
def test_the_form_has_what_was_refused(
    client: FlaskClient, query: str, base: str, field: str, operator: str, value: str
) -> None:
    """Who has typed it there puts it right there: what is added then takes its place."""
    page = typed(client, query)
    assert page.status_code == 400
    form = page.text.partition("data-filter-form>")[2].partition("</form>")[0]
    assert unescape(re.findall(r'name="query" value="([^"]*)"', form)[0]) == base
    assert unescape(re.findall(r'name="field" list="fields" value="([^"]*)"', form)[0]) == field
    assert [unescape(each) for each in re.findall(r'<option value="([^"]*)"[^>]* selected>', form)] == [operator][
        : bool(operator)
    ]
    assert unescape(re.findall(r'name="value" value="([^"]*)"', form)[0]) == value


def test_the_message_is_that_of_the_api(client: FlaskClient) -> None:
    for query in ("label=", 'labl="a"', "attributes.x=like=5", 'id="a"'):
        page = typed(client, query).text.partition('id="wrong"')[2].partition("</div>")[0]
        refused = client.get(f"/api/v4/nodes?{quoted(query)}").json["message"]
        shown = [unescape(each) for each in re.findall(r"<(?:p|pre)>([^<]*)</", page)]
        assert "\n".join(shown) == refused


@pytest.mark.parametrize(
    ("form", "location"),
    [
        ({"field": "label", "operator": "=", "value": "a b+c & d=e"}, 'label="a b+c & d=e"'),
        ({"field": "label", "operator": "=like=", "value": "%da_%"}, 'label=like="%da_%"'),
        ({"field": "Label", "operator": "=", "value": 'say "hi"'}, 'label="say ""hi"""'),
        ({"field": "label", "operator": "=", "value": "Zoë Łukasik 硅"}, 'label="Zoë Łukasik 硅"'),
        ({"field": "label", "operator": "=in=", "value": 'a, b,"c, d"'}, 'label=in="a","b","c, d"'),
        ({"field": "created", "operator": ">", "value": "2024-04-16"}, "ctime>2024-04-16"),
        ({"field": "ctime", "operator": ">", "value": "soon"}, 'ctime>"soon"'),
        ({"field": "id", "operator": "=in=", "value": "1,2"}, "id=in=1,2"),
        ({"field": "id", "operator": "<", "value": " 12 "}, "id<12"),
        ({"field": "state", "operator": "=", "value": "finished"}, 'attributes.process_state="finished"'),
        ({"field": "attributes.energy", "operator": "<", "value": "-3"}, "attributes.energy<-3"),
        ({"field": "attributes.energy", "operator": "<", "value": "-3.5e2"}, "attributes.energy<-350.0"),
        ({"field": "attributes.ok", "operator": "=", "value": "true"}, "attributes.ok=true"),
        ({"field": "attributes.n", "operator": "=", "value": '"5"'}, 'attributes.n="5"'),
        ({"field": "attributes.t", "operator": ">", "value": "2024-05-01"}, 'attributes.t>"2024-05-01"'),
        ({"field": 'extras."a b".c', "operator": "=has=", "value": "5"}, 'extras."a b".c=has="5"'),
        ({"field": "attributes.x", "operator": "=", "value": "1&id=2"}, 'attributes.x="1&id=2"'),
        ({"field": "attributes", "operator": "=has=", "value": "cell"}, 'filter=attributes=has="cell"'),
        ({"field": "process_type", "operator": "=isnull=", "value": ""}, "process_type=isnull=true"),
        ({"field": "process_type", "operator": "=isnull=", "value": "false"}, "process_type=isnull=false"),
        ({"field": "user", "operator": "=", "value": "Ada Lindqvist"}, 'user="Ada Lindqvist"'),
        ({"field": "group", "operator": "=", "value": "3"}, "group=3"),
        ({"field": "group", "operator": "=", "value": '"3"'}, 'group="3"'),
        ({"field": "incoming_of", "operator": "=", "value": "81,create"}, 'incoming_of=81,"create"'),
        ({"field": "no key", "operator": "=", "value": "5"}, "no key=5"),
        ({"field": "label", "operator": "nonsense", "value": "x"}, 'label="x"'),
        ({"field": "", "operator": "=", "value": "x"}, ""),
        ({"query": "id>3&cursor=abc&orderby=id", "field": "id", "operator": "<", "value": "9"}, "id>3&orderby=id&id<9"),
        ({"query": "id>3", "field": "id", "operator": ">", "value": "3"}, "id>3"),
        ({"query": "id>", "field": "id", "operator": "<", "value": "9"}, "id>&id<9"),
        ({"query": ")(", "shown": "id"}, ")("),
        ({"line": '?label = "a"'}, 'label = "a"'),
        ({"line": "  id=in=+1,02  "}, "id=in=1,2"),
        ({"line": 'label="a+b"'}, 'label="a+b"'),
        ({"line": 'label=like="%25 100%"'}, 'label=like="%25 100%"'),
    ],
)
def test_forms_lead_to_the_query_in_the_language(client: FlaskClient, form: dict[str, str], location: str) -> None:
    answer = client.get("/filter?" + urlencode({"to": "/nodes", **form}))
    assert answer.status_code == 303
    path, _, query = answer.headers["Location"].partition("?")
    # A filter by a path into JSON brings a column of it, after those of the table.
    text = unquote(query).partition(f"&fields={STANDARD},")[0]
    assert (path, text) == ("/nodes", location)
    # What was meant arrives.
    page = client.get(answer.headers["Location"])
    assert page.status_code in {200, 400}
    assert line(page.text) == unquote(query).replace("&cursor=abc", "")


STANDARD = "id,label,node_type,attributes.process_state,ctime,user_id"


def test_what_is_filtered_by_is_shown(client: FlaskClient) -> None:
    def location(**form: str) -> str:
        answer = client.get("/filter?" + urlencode({"to": "/nodes", "operator": "=", "value": "1", **form}))
        return unquote(answer.headers["Location"].partition("?")[2])

    assert location(field="attributes.energy") == f"attributes.energy=1&fields={STANDARD},attributes.energy"
    again = location(field="attributes.energy", query="attributes.energy<0&fields=id,attributes.energy")
    assert again == "attributes.energy<0&fields=id,attributes.energy&attributes.energy=1"
    assert location(field="attributes.exit_status") == "attributes.exit_status=1", "which stands beside the state"
    assert location(field="id") == "id=1"


@pytest.mark.parametrize(
    "to", ["", "//evil.example", "/api/v4/nodes", "/groups/../x", "https://evil.example/", "/nodes/5"]
)
def test_forms_lead_to_tables_only(client: FlaskClient, to: str) -> None:
    answer = client.get("/filter?" + urlencode({"to": to, "line": "id=5"}))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert client.get("/filter").status_code == 400
    assert client.get("/filter?to=/nodes&" + "shown=id&" * 400).status_code == 400


def test_processes(client: FlaskClient) -> None:
    page = client.get("/processes").text
    rows = api(client, 'node_type=like="process.%"&orderby=-ctime').json["data"]["nodes"]
    assert ids(page) == [each["id"] for each in rows]
    assert '<span class="state bad">finished [305]</span>' in page
    assert '<span class="beside">Both the stdout and XML output files could not be read or parsed.</span>' in page
    assert '<td class="number"><span title="36900 s">10 h 15 min</span></td>' in page
    assert line(page) == ""
    states = client.get("/processes?attributes.process_state=%22killed%22").text
    assert shown_total(states) == "1"
    assert "<b>1</b> process<" in states


def test_a_group_and_its_nodes(client: FlaskClient) -> None:
    groups = client.get("/api/v4/groups").json["data"]["groups"]
    listed = client.get("/groups").text
    for group in groups:
        path = f"/groups/{group['uuid']}"
        assert path in links(listed, group["label"])
        rows = api(client, f"group={group['id']}&orderby=-ctime").json["data"]["nodes"]
        for address in (path, f"/groups/{group['id']}", path[:-20]):
            page = client.get(address).text
            assert ids(page) == [each["id"] for each in rows]
            assert f"<code>{group['uuid']}</code>" in page
        if rows:
            few = typed(client, f"id={rows[0]['id']}", path).text
            assert ids(few) == [rows[0]["id"]]
            loaded = client.get(f"{path}/parts/facet?facet=node_type").text
            assert sum(map(int, re.findall(r'<span class="number">(\d+)', loaded))) == len(rows)
            (address,) = links(page, "CSV")
            assert client.get(address).text.count("\n") == len(rows) + 1
    assert client.get("/groups/999").status_code == 404


def test_users_and_computers_lead_to_their_nodes(client: FlaskClient) -> None:
    for path, key in (("/users", "user"), ("/computers", "computer")):
        page = client.get(path).text
        found = re.findall(rf'<td class="number"><a href="(/nodes\?{key}=\d+)">([\d,]+)</a></td></tr>', page)
        assert len(found) == int(shown_total(page))
        for address, count in found:
            nodes = client.get(address).text
            assert shown_total(nodes) == count
            names = {unescape(name).removeprefix("user ") for name in re.findall(r'">([^<]*)</a></td>', page)}
            assert chips(nodes)[0][0] in {f"{key} is {name}" for name in names}


def test_names_are_asked_for_by_the_ids_that_rows_and_filters_have(golden: Golden, serve: Callable[..., Flask]) -> None:
    """Also where a list has room for fewer users than there are."""
    client = serve(find(str(golden.archive)), {"MAX_LIMIT": 1}).test_client()
    users = serve(find(str(golden.archive)), {}).test_client().get("/api/v4/users").json["data"]["users"]
    named = {each["id"]: f"{each['first_name']} {each['last_name']}".strip() for each in users}
    found = set()
    for number, name in named.items():
        page = client.get(f"/nodes?user={number}&fields=id,user_id").text
        if ids(page):
            found.add(name)
            assert f'<a href="/nodes?user={number}">{name}</a>' in page
            assert chips(page)[0][0] == f"user is {name}"
            assert f"/api/v4/users?id=in={number}&amp;fields=id,first_name,last_name</a>" in page
    assert len(found) > 1
    assert "/api/v4/users" not in client.get("/nodes?fields=id,label").text


def test_nothing_fulfils_all(client: FlaskClient) -> None:
    page = client.get("/nodes?id%3E9999").text
    assert "No node fulfils all of these. Take one of the filters away." in page
    page = client.get("/groups?label=%22none+such%22").text
    assert "No group fulfils all of these." in page
    assert "There are no further nodes" in client.get("/nodes?offset=500").text


@pytest.fixture(scope="module")
def hostile(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A profile whose every text wants to be more than text."""
    folder = shutil.copytree(golden.sqlite, tmp_path_factory.mktemp("hostile") / "profile")
    bad = "\"><script>alert(1)</script>'&amp;{{ 7*7 }}\u202e"
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET label = ?, description = ?", (bad, bad))
        connection.execute("UPDATE db_dbnode SET attributes = json_set(attributes, '$.process_label', ?)", (bad,))
        states = json.dumps({"deep": [bad] * 50})
        connection.execute(
            "UPDATE db_dbnode SET attributes = json_set(attributes, '$.exit_status', json(?)) WHERE id % 2", (states,)
        )
        connection.execute("UPDATE db_dbgroup SET label = label || ?, description = ?", (bad, bad * 1000))
        connection.execute("UPDATE db_dbcomputer SET label = label || ?", (bad,))
        connection.execute("UPDATE db_dbuser SET first_name = ?, institution = ?", (bad, bad))
    app = create_app(str(folder), {})
    yield app.test_client()
    app.extensions["aiida_like_storage"].close()


def test_hostile_texts_stay_texts(hostile: FlaskClient) -> None:
    hostile.get("/api/v4/server")
    group = hostile.get("/api/v4/groups?limit=1").json["data"]["groups"][0]["uuid"]
    pages = [*TABLES, f"/groups/{group}", "/search?q=script", "/nodes/parts/facet?facet=attributes.process_label"]
    fields = ",".join((*TABLES["/nodes"].columns, *TABLES["/nodes"].choices))
    pages += [f"/nodes?fields={fields}", "/nodes?facet=attributes.exit_status,group", "/nodes?user=1&computer=1"]
    pages += ['/nodes?label="><script>alert(1)</script>', "/nodes?<script>", '/search?q="><script>alert(1)']
    for address in pages:
        page = hostile.get(address.replace('"', "%22").replace("<", "%3C").replace(">", "%3E"))
        assert page.status_code in {200, 400}, address
        assert "<script>" not in page.text, address
        assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|\b49\b(?=\\u202e)", page.text)
    assert len(hostile.get(f"/groups/{group}").text) < 60_000


def test_below_a_mount(client: FlaskClient) -> None:
    mounted = {"SCRIPT_NAME": "/a b"}
    page = client.get("/nodes?id%3E100&limit=3", environ_overrides=mounted).text
    addresses = [unescape(each) for each in re.findall(r'(?:href|src|action|data-load)="(/[^"]*)"', page)]
    assert addresses
    assert [each for each in addresses if not each.startswith("/a%20b/")] == []
    sent = urlencode({"to": "/nodes", "field": "label", "operator": "=", "value": "a b"})
    answer = client.get(f"/filter?{sent}", environ_overrides=mounted)
    assert answer.headers["Location"] == "/a%20b/nodes?label=%22a%20b%22"
    (address,) = links(page, "Next")
    following = client.get(address.removeprefix("/a%20b"), environ_overrides=mounted).text
    assert ids(following) == ids(client.get("/nodes?id%3E100").text)[3:6]


def test_pages_are_the_same_bytes_again(client: FlaskClient) -> None:
    for path in (*TABLES, '/nodes?node_type=like="data.%25"&facet=attributes.process_state'):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304


def test_forms_name_where_they_lead(client: FlaskClient) -> None:
    page = client.get("/processes?id%3E5").text
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    assert hidden == [
        ("to", "/processes"),
        ("to", "/processes"),
        ("query", "id&gt;5"),
        ("to", "/processes"),
        ("query", "id&gt;5"),
    ]


def test_long_texts_are_cut(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "long")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET description = ?", ("long " * 20_000,))
    app = create_app(str(folder), {})
    client = app.test_client()
    client.get("/api/v4/server")
    page = client.get("/nodes?fields=id,description&limit=20").text
    assert len(ids(page)) == 20
    assert len(page) < 60_000
    app.extensions["aiida_like_storage"].close()


def test_paths_of_these_rows_are_suggested(client: FlaskClient) -> None:
    for path in ("/nodes", "/groups/2"):
        page = client.get(f"{path}?node_type=%22data.core.structure.StructureData.%22").text
        found = re.search(r'<datalist id="fields" data-more="([^"]*)"', page)
        assert found is not None
        part = client.get(unescape(found[1]))
        paths = [unescape(each) for each in re.findall(r'<option value="([^"]*)">', part.text)]
        assert {"attributes.cell", "attributes.pbc1", "attributes.kinds.0.name", "attributes.kinds.0.symbols"} <= {
            *paths
        }
        assert client.get(f"{path}?fields=id,{quoted(','.join(paths[:20]))}").status_code == 200
    assert "data-more" not in client.get("/users").text
    assert client.get("/users/parts/suggestions").text.strip() == ""
    assert "attributes." in client.get("/nodes/parts/suggestions?label=").text
    assert client.get("/nodes/parts/suggestions?nothing=1").text.strip() == ""


def test_so_many_paths_are_suggested(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "many")
    many = {f"key {number}.x": {"y": {"z": {"deep": {"deeper": 1}}}} for number in range(500)}
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET attributes = ?", (json.dumps({"long" * 50: 1, **many}),))
    app = create_app(str(folder), {})
    client = app.test_client()
    client.get("/api/v4/server")
    paths = re.findall(r'<option value="([^"]*)">', client.get("/nodes/parts/suggestions").text)
    assert len(paths) == 100
    assert unescape(paths[0]) == 'attributes."key 0.x".y.z.deep'
    app.extensions["aiida_like_storage"].close()


def test_tables_of_each_storage(target: dict[str, str], serve: Callable[..., Flask]) -> None:
    client = serve(find(**target), {}).test_client()
    for path, table in TABLES.items():
        page = client.get(f"{path}?orderby=-id&limit=5")
        assert page.status_code == 200
        rows = client.get(f"/api/v4{table.api_path}?{quoted(table.scope)}&orderby=-id&limit=5")
        assert shown_total(page.text) == rows.headers["X-Total-Count"]
        shown = [int(each) for each in re.findall(r'<tr><td class="number">(?:<a [^>]*>)?(\d+)<', page.text)]
        assert shown == [each["id"] for each in rows.json["data"][table.entity.name]]
    query = quoted('filter=attributes.process_state="finished" OR attributes.kinds.0.symbols=has="Si"')
    assert (
        shown_total(client.get(f"/nodes?{query}").text) == client.get(f"/api/v4/nodes?{query}").headers["X-Total-Count"]
    )


def test_many_rows_are_not_counted_by_a_planner(
    golden_postgresql: GoldenPostgreSQL, serve: Callable[..., Flask]
) -> None:
    profile = find(golden_postgresql.url, str(golden_postgresql.repository))
    client = serve(profile, {}, tuning=Tuning(estimated_rows=10)).test_client()
    page = client.get("/nodes").text
    assert re.search(r'<b title="about [\d,]+">10\+</b> nodes', page)
    assert "cursor=" in links(page, "JSON")[0]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nodes?label=%22%00%22", 400),
        ("/nodes?%FF%FE", 400),
        ("/groups/%00", 404),
        ("/groups/projectable_properties", 404),
        ("/groups/page/parts/facet", 404),
        ("/groups/page/0", 400),
        ("/users/page/x", 404),
        ("/nodes/page/0", 400),
        ("/nodes/page/99999999999999999999999999", 400),
        ("/filter?to=/nodes&line=%00", 303),
        (f"/nodes?label=%22{'x' * 9000}%22", 400),
        ("/nodes/parts/facet?label=", 400),
        ("/processes/parts/facet?facet=nothing", 400),
        ("/groups/999/parts/facet?facet=user", 404),
    ],
)
def test_odd_requests(client: FlaskClient, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert "Internal" not in answer.text


def test_a_long_value_is_no_filter(golden: Golden, tmp_path: Path) -> None:
    folder = shutil.copytree(golden.sqlite, tmp_path / "long")
    with closing(sqlite3.connect(folder / "database.sqlite")) as connection, connection:
        connection.execute("UPDATE db_dbnode SET attributes = json_set(attributes, '$.x', ?)", ("long " * 20_000,))
    app = create_app(str(folder), {})
    part = app.test_client().get("/nodes/parts/facet?facet=attributes.x").text
    assert "<a " not in part
    assert len(part) < 2000
    app.extensions["aiida_like_storage"].close()


def test_facets_that_take_too_long_stay_closed(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ask.Api.ask

    def slow(api: ask.Api, path: str, query: str = "", prefer: str = "") -> ask.ApiAnswer:
        if "facet=" in query:
            raise ask.ApiRefused(503, "the query took longer than 10 s and was stopped", {})
        return asked(api, path, query, prefer)

    monkeypatch.setattr(ask.Api, "ask", slow)
    page = client.get("/nodes")
    assert page.status_code == 200
    assert page.text.count("Count them") == 7
    assert len(ids(page.text)) == 50
    assert client.get("/nodes/parts/facet?facet=user").status_code == 503


def test_eight_threads_see_the_same(serve: Callable[..., Flask]) -> None:
    app = serve(demo(), {})
    pages = [*TABLES, "/groups/2", "/search?q=Si", '/nodes?filter=label LIKE "si%"&facet=attributes.process_state']
    found: dict[tuple[int, str], bytes] = {}

    def look(number: int) -> None:
        client = app.test_client()
        for path in pages[number:] + pages[:number]:
            found[number, path] = client.get(path).data

    at_once(look)
    assert [len({found[number, path] for number in range(8)}) for path in pages] == [1] * len(pages)


def test_times_can_be_read_by_programs(client: FlaskClient) -> None:
    page = client.get("/nodes?id=5", headers={"Accept": "text/html"}).text
    (row,) = client.get("/api/v4/nodes?id=5&fields=ctime").json["data"]["nodes"]
    written = re.findall(r'<time datetime="([^"]*)" title="([^"]*)">', page)
    assert [full for _, full in written] == [row["ctime"]]
    assert datetime.fromisoformat(written[0][0]) == parsedate_to_datetime(row["ctime"]).replace(second=0)
