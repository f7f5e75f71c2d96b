"""The body of `POST /querybuilder` as JSON Schema; `querylang.graph.read` reads it."""

from __future__ import annotations

from querylang.graph.schema import RELATIONS, VERTICES
from querylang.limits import STEPS
from restapi.openapi.schema import (
    BOOLEAN,
    COUNT,
    INTEGER,
    OBJECT,
    TEXT,
    Component,
    Schema,
    array,
    either,
    mapping,
    one_of,
    or_null,
    record,
)

_FILTERS = {**OBJECT, "description": "By a column, or a path into JSON: a value, or values by operators"}
_PROJECTED = either(TEXT, OBJECT, array(either(TEXT, OBJECT)))
_TAG = {**TEXT, "description": "The tag of a vertex before it"}
_KEYWORDS = tuple(dict.fromkeys(keyword for _, keyword in RELATIONS))

VERTEX = record(
    {},
    {
        "entity_type": {
            **either(TEXT, array(TEXT)),
            "description": f"A type of nodes, a type of groups, or one of {', '.join(VERTICES)}",
        },
        "orm_base": TEXT,
        "tag": TEXT,
        "joining_keyword": one_of(*_KEYWORDS),
        "joining_value": TEXT,
        **dict.fromkeys(_KEYWORDS, _TAG),
        "direction": INTEGER,
        "edge_tag": TEXT,
        "outerjoin": BOOLEAN,
        "filters": _FILTERS,
        "project": _PROJECTED,
        "edge_filters": _FILTERS,
        "edge_project": _PROJECTED,
        "subclassing": BOOLEAN,
    },
)

QUERY: Schema = {
    **record(
        {"path": {**array(either(TEXT, Component("Vertex", VERTEX))), "minItems": 1, "maxItems": STEPS.most}},
        {
            "filters": mapping(_FILTERS),
            "project": mapping(_PROJECTED),
            "project_map": OBJECT,
            "order_by": either(OBJECT, array(OBJECT)),
            "limit": or_null(COUNT),
            "offset": or_null(COUNT),
            "distinct": BOOLEAN,
        },
    ),
    "examples": [
        {
            "path": [
                {"entity_type": "data.core.structure.StructureData.", "tag": "structure"},
                {"entity_type": "process.calculation.", "tag": "job", "with_incoming": "structure"},
            ],
            "project": {"structure": ["label"], "job": ["uuid", "attributes.process_label"]},
            "order_by": {"job": {"ctime": "desc"}},
            "limit": 2,
        }
    ],
}
