"""What belongs to one node, computer or group."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from benchmarks.limit.asked import Asked
from benchmarks.limit.database import Database, Route, Row
from benchmarks.limit.lists import ENTITIES, entity
from benchmarks.limit.values import COLUMNS, DESCRIPTIONS, DRAWN, drawn, http_date, listing, node

NODE = ", ".join(f"n.{column}" for column in COLUMNS)
DESCRIBED = ", ".join(f"'{node_type}'" for node_type in DESCRIPTIONS)
DRAWING = (
    ", ".join(f"n.{column}" for column in DRAWN)
    + f", CASE WHEN n.node_type IN ({DESCRIBED}) THEN n.attributes END"
    + ", (SELECT label FROM db_dbcomputer AS c WHERE c.id = n.dbcomputer_id)"
)
LOWEST, HIGHEST = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


def found(database: Database, columns: str, path_id: str, table: str = "db_dbnode") -> Row:
    """The row that a uuid, or the beginning of one, names."""
    if len(path_id) == len(LOWEST):
        return database.rows(f"SELECT {columns} FROM {table} AS n WHERE uuid = ?", path_id)[0]
    ends = path_id + LOWEST[len(path_id) :], path_id + HIGHEST[len(path_id) :]
    (row,) = database.rows(f"SELECT {columns} FROM {table} AS n WHERE uuid >= ? AND uuid <= ? LIMIT 2", *ends)
    return row


Part = Callable[[Database, str, str], Any]
"""Of the node with a uuid, for a query."""


def one(database: Database, uuid: str, query: str) -> Any:
    if "attributes=true" not in query:
        return {"nodes": [node(found(database, NODE, uuid))]}
    row = found(database, f"{NODE}, attributes", uuid)
    return {"nodes": [node(row) | {"attributes": orjson.Fragment(row[-1])}]}


def attributes(database: Database, uuid: str, query: str) -> Any:
    if not query:
        return {"attributes": orjson.Fragment(found(database, "attributes", uuid)[0])}
    key = query.partition("=")[2].strip('"')
    return {"attributes": {key: database.shown(found(database, database.value.format("n", key), uuid)[0])}}


def extras(database: Database, uuid: str, _: str) -> Any:
    return {"extras": orjson.Fragment(found(database, "extras", uuid)[0])}


def comments(database: Database, uuid: str, _: str) -> Any:
    rows = database.rows(
        f"SELECT c.ctime, c.mtime, first_name, last_name, content FROM db_dbnode AS n {database.cross} "
        f"db_dbcomment AS c ON c.dbnode_id = n.id {database.cross} db_dbuser AS u ON u.id = c.user_id "
        "WHERE n.uuid = ? ORDER BY c.id",
        uuid,
    )
    shown = [
        {
            "created_time": http_date(ctime),
            "modified_time": http_date(mtime),
            "user": f"{first} {last}",
            "message": content,
        }
        for ctime, mtime, first, last, content in rows
    ]
    return {"comments": shown}


def report(database: Database, uuid: str, _: str) -> Any:
    rows = database.rows(
        f"SELECT time, loggername, levelname, dbnode_id, message FROM db_dbnode AS n {database.cross} db_dblog AS l "
        "ON l.dbnode_id = n.id WHERE n.uuid = ? ORDER BY time, l.id",
        uuid,
    )
    keys = ("loggername", "levelname", "dbnode_id", "message")
    return {"logs": [{"time": http_date(row[0]), **dict(zip(keys, row[1:], strict=True))} for row in rows]}


def input_files(database: Database, uuid: str, _: str) -> Any:
    return listing(found(database, "repository_metadata", uuid)[0])


def output_files(database: Database, uuid: str, _: str) -> Any:
    ((stored,),) = database.rows(
        f"SELECT o.repository_metadata FROM db_dbnode AS n {database.cross} db_dblink AS l ON l.input_id = n.id "
        f"{database.cross} db_dbnode AS o ON o.id = l.output_id WHERE n.uuid = ? AND l.label = 'retrieved'",
        uuid,
    )
    return listing(stored)


def other(name: str) -> Part:
    table, columns = ENTITIES[name]
    return lambda database, uuid, _: {name: [entity(columns, found(database, ", ".join(columns), uuid, table))]}


ENDS = {"incoming": ("output_id", "input_id"), "outgoing": ("input_id", "output_id")}


def linked(database: Database, direction: str, columns: str, uuid: str, limit: int) -> tuple[list[Row], int]:
    """Rows of neighbours with the label and the type of the link, and the number of all."""
    here, there = ENDS[direction]
    rows = database.rows(
        f"SELECT {columns}, l.label, l.type FROM (SELECT id, {there}, label, type FROM db_dblink "
        f"WHERE {here} = (SELECT id FROM db_dbnode WHERE uuid = ?) ORDER BY {there}, id LIMIT {limit}) AS l "
        f"{database.cross} db_dbnode AS n ON n.id = l.{there} ORDER BY n.id, l.id",
        uuid,
    )
    if len(rows) < limit:
        return rows, len(rows)
    ((total,),) = database.rows(
        f"SELECT count(*) FROM db_dblink WHERE {here} = (SELECT id FROM db_dbnode WHERE uuid = ?)", uuid
    )
    return rows, total


def tree(database: Database, uuid: str, _: str) -> Any:
    """With at most ten neighbours in each direction."""
    shown = drawn(found(database, DRAWING, uuid))
    metadata: dict[str, int] = {}
    for direction in ENDS:
        rows, total = linked(database, direction, DRAWING, uuid, 10)
        shown[direction] = [drawn(row) | {"link_label": row[-2], "link_type": row[-1]} for row in rows]
        metadata |= {f"total_no_of_{direction}s": total, f"sent_no_of_{direction}s": len(rows)}
    return {"nodes": [shown], "metadata": [metadata]}


def links(direction: str, limit: int) -> Route:
    def answer(database: Database, request: Asked) -> tuple[Any, int]:
        rows, total = linked(database, direction, NODE, str(request.path_id), limit)
        return {direction: [node(row) | {"link_label": row[-2], "link_type": row[-1]} for row in rows]}, total

    return answer


@cache
def _packs(container: Path) -> tuple[sqlite3.Connection, dict[int, int]]:
    connection = sqlite3.connect(f"file:{container / 'packs.idx'}?mode=ro&immutable=1", uri=True)
    return connection, {int(pack.name): os.open(pack, os.O_RDONLY) for pack in (container / "packs").iterdir()}


def content(database: Database, uuid: str, query: str) -> bytes:
    """A file at the top of the tree; all objects are packed."""
    name = query.partition("=")[2].strip('"')
    key = orjson.loads(found(database, "repository_metadata", uuid)[0])["o"][name]["k"]
    index, packs = _packs(database.container)
    ((pack, start, length, compressed),) = index.execute(
        'SELECT pack_id, "offset", length, compressed FROM db_object WHERE hashkey = ?', (key,)
    )
    stored = os.pread(packs[pack], length, start)
    return zlib.decompress(stored) if compressed else stored


def of_one(part: Part, total: int | None = 1) -> Route:
    return lambda database, request: (part(database, str(request.path_id), request.query), total)


ROUTES: Mapping[str, Route] = {
    "nodes/*": of_one(one),
    "nodes/*/contents/attributes": of_one(attributes),
    "nodes/*/contents/extras": of_one(extras),
    "nodes/*/contents/comments": of_one(comments),
    "nodes/*/links/incoming": links("incoming", 400),
    "nodes/*/links/outgoing": links("outgoing", 400),
    "nodes/*/links/outgoing/page": links("outgoing", 20),
    "nodes/*/links/tree": of_one(tree, total=None),
    "nodes/*/repo/list": of_one(lambda *asked: {"repo_list": input_files(*asked)}),
    "nodes/*/repo/contents": of_one(content),
    "processes/*/report": of_one(report),
    "calcjobs/*/input_files": of_one(input_files),
    "calcjobs/*/output_files": of_one(output_files),
    "computers/*": of_one(other("computers")),
    "groups/*": of_one(other("groups")),
}
