"""`facet=`: how many rows have which value, held against the rows themselves."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from aiida_like.errors import StatementTimeout
from restapi.answering import facets
from tests.exchanges import with_id
from tests.golden import graph


def data(client: FlaskClient, url: str) -> dict[str, Any]:
    response = client.get(f"/api/{quote(url, safe='/?=&')}")
    assert response.status_code == 200, response.text
    return dict(response.json["data"])


def counts(facet: dict[str, Any]) -> Counter[Any]:
    return Counter({repr(each["value"]): each["count"] for each in facet["values"]})


FILTERS = (
    "",
    "id>30",
    'type=like="process.%"',
    'filter=label=like="%a%" OR user=1',
    f'descendant_of="{graph.silicon}"',
)


@pytest.mark.parametrize("query", FILTERS)
def test_nodes(client: FlaskClient, query: str) -> None:
    """In both dialects: by fields, shown or not, by what is related, and by what lies in JSON."""
    keys = ["type", "state", "user_id", "process_type", "attributes.value", "attributes.exit_status", "extras.nested"]
    rows = data(client, f"v2/nodes?{query}&fields=id,{','.join(keys)}")["nodes"]
    found = data(client, f"v2/nodes?{query}&facet=user,computer,{','.join(keys)}&limit=1")
    assert len(found["nodes"]) == 1
    for key in keys:
        assert counts(found["facets"][key]) == Counter(repr(row[key]) for row in rows), key
        assert found["facets"][key]["distinct"] == len(found["facets"][key]["values"])
    assert list(found["facets"]) == ["user", "computer", *keys]
    same = query.replace("type=", "node_type=")
    in_v4 = data(client, f"v4/nodes?{same}&facet=node_type,user,computer,attributes.value&limit=1")["facets"]
    assert in_v4 == {
        "node_type": found["facets"]["type"],
        **{key: found["facets"][key] for key in ("user", "computer", "attributes.value")},
    }


@pytest.mark.parametrize("key", ["type", "state", "user", "computer", "label", "attributes.exit_status"])
def test_a_value_is_that_of_a_filter(client: FlaskClient, key: str) -> None:
    """Which finds as many rows as the facet says."""
    facet = data(client, f"v2/nodes?facet={key}&limit=1")["facets"][key]
    assert len(facet["values"]) > 1
    numbers = [each["count"] for each in facet["values"]]
    assert numbers == sorted(numbers, reverse=True)
    for each in facet["values"]:
        value = each["value"]
        text = '"' + value.replace('"', '""') + '"' if isinstance(value, str) else value
        if value is None:
            related = {"user": "user_id", "computer": "dbcomputer_id"}
            query = f"{related.get(key, key)}=isnull=true"
        else:
            query = f"{key}={text}"
        if value is None and key == "computer":
            continue  # v2 has no such field
        response = client.get(f"/api/v2/nodes?{quote(query, safe='=')}&limit=1")
        assert (response.status_code, response.headers["X-Total-Count"]) == (200, str(each["count"])), query


def test_what_is_related_has_a_name(client: FlaskClient) -> None:
    found = data(client, "v4/nodes?facet=user,computer&limit=1")["facets"]
    users = {
        user["id"]: f"{user['first_name']} {user['last_name']}".strip() for user in data(client, "v4/users")["users"]
    }
    computers = {each["id"]: each["label"] for each in data(client, "v4/computers")["computers"]} | {None: None}
    for facet, names in ((found["user"], users), (found["computer"], computers)):
        assert len(facet["values"]) > 1
        assert {each["value"]: each["name"] for each in facet["values"]}.items() <= names.items()


@pytest.mark.parametrize("url", ["v2/nodes", "v4/nodes", f"v2/nodes/{graph.silicon}/descendants"])
def test_groups(client: FlaskClient, url: str) -> None:
    """A row counts in each of its groups."""
    facet = data(client, f"{url}?facet=group&limit=1")["facets"]["group"]
    totals = {}
    for group in data(client, "v4/groups")["groups"]:
        answer = client.get(f"/api/{url}?group={group['id']}&limit=1")
        totals[group["id"], group["label"]] = int(answer.headers["X-Total-Count"])
    expected = {key: total for key, total in totals.items() if total}
    assert {(each["value"], each["name"]): each["count"] for each in facet["values"]} == expected
    assert facet["distinct"] == len(expected)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("v2/computers", "enabled"),
        ("v2/computers", "scheduler_type"),
        ("v4/groups", "type_string"),
        ("v4/users", "institution"),
        (f"v4/nodes/{graph.relax}/links/outgoing", "link_type"),
        (f"v4/nodes/{graph.silicon}/descendants", "node_type"),
        (f"v2/nodes/{graph.relax}/io/outputs", "type"),
    ],
)
def test_other_lists(client: FlaskClient, url: str, key: str) -> None:
    answer = data(client, f"{url}?facet={key}")
    (rows,) = (value for value in answer.values() if isinstance(value, list))
    assert counts(answer["facets"][key]) == Counter(repr(row[key]) for row in rows)


def test_the_window_does_not_matter(client: FlaskClient) -> None:
    expected = data(client, "v4/nodes?facet=node_type")["facets"]
    for url in ("v4/nodes?facet=node_type&limit=1&offset=30", "v4/nodes/page/2?facet=node_type"):
        assert data(client, url)["facets"] == expected
    assert data(client, "v4/nodes?facet=node_type&cursor=&limit=1")["facets"] == expected


def test_more_values_than_are_listed(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = data(client, "v2/nodes?facet=label&limit=1")["facets"]["label"]
    number = len(whole["values"])
    assert 3 < number == whole["distinct"]
    # Each of another limit, so that none is answered as the one before.
    for limit, most in enumerate((3, number - 1, number, number + 1), 2):
        monkeypatch.setattr(facets, "MAX_FACET_VALUES", most)
        part = data(client, f"v2/nodes?facet=label&limit={limit}")["facets"]["label"]
        assert (part["values"], part["distinct"]) == (whole["values"][:most], number)


def test_no_rows(client: FlaskClient) -> None:
    answer = data(client, "v2/nodes?id=0&facet=type,user")
    assert answer == {"nodes": [], "facets": {key: {"values": [], "distinct": 0} for key in ("type", "user")}}


ERRORS = {
    "facet=ctime": "facet counts values that rows share, and ctime is of type datetime",
    "facet=uuid": "facet counts values that rows share, and uuid is of type uuid",
    "facet=attributes": "facet counts values, and attributes is an object: name one in it, as in attributes.key",
    "facet=label.x": "label is no JSON, so there is no label.x in it",
    "facet=": "facet takes keys such as label or attributes.energy, separated by commas, not ''",
    "facet=a b": "facet takes keys such as label or attributes.energy, separated by commas, not 'a b'",
    "facet=" + ",".join(f"attributes.a{i}" for i in range(11)): "facet has 11 keys; at most 10 are allowed",
    "facet=lable": (
        "nodes have no key 'lable' to filter or order by; did you mean 'label'? There are: ctime, id, label, "
        "mtime, state, type, user_id, uuid, node_type, process_type, description, attributes, extras, pk, "
        "group, user, computer, incoming_of, outgoing_of, ancestor_of, descendant_of"
    ),
}


@pytest.mark.parametrize("query", ERRORS)
def test_errors(archive_client: FlaskClient, query: str) -> None:
    response = archive_client.get("/api/v2/nodes?" + quote(query, safe="=&"))
    assert response.status_code == 400
    assert response.json["message"] == ERRORS[query]


def test_what_takes_too_long_says_what_to_narrow(archive_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_into_the_limit(*_: Any) -> None:
        raise StatementTimeout(30)

    monkeypatch.setattr(facets, "fetch_remembered", run_into_the_limit)
    response = archive_client.get("/api/v2/nodes?limit=1&facet=state")
    message = "the query took longer than 30 s and was stopped: narrow the list with filters, or ask for fewer facets"
    assert (response.status_code, response.json) == (503, with_id(response, {"message": message}))
