"""The content of a file -> how it is shown: coloured text, a picture, a table, or bytes.

HTML and SVG are shown as text: in a page of ours they could do what the page may.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from markupsafe import Markup, escape

from restapi.explorer.ask import FilePart
from restapi.explorer.files.coloured import MOST_DRAWN, coloured_lines, plain_lines

_MOST_ROWS, _MOST_COLUMNS, _MOST_CELL = 200, 40, 200
_OF_CELL = len("<td></td>")
_MOST_COLOURED = 50_000
"""Characters of a text that are coloured; more would take longer than the page may."""

_HEAD = 512
"""Bytes of a binary that are shown."""

_IN_A_LINE = 16
_PRINTED = range(0x20, 0x7F)

_PICTURES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
}
"""Formats of pictures by the bytes that they begin with; what a file is called says nothing."""

_NOT_IN_TEXT = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\b\x1b"})


_NO_LINES = Markup()


@dataclass(frozen=True)
class FileView:
    """How a file is shown: `form` is text, picture, table, bytes or empty, and the other fields are of one form each.

    `note` says what is not as one might expect.
    """

    form: str
    lines: Markup = _NO_LINES
    rows: Sequence[Sequence[str]] = ()
    format: str = ""
    note: str = ""
    has_text: bool = False


def file_view(name: str, part: FilePart, *, as_text: bool) -> FileView:
    content = part.content
    if not part.size:
        return FileView("empty")
    picture = picture_format(content)
    if picture is not None:
        return FileView("picture", format=picture)
    if content[:4096].translate(None, _NOT_IN_TEXT) != content[:4096]:
        return FileView("bytes", rows=hex_rows(content[:_HEAD]))
    text, note = decoded(content, is_whole=part.is_whole)
    table = _TABLES.get(PurePosixPath(name.lower()).suffix)
    if table is not None and not as_text:
        rows = table(text)
        if rows:
            return FileView("table", rows=rows, note=_table_note(text, rows), has_text=True)
    return _text_view(name, text, note)


def _text_view(name: str, text: str, note: str) -> FileView:
    lines = plain_lines(text) if len(text) > _MOST_COLOURED else coloured_lines(name, text)
    shown, total = lines.count("\n") + 1, _lines_in(text)
    if shown < total:
        note = f"{note} The first {shown:,} lines of {total:,} that were read.".strip()
    return FileView("text", lines=lines, note=note)


def _lines_in(text: str) -> int:
    return text.removesuffix("\n").count("\n") + 1


def picture_format(content: bytes) -> str | None:
    """The format of a picture that every browser shows, without scripts in it; None of all else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    return next((name for beginning, name in _PICTURES.items() if content.startswith(beginning)), None)


def decoded(content: bytes, *, is_whole: bool) -> tuple[str, str]:
    """The text of bytes, which may end inside a character if they are a part, and a note if they are no UTF-8."""
    note = ""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content, final=is_whole)
    except UnicodeDecodeError:
        text, note = content.decode("latin-1"), "This is no UTF-8, so it is read as Latin-1."
    for written, shown in _REPLACED.items():
        text = text.replace(written, shown)
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), note


_REPLACED = {"\r\n": "\n", "\r": "\n", "\0": "\N{REPLACEMENT CHARACTER}"}
"""Lines end in one way, and a page holds no NUL."""


def hex_rows(content: bytes) -> list[tuple[str, str, str]]:
    """Lines of an offset, bytes in hexadecimal digits, and their characters in ASCII."""
    found = []
    for start in range(0, len(content), _IN_A_LINE):
        line = content[start : start + _IN_A_LINE]
        characters = "".join(chr(byte) if byte in _PRINTED else "·" for byte in line)
        found.append((f"{start:08x}", line.hex(" "), characters))
    return found


def _separated_by(delimiter: str) -> Callable[[str], Sequence[Sequence[str]]]:
    def rows_of(text: str) -> Sequence[Sequence[str]]:
        """The first rows of a table; none if it is no table."""
        found: list[Sequence[str]] = []
        left = MOST_DRAWN
        try:
            for row in csv.reader(io.StringIO(text), delimiter=delimiter):
                if row:
                    found.append([cell[:_MOST_CELL] for cell in row[:_MOST_COLUMNS]])
                    left -= _drawn_size(found[-1])
                if len(found) > _MOST_ROWS or left <= 0:
                    break
        except csv.Error:
            return ()
        return found if max(map(len, found), default=0) > 1 else ()

    return rows_of


_TABLES: Mapping[str, Callable[[str], Sequence[Sequence[str]]]] = {
    ".csv": _separated_by(","),
    ".tsv": _separated_by("\t"),
}


def _table_note(text: str, rows: Sequence[Sequence[str]]) -> str:
    if len(rows) > _MOST_ROWS or sum(map(_drawn_size, rows)) >= MOST_DRAWN:
        return f"The first {len(rows) - 1:,} rows of {_lines_in(text):,} lines that were read."
    return ""


def _drawn_size(row: Sequence[str]) -> int:
    """Characters of HTML."""
    return sum(len(escape(cell)) + _OF_CELL for cell in row)
