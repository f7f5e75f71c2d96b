"""What filters on groups, users, computers and neighbours find, beside the lists of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.golden import computers, graph, groups, ids


def rows(client: FlaskClient, resource: str) -> list[dict[str, Any]]:
    response = client.get(f"/api/v4/{resource}")
    assert response.status_code == 200, response.text
    (found,) = response.json["data"].values()
    return list(found)


def found(client: FlaskClient, query: str, version: str = "v4", resource: str = "nodes") -> list[int]:
    response = client.get(f"/api/{version}/{resource}?{quote(query, safe='=&')}")
    assert response.status_code == 200, response.text
    (shown,) = response.json["data"].values()
    return sorted(row["id"] for row in shown)


def members(client: FlaskClient, *uuids: str) -> list[int]:
    """By the QueryBuilder, which is held against aiida-core's."""
    path = [
        {"entity_type": "group", "tag": "g"},
        {"entity_type": "node", "tag": "n", "with_group": "g"},
    ]
    query = {"path": path, "filters": {"g": {"uuid": {"in": list(uuids)}}}, "project": {"n": "id"}}
    answer = client.post("/api/v4/querybuilder", json=query).json["data"]
    return sorted({row["id"] for row in answer.get("n", [])})


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_groups(client: FlaskClient, version: str) -> None:
    by_uuid = {group["uuid"]: group for group in rows(client, "groups")}
    everything = found(client, "")
    seen = 0
    for uuid, group in by_uuid.items():
        expected = members(client, *(each["uuid"] for each in by_uuid.values() if each["label"] == group["label"]))
        label = group["label"].replace('"', '""')
        assert found(client, f'group="{label}"', version) == expected
        assert found(client, f'group!="{label}"', version) == sorted(set(everything) - set(expected))
        assert found(client, f"group={group['id']}", version) == members(client, uuid)
        seen += len(expected)
    assert seen > 5
    two = {by_uuid[groups.favourites]["label"], by_uuid[groups.pseudos]["label"]}
    names = ",".join('"' + label.replace('"', '""') + '"' for label in two)
    # A label may stand for several groups, of different kinds.
    expected = members(client, *(uuid for uuid, group in by_uuid.items() if group["label"] in two))
    assert found(client, f"group=in={names}", version) == expected
    assert found(client, 'group="nobody"', version) == []


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_users(client: FlaskClient, version: str) -> None:
    by_user = {user["id"]: found(client, f"user_id={user['id']}") for user in rows(client, "users")}
    assert found(client, 'user="Günther Müßig"', version) == by_user[2]
    assert found(client, 'user="Günther"', version) == found(client, "user=2", version) == by_user[2]
    assert found(client, 'user="Müßig"', version) == by_user[2]
    assert found(client, "user=in=1,2", version) == sorted(by_user[1] + by_user[2])
    others = sorted(set(found(client, "")) - set(by_user[2]))
    assert found(client, 'user!="Günther"', version) == found(client, 'user=notin="Günther"', version) == others
    assert found(client, 'user="Günther"', version, "groups") == found(client, "user_id=2", "v4", "groups") != []


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_computers(client: FlaskClient, version: str) -> None:
    label = next(each["label"] for each in rows(client, "computers") if each["uuid"] == computers.daint)
    there = found(client, f"dbcomputer_id={ids[computers.daint]}")
    elsewhere = found(client, f"dbcomputer_id!={ids[computers.daint]}")
    assert found(client, f'computer="{label}"', version) == there != []
    assert found(client, f"computer={ids[computers.daint]}", version) == there
    # What belongs to no computer does not belong to another one.
    assert found(client, f'computer!="{label}"', version) == elsewhere != []
    nowhere = found(client, "dbcomputer_id=isnull=true")
    assert found(client, "computer=isnull=true", version) == nowhere != []
    assert found(client, "filter=computer IS NOT NULL", version) == sorted(set(found(client, "")) - set(nowhere))
    facet = client.get(f"/api/{version}/nodes?facet=computer&limit=1").json["data"]["facets"]["computer"]["values"]
    assert [each["count"] for each in facet if each["value"] is None] == [len(nowhere)]


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_neighbours(client: FlaskClient, version: str, direction: str) -> None:
    node = {"incoming": graph.relax_scf, "outgoing": graph.relax}[direction]
    links = rows(client, f"nodes/{node}/links/{direction}")
    assert len({link["link_type"] for link in links}) > 1
    for named in (str(ids[node]), f'"{node}"', f'"{node[:11].upper()}"'):
        assert found(client, f"{direction}_of={named}", version) == sorted({link["id"] for link in links})
        for link_type in {link["link_type"] for link in links}:
            expected = sorted({link["id"] for link in links if link["link_type"] == link_type})
            assert found(client, f'{direction}_of={named},"{link_type}"', version) == expected
        both = ",".join(f'"{link_type}"' for link_type in sorted({link["link_type"] for link in links}))
        assert found(client, f"{direction}_of={named},{both}", version) == sorted({link["id"] for link in links})


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("relation", ["ancestor", "descendant"])
def test_lineage(client: FlaskClient, version: str, relation: str) -> None:
    """The same as the resource, along the data or along what is named."""
    node = {"ancestor": graph.rescaled, "descendant": graph.silicon}[relation]
    sizes = []
    for types, link_type in (("", ""), (',"all"', "&link_type=all"), (',"logic"', "&link_type=logic")):
        expected = sorted(row["id"] for row in rows(client, f"nodes/{node}/{relation}s?limit=400{link_type}"))
        for named in (str(ids[node]), f'"{node}"'):
            assert found(client, f"{relation}_of={named}{types}", version) == expected
        sizes.append(len(expected))
    assert sizes[1] > sizes[0] > 1


def test_two_walks(client: FlaskClient) -> None:
    ancestors = set(found(client, f'ancestor_of="{graph.relax_final}"'))
    descendants = set(found(client, f'descendant_of="{graph.silicon}"'))
    assert ancestors & descendants
    both = f'ancestor_of="{graph.relax_final}"&descendant_of="{graph.silicon}"'
    assert found(client, both) == sorted(ancestors & descendants)
    either = f'filter=ancestor_of="{graph.relax_final}" OR descendant_of="{graph.silicon}"'
    assert found(client, either) == sorted(ancestors | descendants)
    neither = f'filter=NOT (ancestor_of="{graph.relax_final}" OR descendant_of="{graph.silicon}")'
    assert found(client, neither) == sorted(set(found(client, "")) - ancestors - descendants)


def test_in_an_expression(client: FlaskClient) -> None:
    one = set(found(client, f'outgoing_of="{graph.silicon}"'))
    two = set(found(client, 'user="Günther"'))
    three = set(found(client, "attributes.exit_status=0"))
    query = f'filter=NOT user="Günther" AND (outgoing_of="{graph.silicon}" OR attributes.exit_status=0)'
    assert found(client, query) == sorted((one | three) - two) != []
    assert found(client, f'outgoing_of="{graph.silicon}"&user="Günther"') == sorted(one & two)


@pytest.mark.parametrize("version", ["v2", "v4"])
@pytest.mark.parametrize("key", ["group", "user", "computer", "incoming_of", "ancestor_of"])
@pytest.mark.parametrize("query", ['{}.x="a"', "{}.x=1", 'filter=id=1 OR NOT {}.x="a"'])
def test_there_is_nothing_in_a_relation(client: FlaskClient, version: str, key: str, query: str) -> None:
    response = client.get(f"/api/{version}/nodes?{quote(query.format(key), safe='=&')}")
    message = f"{key} is no JSON, so there is no {key}.x in it"
    assert (response.status_code, response.json) == (400, {"message": message})
