"""The requests that are measured: a table. `$` marks what varies, see `sample`.

What `upstream` says of aiida-core's answer is why it is not compared, or not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import count
from random import Random
from string import Template
from typing import Any

from benchmarks.node_types import CHAIN, CODE, DICT, FOLDER, JOB, STRUCTURE

Row = Sequence[Any]
Sample = Mapping[str, Sequence[str | float]]


class Upstream(Enum):
    """How aiida-core's answer to a request relates to ours."""

    SAME = "the same"
    UNORDERED = "rows in any order"
    FAILS = "500"


@dataclass(frozen=True)
class Request:
    """`body` is that of POST."""

    path: str
    body: str | None = None


@dataclass(frozen=True)
class Kind:
    """Requests that differ in what they ask about."""

    group: str
    name: str
    path: str
    body: str | None = None
    upstream: Upstream = Upstream.SAME

    def requests(self, sample: Sample, start: int = 0) -> Iterator[Request]:
        """One after the other, each about something else, as far as the profile has enough of it."""
        path, body = Template(self.path), None if self.body is None else Template(self.body)
        for number in count(start):
            values = {name: of[number % len(of)] for name, of in sample.items()} | {"n": number}
            yield Request(path.substitute(values), None if body is None else body.substitute(values))


def sample(rows: Callable[[str], Sequence[Row]], seed: int = 11, size: int = 1000) -> Sample:
    """What requests can be about; `rows` runs a statement. Both databases of one profile give the same."""
    chance = Random(seed)
    ((number,),) = rows("SELECT max(id) FROM db_dbnode")
    last = max(1, number // 20)
    far, farther = min(5000, last), min(40_000, last)
    ids = chance.choices(range(1, number + 1), k=size)
    among = f"id IN ({', '.join(map(str, ids))})"
    days = sorted(
        date.fromisoformat(time[:10]) for (time,) in rows(f"SELECT CAST(ctime AS text) FROM db_dbnode WHERE {among}")
    )
    chance.shuffle(days)

    def uuids(condition: str) -> list[str]:
        # Sorted here, as databases sort each in its own way.
        found = sorted(uuid for (uuid,) in rows(f"SELECT CAST(uuid AS text) FROM {condition}"))
        return chance.sample(found, min(size, len(found)))

    def nodes(node_type: str) -> list[str]:
        return uuids(f"db_dbnode WHERE node_type = '{node_type}'")

    some = uuids(f"db_dbnode WHERE {among}")
    types = rows("SELECT DISTINCT node_type, process_type FROM db_dbnode WHERE process_type IS NOT NULL")
    called = "SELECT input_id FROM db_dblink WHERE type = 'call_work' GROUP BY input_id HAVING count(*) > 10"
    return {
        "place": range(0, 20 * min(500, last), 20),
        "page": [chance.randrange(1, last + 1) for _ in range(size)],
        "far_page": range(far, max(far - 100, 0), -1),
        "farther_page": range(farther, max(farther - 100, 0), -1),
        "id": ids,
        "ids": [",".join(map(str, chance.sample(range(1, number + 1), 10))) for _ in range(size)],
        "day": list(map(date.isoformat, days)),
        "later": [(day + timedelta(days=30)).isoformat() for day in days],
        "user": [user for (user,) in rows("SELECT id FROM db_dbuser ORDER BY 1")],
        "computer": uuids("db_dbcomputer"),
        "group": uuids("db_dbgroup"),
        "label": sorted(label for (label,) in rows("SELECT label FROM db_dbgroup WHERE type_string = 'core'")),
        "full_type": sorted("%7C".join(each) for each in types),
        "node": some,
        "prefix": [uuid[:8] for uuid in some],
        "structure": nodes(STRUCTURE),
        "code": nodes(CODE),
        "job": nodes(JOB),
        "chain": nodes(CHAIN),
        "folder": nodes(FOLDER),
        "screening": uuids(f"db_dbnode WHERE id IN ({called})"),
        "commented": uuids("db_dbnode WHERE id IN (SELECT dbnode_id FROM db_dbcomment)"),
        "status": (299, 304, 309, 399),
        "energy": [-3000.5 - chance.randrange(1000) for _ in range(size)],
    }


def _vertex(tag: str, entity_type: str, joined: str = "null, null") -> str:
    keyword, value = joined.split(", ")
    kind = entity_type.partition(".")[0] if entity_type.startswith("group") else "node"
    return (
        f'{{"tag": "{tag}", "entity_type": "{entity_type}", "orm_base": "{kind}", "outerjoin": false, '
        f'"joining_keyword": {keyword}, "joining_value": {value}}}'
    )


def _query(*path: str, **more: str) -> str:
    """As `QueryBuilder.as_dict()` of AiiDA gives it."""
    parts = {"filters": "{}", "order_by": "[]", "limit": "20", "offset": "null", "distinct": "false"} | more
    return f'{{"path": [{", ".join(path)}], ' + ", ".join(f'"{key}": {part}' for key, part in parts.items()) + "}"


PROCESS_STATE = "attributes=true&attributes_filter=process_label,process_state,exit_status"

KINDS: tuple[Kind, ...] = (
    Kind("lists", "computers", "/computers?_=$n"),
    Kind("lists", "users", "/users?_=$n"),
    Kind("lists", "groups", "/groups?limit=20&orderby=-time&_=$n"),
    Kind("lists", "20 nodes by -id", "/nodes?limit=20&offset=$place&orderby=-id"),
    Kind("lists", "400 nodes by -id", "/nodes?limit=400&offset=$place&orderby=-id"),
    Kind("lists", "first page by -ctime", "/nodes/page/1?perpage=20&orderby=-ctime&_=$n"),
    Kind("lists", "first 400 by -ctime", "/nodes/page/1?perpage=400&orderby=-ctime&_=$n"),
    Kind("lists", "5000th page by -ctime", "/nodes/page/$far_page?perpage=20&orderby=-ctime"),
    Kind("lists", "40000th page by -ctime", "/nodes/page/$farther_page?perpage=20&orderby=-ctime"),
    Kind("lists", "random page by -ctime", "/nodes/page/$page?perpage=20&orderby=-ctime"),
    Kind("lists", "page with attributes", "/nodes/page/$page?perpage=20&orderby=id&attributes=true"),
    Kind("filters", "id range", "/nodes?id>$id&limit=20"),
    Kind("filters", "ten ids", "/nodes?id=in=$ids"),
    Kind("filters", "type pattern", "/nodes?id>$id&node_type=like=%22data.core.dict%25%22&limit=20"),
    Kind("filters", "a day", "/nodes?ctime=$day&limit=20"),
    Kind("filters", "30 days", "/nodes?ctime>=$day&ctime<$later&limit=20&orderby=-ctime", upstream=Upstream.FAILS),
    Kind("filters", "user", "/nodes?user_id=$user&limit=20&orderby=-id&_=$n"),
    Kind("filters", "full type", "/nodes?full_type=%22$full_type%22&limit=20&orderby=-id&_=$n"),
    Kind(
        "filters",
        "processes, some attributes",
        f"/nodes/page/1?perpage=20&full_type=%22process.%25%7C%25%22&{PROCESS_STATE}&orderby=-ctime&_=$n",
    ),
    Kind("one node", "by uuid", "/nodes/$node"),
    Kind("one node", "by 8 characters", "/nodes/$prefix"),
    Kind("one node", "with attributes", "/nodes/$job?attributes=true"),
    Kind("one node", "attributes", "/nodes/$job/contents/attributes"),
    Kind("one node", "one attribute", "/nodes/$job/contents/attributes?attributes_filter=%22process_label%22"),
    Kind("one node", "extras", "/nodes/$node/contents/extras"),
    Kind("one node", "incoming", "/nodes/$job/links/incoming", upstream=Upstream.UNORDERED),
    Kind("one node", "outgoing", "/nodes/$chain/links/outgoing", upstream=Upstream.UNORDERED),
    Kind("one node", "hundreds of outgoing", "/nodes/$screening/links/outgoing?_=$n", upstream=Upstream.UNORDERED),
    Kind("one node", "outgoing of a code, a page", "/nodes/$code/links/outgoing/page/1?perpage=20&orderby=id&_=$n"),
    Kind("one node", "tree", "/nodes/$job/links/tree?in_limit=10&out_limit=10"),
    Kind("one node", "comments", "/nodes/$commented/contents/comments"),
    Kind("one node", "report", "/processes/$chain/report"),
    Kind("one node", "files", "/nodes/$folder/repo/list"),
    Kind("one node", "content of a file", "/nodes/$folder/repo/contents?filename=%22aiida.out%22"),
    Kind("one node", "input files", "/calcjobs/$job/input_files"),
    Kind("one node", "output files", "/calcjobs/$job/output_files"),
    Kind("one node", "computer", "/computers/$computer?_=$n"),
    Kind("one node", "group", "/groups/$group?_=$n"),
    Kind("overviews", "statistics", "/nodes/statistics?_=$n"),
    Kind("overviews", "statistics of a user", "/nodes/statistics?user=$user&_=$n"),
    Kind("overviews", "types", "/nodes/full_types?_=$n"),
    Kind("overviews", "types, counted", "/nodes/full_types_count?_=$n"),
    Kind(
        "QueryBuilder",
        "failed jobs",
        "/querybuilder",
        _query(
            _vertex("job", JOB),
            filters='{"job": {"attributes.exit_status": {">": $status}}}',
            project='{"job": ["id", "uuid", "ctime", "attributes.exit_status"]}',
            order_by='[{"job": [{"id": {"order": "desc"}}]}]',
        ),
    ),
    Kind(
        "QueryBuilder",
        "structure, job, results",
        "/querybuilder",
        _query(
            _vertex("structure", STRUCTURE),
            _vertex("job", JOB, '"with_incoming", "structure"'),
            _vertex("results", DICT, '"with_incoming", "job"'),
            filters='{"results": {"id": {"<": $id}}}',
            project='{"structure": ["uuid"], "job": ["uuid", "process_type"], '
            '"results": ["uuid", "attributes.energy"]}',
            order_by='[{"results": [{"id": {"order": "desc"}}]}]',
        ),
    ),
    Kind(
        "QueryBuilder",
        "nodes of a group",
        "/querybuilder",
        _query(
            _vertex("group", "group.core"),
            _vertex("node", "", '"with_group", "group"'),
            filters='{"group": {"label": "$label"}}',
            project='{"node": ["id", "uuid", "label", "node_type", "ctime"]}',
            order_by='[{"node": [{"id": {"order": "asc"}}]}]',
            limit="50",
        ),
    ),
    Kind(
        "QueryBuilder",
        "energy below",
        "/querybuilder",
        _query(
            _vertex("results", DICT),
            filters='{"results": {"attributes.energy": {"<": $energy}}}',
            project='{"results": ["id", "attributes.energy"]}',
            order_by='[{"results": [{"id": {"order": "asc"}}]}]',
        ),
    ),
    Kind(
        "QueryBuilder",
        "outputs of a job",
        "/querybuilder",
        _query(
            _vertex("job", JOB),
            _vertex("output", "", '"with_incoming", "job"'),
            filters='{"job": {"uuid": "$job"}}',
            project='{"output": ["uuid", "node_type", "attributes"]}',
            order_by='[{"output": [{"id": {"order": "asc"}}]}]',
        ),
    ),
)
