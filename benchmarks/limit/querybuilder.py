"""The five queries of the mix, told apart by their tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from benchmarks.limit.asked import Asked
from benchmarks.limit.database import Database, Route
from benchmarks.limit.values import http_date
from benchmarks.node_types import DICT, JOB, STRUCTURE

Wanted = Mapping[str, Any]
"""The dictionary. Its limit stands in the SQL: of one that is a value PostgreSQL expects that it is large."""


def failed_jobs(database: Database, wanted: Wanted, limit: int) -> Any:
    status = database.number.format("n", "exit_status")
    rows = database.rows(
        f"SELECT id, uuid, ctime, {status} FROM db_dbnode AS n WHERE node_type = '{JOB}' AND {status} > ? "
        f"ORDER BY id DESC LIMIT {limit}",
        wanted["filters"]["job"]["attributes.exit_status"][">"],
    )
    return {
        "job": [
            {"id": pk, "uuid": uuid, "ctime": http_date(ctime), "attributes.exit_status": value}
            for pk, uuid, ctime, value in rows
        ]
    }


def structure_job_results(database: Database, wanted: Wanted, limit: int) -> Any:
    cross = database.cross
    rows = database.rows(
        f"SELECT s.uuid, j.uuid, j.process_type, r.uuid, {database.number.format('r', 'energy')} FROM db_dbnode AS r "
        f"{cross} db_dblink AS made ON made.output_id = r.id "
        f"{cross} db_dbnode AS j ON j.id = made.input_id AND j.node_type = '{JOB}' "
        f"{cross} db_dblink AS used ON used.output_id = j.id "
        f"{cross} db_dbnode AS s ON s.id = used.input_id AND s.node_type = '{STRUCTURE}' "
        f"WHERE r.node_type = '{DICT}' AND r.id < ? ORDER BY r.id DESC LIMIT {limit}",
        wanted["filters"]["results"]["id"]["<"],
    )
    return {
        "structure": [{"uuid": row[0]} for row in rows],
        "job": [{"uuid": row[1], "process_type": row[2], "full_type": f"|{row[2]}"} for row in rows],
        "results": [{"uuid": row[3], "attributes.energy": row[4]} for row in rows],
    }


def nodes_of_group(database: Database, wanted: Wanted, limit: int) -> Any:
    rows = database.rows(
        "SELECT id, uuid, label, node_type, ctime FROM db_dbnode WHERE id IN (SELECT dbnode_id FROM db_dbgroup_dbnodes "
        "WHERE dbgroup_id = (SELECT id FROM db_dbgroup WHERE label = ? AND type_string = 'core') "
        f"ORDER BY dbnode_id LIMIT {limit}) ORDER BY id",
        wanted["filters"]["group"]["label"],
    )
    return {
        "node": [
            {
                "id": pk,
                "uuid": uuid,
                "label": label,
                "node_type": node_type,
                "ctime": http_date(ctime),
                "full_type": f"{node_type}|",
            }
            for pk, uuid, label, node_type, ctime in rows
        ]
    }


def energy_below(database: Database, wanted: Wanted, limit: int) -> Any:
    energy = database.number.format("n", "energy")
    rows = database.rows(
        f"SELECT id, {energy} FROM db_dbnode AS n WHERE node_type = '{DICT}' AND {energy} < ? "
        f"ORDER BY id LIMIT {limit}",
        wanted["filters"]["results"]["attributes.energy"]["<"],
    )
    return {"results": [{"id": pk, "attributes.energy": value} for pk, value in rows]}


def outputs_of_job(database: Database, wanted: Wanted, limit: int) -> Any:
    rows = database.rows(
        f"SELECT o.uuid, o.node_type, o.attributes FROM db_dbnode AS j {database.cross} db_dblink AS l "
        f"ON l.input_id = j.id {database.cross} db_dbnode AS o ON o.id = l.output_id "
        f"WHERE j.uuid = ? AND j.node_type = '{JOB}' ORDER BY o.id LIMIT {limit}",
        wanted["filters"]["job"]["uuid"],
    )
    return {
        "output": [
            {
                "uuid": uuid,
                "node_type": node_type,
                "attributes": orjson.Fragment(attributes),
                "full_type": f"{node_type}|",
            }
            for uuid, node_type, attributes in rows
        ]
    }


QUERIES: Mapping[str, Callable[[Database, Wanted, int], Any]] = {
    "job": failed_jobs,
    "structure job results": structure_job_results,
    "group node": nodes_of_group,
    "results": energy_below,
    "job output": outputs_of_job,
}


def answer(database: Database, request: Asked) -> tuple[Any, int]:
    """The lists of all tags, none where there are no rows; and the number of rows."""
    wanted = orjson.loads(request.body)
    data = QUERIES[" ".join(vertex["tag"] for vertex in wanted["path"])](database, wanted, int(wanted["limit"]))
    rows = len(next(iter(data.values())))
    return data if rows else {}, rows


ROUTES: Mapping[str, Route] = {"querybuilder": answer}
