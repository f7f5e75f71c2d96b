"""`POST /querybuilder`: a dictionary of AiiDA's QueryBuilder, answered with its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from flask import Response
from werkzeug.wsgi import get_input_stream

from aiida_like.errors import QueryError
from aiida_like.models import node
from aiida_like.storage import Storage
from querylang.graph.ast import As, Function, GraphQuery, Projection
from querylang.graph.compile import compile_graph
from querylang.graph.read import read
from querylang.graph.walk import along, compile_frequency, kinds_of
from querylang.schema import FieldType
from querylang.walk import ONE_IN, compile_size
from restapi.blocks import fill, listed
from restapi.dialects.aiida_v4 import answers, render
from restapi.dialects.aiida_v4.full_type import full_type
from restapi.dialects.aiida_v4.query_schema import QUERY
from restapi.dialects.aiida_v4.rows import V4Resource
from restapi.encoding import PLACE, http_date
from restapi.exchange import asked, current
from restapi.reading import fetch_slow_once, statistic

_HELP = (
    "The QueryBuilder is asked by POST, with a JSON object as QueryBuilder.as_dict() of AiiDA gives it, such as "
    '{"path": [{"entity_type": "data.core.dict.Dict.", "tag": "dict"}], "project": {"dict": ["uuid", "attributes"]}}'
)


ROWS_AT_ONCE = 200
"""Rows that are written at once: all of them are there, but not their JSON too."""

_Row = Sequence[Any]


class QueryBuilder(V4Resource):
    """`POST /querybuilder`: what a dictionary of AiiDA's QueryBuilder finds."""

    answer, refusal, body = answers.QUERY_RESULT, answers.ASKED_BY_POST, QUERY

    def get(self) -> Response:
        response = render.envelope_without_id(asked(), "QueryBuilder", {"message": _HELP}, status=405)
        response.headers["Allow"] = "OPTIONS, POST"
        return response

    def post(self) -> Response:
        sent = asked()
        self.parse_options(sent, self.allowed)
        query = read(self._body())
        most = self.context.settings.max_query_rows
        if query.limit is not None and query.limit > most:
            raise QueryError(f"limit is {query.limit}; at most {most} rows are answered, so ask in parts with offset")
        # One more row than may be: who asks for all rows must know that they are not all.
        storage = self.context.storage
        query = _shortest(storage, query)
        rows = fetch_slow_once(storage, compile_graph(query, most + 1 if query.limit is None else query.limit))
        if len(rows) > most:
            raise QueryError(f"the query has more than {most} rows: ask in parts with limit, offset and order_by")
        response = render.envelope_without_id(sent, "QueryBuilder", PLACE, total=len(rows))
        return fill(response, _entities(query.projections, rows))

    def _body(self) -> Any:
        longest = self.context.settings.max_body_length
        body = get_input_stream(current().environ).read(longest + 1)
        if len(body) > longest:
            raise QueryError(f"the body has more than {longest} bytes")
        if b"\\u0000" in body:
            raise QueryError("the body holds the character NUL, \\u0000, which no text in a database does")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise QueryError(f"the body is no JSON: {error}") from None


def _shortest(storage: Storage, query: GraphQuery) -> GraphQuery:
    kinds = () if storage.estimates else kinds_of(query)
    if not kinds:
        return query
    size = statistic(storage, compile_size(node))
    most = -(-size // ONE_IN)
    return along(query, min(statistic(storage, compile_frequency(kind, most)) for kind in kinds), size)


def _entities(projections: Sequence[Projection], rows: Sequence[_Row]) -> Iterator[bytes]:
    """JSON with the values of each row by tag; nothing at all where there are no rows."""
    columns: dict[str, dict[str, int]] = {}
    for number, each in enumerate(projections):
        columns.setdefault(each.operand.tag, {})[each.key] = number
    separator = b"{"
    for tag, of_tag in columns.items() if rows else ():
        entity = _entity(of_tag, projections)
        yield separator + orjson.dumps(tag) + b":"
        yield from listed(
            list(map(entity, rows[start : start + ROWS_AT_ONCE])) for start in range(0, len(rows), ROWS_AT_ONCE)
        )
        separator = b","
    yield b"{}" if separator == b"{" else b"}"


def _entity(columns: Mapping[str, int], projections: Sequence[Projection]) -> Callable[[_Row], dict[str, Any]]:
    """What makes an entity of a row; `columns` says under which key which value is shown."""
    types = {key: _type_of(projections[number]) for key, number in columns.items()}
    written = [(key, _WRITERS[type_]) for key, type_ in types.items() if type_ in _WRITERS]
    has_type = not {"node_type", "process_type"}.isdisjoint(columns)

    def entity(row: _Row) -> dict[str, Any]:
        found = {key: row[number] for key, number in columns.items()}
        for key, write in written:
            found[key] = write(found[key])
        if has_type and (found.get("node_type") or found.get("process_type")):
            found["full_type"] = full_type(found.get("node_type") or "", found.get("process_type"))
        return found

    return entity


def _type_of(projection: Projection) -> FieldType:
    if projection.function is Function.COUNT:
        return FieldType.INTEGER
    operand = projection.operand
    return operand.column.type if operand.taken is As.ITSELF else _TYPES.get(operand.taken, FieldType.STRING)


_TYPES = {
    As.JSON: FieldType.JSON,
    As.CAST_JSON: FieldType.JSON,
    As.CAST_BOOLEAN: FieldType.BOOLEAN,
    As.CAST_DATETIME: FieldType.DATETIME,
}


_WRITERS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOLEAN: lambda value: None if value is None else bool(value),
    FieldType.DATETIME: http_date,
    FieldType.JSON: lambda text: None if text is None else orjson.Fragment(text),
}
"""Values of all other types are shown as they are stored."""
