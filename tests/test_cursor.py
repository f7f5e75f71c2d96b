"""`cursor=`: rows come in the order of the whole list, one part behind the other, whatever happens meanwhile."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from aiida_like.errors import QueryError
from aiida_like.profiles import find
from querylang.cursor import read_place, write_place
from querylang.keyset import total_order
from querylang.lowering.lower import order_by
from querylang.options import OrderTerm
from restapi.dialects.aiida_v2.entities import COMPUTERS, NODES
from tests import writable
from tests.conftest import Effort, Golden, GoldenPostgreSQL
from tests.lists import LISTS, rows_of
from tests.servers import PostgreSQL
from tests.writable import Writable


def next_url(response: TestResponse) -> str | None:
    link = response.headers.get("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<http://localhost(/[^>]*)>; rel="next"', link)
    assert found is not None, link
    return found[1]


def parts(client: FlaskClient, url: str) -> Iterator[list[dict[str, Any]]]:
    following: str | None = url
    while following:
        response = client.get(following)
        yield rows_of(response)
        following = next_url(response)


@pytest.mark.parametrize("path", LISTS)
def test_parts_are_the_whole(client: FlaskClient, path: str, effort: Effort) -> None:
    for order in effort.of(LISTS[path], 4):
        query = f"orderby={order}&" if order else ""
        whole = rows_of(client.get(f"/api/{path}?{query}"))
        assert len(whole) > 1
        for limit in (1, 3, len(whole) - 1, len(whole), 400):
            found = list(parts(client, f"/api/{path}?{query}limit={limit}&cursor="))
            assert [row for part in found for row in part] == whole, (order, limit)
            assert {len(part) for part in found[:-1]} <= {limit}
            assert 0 < len(found[-1]) <= limit


def test_filters_and_options_stay(client: FlaskClient) -> None:
    """In whatever way they are written."""
    for query in (
        'label!="a&cursor=b"',
        'label!="100% #1 + <ü> \\ ""x"""',
        'filter=NOT (label="%25" AND attributes."a & b"=1) AND id>3',
        "ctime<2030-01-01T05:30+05:30&id=in=1,2,3,4,5,6",
        'type=like="data.core.dict%"&fields=id,extras.nested',
    ):
        url = f"/api/v2/nodes?{quote(query, safe='=&')}"
        whole = rows_of(client.get(url))
        assert len(whole) > 2
        assert [row for part in parts(client, f"{url}&limit=2&cursor=") for row in part] == whole


def test_the_total_is_that_of_all_parts(client: FlaskClient) -> None:
    response = client.get("/api/v4/nodes?id>50&limit=10&cursor=")
    total = response.headers["X-Total-Count"]
    assert int(total) > 20
    following = client.get(str(next_url(response)))
    assert (following.headers["X-Total-Count"], following.json["data"]["nodes"][0]["id"]) == (total, 61)


@pytest.fixture(params=["sqlite", "postgresql"])
def changing(request: pytest.FixtureRequest, golden: Golden, postgresql: PostgreSQL, tmp_path: Path) -> Writable:
    if request.param == "sqlite":
        return writable.sqlite(golden, tmp_path)
    stored: GoldenPostgreSQL = request.getfixturevalue("golden_postgresql")
    return writable.postgresql(stored, postgresql, "cursor", tmp_path)


def test_rows_are_inserted_and_deleted_meanwhile(changing: Writable, serve: Callable[..., Flask]) -> None:
    """Each row that was there all the time comes once; a page would show some twice and leave others out."""
    client = serve(find(**changing.target), {}).test_client()
    before = [row["label"] for row in rows_of(client.get("/api/v4/groups?orderby=label"))]
    first = client.get("/api/v4/groups?orderby=label&limit=2&cursor=")
    insert = (
        "INSERT INTO db_dbgroup (uuid, label, type_string, time, description, extras, user_id) "
        "SELECT '{uuid}', '{label}', type_string, time, description, extras, user_id FROM db_dbgroup "
        "WHERE label = '{of}'"
    )
    with changing.committing() as commit:
        for number, label in enumerate(("!!! before all", "zzz behind all")):
            commit(insert.format(uuid=f"00000000-0000-4000-8000-00000000000{number}", label=label, of=before[0]))
        commit(
            f"DELETE FROM db_dbgroup_dbnodes WHERE dbgroup_id = (SELECT id FROM db_dbgroup WHERE label = '{before[1]}')"
        )
        commit(f"DELETE FROM db_dbgroup WHERE label = '{before[1]}'")
    rest = [row["label"] for part in parts(client, str(next_url(first))) for row in part]
    assert rest == [*before[2:], "zzz behind all"]


def place_text(*values: Any) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


SIGNATURES = {
    order: json.loads(urlsafe_b64decode(write_place(total_order(order_by(terms, entity), entity), ()) + "=="))[0]
    for order, terms, entity in (
        ("id", (OrderTerm("id", descending=False),), NODES),
        ("ctime", (OrderTerm("ctime", descending=False),), NODES),
        ("label", (OrderTerm("label", descending=False),), NODES),
        ("uuid", (OrderTerm("uuid", descending=False),), NODES),
        ("attributes.value", (OrderTerm("attributes", descending=False, path=("value",)),), NODES),
        ("enabled", (OrderTerm("enabled", descending=False),), COMPUTERS),
    )
}

NO_CURSOR = (
    "the cursor is none of this server, or at a row with an odd value: begin with an empty cursor=, follow the next of "
    "the Link header, or order by id"
)

MADE_UP: list[tuple[str, tuple[Any, ...]]] = [
    ("id", ()),
    ("id", (1, 2)),
    ("id", ("1",)),
    ("id", (2**63,)),
    ("id", (1.5,)),
    ("id", (True,)),
    ("id", (None,)),
    ("id", ([1],)),
    ("ctime", ("today", 1)),
    ("ctime", ("2016-02-30 00:00:00", 1)),
    ("ctime", ("2016-02-20 00:00:00; DROP", 1)),
    ("ctime", ("\uff12016-02-20 00:00:00", 1)),
    ("ctime", ("2016-02-20", 1)),
    ("ctime", (5, 1)),
    ("ctime", (None, 1)),
    ("label", (1, 1)),
    ("label", ("a\0", 1)),
    ("label", ("\ud800", 1)),
    ("uuid", ("x", 1)),
    ("attributes.value", (float("nan"), "a", True, 1)),
    ("attributes.value", ("1", "a", True, 1)),
    ("attributes.value", (1, 2, True, 1)),
    ("attributes.value", (1, "a", 2, 1)),
    ("attributes.value", (1, "a", "true", 1)),
    ("attributes.value", ({}, "a", True, 1)),
]


@pytest.mark.parametrize(("order", "values"), MADE_UP)
def test_a_cursor_that_was_made_up(client: FlaskClient, order: str, values: tuple[Any, ...]) -> None:
    response = client.get(f"/api/v2/nodes?orderby={order}&cursor={place_text(SIGNATURES[order], *values)}")
    assert (response.status_code, response.json) == (400, {"message": NO_CURSOR})


@pytest.mark.parametrize(
    ("order", "values"),
    [
        ("attributes.value", (float("inf"), None, None, 1)),
        ("attributes.value", (-1e308, None, None, 2**62)),
        ("attributes.value", (None, None, None, -1)),
        ("ctime", ("9999-12-31 23:59:59.999999", 1)),
        ("label", ("\U0001f600'; --", 1)),
    ],
)
def test_a_place_where_no_row_is(client: FlaskClient, order: str, values: tuple[Any, ...]) -> None:
    response = client.get(f"/api/v2/nodes?orderby={order}&cursor={place_text(SIGNATURES[order], *values)}")
    assert response.status_code == 200, response.text


WRONG = {
    "cursor=x": NO_CURSOR,
    "cursor=####": NO_CURSOR,
    "cursor=W10": NO_CURSOR,  # []
    "cursor=e30": NO_CURSOR,  # {}
    "cursor=ü": NO_CURSOR,
    "orderby=-id&cursor=" + place_text(SIGNATURES["id"], 5): (
        "the cursor is of a list with another order: take it along with the same orderby="
    ),
    "cursor=&offset=3": "cursor is incompatible with offset, perpage and a page in the path: it says where to go on",
    "cursor=&perpage=3": "cursor is incompatible with offset, perpage and a page in the path: it says where to go on",
    "cursor=&limit=401": "limit=401 is out of range: it goes from 1 to 400",
    "cursor=&cursor=": "cursor is given twice; it can stand only once in a query string",
}


@pytest.mark.parametrize("query", WRONG)
def test_errors(archive_client: FlaskClient, query: str) -> None:
    response = archive_client.get("/api/v4/nodes?" + quote(query, safe="=&"))
    assert (response.status_code, response.json) == (400, {"message": WRONG[query]})


def test_a_page_has_no_cursor(archive_client: FlaskClient) -> None:
    response = archive_client.get("/api/v4/nodes/page/2?cursor=")
    assert (response.status_code, response.json) == (400, {"message": WRONG["cursor=&offset=3"]})


def test_deep_nesting_is_no_cursor() -> None:
    with pytest.raises(QueryError, match=re.escape(NO_CURSOR)):
        read_place(total_order((), NODES), urlsafe_b64encode(b"[" * 100_000).decode())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(-(2**63), 2**63 - 1))
def test_a_place_is_read_as_it_was_written(text: str, number: int) -> None:
    order = total_order(order_by((OrderTerm("label", descending=True),), NODES), NODES)
    assert read_place(order, write_place(order, (text, number))) == (text, number)


def test_times_that_are_the_same(golden: Golden, tmp_path: Path, serve: Callable[..., Flask]) -> None:
    """Many rows of one place but for their ids."""
    copy = writable.sqlite(golden, tmp_path)
    with closing(copy.connect()) as connection:
        connection.execute("UPDATE db_dbnode SET ctime = (SELECT ctime FROM db_dbnode WHERE id = 5) WHERE id % 4 > 0")
        connection.commit()
    client = serve(find(**copy.target), {}).test_client()
    for order in ("ctime", "-ctime", "-ctime,label", "ctime,-process_type,id"):
        whole = rows_of(client.get(f"/api/v2/nodes?orderby={order}"))
        assert [
            row for part in parts(client, f"/api/v2/nodes?orderby={order}&limit=7&cursor=") for row in part
        ] == whole
