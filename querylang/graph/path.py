"""The path of a dictionary, vertex by vertex -> `ast.Step`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiida_like.errors import QueryError
from aiida_like.storage.sql.patterns import escape
from querylang.graph.ast import Step, source_of
from querylang.graph.schema import RELATIONS, VERTICES, Relation, Source, Vertex, keywords_of
from querylang.graph.validation import boolean_at, check_keys, object_at, source_at
from querylang.limits import STEPS

_EDGE = "--"

STEP_KEYS = (
    "entity_type", "orm_base", "tag", "joining_keyword", "joining_value", "edge_tag", "outerjoin",
    "filters", "project", "edge_filters", "edge_project", "subclassing", "direction",
)  # fmt: skip


@dataclass
class Path:
    """The steps that were read so far, and what each of their tags stands for, filters and projects."""

    steps: list[Step] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    projected: dict[str, Any] = field(default_factory=dict)

    def append(self, where: str, item: Mapping[str, Any]) -> None:
        check_keys(where, item, (*STEP_KEYS, *(key for key in item if key.startswith("with_"))))
        vertex, types = _read_entity(where, item)
        step = self._joined(where, item, vertex)
        for tag, source in source_of(step).items():
            if tag in self.sources:
                raise QueryError(f"{where}: the tag {tag!r} is already in use")
            self.sources[tag] = source
        self.steps.append(step)
        self._add_filters(where, item, step, types)
        for key, of in (("project", step.tag), ("edge_project", step.edge_tag)):
            if of is not None and item.get(key) is not None:
                self.projected[of] = item[key]

    def _joined(self, where: str, item: Mapping[str, Any], vertex: Vertex) -> Step:
        tag = item.get("tag") or self._free_tag(vertex)
        if not isinstance(tag, str) or _EDGE in tag:
            raise QueryError(f"{where}: tag is a text without '{_EDGE}', not {tag!r}")
        if not self.steps:
            return Step(tag, vertex)
        keyword, to = self._keyword(where, item, vertex)
        edge_tag = item.get("edge_tag") or f"{to}{_EDGE}{tag}"
        if not isinstance(edge_tag, str):
            raise QueryError(f"{where}: edge_tag is a text, not {edge_tag!r}")
        relation = self._relation(where, vertex, keyword, to)
        return Step(
            tag, vertex, relation, to, edge_tag, boolean_at(f"{where}.outerjoin", item.get("outerjoin") or False)
        )

    def _keyword(self, where: str, item: Mapping[str, Any], vertex: Vertex) -> tuple[str, str]:
        """The keyword by which the vertex is joined, and the tag; without any it is joined to the vertex before it."""
        given = list(self._keywords_given(where, item))
        if len(given) > 1:
            raise QueryError(
                f"{where}: it can be joined only once, not by {' and '.join(str(key) for key, _ in given)}"
            )
        default = "with_incoming" if vertex.name == "node" else "with_node"
        keyword, to = given[0] if given else (default, self.steps[-1].tag)
        if not isinstance(keyword, str) or not isinstance(to, str):
            raise QueryError(f"{where}: {keyword!r} takes the tag of a vertex, not {to!r}")
        return keyword, to

    def _keywords_given(self, where: str, item: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
        """All keywords and tags by which the vertex is joined, in the three forms that AiiDA has."""
        yield from ((key, value) for key, value in item.items() if key.startswith("with_"))
        if item.get("joining_keyword") is not None:
            yield item["joining_keyword"], item.get("joining_value")
        if item.get("direction") is not None:
            yield self._direction(where, item["direction"])

    def _direction(self, where: str, steps: Any) -> tuple[str, str]:
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= abs(steps) <= len(self.steps):
            raise QueryError(
                f"{where}: direction counts vertices, 1 to {len(self.steps)} or with a minus, not {steps!r}"
            )
        return ("with_incoming" if steps > 0 else "with_outgoing"), self.steps[-abs(steps)].tag

    def _relation(self, where: str, vertex: Vertex, keyword: str, to: str) -> Relation:
        relation = RELATIONS.get((vertex, keyword))
        if relation is None:
            raise QueryError(
                f"{where}: a {vertex.name} is not joined by {keyword!r}; there are {', '.join(keywords_of(vertex))}"
            )
        other = source_at(where, self.sources, to)
        if other is not relation.to:
            raise QueryError(
                f"{where}: {keyword} joins a {vertex.name} to a {relation.to.name}; {to!r} is a {other.name}"
            )
        return relation

    def _free_tag(self, vertex: Vertex) -> str:
        return next(
            tag for number in range(1, STEPS.most + 2) if (tag := f"{vertex.name}_{number}") not in self.sources
        )

    def _add_filters(self, where: str, item: Mapping[str, Any], step: Step, types: Sequence[str]) -> None:
        """Adds the filters of a step. One on the type column replaces the filter that the type of the entity makes."""
        own = self.filters.setdefault(step.tag, {})
        column = step.vertex.type_column
        if column is not None and "" not in types:
            subclassing = boolean_at(f"{where}.subclassing", item.get("subclassing", True))
            own[column] = {"or": [_type_filter(step.vertex, type_, subclassing=subclassing) for type_ in types]}
        own.update(object_at(f"{where}.filters", item.get("filters") or {}))
        if step.edge_tag is not None:
            self.filters.setdefault(step.edge_tag, {}).update(
                object_at(f"{where}.edge_filters", item.get("edge_filters") or {})
            )


def _read_entity(where: str, item: Mapping[str, Any]) -> tuple[Vertex, list[str]]:
    """The vertex, and the types of it that are asked for; an empty text stands for any type."""
    asked = item.get("entity_type")
    asked = item.get("orm_base") if asked is None else asked
    names = asked if isinstance(asked, list) else [asked]
    found = [_entity_of(where, name) for name in names]
    if not found:
        raise QueryError(f"{where}: entity_type is empty")
    vertices = {vertex.name: vertex for vertex, _ in found}
    if len(vertices) > 1:
        raise QueryError(f"{where}: entity_type mixes {' and '.join(vertices)}")
    return found[0][0], [type_ for _, type_ in found]


def _entity_of(where: str, name: Any) -> tuple[Vertex, str]:
    if not isinstance(name, str):
        raise QueryError(f'{where}: entity_type is a text such as "data.core.dict.Dict." or "group.core", not {name!r}')
    plain = name.lower().rstrip(".")
    if plain in VERTICES:
        return VERTICES[plain], ""
    if plain.startswith("group."):
        return VERTICES["group"], name[len("group.") :]
    if name in {"", "node.Node."}:
        return VERTICES["node"], ""
    if name.endswith(".") and name.count(".") > 1:
        return VERTICES["node"], name
    raise QueryError(
        f"{where}: there is no entity_type {name!r}; there are {', '.join(VERTICES)}, types of nodes such as "
        '"data.core.dict.Dict." and types of groups such as "group.core"'
    )


def _type_filter(vertex: Vertex, type_: str, *, subclassing: bool) -> dict[str, str]:
    if not subclassing:
        return {"==": type_}
    if vertex.name == "group":
        # All types of groups are subtypes of `core`, whatever they are called.
        return {"like": "%" if type_ == "core" else f"{escape(type_)}%"}
    if type_ == "data.core.code.abstract.AbstractCode.":
        # The type of this class has no prefix in common with the types of its subclasses.
        return {"like": "data.core.code.%"}
    return {"like": escape(type_.rsplit(".", 2)[0] + ".") + "%"}
