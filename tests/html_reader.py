"""Pages as elements, without a browser: enough to ask for text and attributes by class, id or name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "line", "circle", "path", "polyline"})

_INLINE = frozenset({"a", "b", "bdi", "code", "span", "time"})


@dataclass
class Element:
    """`below` are elements and texts, in their order."""

    name: str
    attributes: dict[str, str]
    below: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.below)

    @property
    def words(self) -> str:
        """The text, with one blank where there is any space."""
        return " ".join(self._spaced.split())

    @property
    def _spaced(self) -> str:
        texts = (each if isinstance(each, str) else each._spaced for each in self.below)
        between = "" if self.name in _INLINE else " "
        return f"{between}{''.join(texts)}{between}"

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    @property
    def children(self) -> list[Element]:
        return [each for each in self.below if isinstance(each, Element)]

    def all(self, name: str = "", class_: str = "", **attributes: str) -> Iterator[Element]:
        """The elements below that have this name, class and attributes; what is empty fits all."""
        for each in self.children:
            fits = all(each.attributes.get(key.rstrip("_")) == value for key, value in attributes.items())
            if name in ("", each.name) and (not class_ or class_ in each.classes) and fits:
                yield each
            yield from each.all(name, class_, **attributes)

    def one(self, name: str = "", class_: str = "", **attributes: str) -> Element:
        (found,) = self.all(name, class_, **attributes)
        return found

    def links(self) -> list[str]:
        return [each.attributes["href"] for each in self.all("a") if "href" in each.attributes]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].below.append(made)
        if tag not in _VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].below.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while tag not in _VOID and tag in [each.name for each in self.open[1:]] and self.open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].below.append(data)


def read(text: str) -> Element:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.open[0]


def page(client: FlaskClient, path: str, status: int = 200, **options: Any) -> Element:
    """The page at a path that is not quoted yet."""
    answer = client.get(quote(path, safe="/?=&"), **options)
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8"), answer.text
    return read(answer.text)
