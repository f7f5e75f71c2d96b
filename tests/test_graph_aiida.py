"""Dictionaries of the QueryBuilder, made up by Hypothesis: aiida-core, PostgreSQL and SQLite give the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiida_like.profiles import find
from aiida_like.storage import Storage, open_storage
from querylang.graph.ast import Function, Projection
from querylang.graph.compile import compile_graph
from querylang.graph.read import read
from querylang.graph.schema import NODE, RELATIONS, VERTICES, Direct, Vertex
from querylang.lowering.as_type import AsType
from querylang.schema import FieldType
from tests.conftest import Effort, Golden, GoldenPostgreSQL, oracle
from tests.golden import graph

Query = dict[str, Any]
Ask = Callable[[Query], Any]


@pytest.fixture(scope="module")
def aiida(golden_postgresql: GoldenPostgreSQL) -> Iterator[Ask]:
    """The rows that aiida-core finds in PostgreSQL."""
    with oracle("tests.querybuilder_oracle", golden_postgresql) as ask:
        yield ask


@pytest.fixture(scope="module")
def here(golden: Golden, golden_postgresql: GoldenPostgreSQL) -> Iterator[Ask]:
    """The rows that we find, by storage."""
    opened = {
        "sqlite": open_storage(find(str(golden.sqlite))),
        "postgresql": open_storage(find(golden_postgresql.url, str(golden_postgresql.repository))),
    }
    yield lambda query: {name: canonical(ours(storage, query)) for name, storage in opened.items()}
    for storage in opened.values():
        storage.close()


def ours(storage: Storage, asked: Query) -> list[list[Any]]:
    query = read(asked)
    statement = compile_graph(query, 100_000 if query.limit is None else query.limit)
    rows = storage.read().rows(statement)
    # aiida-core projects all vertices first.
    places = sorted(
        range(len(query.projections)), key=lambda place: query.projections[place].operand.tag.startswith("e")
    )
    return [[shown(query.projections[place], row[place]) for place in places] for row in rows]


def shown(projection: Projection, value: Any) -> Any:
    operand = projection.operand
    if projection.function is Function.COUNT or value is None:
        return value
    if operand.as_type is AsType.JSON or (operand.as_type is AsType.ITSELF and operand.column.type is FieldType.JSON):
        return orjson.loads(value)
    return value


def canonical(rows: list[list[Any]]) -> list[str]:
    """Rows without an order of their own; 30 and 30.0 are one number."""
    return sorted(json.dumps(numbers(row), sort_keys=True) for row in rows)


def numbers(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(value)
        case list():
            return [numbers(each) for each in value]
        case _:
            return {key: numbers(each) for key, each in value.items()}


# What is asked of each kind of vertex

NODE_TYPES = (
    "",
    "data.Data.",
    "data.core.structure.StructureData.",
    "data.core.dict.Dict.",
    "data.core.int.Int.",
    "data.core.numeric.NumericType.",
    "data.core.array.ArrayData.",
    "data.core.code.installed.InstalledCode.",
    "process.ProcessNode.",
    "process.calculation.calcjob.CalcJobNode.",
    "process.workflow.WorkflowNode.",
)

COLUMNS = {
    "node": ("id", "uuid", "label", "node_type", "process_type", "user_id", "dbcomputer_id"),
    "group": ("id", "uuid", "label", "type_string", "user_id", "description"),
    "computer": ("id", "uuid", "label", "hostname", "scheduler_type"),
    "user": ("id", "first_name", "last_name"),
}

PATHS = (
    "value", "energy", "cell", "kinds", "kinds.0", "kinds.0.name", "kinds.-1.symbols", "kinds.0.weights.0", "sites",
    "sites.1.position.2", "pbc1", "process_label", "process_state", "exit_status", "sealed", "a", "a.b", "a.list",
    "a.list.1", "a.list.1.1.c", "a.empty", "a.none", "null", "yes", "no", "whole", "large", "keys", "list", "mesh",
    "offset", "labels", "units", "filename", "größe", "a|b", "it's", "missing", "missing.0",
    "list.0", "list.9", "resources.num_machines", "unicode", "percent", "newline", "exponent",
)  # fmt: skip

QUOTED = ('say "hi"', "back\\slash", "keys.")
"""Paths that aiida-core 2.9 fails on."""

WORDS = (
    "silicon", "NaCl", "aiida", "AiiDA", "under_score", "", "Ünïcode", "PwCalculation", "finished", "Si", "eV", "7",
    "core", "core.upf", "localhost", "Günther", "energy", "name", "symbols", "pbc1", "b", "x", "nested", "L",
)  # fmt: skip

PATTERNS = ("%", "s%", "%a", "%i%", "a__da", "AiiDA_", "under\\_%", "P_C%", "core.%", "", "_", "%ö%", "100\\%")

scalars = st.one_of(
    st.sampled_from([0, 1, 2, 7, -7, 0.5, 30, 30.0, 2**60, 1e16, 4.0, 305]),
    st.booleans(),
    st.sampled_from(WORDS),
)
containers = st.sampled_from(
    [
        {},
        [],
        [1],
        ["Si"],
        [1, [2, {"c": 3}], "x"],
        [[2]],
        {"c": 3},
        {"b": "nested"},
        {"a": {"list": [1]}},
        {"pbc1": True},
        {"pbc1": True, "pbc3": False},
        [4, 0, 0],
        [[4.0, 0, 0], [0, 4, 0], [0, 0, 4]],
        [[4, 0]],
        [{"name": "Si"}],
        [{"symbols": ["Ba"]}],
        {"name": "Si"},
        [2, 2, 2],
        ["GAMMA"],
        {"deep": True},
    ]
)
ids = st.integers(0, 83)
comparisons = st.sampled_from(["==", ">", "<", ">=", "<="])


@st.composite
def negatable(draw: st.DrawFn, operators: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    ((name, value),) = draw(operators).items()
    return {draw(st.sampled_from(["", "", "", "!", "~"])) + name: value}


def pairs(names: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(names, values).map(lambda pair: {pair[0]: pair[1]})


def of(operator: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return values.map(lambda value: {operator: value})


integer_tests = st.one_of(
    pairs(comparisons, ids), of("in", st.lists(ids, min_size=1, max_size=4)), st.just({"==": None})
)
text_tests = st.one_of(
    of("==", st.sampled_from(WORDS)),
    of("in", st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)),
    of("like", st.sampled_from(PATTERNS)),
    of("ilike", st.sampled_from(PATTERNS)),
    st.just({"==": None}),
)
uuids = st.sampled_from([graph.silicon, graph.relax, graph.relax_scf, graph.twin, graph.parameters])
uuid_tests = st.one_of(
    of("==", uuids),
    of("in", st.lists(uuids, min_size=1, max_size=3)),
    of("like", uuids.flatmap(lambda uuid: st.integers(0, 36).map(lambda length: uuid[:length] + "%"))),
)
json_tests = st.one_of(
    of("==", st.one_of(scalars, containers, st.none())),
    pairs(comparisons, st.sampled_from([0, 1, 0.5, 30, 7.5, -1e-30, 2**60])),
    of("in", st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)),
    of("in", st.lists(st.integers(-8, 31), min_size=1, max_size=3)),
    of("in", st.lists(st.sampled_from([0.5, 30.0, 4.0]), min_size=1, max_size=3)),
    of("like", st.sampled_from(PATTERNS)),
    of("ilike", st.sampled_from(PATTERNS)),
    of("of_type", st.sampled_from(["object", "array", "string", "number", "boolean", "null"])),
    of("contains", containers),
    of("has_key", st.sampled_from(WORDS)),
    pairs(st.sampled_from(["of_length", "longer", "shorter"]), st.integers(0, 4)),
)


def nested(tests: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    one = negatable(tests)
    several = st.lists(one, min_size=1, max_size=3)
    return st.one_of(one, one, pairs(st.sampled_from(["and", "or", "!or", "~and"]), several))


def conditions_on(vertex: Vertex, column: str) -> st.SearchStrategy[dict[str, Any]]:
    kind = vertex.columns[column].type
    tests = {FieldType.INTEGER: integer_tests, FieldType.UUID: uuid_tests, FieldType.STRING: text_tests}[kind]
    return pairs(st.just(column), nested(tests))


def filters_of(vertex: Vertex, paths: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    choices = [conditions_on(vertex, column) for column in COLUMNS[vertex.name]]
    if vertex is NODE:
        attributes = st.sampled_from(paths).map(lambda path: f"attributes.{path}")
        extras = st.sampled_from(["attributes", "extras", "extras.nested.list", "extras.tags", "extras.größe"])
        choices += [pairs(st.one_of(attributes, attributes, extras), nested(json_tests))] * 6
    one = st.one_of(choices)
    junction = pairs(st.sampled_from(["and", "or", "!or", "!and"]), st.lists(one, min_size=1, max_size=3))
    return st.one_of(st.just({}), one, one, junction)


def projections_of(vertex: Vertex, paths: tuple[str, ...]) -> st.SearchStrategy[list[Any]]:
    choices: list[Any] = list(COLUMNS[vertex.name])
    if vertex is NODE:
        choices += [f"attributes.{path}" for path in paths] + ["attributes", "extras"]
        choices += [{f"attributes.{path}": {"cast": "t"}} for path in ("value", "process_label", "a", "cell", "yes")]
    return st.lists(
        st.sampled_from(choices), max_size=3, unique_by=lambda each: each if isinstance(each, str) else next(iter(each))
    )


EDGES = {
    "link": (st.one_of(
        pairs(st.just("type"), of("in", st.just(["create", "return"]))),
        pairs(st.just("label"), of("like", st.sampled_from(["%s", "re%", "_____"]))),
    ), ["label", "type"]),
    "walk": (pairs(st.just("depth"), pairs(comparisons, st.integers(0, 4))), ["depth", "ancestor_id", "path"]),
    "membership": (pairs(st.just("dbnode_id"), of(">", ids)), ["dbgroup_id"]),
}  # fmt: skip


@st.composite
def queries(draw: st.DrawFn, edges: tuple[str, ...], paths: tuple[str, ...]) -> Query:
    vertices = [
        draw(st.sampled_from([VERTICES[name] for name in ("node", "node", "node", "group", "computer", "user")]))
    ]
    query: Query = {"path": [], "filters": {}, "project": {}}
    for number in range(draw(st.integers(1, 3))):
        tag = f"v{number}"
        item: Query = {"tag": tag}
        if number:
            choices = [
                (vertex, keyword, to, relation)
                for to, other in enumerate(vertices)
                for (vertex, keyword), relation in RELATIONS.items()
                if relation.to is other and vertex.name in COLUMNS
            ]
            vertex, keyword, to, relation = draw(st.sampled_from(choices))
            vertices.append(vertex)
            item |= {"joining_keyword": keyword, "joining_value": f"v{to}", "edge_tag": f"e{number}"}
            # aiida-core's filter on the type of an outer node, or group, drops the rows without one.
            item["outerjoin"] = (
                isinstance(relation, Direct) and vertex.name in {"computer", "user"} and draw(st.booleans())
            )
            if relation.edge.name in edges:
                tests, names = EDGES[relation.edge.name]
                if draw(st.booleans()):
                    query["filters"][f"e{number}"] = draw(tests)
                query["project"][f"e{number}"] = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
        vertex = vertices[number]
        item["entity_type"] = (
            draw(st.sampled_from(NODE_TYPES))
            if vertex is NODE
            else {"group": "group.core"}.get(vertex.name, vertex.name)
        )
        query["path"].append(item)
        query["filters"][tag] = draw(filters_of(vertex, paths))
        query["project"][tag] = draw(projections_of(vertex, paths))
    query["project"]["v0"] = ["id", *(each for each in query["project"]["v0"] if each != "id")]
    query["distinct"] = draw(st.booleans())
    if not query["distinct"]:
        query["order_by"] = [{f"v{number}": ["id"]} for number in range(len(vertices))]
    return query


def asked(check: Callable[[Query], None], queries: st.SearchStrategy[Query], number: int) -> None:
    """Checks so many queries."""
    settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])(given(queries)(check))()


def test_the_same_rows(aiida: Ask, here: Ask, effort: Effort) -> None:
    def check(query: Query) -> None:
        expected = aiida(query)
        assert isinstance(expected, list), expected
        assert here(query) == dict.fromkeys(("sqlite", "postgresql"), canonical(expected))

    asked(check, queries(("link",), PATHS), effort.either(60, 300))


def test_sqlite_and_postgresql_agree(here: Ask, effort: Effort) -> None:
    """Where aiida-core 2.9 fails, too: on the edges of walks and of groups, on keys with quotes."""

    def check(query: Query) -> None:
        found = here(query)
        assert found["sqlite"] == found["postgresql"]

    asked(check, queries(tuple(EDGES), (*PATHS, *QUOTED)), effort.either(60, 300))
