"""Enumerations whose members bring the SQL that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement


class InSQL(Enum):
    """Each member is a text, and `sql`, the function that makes its SQL."""

    _value_: str
    sql: Callable[..., ColumnElement[Any]]

    def __new__(cls, text: str, sql: Callable[..., ColumnElement[Any]]) -> InSQL:  # noqa: PYI034 (Python 3.10 has no Self)
        self = object.__new__(cls)
        self._value_, self.sql = text, sql
        return self

    # That of Enum is a call in Python, for each condition of a query.
    __hash__ = object.__hash__
