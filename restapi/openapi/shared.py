"""Answers that are the same in all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from aiida_like.models import LINK_TYPES
from querylang.schema import Entity
from restapi.openapi.answer import BYTES, CSV, JSON, NDJSON, ZIP, AnswerSpec, Header
from restapi.openapi.schema import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INTEGER,
    OBJECT,
    TEXT,
    TIME,
    UUID,
    Component,
    Shape,
    array,
    either,
    mapping,
    one_of,
    or_null,
    record,
    selection,
)

TOTALS = tuple(
    Header(name, COUNT, "How many rows there are on all pages together") for name in ("X-Total-Count", "X-Total-Counts")
)
DISPOSITION = Header("Content-Disposition", TEXT, "The name of the file")

_OF_LISTS = (
    *(replace(header, is_certain=False) for header in TOTALS),
    Header(
        "Link", TEXT, "The first, previous, next and last page, or what is behind a cursor (RFC 8288)", is_certain=False
    ),
    Header("Preference-Applied", TEXT, "How the rows were counted, if `Prefer` was sent (RFC 7240)", is_certain=False),
    replace(DISPOSITION, is_certain=False),
)

FACETS: Mapping[str, Shape] = {
    "facets": Component(
        "Facets",
        mapping(
            record(
                {
                    "values": array(record({"value": ANYTHING, "count": COUNT}, {"name": or_null(TEXT)})),
                    "distinct": {**COUNT, "description": "How many values there are in all"},
                }
            )
        ),
    )
}


def list_answer(answer: AnswerSpec) -> AnswerSpec:
    """The answer of a list, which can be a file too, and says how rows were counted."""
    return replace(answer, content={**answer.content, CSV: None, NDJSON: None}, headers=_OF_LISTS)


def rows_of(row: Component, entity: Entity, allowed: Collection[str]) -> Shape:
    """A list of whole rows, or where `fields` is allowed of some of their keys."""
    return array(either(row, Component(f"Some{row.name}", selection(entity))) if "fields" in allowed else row)


ERROR = Component("Error", record({"message": TEXT}, {"request_id": TEXT}))

DOCUMENT = AnswerSpec({JSON: OBJECT})
FILE = AnswerSpec({BYTES: None}, (DISPOSITION,))
DOWNLOAD = AnswerSpec({BYTES: None}, (DISPOSITION,), is_everywhere=False)
CRATE = AnswerSpec({ZIP: None}, (DISPOSITION,), is_everywhere=False)
ZIPPED = CRATE

STATISTICS = Component(
    "Statistics",
    record(
        {
            "total": COUNT,
            "types": mapping(COUNT),
            "ctime_by_day": mapping(COUNT, {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        }
    ),
)

LINK_TYPE = {**TEXT, "description": f"{', '.join(LINK_TYPES)}; a profile can hold others, which AiiDA does not have"}

_LEFT_OUT = Component(
    "LinksLeftOut",
    record(
        {
            "node_id": INTEGER,
            "direction": one_of("incoming", "outgoing"),
            "link_type": or_null(LINK_TYPE),
            "node_type": or_null(TEXT),
            "count": {**COUNT, "description": "How many such links of the node are not among those shown"},
        }
    ),
)

GRAPH = Component(
    "Graph",
    record(
        {
            "nodes": array(
                Component(
                    "GraphNode",
                    record(
                        {
                            "id": INTEGER,
                            "uuid": UUID,
                            "label": TEXT,
                            "node_type": TEXT,
                            "process_type": or_null(TEXT),
                            "ctime": TIME,
                            "process_label": or_null(TEXT),
                            "process_state": or_null(TEXT),
                            "exit_status": or_null(either(INTEGER, TEXT)),
                            "distance": {**COUNT, "description": "How many links away it is, at least"},
                            "incoming": {**COUNT, "description": "How many links of these types lead to it in all"},
                            "outgoing": {**COUNT, "description": "How many links of these types lead from it in all"},
                        }
                    ),
                )
            ),
            "links": array(
                Component(
                    "GraphLink",
                    record({"input_id": INTEGER, "output_id": INTEGER, "type": LINK_TYPE, "label": TEXT}),
                )
            ),
            "truncated": {**BOOLEAN, "description": "Whether there are more nodes"},
        },
        {"left_out": array(_LEFT_OUT)},
    ),
)

_STATEMENTS = mapping(mapping(ANYTHING))
PROV = AnswerSpec(
    {
        JSON: Component(
            "Prov",
            record(
                {"prefix": mapping(TEXT), "entity": _STATEMENTS},
                dict.fromkeys(
                    (
                        *("activity", "agent", "used", "wasGeneratedBy", "wasInformedBy", "wasInfluencedBy"),
                        *("wasAssociatedWith", "wasAttributedTo"),
                    ),
                    _STATEMENTS,
                ),
            ),
        )
    },
    is_everywhere=False,
)

CONTENT = {**OBJECT, "description": "By their names; values are any JSON"}

PICTURE = either(OBJECT, array(ANYTHING))
"""The form depends on the kind of node and on the format: `aiida_like.formats`."""

FIELD_FOR_PAGES = {
    "display_name": TEXT,
    "help_text": TEXT,
    "is_display": BOOLEAN,
    "is_foreign_key": BOOLEAN,
    "type": TEXT,
}
REFERS_TO = {"related_column": TEXT, "related_resource": TEXT}
