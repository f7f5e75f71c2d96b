"""`fields=`: what each row shows."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from querylang.limits import PATH
from tests.golden import graph


def rows(client: FlaskClient, url: str) -> list[dict[str, Any]]:
    response = client.get(f"/api/{url}")
    assert response.status_code == 200, response.text
    (found,) = response.json["data"].values()
    return list(found)


def at(value: Any, path: str) -> Any:
    """None where nothing is."""
    for key in path.split("."):
        if isinstance(value, list):
            value = dict(enumerate(value)).get(int(key)) if key.isdecimal() else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


PATHS = (
    "attributes.value",
    "attributes.cell.0",
    "attributes.kinds.0.name",
    "extras.nested.list.2.deep",
    "attributes.process_label",
)


def test_nodes(client: FlaskClient) -> None:
    """In the order in which they are named; what is not there is null."""
    whole = rows(client, "v4/nodes?attributes=true&extras=true")
    keys = ["uuid", "pk", *PATHS, "ctime", "attributes", "description"]
    found = rows(client, f"v4/nodes?fields={','.join(keys)}")
    assert [list(row) for row in found] == [keys] * len(whole)
    for row, expected in zip(found, whole, strict=True):
        assert (row["uuid"], row["pk"], row["ctime"]) == (expected["uuid"], expected["id"], expected["ctime"])
        assert row["attributes"] == expected["attributes"]
        assert {path: row[path] for path in PATHS} == {path: at(expected, path) for path in PATHS}
    assert {path: sum(row[path] is not None for row in found) > 0 for path in PATHS} == dict.fromkeys(PATHS, True)


LISTS = {
    "v2/nodes?fields=state,id&limit=2": ["state", "id"],
    "v2/calculations?fields=attributes.exit_status&limit=2": ["attributes.exit_status"],
    "v2/users?fields=last_name": ["last_name"],
    "v2/computers/page/1?fields=name,enabled": ["name", "enabled"],
    "v4/groups?fields=label,extras": ["label", "extras"],
    "v4/computers?fields=label,metadata.workdir": ["label", "metadata.workdir"],
    "v4/nodes/page/2?perpage=3&fields=id": ["id"],
    "v4/nodes?fields=id&attributes.exit_status=0&orderby=-attributes.exit_status": ["id"],
    f"v4/nodes/{graph.rescaled}/ancestors?fields=id,label": ["id", "label"],
    f"v2/nodes/{graph.silicon}/io/outputs?fields=type": ["type"],
    f"v4/nodes/{graph.silicon}/links/outgoing?fields=link_type,id": ["link_type", "id"],
}


@pytest.mark.parametrize("url", LISTS)
def test_lists(client: FlaskClient, url: str) -> None:
    found = rows(client, url)
    assert found
    assert [list(row) for row in found] == [LISTS[url]] * len(found)


ERRORS = {
    "v4/nodes?fields=nope": (
        "nodes have no key 'nope' to filter or order by. There are: id, label, node_type, process_type, "
        "full_type, ctime, mtime, uuid, user_id, description, dbcomputer_id, attributes, extras, pk, user, computer, "
        "group, incoming_of, outgoing_of, ancestor_of, descendant_of"
    ),
    "v2/nodes?fields=label.x": "label is no JSON, so there is no label.x in it",
    "v4/users?fields=email": "the key 'email' of users is withheld: it is personal data",
    "v4/nodes?fields=id&attributes=true": (
        "fields is incompatible with attributes and extras: name them in it, as in attributes.cell"
    ),
    f"v4/nodes/{graph.silicon}?fields=id": (
        "fields has no meaning for this resource; it takes attributes, attributes_filter, extras, "
        "extras_filter, profile"
    ),
    f"v4/nodes?fields=attributes{'.x' * (PATH.most + 1)}": "the path of attributes has 33 keys; at most 32 are allowed",
}


@pytest.mark.parametrize("url", ERRORS)
def test_errors(client: FlaskClient, url: str) -> None:
    response = client.get(f"/api/{url}")
    assert (response.status_code, response.json["message"]) == (400, ERRORS[url])
