"""The answers of v4 as JSON Schema; a test holds real answers against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from aiida_like.file_kind import FileKind
from querylang.schema import Entity
from restapi.dialects.aiida_v4.entities import COMPUTERS, GROUPS, INCOMING, NODES, OUTGOING, USERS
from restapi.openapi.answer import BYTES, JSON, AnswerSpec
from restapi.openapi.schema import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INTEGER,
    NULL,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    UUID,
    Component,
    Shape,
    array,
    either,
    itself,
    mapping,
    of_fields,
    one_of,
    or_null,
    record,
)
from restapi.openapi.shared import (
    CONTENT,
    FACETS,
    FIELD_FOR_PAGES,
    GRAPH,
    LINK_TYPE,
    REFERS_TO,
    STATISTICS,
    TOTALS,
    list_answer,
    rows_of,
)

_ENVELOPE: Mapping[str, Shape] = {
    "method": one_of("GET", "POST"),
    "path": TEXT,
    "query_string": {**TEXT, "description": "As it was sent, decoded"},
    "resource_type": TEXT,
    "url": TEXT,
    "url_root": TEXT,
}


def _enveloped(data: Shape, id_: Shape = NULL) -> AnswerSpec:
    return AnswerSpec({JSON: record({**_ENVELOPE, "data": data, "id": id_})}, TOTALS)


def _enveloped_without_id(data: Shape) -> AnswerSpec:
    return AnswerSpec({JSON: record({**_ENVELOPE, "data": data})}, TOTALS)


def _of_one(data: Mapping[str, Shape], sometimes: Mapping[str, Shape] = {}) -> AnswerSpec:
    """The answer about one object: `id` is its name in the path."""
    return _enveloped(record(data, sometimes), TEXT)


def _of_no_rows(spec: AnswerSpec) -> AnswerSpec:
    """An answer that is no list, so that there is no number of rows to tell."""
    return replace(spec, headers=())


_CONTENT = {"attributes": CONTENT, "extras": CONTENT}
_TYPED = {"full_type": TEXT}
_ROWS: Mapping[str, Component] = {
    entity.name: Component(name, record({**of_fields(entity.shown), **always}, sometimes))
    for entity, name, always, sometimes in (
        (NODES, "Node", _TYPED, _CONTENT),
        (INCOMING, "IncomingLink", _TYPED, {}),
        (OUTGOING, "OutgoingLink", _TYPED, {}),
        (COMPUTERS, "Computer", {}, {}),
        (USERS, "User", {}, {}),
        (GROUPS, "Group", {}, {}),
    )
}


def rows(entity: Entity, allowed: Collection[str], key: str | None = None, id_: Shape = NULL) -> AnswerSpec:
    """A list; `key` is its name, if that is not the one of the entity."""
    found = {key or entity.name: rows_of(_ROWS[entity.name], entity, allowed)}
    return list_answer(_enveloped(record(found, FACETS), id_))


def one(entity: Entity) -> AnswerSpec:
    found = {"type": "array", "items": _ROWS[entity.name], "minItems": 1, "maxItems": 1}
    return _enveloped(record({entity.name: found}), INTEGER if entity is USERS else TEXT)


ENDPOINTS = _enveloped_without_id(record({"available_endpoints": array(TEXT)}))
SERVER = _enveloped_without_id(
    record(
        dict.fromkeys(
            (
                *("API_major_version", "API_minor_version", "API_revision_version", "API_prefix"),
                *("AiiDA_version", "server"),
            ),
            TEXT,
        )
    )
)

QUERY_RESULT = _enveloped_without_id(
    {**mapping(array(OBJECT)), "description": "A list for each tag; the n-th entries of all lists are one row"}
)
ASKED_BY_POST = _enveloped_without_id(record({"message": TEXT}))

PROPERTIES = _enveloped(
    record(
        {
            "fields": mapping(
                Component(
                    "Property",
                    record(FIELD_FOR_PAGES, {**REFERS_TO, "valid_choices": mapping(record({"doc": TEXT}))}),
                )
            ),
            "ordering": array(TEXT),
        }
    )
)

COUNTS = _of_no_rows(_enveloped(STATISTICS))

TYPES = _of_no_rows(
    _enveloped(
        Component(
            "TypeTree",
            record(
                {
                    "namespace": TEXT,
                    "full_type": or_null(TEXT),
                    "label": TEXT,
                    "path": TEXT,
                    "subspaces": array(itself("TypeTree")),
                },
                {"counter": COUNT},
            ),
        )
    )
)

FORMATS = _of_no_rows(_enveloped(mapping(array(TEXT))))

GRAPH_AROUND = _enveloped(GRAPH, TEXT)

_DRAWN: Mapping[str, Shape] = {
    "id": INTEGER,
    "uuid": UUID,
    "node_type": TEXT,
    "node_label": TEXT,
    "ctime": TIME,
    "mtime": TIME,
    "description": TEXT,
}
_DRAWN_NEIGHBOURS = array(Component("DrawnNeighbour", record({**_DRAWN, "link_label": TEXT, "link_type": LINK_TYPE})))
_TOTALS_OF_LINKS = [f"{which}_no_of_{side}s" for which in ("total", "sent") for side in ("incoming", "outgoing")]

TREE = _of_no_rows(
    _of_one(
        {
            "nodes": array(
                Component("DrawnNode", record({**_DRAWN, "incoming": _DRAWN_NEIGHBOURS, "outgoing": _DRAWN_NEIGHBOURS}))
            ),
            "metadata": array(record(dict.fromkeys(_TOTALS_OF_LINKS, COUNT))),
        }
    )
)

ATTRIBUTES = _of_one({"attributes": CONTENT})
EXTRAS = _of_one({"extras": CONTENT})

_POINTS = array(array(NUMBER))
_NAMED_POINTS = mapping(array(NUMBER))

_DERIVED = _of_one(
    {
        "derived_properties": Component(
            "DerivedProperties",
            record(
                {},
                {
                    "formula": TEXT,
                    "dimensionality": record({"dim": INTEGER, "value": NUMBER, "label": TEXT}),
                    "bands": OBJECT,
                    "explicit_kpoints_rel": _POINTS,
                    "explicit_kpoints_abs": _POINTS,
                    "labelled_kpoints_rel": _NAMED_POINTS,
                    "labelled_kpoints_abs": _NAMED_POINTS,
                    "labelled_path": array(array(TEXT)),
                    "faces_data": OBJECT,
                    "mesh": ANYTHING,
                    "offset": ANYTHING,
                    "has_cell": BOOLEAN,
                    "has_mesh": BOOLEAN,
                    "has_labels": BOOLEAN,
                },
            ),
        )
    }
)
DERIVED = replace(_DERIVED, is_everywhere=False)

_ARRAY: Mapping[str, Shape] = {"name": TEXT, "shape": array(COUNT), "dtype": TEXT}
_SLICE = Component(
    "ArraySlice",
    record({**_ARRAY, "values": {"description": "Nested lists, or one value; null stands for NaN and infinities"}}),
)
_SHAPE = Component("Array", record({"name": TEXT, "shape": or_null(array(COUNT)), "dtype": or_null(TEXT)}))
ARRAYS = replace(
    _enveloped(either(record({"arrays": array(_SHAPE)}), record({"array": _SLICE})), TEXT), is_everywhere=False
)

COMMENTS = _of_one(
    {
        "comments": array(
            Component("Comment", record({"created_time": TIME, "modified_time": TIME, "user": TEXT, "message": TEXT}))
        )
    }
)

_SIZES: Mapping[str, Shape] = {
    "size": or_null({**COUNT, "description": "In bytes, of a file, where sizes were asked for; null if it is lost"}),
    "kind": or_null(one_of(*(kind.value for kind in FileKind))),
}
_FILES = array(Component("File", record({"name": TEXT, "type": one_of("DIRECTORY", "FILE")}, _SIZES)))

FOLDER = _of_one({"repo_list": _FILES})
INPUT_FILES = _enveloped(_FILES, TEXT)
OUTPUT_FILES = _enveloped(either(_FILES, record({"status": {"const": 200}, "data": TEXT})), TEXT)

_SHOWN = _of_one({"download": record({"data": TEXT, "filename": TEXT, "status": {"const": 200}})})
DOWNLOAD = AnswerSpec({BYTES: None, **_SHOWN.content}, is_everywhere=False)

REPORT = _of_one(
    {
        "logs": array(
            Component(
                "LogEntry",
                record({"time": TIME, "loggername": TEXT, "levelname": TEXT, "dbnode_id": INTEGER, "message": TEXT}),
            )
        )
    },
    {
        "offset": {**COUNT, "description": "How many entries come before these, where a part was asked for"},
        "total": {**COUNT, "description": "How many entries there are in all, where a part was asked for"},
    },
)
