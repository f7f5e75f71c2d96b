"""Rows of an answer as a table: for the terminal, and as CSV that a spreadsheet can open."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from rich.table import Table

from restapi.answering.csv_cells import cell, safe_cell

Row = Mapping[str, Any]


def columns_of(rows: Iterable[Row]) -> list[str]:
    """All keys, in the order in which they come first."""
    return list(dict.fromkeys(key for row in rows for key in row))


def write_csv(rows: Sequence[Row], file: IO[str]) -> None:
    """Writes CSV (RFC 4180) with a header line."""
    columns = columns_of(rows)
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([safe_cell(row.get(column)) for column in columns] for row in rows)


def table_of(rows: Sequence[Row]) -> Table:
    columns = columns_of(rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        are_numbers = all(type(row.get(column)) in (int, float, type(None)) for row in rows)
        table.add_column(column, justify="right" if are_numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_printable(cell(row.get(column))) for column in columns))
    return table


def _printable(text: str) -> str:
    # Neither markup nor control characters of a terminal: the text can come from anybody.
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown.replace("[", r"\[")
