"""Fields by the types of their columns, for the entities of the dialects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from querylang.schema import Field, FieldType


def by_name(*fields: Field) -> Mapping[str, Field]:
    return {field.name: field for field in fields}


def _of_type(
    type_: FieldType, column: ColumnElement[Any], title: str, help_: str, name: str | None = None, **more: Any
) -> Field:
    """A field, called as its column if it has no other `name`; `more` are further attributes of it."""
    return Field(name or str(column.key), type_, column, title, help_, **more)


text = partial(_of_type, FieldType.STRING)
time = partial(_of_type, FieldType.DATETIME)
json = partial(_of_type, FieldType.JSON)
integer = partial(_of_type, FieldType.INTEGER)
uuid = partial(_of_type, FieldType.UUID)


def user_id(column: ColumnElement[Any]) -> Field:
    return integer(column, "Id of creator", "Id of the user who created it", refers_to="users")
