"""Lists in many orders, and their rows."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.golden import graph

LISTS = {
    "v2/nodes": (
        *("", "-id", "ctime", "-mtime,label", "label", "-label,ctime", "uuid", "-uuid", "type,-id,label", "user_id"),
        *("state", "-state", "process_type,label", "-process_type,-uuid", "+state,-process_type"),
        *("attributes.value", "-attributes.value,label", "extras.nested.list.0", "attributes.cell.0.0,-label"),
    ),
    "v4/nodes": ("", "-ctime", "node_type,-label", "-process_type", "-attributes.value", "pk"),
    "v2/computers": ("", "enabled", "-enabled,name", "hostname"),
    "v4/users": ("", "-first_name", "institution,last_name"),
    "v4/groups": ("-time", "type_string,-label"),
    f"v4/nodes/{graph.relax}/links/outgoing": ("", "link_label", "-link_type,label", "-id"),
    f"v2/nodes/{graph.relax}/io/outputs": ("", "-label"),
    f"v4/nodes/{graph.silicon}/descendants": ("", "-process_type"),
}


def rows_of(response: TestResponse) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    (rows,) = (value for value in response.json["data"].values() if isinstance(value, list))
    return list(rows)
