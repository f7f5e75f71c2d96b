"""Dictionaries of the QueryBuilder: what is refused, and in which words; what short ones stand for."""

from __future__ import annotations

from typing import Any

import pytest

from aiida_like.errors import QueryError
from querylang.graph.ast import GraphQuery
from querylang.graph.read import read, skeleton_of
from querylang.limits import CONDITIONS, PROJECTIONS, STEPS
from querylang.terms import Every, leaves

NODE: dict[str, Any] = {"entity_type": "node", "tag": "n"}
WALK: dict[str, Any] = {"entity_type": "node", "tag": "w", "with_ancestors": "n"}
OTHER: dict[str, Any] = {"entity_type": "node", "tag": "m"}


def one(**more: Any) -> dict[str, Any]:
    return {"path": [NODE], **more}


def filtered(filters: Any) -> dict[str, Any]:
    return one(filters={"n": filters})


def nested(depth: int) -> dict[str, Any]:
    filters: dict[str, Any] = {"id": 1}
    for _ in range(depth):
        filters = {"and": [filters]}
    return filters


def lists(depth: int) -> Any:
    nested_lists: Any = 1
    for _ in range(depth):
        nested_lists = [nested_lists]
    return nested_lists


ERRORS: list[tuple[Any, str]] = [
    ([], "a query is an object in braces, not []"),
    ({}, "path is a list, not None"),
    ({"path": []}, 'path is empty: name at least one vertex, as in {"path": [{"entity_type": "node"}]}'),
    (
        one(filter={}),
        (
            "a query has no key 'filter'; there are path, filters, project, project_map, order_by, limit, "
            "offset, distinct"
        ),
    ),
    ({"path": [1]}, "path[0] is an object in braces, not 1"),
    (
        {"path": [{"cls": "Node"}]},
        (
            "path[0] has no key 'cls'; there are entity_type, orm_base, tag, joining_keyword, joining_value, "
            "edge_tag, outerjoin, filters, project, edge_filters, edge_project, subclassing, direction"
        ),
    ),
    (
        {"path": [{"tag": "n"}]},
        'path[0]: entity_type is a text such as "data.core.dict.Dict." or "group.core", not None',
    ),
    ({"path": [{"entity_type": []}]}, "path[0]: entity_type is empty"),
    (
        {"path": [{"entity_type": "nodes"}]},
        (
            "path[0]: there is no entity_type 'nodes'; there are node, group, computer, user, comment, log, "
            'types of nodes such as "data.core.dict.Dict." and types of groups such as "group.core"'
        ),
    ),
    ({"path": [{"entity_type": ["node", "user"]}]}, "path[0]: entity_type mixes node and user"),
    ({"path": [{"entity_type": "node", "tag": "a--b"}]}, "path[0]: tag is a text without '--', not 'a--b'"),
    ({"path": [NODE, NODE]}, "path[1]: the tag 'n' is already in use"),
    (
        {"path": [NODE, WALK | {"edge_filters": {"path.x": 1}}]},
        "filters.n--w: 'path' is no JSON, so there is no 'path.x' in it",
    ),
    (
        {"path": [NODE, WALK | {"edge_project": [{"path.0": {"cast": "i"}}]}]},
        "project.n--w: 'path' is no JSON, so there is no 'path.0' in it",
    ),
    ({"path": [NODE] * STEPS.most}, "path[1]: the tag 'n' is already in use"),
    ({"path": ["node"] * (STEPS.most + 1)}, "the path has 17 vertices; at most 16 are allowed"),
    ({"path": [NODE, OTHER | {"edge_tag": 5}]}, "path[1]: edge_tag is a text, not 5"),
    ({"path": [NODE, OTHER | {"outerjoin": 1}]}, "path[1].outerjoin is true or false, not 1"),
    (
        {"path": [NODE, OTHER | {"with_parents": "n"}]},
        (
            "path[1]: a node is not joined by 'with_parents'; there are with_incoming, with_outgoing, "
            "with_ancestors, with_descendants, with_group, with_user, with_computer, with_comment, with_log"
        ),
    ),
    ({"path": [NODE, OTHER | {"with_incoming": "x"}]}, "path[1]: there is no tag 'x' in the path; there are n"),
    ({"path": [NODE, OTHER | {"with_incoming": None}]}, "path[1]: 'with_incoming' takes the tag of a vertex, not None"),
    ({"path": [NODE, OTHER | {"with_group": "n"}]}, "path[1]: with_group joins a node to a group; 'n' is a node"),
    (
        {"path": [NODE, OTHER | {"with_incoming": "n", "with_outgoing": "n"}]},
        "path[1]: it can be joined only once, not by with_incoming and with_outgoing",
    ),
    ({"path": [NODE, OTHER | {"direction": 2}]}, "path[1]: direction counts vertices, 1 to 1 or with a minus, not 2"),
    (
        {"path": [NODE, OTHER | {"direction": True}]},
        "path[1]: direction counts vertices, 1 to 1 or with a minus, not True",
    ),
    ({"path": ["computer", "computer"]}, "path[1]: with_node joins a computer to a node; 'computer_1' is a computer"),
    (one(filters={"x": {}}), "filters: there is no tag 'x' in the path; there are n"),
    (one(filters=[1]), "filters is an object in braces, not [1]"),
    (filtered([1]), "filters.n is an object in braces, not [1]"),
    (
        filtered({"labell": "x"}),
        (
            "filters.n: a node has no 'labell'; did you mean 'label'? There are: id, uuid, node_type, "
            "process_type, label, description, ctime, mtime, attributes, extras, repository_metadata, "
            "dbcomputer_id, user_id, pk, user, computer"
        ),
    ),
    (
        {"path": ["user"], "filters": {"user_1": {"email": "x"}}},
        "filters.user_1: 'email' of a user is withheld: it is personal data",
    ),
    (filtered({"label.x": 1}), "filters.n: 'label' is no JSON, so there is no 'label.x' in it"),
    (
        filtered({"label": {"has_key": "x"}}),
        (
            "filters.n: there is no operator 'has_key' for label, which is of type string; it takes == > < >= <= "
            "in like ilike"
        ),
    ),
    (
        filtered({"attributes.x": {"=": 1}}),
        (
            "filters.n: there is no operator '=' for attributes.x, which is of type dict; it takes == > < >= <= "
            "=> =< in like ilike of_type contains has_key of_length longer shorter"
        ),
    ),
    (filtered({"id": 1.5}), "filters.n: id is compared with integers, not with 1.5"),
    (filtered({"id": True}), "filters.n: id is compared with integers, not with true"),
    (filtered({"id": 2**63}), "filters.n: id is compared with integers, not with 9223372036854775808"),
    (filtered({"id": {">": None}}), "filters.n: id is compared with integers, not with null"),
    (filtered({"label": 7}), "filters.n: label is compared with text, not with 7"),
    (filtered({"label": "a\0b"}), 'filters.n: label is compared with text, not with "a\\u0000b"'),
    (
        filtered({"label": {"like": "a\\"}}),
        "filters.n: the pattern ends in the escape character \\; write \\\\ for a backslash",
    ),
    (
        filtered({"ctime": "yesterday"}),
        'filters.n: ctime is compared with times such as "2016-04-23T05:45:00+03:45", not with "yesterday"',
    ),
    (
        filtered({"ctime": "0001-01-01T00:00:00+05:00"}),
        (
            'filters.n: ctime is compared with times such as "2016-04-23T05:45:00+03:45", not with '
            '"0001-01-01T00:00:00+05:00"'
        ),
    ),
    (filtered({"id": {"in": []}}), "filters.n: 'in' takes a list of values, not []"),
    (filtered({"id": {"in": 5}}), "filters.n: 'in' takes a list of values, not 5"),
    (filtered({"id": {"in": list(range(1001))}}), "filters.n: 'in' has 1001 values; at most 1000 are allowed"),
    (filtered({"attributes.x": {"in": [1, "a"]}}), "filters.n: the values behind 'in' are of several types: [1,\"a\"]"),
    (filtered({"attributes.x": {">": [1]}}), "filters.n: attributes.x cannot be compared by > with [1]"),
    (filtered({"attributes.x": {"<": None}}), "filters.n: attributes.x cannot be compared by < with null"),
    (
        filtered({"attributes.x": {"of_type": "text"}}),
        'filters.n: of_type takes one of object, array, string, number, boolean, null, not "text"',
    ),
    (filtered({"attributes.x": {"longer": "3"}}), 'filters.n: attributes.x is compared with integers, not with "3"'),
    (filtered({"and": {"id": 1}}), "filters.n: 'and' takes a list of filters, not {\"id\":1}"),
    (filtered({"or": [5]}), 'filters.n: filters are an object such as {"id": {">": 5}}, not 5'),
    (filtered({"id": {"or": [5]}}), 'filters.n: an operator and its value are written {">": 5}, not 5'),
    (filtered(nested(40)), "filters.n: filters are nested more than 32 deep"),
    (filtered(nested(400)), "filters.n: filters are nested more than 32 deep"),
    (filtered({"attributes.x": lists(400)}), "filters.n: the query is nested too deep"),
    (filtered({"id": lists(400)}), "filters.n: the query is nested too deep"),
    (one(project={"n": lists(400)}), "the query is nested too deep"),
    ({"path": [NODE | {"filters": nested(400)}]}, "the query is nested too deep"),
    (
        filtered({"label": "x" * 50, "id": "x" * 50}),
        f'filters.n: id is compared with integers, not with "{"x" * 39}...',
    ),
    (
        filtered({"or": [{"id": 1}] * (CONDITIONS.most + 1)}),
        "the query has 501 comparisons; at most 500 are allowed",
    ),
    (
        filtered({"or": [{"id": {"in": list(range(1000))}}] * 4}),
        "the query has 4000 values; at most 3000 are allowed",
    ),
    (one(project={"x": ["id"]}), "project: there is no tag 'x' in the path; there are n"),
    (
        one(project={"n": ["energy"]}),
        (
            "project.n: a node has no 'energy'. There are: id, uuid, node_type, process_type, label, "
            "description, ctime, mtime, attributes, extras, repository_metadata, dbcomputer_id, user_id, pk, "
            "user, computer"
        ),
    ),
    (one(project={"n": ["id.x"]}), "project.n: 'id' is no JSON, so it has nothing below it and takes no cast"),
    (
        one(project={"n": [{"id": {"cast": "f"}}]}),
        "project.n: 'id' is no JSON, so it has nothing below it and takes no cast",
    ),
    (
        one(project={"n": [{"attributes.x": {"cast": "x"}}]}),
        "project.n.attributes.x: cast is one of f, i, b, t, j, d, not 'x'",
    ),
    (one(project={"n": [{"id": {"func": "sum"}}]}), "project.n.id: func is one of count, max, min, not 'sum'"),
    (one(project={"n": [{"id": {"func": []}}]}), "project.n.id: func is one of count, max, min, not []"),
    (
        one(project={"n": [{"attributes.x": {"cast": {}}}]}),
        "project.n.attributes.x: cast is one of f, i, b, t, j, d, not {}",
    ),
    (one(order_by={"n": [{"id": {"order": []}}]}), "order_by.n.id: order is asc or desc, not []"),
    (one(project={"n": [{"id": {"as": "x"}}]}), "project.n.id has no key 'as'; there are cast, func"),
    (one(project={"n": [{"id": "count"}]}), "project.n.id is an object in braces, not 'count'"),
    (one(project={"n": [5]}), "project.n is an object in braces, not 5"),
    (
        one(project={"n": [{"*": {"func": "count"}}]}),
        "project.n: '*' stands for all columns, so it takes neither cast nor func",
    ),
    (
        one(project={"n": [{"attributes.x": {"func": "max"}}]}),
        'project.n.attributes.x: max of JSON needs a cast, such as {"cast": "f"}',
    ),
    (
        one(project={"n": [{"attributes": {"func": "min"}}]}),
        'project.n.attributes: min of JSON needs a cast, such as {"cast": "f"}',
    ),
    (one(project={"n": ["id", "id"]}), "project.n: 'id' is projected twice"),
    (one(project={"n": ["id", "**"]}), "project.n: 'id' is projected twice"),
    (
        one(project={"n": [f"extras.{number}" for number in range(PROJECTIONS.most + 1)]}),
        "the query has 201 projections; at most 200 are allowed",
    ),
    (
        one(project={"n": ["id", {"uuid": {"func": "count"}}]}),
        "func makes one value of all rows, so it goes with neither plain projections nor order_by",
    ),
    (
        one(project={"n": [{"id": {"func": "count"}}]}, order_by={"n": "id"}),
        "func makes one value of all rows, so it goes with neither plain projections nor order_by",
    ),
    (one(order_by=[5]), "order_by is an object in braces, not 5"),
    (one(order_by={"x": ["id"]}), "order_by: there is no tag 'x' in the path; there are n"),
    (one(order_by={"n": [{"id": "down"}]}), "order_by.n.id: order is asc or desc, not 'down'"),
    (one(order_by={"n": [{"id": 5}]}), "order_by.n.id is an object in braces, not 5"),
    (one(order_by={"n": [{"id": {"by": 5}}]}), "order_by.n.id has no key 'by'; there are order, cast"),
    (
        one(order_by={"n": ["attributes.x"]}),
        'order_by.n.attributes.x: to order by JSON needs a cast, such as {"order": "asc", "cast": "f"}',
    ),
    (
        one(order_by={"n": ["attributes"]}),
        'order_by.n.attributes: to order by JSON needs a cast, such as {"order": "asc", "cast": "f"}',
    ),
    (one(limit=-1), "limit is a number of rows, not -1"),
    (one(limit="5"), "limit is a number of rows, not '5'"),
    (one(offset=True), "offset is a number of rows, not True"),
    (one(distinct="yes"), "distinct is true or false, not 'yes'"),
    (
        one(project={"n": ["id"]}, order_by={"n": ["attributes.x", {"label": "desc"}]}, distinct=True),
        'order_by.n.attributes.x: to order by JSON needs a cast, such as {"order": "asc", "cast": "f"}',
    ),
    (
        one(project={"n": ["id"]}, order_by={"n": [{"attributes.x": {"cast": "f"}}]}, distinct=True),
        "distinct rows can be ordered only by what is projected, and 'attributes.x' is not",
    ),
    (
        {"path": [NODE, {"entity_type": "user", "tag": "u", "with_node": "n", "edge_filters": {"x": 1}}]},
        "filters.n--u: a direct relation, which has no 'x'. There are: ",
    ),
    (
        filtered({"attributes.x": {"==": 10**400}}),
        "filters.n: attributes.x is compared with a number that no double can hold",
    ),
]


@pytest.mark.parametrize(("asked", "message"), ERRORS)
def test_errors(asked: Any, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        read(asked)
    assert str(raised.value) == message


def projected(query: GraphQuery) -> list[tuple[str, str]]:
    return [(each.operand.tag, each.key) for each in query.projections]


def test_tags_of_their_own() -> None:
    query = read(
        {"path": ["node", "node", {"entity_type": "group.core"}, {"orm_base": "node", "with_group": "group_1"}]}
    )
    assert [(step.tag, step.to, step.edge_tag) for step in query.steps] == [
        ("node_1", None, None),
        ("node_2", "node_1", "node_1--node_2"),
        ("group_1", "node_2", "node_2--group_1"),
        ("node_3", "group_1", "group_1--node_3"),
    ]


def test_without_projections_the_last_vertex_is_shown() -> None:
    query = read({"path": [NODE, {"entity_type": "user", "tag": "u"}], "project": {"n": [], "u": []}})
    assert projected(query) == [("u", "id"), ("u", "first_name"), ("u", "last_name"), ("u", "institution")]


@pytest.mark.parametrize("project", ["*", "**", ["**"], [{"*": {}}]])
def test_stars_are_all_columns(project: Any) -> None:
    assert projected(read({"path": ["computer"], "project": {"computer_1": project}})) == [
        ("computer_1", name)
        for name in ("id", "uuid", "label", "hostname", "description", "scheduler_type", "transport_type", "metadata")
    ]


def test_names_of_projections() -> None:
    query = read(one(project={"n": ["pk", {"attributes.a.b": {"cast": "f"}}]}, project_map={"n": {"pk": "number"}}))
    assert projected(query) == [("n", "pk"), ("n", "attributes.a.b")]


@pytest.mark.parametrize(
    "item",
    [
        {"with_outgoing": "n"},
        {"joining_keyword": "with_outgoing", "joining_value": "n"},
        {"direction": -1},
    ],
)
def test_three_ways_to_join(item: dict[str, Any]) -> None:
    assert read({"path": [NODE, OTHER | item]}).steps == read({"path": [NODE, OTHER | {"with_outgoing": "n"}]}).steps


def test_filters_that_say_nothing_are_left_out() -> None:
    for filters in ({}, {"node_type": {"like": "%"}}, {"and": []}, {"id": {}}):
        assert read(filtered(filters)).filters in ({}, {"n": Every((Every(()),))})


@pytest.mark.parametrize("key", ["label", "attributes.a"])
@pytest.mark.parametrize(("operator", "text", "value"), [("<", "ΟΔΟΣ", "οδοσ"), ("ilike", "%ΟΔΟΣ", "%οδοσ")])
def test_a_sigma_at_the_end_of_a_text(key: str, operator: str, text: str, value: str) -> None:
    (term,) = read(filtered({key: {operator: text}})).filters.values()
    assert [test.values for test in leaves(term)] == [(value,)]


TYPES: list[tuple[Any, Any]] = [
    ({"entity_type": "data.core.dict.Dict."}, {"node_type": {"like": "data.core.dict.%"}}),
    ({"entity_type": "data.core.dict.Dict.", "subclassing": False}, {"node_type": "data.core.dict.Dict."}),
    ({"entity_type": "data.core.code.abstract.AbstractCode."}, {"node_type": {"like": "data.core.code.%"}}),
    (
        {"entity_type": "process.calculation.calcjob.CalcJobNode."},
        {"node_type": {"like": "process.calculation.calcjob.%"}},
    ),
    (
        {"entity_type": ["data.core.int.Int.", "data.core.a_b.AB."]},
        {"node_type": {"or": [{"like": "data.core.int.%"}, {"like": "data.core.a\\_b.%"}]}},
    ),
    ({"entity_type": ["", "data.core.int.Int."]}, {}),
    ({"entity_type": "node.Node."}, {}),
    ({"entity_type": "Node"}, {}),
    ({"orm_base": "node"}, {}),
]


@pytest.mark.parametrize(("item", "filters"), TYPES)
def test_types_are_filters(item: dict[str, Any], filters: dict[str, Any]) -> None:
    tests = [list(leaves(term)) for term in read({"path": [{"tag": "n", **item}]}).filters.values()]
    expected = [list(leaves(term)) for term in read(filtered(filters)).filters.values()]
    assert tests == expected


def test_types_of_groups() -> None:
    of_kind = read({"path": [{"entity_type": "group.core.upf", "tag": "g"}]})
    assert of_kind.filters.keys() == {"g"}
    assert read({"path": [{"entity_type": "group.core", "tag": "g"}]}).filters.keys() <= {"g"}


def test_a_filter_takes_the_place_of_the_type() -> None:
    path = [{"entity_type": "data.core.dict.Dict.", "tag": "n", "filters": {"node_type": "x"}}]
    assert read({"path": path}).filters == read(filtered({"node_type": "x"})).filters


def test_filters_are_no_part_of_what_is_remembered() -> None:
    path = [NODE | {"filters": {"id": {">": 5}, "label": "x"}}]

    def values(**more: Any) -> list[Any]:
        return [test.values for test in leaves(read({"path": path, **more}).filters["n"])]

    own = [(5,), ("x",)]
    assert values() == own
    for number in (1, 2):
        # On the same key it takes the place of that in the path.
        assert values(filters={"n": {"id": number, "ctime": {"<": "2020-01-01"}}}) == [
            (number,),
            ("x",),
            ("2020-01-01 00:00:00.000000",),
        ]
    assert values() == own
    assert values(order_by=[{"n": "id"}]) == own


def test_what_is_long_is_not_remembered() -> None:
    before = skeleton_of([NODE], None, None)
    assert skeleton_of([NODE], None, None) is before
    project = {"n": [f"attributes.{'x' * 30}{number}" for number in range(150)]}
    long = skeleton_of([NODE], project, None)
    assert long == skeleton_of([NODE], project, None)
    assert long is not skeleton_of([NODE], project, None)
