"""A dictionary, as `QueryBuilder.as_dict()` of AiiDA gives it or as one types it -> `ast.GraphQuery`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiida_like.errors import QueryError
from aiida_like.storage.patterns import escape
from querylang.graph.ast import (
    As,
    Every,
    Function,
    GraphQuery,
    Operand,
    Projection,
    Sorting,
    Step,
    Term,
    source_of,
)
from querylang.graph.filters import FilterReader
from querylang.graph.schema import RELATIONS, VERTICES, Relation, Source, Vertex, keywords_of
from querylang.schema import FieldType

MAX_STEPS = 16
"""How many vertices a path may have: each is a join."""

MAX_TESTS = 500
MAX_PROJECTIONS = 200

_EDGE = "--"
_ALL = ("*", "**")
_INT64 = range(2**63)

_KEYS = ("path", "filters", "project", "project_map", "order_by", "limit", "offset", "distinct")
_STEP_KEYS = (
    "entity_type", "orm_base", "tag", "joining_keyword", "joining_value", "edge_tag", "outerjoin",
    "filters", "project", "edge_filters", "edge_project", "subclassing", "direction",
)  # fmt: skip


def read(asked: Any) -> GraphQuery:
    """Raises QueryError: it is no such dictionary, or asks for what there is not."""
    given = _object("a query", asked)
    _check_keys("a query", given, _KEYS)
    path = _Path()
    for number, item in enumerate(_list("path", given.get("path"))):
        path.append(
            f"path[{number}]", {"entity_type": item} if isinstance(item, str) else _object(f"path[{number}]", item)
        )
    if not path.steps:
        raise QueryError('path is empty: name at least one vertex, as in {"path": [{"entity_type": "node"}]}')
    for tag, filters in _object("filters", given.get("filters") or {}).items():
        path.source("filters", tag)
        path.filters.setdefault(tag, {}).update(_object(f"filters.{tag}", filters))
    for tag, names in _object("project", given.get("project") or {}).items():
        path.source("project", tag)
        path.projected[tag] = names
    filters = _read_filters(path)
    # `project_map` is part of what AiiDA's as_dict gives; its own server does nothing with it.
    projections = tuple(_read_projections(path))
    order = tuple(_read_order(path, given.get("order_by") or []))
    distinct = _boolean("distinct", given.get("distinct") or False)
    _check_aggregates(projections, order)
    if distinct:
        _check_order(projections, order)
    return GraphQuery(
        steps=tuple(path.steps),
        filters=filters,
        projections=projections,
        order=order,
        limit=_number("limit", given.get("limit")),
        offset=_number("offset", given.get("offset")) or 0,
        distinct=distinct,
    )


@dataclass
class _Path:
    """What is known while the path is read, vertex by vertex."""

    steps: list[Step] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    projected: dict[str, Any] = field(default_factory=dict)

    def source(self, where: str, tag: str) -> Source:
        if tag not in self.sources:
            raise QueryError(f"{where}: there is no tag {tag!r} in the path; there are {', '.join(self.sources)}")
        return self.sources[tag]

    def append(self, where: str, item: Mapping[str, Any]) -> None:
        if len(self.steps) == MAX_STEPS:
            raise QueryError(f"the path has more than {MAX_STEPS} vertices")
        _check_keys(where, item, (*_STEP_KEYS, *(key for key in item if key.startswith("with_"))))
        vertex, kinds = _read_entity(where, item)
        step = self._joined(where, item, vertex)
        for tag, source in source_of(step).items():
            if tag in self.sources:
                raise QueryError(f"{where}: the tag {tag!r} is already in use")
            self.sources[tag] = source
        self.steps.append(step)
        self._add_filters(where, item, step, kinds)
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
        return Step(tag, vertex, relation, to, edge_tag, _boolean(f"{where}.outerjoin", item.get("outerjoin") or False))

    def _keyword(self, where: str, item: Mapping[str, Any], vertex: Vertex) -> tuple[str, str]:
        """How the vertex is joined, and to which tag; to the one before it unless something else is said."""
        given = [(key, value) for key, value in item.items() if key.startswith("with_")]
        if item.get("joining_keyword") is not None:
            given.append((item["joining_keyword"], item.get("joining_value")))
        if item.get("direction") is not None:
            given.append(self._direction(where, item["direction"]))
        if len(given) > 1:
            raise QueryError(
                f"{where}: it can be joined only once, not by {' and '.join(str(key) for key, _ in given)}"
            )
        default = "with_incoming" if vertex.name == "node" else "with_node"
        keyword, to = given[0] if given else (default, self.steps[-1].tag)
        if not isinstance(keyword, str) or not isinstance(to, str):
            raise QueryError(f"{where}: {keyword!r} takes the tag of a vertex, not {to!r}")
        return keyword, to

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
        other = self.source(where, to)
        if other is not relation.to:
            raise QueryError(
                f"{where}: {keyword} joins a {vertex.name} to a {relation.to.name}; {to!r} is a {other.name}"
            )
        return relation

    def _free_tag(self, vertex: Vertex) -> str:
        return next(tag for number in range(1, MAX_STEPS + 2) if (tag := f"{vertex.name}_{number}") not in self.sources)

    def _add_filters(self, where: str, item: Mapping[str, Any], step: Step, kinds: Sequence[str]) -> None:
        """What the type of the entity says, unless a filter on the same column says something else."""
        own = self.filters.setdefault(step.tag, {})
        column = step.vertex.type_column
        if column is not None and not any(kind == "" for kind in kinds):
            subclassing = _boolean(f"{where}.subclassing", item.get("subclassing", True))
            own[column] = {"or": [_type_filter(step.vertex, kind, subclassing=subclassing) for kind in kinds]}
        own.update(_object(f"{where}.filters", item.get("filters") or {}))
        if step.edge_tag is not None:
            self.filters.setdefault(step.edge_tag, {}).update(
                _object(f"{where}.edge_filters", item.get("edge_filters") or {})
            )


def _read_entity(where: str, item: Mapping[str, Any]) -> tuple[Vertex, list[str]]:
    """The vertex, and the types of it that are asked for; an empty text is any."""
    asked = item.get("entity_type")
    asked = item.get("orm_base") if asked is None else asked
    names = asked if isinstance(asked, list) else [asked]
    found = [_entity_of(where, name) for name in names]
    if not found:
        raise QueryError(f"{where}: entity_type is empty")
    vertices = {vertex.name: vertex for vertex, _ in found}
    if len(vertices) > 1:
        raise QueryError(f"{where}: entity_type mixes {' and '.join(vertices)}")
    return found[0][0], [kind for _, kind in found]


def _entity_of(where: str, name: Any) -> tuple[Vertex, str]:
    if not isinstance(name, str):
        raise QueryError(f'{where}: entity_type is a text such as "data.core.dict.Dict." or "group.core", not {name!r}')
    lowered = name.lower().rstrip(".")
    if lowered in VERTICES:
        return VERTICES[lowered], ""
    if lowered.startswith("group."):
        return VERTICES["group"], name[len("group.") :]
    if name in {"", "node.Node."}:
        return VERTICES["node"], ""
    if name.endswith(".") and name.count(".") > 1:
        return VERTICES["node"], name
    raise QueryError(
        f"{where}: there is no entity_type {name!r}; there are {', '.join(VERTICES)}, types of nodes such as "
        '"data.core.dict.Dict." and types of groups such as "group.core"'
    )


def _type_filter(vertex: Vertex, kind: str, *, subclassing: bool) -> dict[str, str]:
    if not subclassing:
        return {"==": kind}
    if vertex.name == "group":
        # All kinds of groups are kinds of `core`, whatever they are called.
        return {"like": "%" if kind == "core" else f"{escape(kind)}%"}
    if kind == "data.core.code.abstract.AbstractCode.":
        # The class came later than those below it.
        return {"like": "data.core.code.%"}
    return {"like": escape(kind.rsplit(".", 2)[0] + ".") + "%"}


def _read_filters(path: _Path) -> dict[str, Term]:
    read_ = {
        tag: FilterReader(tag, path.sources[tag], f"filters.{tag}").read(filters)
        for tag, filters in path.filters.items()
    }
    count = sum(1 for term in read_.values() for _ in term.tests())
    if count > MAX_TESTS:
        raise QueryError(f"the query has {count} comparisons; at most {MAX_TESTS} are allowed")
    return {tag: term for tag, term in read_.items() if term != Every(())}


def _read_projections(path: _Path) -> Iterator[Projection]:
    """Of the last vertex everything, if nothing is asked for."""
    asked = {tag: _specs(tag, spec) for tag, spec in path.projected.items()}
    if not any(asked.values()):
        last = path.steps[-1].tag
        asked = {last: [("**", {})]}
    if sum(map(len, asked.values())) > MAX_PROJECTIONS:
        raise QueryError(f"the query projects more than {MAX_PROJECTIONS} values")
    for tag, specs in asked.items():
        seen = set()
        for projection in (each for key, spec in specs for each in _projections(tag, path.sources[tag], key, spec)):
            if projection.key in seen:
                raise QueryError(f"project.{tag}: {projection.key!r} is projected twice")
            seen.add(projection.key)
            yield projection


def _specs(tag: str, asked: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """`"id"`, `["id", {"attributes.energy": {"cast": "f"}}]`"""
    specs: list[tuple[str, Mapping[str, Any]]] = []
    for each in asked if isinstance(asked, list) else [asked]:
        if isinstance(each, str):
            specs.append((each, {}))
        else:
            specs += [
                (key, _object(f"project.{tag}.{key}", spec)) for key, spec in _object(f"project.{tag}", each).items()
            ]
    return specs


def _projections(tag: str, source: Source, key: str, spec: Mapping[str, Any]) -> Iterator[Projection]:
    where = f"project.{tag}"
    _check_keys(f"{where}.{key}", spec, ("cast", "func"))
    if key in _ALL:
        if spec:
            raise QueryError(f"{where}: {key!r} stands for all columns, so it takes neither cast nor func")
        hidden = "path" if source.name == "walk" else None
        yield from (Projection(Operand(tag, column), name) for name, column in source.columns.items() if name != hidden)
        return
    operand = _operand(where, tag, source, key, spec.get("cast"))
    function = spec.get("func")
    if function is not None and function not in {known.value for known in Function}:
        raise QueryError(
            f"{where}.{key}: func is one of {', '.join(known.value for known in Function)}, not {function!r}"
        )
    if function in {"max", "min"} and operand.column.type is FieldType.JSON and operand.taken in _NO_CAST:
        raise QueryError(f'{where}.{key}: {function} of JSON needs a cast, such as {{"cast": "f"}}')
    yield Projection(operand, key, None if function is None else Function(function))


_NO_CAST = (As.ITSELF, As.JSON, As.CAST_JSON)
_CASTS = {taken.value: taken for taken in As if taken.name.startswith("CAST_")}


def _operand(where: str, tag: str, source: Source, key: str, cast: Any) -> Operand:
    name, *path = key.split(".")
    try:
        column = source.column(name)
    except QueryError as error:
        raise QueryError(f"{where}: {error}") from None
    if column.type is not FieldType.JSON:
        if path or cast is not None:
            raise QueryError(f"{where}: {name!r} is no JSON, so it has nothing below it and takes no cast")
        return Operand(tag, column)
    if cast is not None and cast not in _CASTS:
        raise QueryError(f"{where}.{key}: cast is one of {', '.join(_CASTS)}, not {cast!r}")
    if cast is None:
        return Operand(tag, column, tuple(path), As.JSON if path else As.ITSELF)
    return Operand(tag, column, tuple(path), _CASTS[cast])


def _read_order(path: _Path, asked: Any) -> Iterator[Sorting]:
    for each in asked if isinstance(asked, list) else [asked]:
        for tag, terms in _object("order_by", each).items():
            source = path.source("order_by", tag)
            yield from (_sorting(f"order_by.{tag}", tag, source, key, spec) for key, spec in _order_terms(tag, terms))


def _order_terms(tag: str, asked: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """`"id"`, `["id", {"ctime": "desc"}, {"attributes.energy": {"order": "desc", "cast": "f"}}]`"""
    for each in asked if isinstance(asked, list) else [asked]:
        if isinstance(each, str):
            yield each, {}
            continue
        for key, spec in _object(f"order_by.{tag}", each).items():
            yield key, {"order": spec} if isinstance(spec, str) else _object(f"order_by.{tag}.{key}", spec)


def _sorting(where: str, tag: str, source: Source, key: str, spec: Mapping[str, Any]) -> Sorting:
    _check_keys(f"{where}.{key}", spec, ("order", "cast"))
    order = spec.get("order", "asc")
    if order not in {"asc", "desc"}:
        raise QueryError(f"{where}.{key}: order is asc or desc, not {order!r}")
    operand = _operand(where, tag, source, key, spec.get("cast"))
    if operand.column.type is FieldType.JSON and operand.taken in _NO_CAST:
        raise QueryError(f'{where}.{key}: to order by JSON needs a cast, such as {{"order": "asc", "cast": "f"}}')
    return Sorting(operand, order == "desc")


def _check_aggregates(projections: Sequence[Projection], order: Sequence[Sorting]) -> None:
    functions = [projection.function is not None for projection in projections]
    if any(functions) and (order or not all(functions)):
        raise QueryError("func makes one value of all rows, so it goes with neither plain projections nor order_by")


def _check_order(projections: Sequence[Projection], order: Sequence[Sorting]) -> None:
    shown = {(each.operand.tag, each.operand.column.name, each.operand.path) for each in projections}
    for each in order:
        if (each.operand.tag, each.operand.column.name, each.operand.path) not in shown:
            name = ".".join((each.operand.column.name, *each.operand.path))
            raise QueryError(f"distinct rows can be ordered only by what is projected, and {name!r} is not")


def _object(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise QueryError(f"{where} is an object in braces, not {value!r}")
    return value


def _list(where: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise QueryError(f"{where} is a list, not {value!r}")
    return value


def _check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    names = tuple(known)
    for key in given:
        if key not in names:
            raise QueryError(f"{where} has no key {key!r}; there are {', '.join(names)}")


def _number(where: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value not in _INT64):
        raise QueryError(f"{where} is a number of rows, not {value!r}")
    return value


def _boolean(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise QueryError(f"{where} is true or false, not {value!r}")
    return value
