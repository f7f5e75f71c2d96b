"""Logs of processes, and the files of calculation jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select

from aiida_like.errors import QueryError
from aiida_like.json_text import object_of
from aiida_like.models import log
from aiida_like.storage import Statement
from querylang.compile import in_window
from querylang.options import Options, Window
from restapi.answering.files import asked_listing, retrieved_files
from restapi.dialects.aiida_v4 import answers, options
from restapi.dialects.aiida_v4.entities import NODES
from restapi.dialects.resource import DialectResource
from restapi.http.encoding import http_date
from restapi.http.reply import Reply

PROCESSES = replace(NODES, name="processes", type_prefix="process.")
CALCJOBS = replace(NODES, name="calcjobs", type_prefix="process.calculation.calcjob.")


class Report(DialectResource):
    """`/processes/5b38dfde/report?tail=20`: the log of a process, or a part of it."""

    reserved, allowed, answer = options.OF_REPORTS, frozenset(options.OF_REPORTS), answers.REPORT

    def get(self, path_id: str) -> Reply:
        asked = self.parse_options()
        given = {key: asked[key] for key in options.OF_REPORTS if key in asked}
        (pk,) = self.values(PROCESSES, path_id, "id")
        if not given:
            logs = self._logs(pk, Statement("v4 report", _select_logs, {"main": pk}))
            return self.envelope(PROCESSES.name, {"logs": logs}, path_id=path_id)
        total = int(self.context.snapshot.rows(Statement("v4 log length", _count_logs, {"main": pk}))[0][0])
        part = _part_of(given, total)
        values = {"main": pk, "limit": part.limit, "offset": part.offset}
        logs = self._logs(pk, Statement("v4 part of report", _select_part, values))
        content = {"logs": logs, "offset": part.offset, "total": total}
        return self.envelope(PROCESSES.name, content, total=total, path_id=path_id)

    def _logs(self, pk: int, statement: Statement) -> list[dict[str, Any]]:
        return [
            {
                "time": http_date(time),
                "loggername": loggername,
                "levelname": levelname,
                "dbnode_id": pk,
                "message": message,
            }
            for time, loggername, levelname, message in self.context.snapshot.rows(statement)
        ]


def _part_of(given: Options, total: int) -> Window:
    """The part of a log of `total` entries that is asked for. Raises QueryError: it is asked for in two ways."""
    if "tail" not in given:
        offset = given.get("offset", 0)
        return Window(given.get("limit", max(total - offset, 0)), offset)
    if len(given) > 1:
        raise QueryError("tail is incompatible with limit and offset: it counts from the end")
    return Window(given["tail"], max(total - given["tail"], 0))


class InputFiles(DialectResource):
    """`/calcjobs/8f884b43/input_files?filename=".aiida"`: the files that a job was submitted with."""

    is_output = False
    reserved, allowed, answer = options.OF_LISTINGS, options.LISTINGS, answers.INPUT_FILES

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        pk, own = self.values(CALCJOBS, path_id, "id", "repository_metadata")
        tree = retrieved_files(self.context.snapshot, pk) if self.is_output else object_of(own)
        found = _NOTHING_RETRIEVED if tree is None else asked_listing(self.context.snapshot, tree, given)
        return self.envelope(CALCJOBS.name, found, path_id=path_id)


class OutputFiles(InputFiles):
    """`/calcjobs/8f884b43/output_files`: the files that came back from a job."""

    is_output = True
    answer = answers.OUTPUT_FILES


_NOTHING_RETRIEVED = {"status": 200, "data": "This node does not have retrieved folder"}


def _count_logs() -> Select[Any]:
    return select(func.count()).where(log.c.dbnode_id == bindparam("main", type_=BigInteger()))


def _select_part() -> Select[Any]:
    return in_window(_select_logs())


def _select_logs() -> Select[Any]:
    return (
        select(log.c.time, log.c.loggername, log.c.levelname, log.c.message)
        .where(log.c.dbnode_id == bindparam("main", type_=BigInteger()))
        .order_by(log.c.time, log.c.id)
    )
