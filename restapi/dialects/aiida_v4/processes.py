"""Logs of processes, and the files of calculation jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, select

from aiida_like.json_text import object_of
from aiida_like.models import log
from aiida_like.storage import Statement
from restapi.answering.files import listing, retrieved_files
from restapi.dialects.aiida_v4 import answers, options
from restapi.dialects.aiida_v4.entities import NODES
from restapi.dialects.resource import DialectResource
from restapi.http.encoding import http_date
from restapi.http.reply import Reply

PROCESSES = replace(NODES, name="processes", type_prefix="process.")
CALCJOBS = replace(NODES, name="calcjobs", type_prefix="process.calculation.calcjob.")


class Report(DialectResource):
    """`/processes/5b38dfde/report`: the log of a process."""

    answer = answers.REPORT

    def get(self, path_id: str) -> Reply:
        self.parse_options()
        (pk,) = self.values(PROCESSES, path_id, "id")
        logs = [
            {
                "time": http_date(time),
                "loggername": loggername,
                "levelname": levelname,
                "dbnode_id": pk,
                "message": message,
            }
            for time, loggername, levelname, message in self.context.snapshot.rows(
                Statement("v4 report", _select_logs, {"main": pk})
            )
        ]
        return self.envelope(PROCESSES.name, {"logs": logs}, path_id=path_id)


class InputFiles(DialectResource):
    """`/calcjobs/8f884b43/input_files?filename=".aiida"`: the files that a job was submitted with."""

    is_output = False
    allowed, answer = options.FILES, answers.INPUT_FILES

    def get(self, path_id: str) -> Reply:
        folder = self.parse_options().get("filename", "")
        pk, own = self.values(CALCJOBS, path_id, "id", "repository_metadata")
        tree = retrieved_files(self.context.snapshot, pk) if self.is_output else object_of(own)
        found = _NOTHING_RETRIEVED if tree is None else listing(tree, folder)
        return self.envelope(CALCJOBS.name, found, path_id=path_id)


class OutputFiles(InputFiles):
    """`/calcjobs/8f884b43/output_files`: the files that came back from a job."""

    is_output = True
    answer = answers.OUTPUT_FILES


_NOTHING_RETRIEVED = {"status": 200, "data": "This node does not have retrieved folder"}


def _select_logs() -> Select[Any]:
    return (
        select(log.c.time, log.c.loggername, log.c.levelname, log.c.message)
        .where(log.c.dbnode_id == bindparam("main", type_=BigInteger()))
        .order_by(log.c.time, log.c.id)
    )
