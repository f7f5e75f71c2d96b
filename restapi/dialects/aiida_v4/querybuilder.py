"""`POST /querybuilder`: a dictionary of AiiDA's QueryBuilder, answered with its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from werkzeug.exceptions import UnsupportedMediaType

from aiida_like.errors import FeatureUnavailable, QueryError
from aiida_like.tuning import Tuning
from querylang.graph.ast import Function, Projection
from querylang.graph.read import read_json
from querylang.lowering.as_type import AsType
from querylang.schema import FieldType
from restapi.answering.row_batches import by_size, json_list, splice
from restapi.dialects.aiida_v4 import answers, render
from restapi.dialects.aiida_v4.full_type import full_type
from restapi.dialects.aiida_v4.query_schema import QUERY
from restapi.dialects.resource import DialectResource
from restapi.fetching.querybuilder import fetch_graph
from restapi.http.body import BodyBreaksOff, BodyTooLong, read_body
from restapi.http.encoding import PLACEHOLDER, http_date, stored_json
from restapi.http.reply import Reply

_HELP = (
    "The QueryBuilder is asked by POST, with a JSON object as QueryBuilder.as_dict() of AiiDA gives it, such as "
    '{"path": [{"entity_type": "data.core.dict.Dict.", "tag": "dict"}], "project": {"dict": ["uuid", "attributes"]}}'
)

_Row = Sequence[Any]


class QueryBuilder(DialectResource):
    """`POST /querybuilder`: what a dictionary of AiiDA's QueryBuilder finds."""

    answer, refusal, body = answers.QUERY_RESULT, answers.ASKED_BY_POST, QUERY

    def get(self) -> Reply:
        self._check_is_on()
        reply = render.envelope_without_id(self.context.request, "QueryBuilder", {"message": _HELP}, status=405)
        reply.headers["Allow"] = "OPTIONS, POST"
        return reply

    def post(self) -> Reply:
        self.parse_options()
        self._check_is_on()
        query = read_json(self._body())
        most = self.context.settings.max_query_rows
        if query.limit is not None and query.limit > most:
            raise QueryError(f"limit is {query.limit}; at most {most} rows are answered, so ask in parts with offset")
        # One row more than allowed: it shows that the answer would not be all rows.
        rows = fetch_graph(self.context.snapshot, query, most + 1 if query.limit is None else query.limit)
        if len(rows) > most:
            raise QueryError(f"the query has more than {most} rows: ask in parts with limit, offset and order_by")
        reply = render.envelope_without_id(self.context.request, "QueryBuilder", PLACEHOLDER, total=len(rows))
        tuning = self.context.snapshot.storage.tuning
        return splice(reply, _entities(query.projections, rows, tuning), tuning)

    def _check_is_on(self) -> None:
        if not self.context.settings.querybuilder:
            raise FeatureUnavailable("the QueryBuilder is switched off here: ask by GET, as in /nodes?orderby=-ctime")

    def _body(self) -> bytes:
        encoding = self.context.exchange.environ.get("HTTP_CONTENT_ENCODING", "identity")
        if encoding.lower() != "identity":
            raise UnsupportedMediaType(f"the body is sent as {encoding!r}: send it as it is, without Content-Encoding")
        longest = self.context.settings.max_body_length
        try:
            return read_body(self.context.exchange.environ, longest)
        except BodyBreaksOff:
            raise QueryError("the body breaks off, or its chunks are not as HTTP has them") from None
        except BodyTooLong:
            raise QueryError(f"the body has more than {longest} bytes") from None


def _entities(projections: Sequence[Projection], rows: Sequence[_Row], tuning: Tuning) -> Iterator[bytes]:
    """JSON with the values of each row by tag, a few rows in a piece."""
    columns: dict[str, dict[str, int]] = {}
    for number, each in enumerate(projections):
        columns.setdefault(each.operand.tag, {})[each.key] = number
    separator = b"{"
    for tag, of_tag in columns.items():
        objects = _objects(of_tag, projections)
        yield separator + orjson.dumps(tag) + b":"
        yield from json_list(map(objects, by_size(rows, tuning.query_rows_at_once, tuning.characters_at_once)))
        separator = b","
    yield b"}"


def _objects(
    columns: Mapping[str, int], projections: Sequence[Projection]
) -> Callable[[Sequence[_Row]], list[dict[str, Any]]]:
    """A function that makes entities of rows; `columns` is the position of the value for each key."""
    types = {key: _type_of(projections[number]) for key, number in columns.items()}
    written = [(key, _WRITERS[type_]) for key, type_ in types.items() if type_ in _WRITERS]
    has_type = not {"node_type", "process_type"}.isdisjoint(columns)

    def objects(rows: Sequence[_Row]) -> list[dict[str, Any]]:
        shown = [{key: row[number] for key, number in columns.items()} for row in rows]
        for key, write in written:
            for each in shown:
                if each[key] is not None:
                    each[key] = write(each[key])
        for each in shown if has_type else ():
            if each.get("node_type") or each.get("process_type"):
                each["full_type"] = full_type(each.get("node_type") or "", each.get("process_type"))
        return shown

    return objects


def _type_of(projection: Projection) -> FieldType:
    if projection.function is Function.COUNT:
        return FieldType.INTEGER
    operand = projection.operand
    return operand.column.type if operand.as_type is AsType.ITSELF else _TYPES.get(operand.as_type, FieldType.STRING)


_TYPES = {
    AsType.JSON: FieldType.JSON,
    AsType.CAST_JSON: FieldType.JSON,
    AsType.CAST_BOOLEAN: FieldType.BOOLEAN,
    AsType.CAST_DATETIME: FieldType.DATETIME,
}


_WRITERS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.BOOLEAN: bool,
    FieldType.DATETIME: http_date,
    FieldType.JSON: stored_json,
}
"""Values of all other types, and NULL, are shown as they are stored."""
