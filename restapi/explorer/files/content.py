"""The beginning of a file, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from restapi.explorer.files.views import FileView, file_view
from restapi.explorer.query_values import quoted
from restapi.explorer.visit import Visit
from restapi.layout import API

MOST_BYTES = 200_000
"""Of a file that are read to be shown."""


@dataclass(frozen=True)
class FileContent:
    """A file and the beginning of its content, for `file_content.html`.

    `path` is that of its page, `url` that of the file itself; `size` is in bytes, of which at most `most` were read.
    """

    name: str
    path: str
    view: FileView
    size: int
    is_whole: bool
    most: int
    url: str


def content_of(
    visit: Visit, node_path: str, path: str, *, as_text: bool = False, most: int = MOST_BYTES
) -> FileContent:
    """The beginning of a file, and how it is shown; `node_path` is that of the page of its node.

    `as_text`: a table is shown as the text that it is made of.

    Raises:
        ApiRefused: there is no such file.
    """
    query = f"filename={quoted(path)}"
    part = visit.api.begin_of(f"{node_path}/repo/contents", query, most)
    return FileContent(
        name=path.rpartition("/")[2],
        path=f"{node_path}/files/{path}",
        view=file_view(path.rpartition("/")[2], part, as_text=as_text),
        size=part.size,
        is_whole=part.is_whole,
        most=most,
        url=visit.url(f"{API}{node_path}/repo/contents", query),
    )
