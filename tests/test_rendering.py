"""Rows -> objects."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import literal

from aiida_like.profiles import find
from querylang.schema import Field, FieldType
from restapi.answering.rendering import objects_of
from tests.conftest import Golden
from tests.golden import graph
from tests.urls import URLS

NAMES = ["label", "", "lambda", '"]: 1} for _ in (); raise', "attributes.a'b\\", "{0}", "v0", "é\n"]


def field(name: str, type_: FieldType = FieldType.STRING, *, is_nullable: bool = False) -> Field:
    return Field(name, type_, literal(1), name, name, is_nullable=is_nullable)


@pytest.mark.parametrize("number", [1, 2, len(NAMES)])
def test_any_name_is_a_key(number: int) -> None:
    make = objects_of(tuple(map(field, NAMES[:number])))
    rows = [tuple(range(number)), tuple("abcdefgh"[:number])]
    assert make(rows) == [dict(zip(NAMES, row, strict=False)) for row in rows]


def test_values_are_written_by_their_types() -> None:
    make = objects_of(
        (field("id", FieldType.INTEGER), field("time", FieldType.DATETIME), field("is", FieldType.BOOLEAN))
    )
    assert make([(5, "2016-04-29 19:24:12.123", 1)]) == [{"id": 5, "time": "Fri, 29 Apr 2016 19:24:12 GMT", "is": True}]
    assert objects_of((field("is", FieldType.BOOLEAN, is_nullable=True),))([(None,), (0,)]) == [
        {"is": None},
        {"is": False},
    ]


PROJECTIONS = [
    "/api/v4/nodes?fields=uuid,attributes.value&limit=3",
    "/api/v2/nodes?fields=id,extras&limit=3",
    "/api/v4/nodes?attributes=true&attributes_filter=value&limit=3",
    f"/api/v4/nodes/{graph.relax}/links/outgoing?fields=uuid,link_label",
    "/api/v4/nodes?cursor=&limit=3",
    "/api/v4/nodes?format=csv&fields=uuid",
]


def test_it_is_made_once(golden: Golden, serve: Callable[..., Flask]) -> None:
    """Not for each request: that takes longer than to show its rows."""
    client = serve(find(str(golden.sqlite)), {"CACHE": False}).test_client()
    for url in (*URLS, *PROJECTIONS):
        assert client.get(url, buffered=True).status_code == 200, url
        made = objects_of.cache_info().misses
        client.get(url, buffered=True)
        assert objects_of.cache_info().misses == made, url


def test_rows_have_what_the_fields_say() -> None:
    with pytest.raises(ValueError, match="unpack"):
        objects_of((field("id"),))([(1, 2)])
    assert objects_of((field("id"),))([]) == []
