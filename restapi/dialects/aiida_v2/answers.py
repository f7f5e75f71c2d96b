"""The answers of v2 as JSON Schema; a test holds real answers against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from querylang.schema import Entity
from restapi.dialects.aiida_v2.entities import COMPUTERS, GROUPS, NODES, USERS
from restapi.openapi.answer import BYTES, JSON, AnswerSpec, Subject
from restapi.openapi.schema import (
    COUNT,
    INTEGER,
    NULL,
    TEXT,
    UUID,
    Component,
    Shape,
    array,
    mapping,
    of_fields,
    one_of,
    record,
)
from restapi.openapi.shared import (
    CONTENT,
    FACETS,
    FIELD_FOR_PAGES,
    GRAPH,
    LINK_TYPE,
    PICTURE,
    REFERS_TO,
    STATISTICS,
    TOTALS,
    list_answer,
    rows_of,
)

_ENVELOPE: Mapping[str, Shape] = {
    "method": {"const": "GET"},
    "path": TEXT,
    "query_string": {**TEXT, "description": "As it was sent"},
    "resource_type": {**TEXT, "description": "What the path names"},
    "url": TEXT,
    "url_root": TEXT,
}


def _enveloped(data: Shape) -> AnswerSpec:
    return AnswerSpec({JSON: record({**_ENVELOPE, "data": data, "id": NULL, "pk": NULL})}, TOTALS)


def _of_one(data: Shape) -> AnswerSpec:
    """The answer about one object: `id` is its name in the path, `pk` its integer id."""
    return AnswerSpec({JSON: record({**_ENVELOPE, "data": data, "id": TEXT, "pk": INTEGER})}, TOTALS)


_ROWS: Mapping[str, Component] = {
    entity.name: Component(name, record(of_fields(entity.shown)))
    for entity, name in ((NODES, "Node"), (COMPUTERS, "Computer"), (USERS, "User"), (GROUPS, "Group"))
}
_WHOLE: Mapping[str, Component] = {
    **_ROWS,
    NODES.name: Component("WholeNode", record({**of_fields(NODES.shown), "attributes": CONTENT})),
}


def _under_its_name(subject: Subject, found: Shape, beside: Mapping[str, Shape] = {}) -> Shape:
    """An object with one key, the name in the path, and what may stand beside it."""
    if len(subject.names) == 1:
        return record({subject.names[0]: found}, beside)
    names = {"minProperties": 1, "maxProperties": 1 + len(beside)}
    return {**record({}, {**dict.fromkeys(subject.names, found), **beside}), **names}


def _rows(entity: Entity, allowed: Collection[str]) -> Shape:
    return rows_of(_ROWS[entity.name], entity, allowed)


def rows(subject: Subject, allowed: Collection[str]) -> AnswerSpec:
    return list_answer(_enveloped(_under_its_name(subject, _rows(subject.entity, allowed), FACETS)))


def related(key: str, allowed: Collection[str]) -> AnswerSpec:
    """A list of nodes that are related to one."""
    return list_answer(_of_one(record({key: _rows(NODES, allowed)}, FACETS)))


def one(subject: Subject) -> AnswerSpec:
    found = {"type": "array", "items": _WHOLE[subject.entity.name], "minItems": 1, "maxItems": 1}
    return _of_one(_under_its_name(subject, found))


SCHEMA = _enveloped(
    record(
        {
            "fields": mapping(Component("Property", record(FIELD_FOR_PAGES, REFERS_TO))),
            "ordering": array(TEXT),
        }
    )
)

ENDPOINTS = _enveloped(record({"available_endpoints": array(TEXT)}))
SERVER = _enveloped(array(TEXT))
COUNTS = _enveloped(STATISTICS)
TYPES = _enveloped(record(dict.fromkeys(("calculation", "data", "code"), array(TEXT))))

GRAPH_AROUND = _of_one(GRAPH)

_DRAWN: Mapping[str, Shape] = {
    "id": {**COUNT, "description": "Its number in the picture; 0 is the node asked for"},
    "nodeid": INTEGER,
    "nodeuuid": UUID,
    "nodetype": TEXT,
    "displaytype": TEXT,
    "nodelabel": TEXT,
    "group": one_of("mainNode", "inputs", "outputs"),
    "description": TEXT,
    "shape": one_of("dot", "square", "triangle"),
}
_TOTALS_OF_LINKS = [f"{which}_no_of_{side}s" for which in ("total", "sent") for side in ("incoming", "outgoing")]

TREE = _of_one(
    record(
        {
            "nodes": array(
                Component("DrawnNode", record(_DRAWN, {"linktype": LINK_TYPE, "linklabel": TEXT})),
            ),
            "edges": array(
                Component(
                    "DrawnLink",
                    record(
                        {
                            "from": COUNT,
                            "to": COUNT,
                            "arrows": {"const": "to"},
                            "color": record({"inherit": one_of("from", "to")}),
                            "linktype": LINK_TYPE,
                        }
                    ),
                )
            ),
            **dict.fromkeys(_TOTALS_OF_LINKS, COUNT),
        }
    )
)

ATTRIBUTES = _of_one(record({"attributes": CONTENT}))
EXTRAS = _of_one(record({"extras": CONTENT}))
VISUALIZATION = replace(_of_one(record({"visualization": PICTURE})), is_everywhere=False)


def files(key: str) -> AnswerSpec:
    """The paths of files, or with `filename` one file."""
    return AnswerSpec({**_of_one(record({key: array(TEXT)})).content, BYTES: None})
