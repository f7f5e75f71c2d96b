"""AiiDA's tables (schema `main_0001` and later), with the columns that are read.

Rows come as the databases store them, as text that a response can carry without being parsed:
a uuid has 36 characters in lower case with dashes, a time starts with `YYYY-MM-DD HH:MM:SS` in UTC,
JSON is JSON text. The storages see to it that PostgreSQL and SQLite agree in this.

Source: dumps of profiles that aiida-core 2.9 made.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    case,
    null,
)
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType


class _StoredText(UserDefinedType[str]):
    """A value that passes between database and response as the text it is.

    `name` is the type of its column in AiiDA's SQLite files.
    """

    cache_ok = True
    name: ClassVar[str]

    def get_col_spec(self, **_: Any) -> str:
        return self.name


class Uuid(_StoredText):
    """36 characters in lower case, with dashes."""

    name = "VARCHAR(32)"


class Timestamp(_StoredText):
    """`2016-04-29 19:24:12.123456` in UTC; PostgreSQL leaves out zeros at its end, and adds `+00`."""

    name = "DATETIME"


class JSONText(_StoredText):
    """JSON text, with keys in the order of its database."""

    name = "JSON"

    def column_expression(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """What a SELECT gives of it."""
        return shown_json(column)


class JSONValue(JSONText):
    """A value in JSON: whatever the column holds, this is made by functions that give JSON."""

    def column_expression(self, column: ColumnElement[str]) -> ColumnElement[str]:
        return column


class shown_json(FunctionElement[str]):  # noqa: N801 (reads as the SQL function it is)
    """`shown_json(column)`: JSON of a column as it can stand in an answer. Each storage sees to that in its own way."""

    type = String()


LINK_TYPES = ("input_calc", "create", "input_work", "return", "call_calc", "call_work")
"""All types of links that AiiDA has."""

metadata = MetaData()

user = Table(
    "db_dbuser",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("first_name", String(254), nullable=False),
    Column("last_name", String(254), nullable=False),
    Column("institution", String(254), nullable=False),
)

computer = Table(
    "db_dbcomputer",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("label", String(255), nullable=False, unique=True),
    Column("hostname", String(255), nullable=False),
    Column("description", String, nullable=False),
    Column("scheduler_type", String(255), nullable=False),
    Column("transport_type", String(255), nullable=False),
    Column("metadata", JSONText, nullable=False),
)

authinfo = Table(
    "db_dbauthinfo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("aiidauser_id", ForeignKey(user.c.id), nullable=False),
    Column("dbcomputer_id", ForeignKey(computer.c.id), nullable=False),
    Column("enabled", Boolean, nullable=False),
)

node = Table(
    "db_dbnode",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("node_type", String(255), nullable=False, index=True),
    Column("process_type", String(255), index=True),
    Column("label", String(255), nullable=False, index=True),
    Column("description", String, nullable=False),
    Column("ctime", Timestamp, nullable=False, index=True),
    Column("mtime", Timestamp, nullable=False, index=True),
    Column("attributes", JSONText),
    Column("extras", JSONText),
    Column("repository_metadata", JSONText, nullable=False),
    Column("dbcomputer_id", ForeignKey(computer.c.id), index=True),
    Column("user_id", ForeignKey(user.c.id), nullable=False, index=True),
)

link = Table(
    "db_dblink",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("input_id", ForeignKey(node.c.id), nullable=False, index=True),
    Column("output_id", ForeignKey(node.c.id), nullable=False, index=True),
    Column("label", String(255), nullable=False, index=True),
    Column("type", String(255), nullable=False, index=True),
)

group = Table(
    "db_dbgroup",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("label", String(255), nullable=False, index=True),
    Column("type_string", String(255), nullable=False, index=True),
    Column("time", Timestamp, nullable=False),
    Column("description", String, nullable=False),
    Column("extras", JSONText, nullable=False),
    Column("user_id", ForeignKey(user.c.id), nullable=False, index=True),
)

group_node = Table(
    "db_dbgroup_dbnodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dbnode_id", ForeignKey(node.c.id), nullable=False, index=True),
    Column("dbgroup_id", ForeignKey(group.c.id), nullable=False, index=True),
    UniqueConstraint("dbgroup_id", "dbnode_id"),
)

comment = Table(
    "db_dbcomment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("dbnode_id", ForeignKey(node.c.id), nullable=False, index=True),
    Column("ctime", Timestamp, nullable=False),
    Column("mtime", Timestamp, nullable=False),
    Column("user_id", ForeignKey(user.c.id), nullable=False, index=True),
    Column("content", String, nullable=False),
)

log = Table(
    "db_dblog",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("time", Timestamp, nullable=False),
    Column("loggername", String(255), nullable=False, index=True),
    Column("levelname", String(50), nullable=False, index=True),
    Column("dbnode_id", ForeignKey(node.c.id), nullable=False, index=True),
    Column("message", String, nullable=False),
    Column("metadata", JSONText, nullable=False),
)


def of_process(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value for processes, NULL for data.

    The type is looked at first, so that the attributes of data, which can be large, are never read.
    """
    is_process = and_(node.c.node_type >= "process.", node.c.node_type < "process/")
    return case((is_process, value), else_=null())
