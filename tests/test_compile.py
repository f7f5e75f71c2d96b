"""Filters, the conditions they become, and the SQL of those."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from aiida_like.errors import QueryError
from querylang.ast import Operator
from querylang.compile import TESTS, RowsQuery, compile_rows, compile_total
from querylang.grammar import Grammar
from querylang.lower import MAX_VALUES, Condition, Order, kind_of, lower, order_by, uuid_prefix
from querylang.options import OrderTerm, Window, split
from querylang.schema import MEANINGS, OPERATORS, FieldType
from restapi.dialects.aiida_v2.aliases import ALIASES, todays_type
from restapi.dialects.aiida_v2.entities import COMPUTERS, NODE_ENTITIES, NODES, USERS
from restapi.dialects.aiida_v2.options import OPTIONS

GRAMMAR = Grammar(OPTIONS)
DIALECTS = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.psycopg.dialect(),
}


def conditions_of(text: str, entity: Any = NODES) -> list[tuple[Any, ...]]:
    _, comparisons = split(GRAMMAR.parse(text), OPTIONS, OPTIONS)
    return [(found.test, found.field.name, *found.values) for found in lower(comparisons, entity)]


UUID = "338357f4-f236-4f9c-8fbe-cd550dc6b858"

LOWERED = {
    "id=5": [("=", "id", 5)],
    "pk!=5": [("!=", "id", 5)],
    "id>5": [(">", "id", 5)],
    "id<5": [("<", "id", 5)],
    "id>=-5": [(">=", "id", -5)],
    "id<=5": [("<=", "id", 5)],
    "id=in=1,2": [("in", "id", 1, 2)],
    "id=notin=1,2": [("not in", "id", 1, 2)],
    'label="A"': [("=", "label", "A")],
    'label!="A"': [("!=", "label", "A")],
    'label=in="A","b"': [("in", "label", "A", "b")],
    'label=notin="A"': [("not in", "label", "A")],
    'label>"M"': [("lowered >", "label", "m")],
    'label<"É"': [("lowered <", "label", "é")],
    'label>="M"': [("lowered >=", "label", "m")],
    'label<="m"': [("lowered <=", "label", "m")],
    'label=like="a"': [("=", "label", "a")],
    'label=like="A%"': [("starts with", "label", "A%", "A", "B")],
    'label=like="%a"': [("like", "label", "%a")],
    'label=like="a_"': [("starts with", "label", "a%", "a", "b"), ("matches", "label", "a_", "^a.{0,1}$")],
    'label=like="_a"': [("like", "label", "%a"), ("matches", "label", "_a", "^.{0,1}a$")],
    'label=ilike="A"': [("lowered =", "label", "a")],
    'label=ilike="A%"': [("lowered like", "label", "a%")],
    'label=ilike="A_"': [("lowered like", "label", "a%"), ("lowered matches", "label", "a_", "^a.{0,1}$")],
    f'uuid="{UUID.upper()}"': [("in", "uuid", UUID)],
    f'uuid!="{UUID}"': [("not in", "uuid", UUID)],
    f'uuid=in="{UUID}","x"': [("in", "uuid", UUID)],
    'uuid=notin="x"': [("not in", "uuid")],
    'uuid>"F"': [("uuid >", "uuid", "f")],
    'uuid=like="CDFD48%"': [
        ("within", "uuid", "cdfd4800-0000-0000-0000-000000000000", "cdfd48ff-ffff-ffff-ffff-ffffffffffff")
    ],
    'uuid=like="x%"': [("in", "uuid")],
    'uuid=ilike="%A"': [("uuid like", "uuid", "%a")],
    'uuid=like="a_"': [("uuid like", "uuid", "a%"), ("uuid matches", "uuid", "a_", "^a.{0,1}$")],
    "ctime=2016-04-23": [
        ("in intervals", "ctime", "2016-04-23 00:00:00.000000", "2016-04-24 00:00:00.000000"),
    ],
    "ctime!=2016-04-23T05": [
        ("not in intervals", "ctime", "2016-04-23 05:00:00.000000", "2016-04-23 06:00:00.000000"),
    ],
    "ctime>2016-04-23T05:45+03:45": [(">=", "ctime", "2016-04-23 02:01:00.000000")],
    "ctime<=2016-04-23T05:45:12": [("<", "ctime", "2016-04-23 05:45:13.000000")],
    "ctime<2016-04-23T05:45": [("<", "ctime", "2016-04-23 05:45:00.000000")],
    "mtime>=2016-04-23": [(">=", "mtime", "2016-04-23 00:00:00.000000")],
    "ctime=in=2016-04-23,2017-01-01T00:00:00.5": [
        (
            "in intervals",
            "ctime",
            *("2016-04-23 00:00:00.000000", "2016-04-24 00:00:00.000000"),
            *("2017-01-01 00:00:00.500000", "2017-01-01 00:00:00.600000"),
        )
    ],
    "ctime=notin=2016-04-23": [
        ("not in intervals", "ctime", "2016-04-23 00:00:00.000000", "2016-04-24 00:00:00.000000"),
    ],
    'type="data.parameter.ParameterData."': [("=", "type", "data.core.dict.Dict.")],
    'type=like="data.array.%"': [("starts with", "type", "data.core.array.%", "data.core.array.", "data.core.array/")],
}


@pytest.mark.parametrize("text", LOWERED)
def test_lower(text: str) -> None:
    assert conditions_of(text) == LOWERED[text]


def test_lower_booleans() -> None:
    assert conditions_of("enabled=true&enabled!=false", COMPUTERS) == [("=", "enabled", True), ("!=", "enabled", False)]


def test_lower_a_uuid_in_one_piece_of_a_pattern() -> None:
    """A pattern on a uuid that starts with text but is no prefix is asked of its text."""
    assert conditions_of('uuid=like="a%b"') == [("uuid like", "uuid", "a%b")]


KEYS = "There are: ctime, id, label, mtime, state, type, user_id, uuid, node_type, process_type, description, pk"

ERRORS = {
    "nope=1": f"nodes have no key 'nope' to filter or order by. {KEYS}",
    'lable="x"': f"nodes have no key 'lable' to filter or order by; did you mean 'label'? {KEYS}",
    'attributes="x"': f"nodes have no key 'attributes' to filter or order by. {KEYS}",
    "id=1.5": "id takes an integer, not 1.5",
    "id=true": "id takes an integer, not true",
    'ctime="a"': 'ctime takes a time such as 2016-04-23 or 2016-04-23T05:45+03:45, not "a"',
    "uuid=2016-04-23": 'uuid takes text in double quotes, as in "text", not 2016-04-23',
    "label=in=1": 'label takes text in double quotes, as in "text", not 1',
    "id=1,2": "id= takes one value; for a list write id=in=",
    "id=in=" + ",".join(["1"] * (MAX_VALUES + 1)): "id=in= has 1001 values; at most 1000 are allowed",
    "ctime=like=2016-04-23": (
        "the operator =like= does not go with ctime, which is of type datetime; it takes = != > < >= <= =in= =notin="
    ),
    'id=ilike="1"': (
        "the operator =ilike= does not go with id, which is of type integer; it takes = != > < >= <= =in= =notin="
    ),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(ERRORS[text])}$"):
        conditions_of(text)


@pytest.mark.parametrize("operator", sorted(set(Operator) - OPERATORS[FieldType.BOOLEAN], key=lambda o: o.value))
def test_operators_of_booleans(operator: Operator) -> None:
    message = f"the operator {operator.value} does not go with enabled, which is of type bool; it takes = !="
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        conditions_of(f"enabled{operator.value}true", COMPUTERS)


def test_withheld_keys() -> None:
    with pytest.raises(QueryError, match=r"^the key 'email' of users is withheld: it is personal data$"):
        conditions_of('email="a"', USERS)


def test_order_by() -> None:
    assert order_by([OrderTerm("pk", True)], NODES) == (Order(NODES.fields["id"], True),)
    with pytest.raises(QueryError, match=r"^nodes have no key 'extras' to filter or order by\. There are: "):
        order_by([OrderTerm("extras", False)], NODES)


def test_every_operator_has_a_meaning_and_every_type_its_operators() -> None:
    assert (set(MEANINGS), set(OPERATORS)) == (set(Operator), set(FieldType))


@pytest.mark.parametrize(
    ("prefix", "bounds"),
    [
        ("", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
        ("338357f4-f", ("338357f4-f000-0000-0000-000000000000", "338357f4-ffff-ffff-ffff-ffffffffffff")),
        (UUID, (UUID, UUID)),
    ],
)
def test_uuid_prefix(prefix: str, bounds: tuple[str, str]) -> None:
    assert uuid_prefix(NODES.fields["uuid"], prefix) == Condition("within", NODES.fields["uuid"], bounds)


@pytest.mark.parametrize("prefix", ["x", "A", "338357f4f", "33835-", UUID + "0", "338357f4-f2 "])
def test_what_no_uuid_starts_with(prefix: str) -> None:
    assert uuid_prefix(NODES.fields["uuid"], prefix) is None


OLD_TYPES = {
    "data.parameter.ParameterData.": "data.core.dict.Dict.",
    "data.array.kpoints.KpointsData.": "data.core.array.kpoints.KpointsData.",
    "data.remote.RemoteData.": "data.core.remote.RemoteData.",
    "data.base.Int.": "data.core.int.Int.",
    "data.base.%": "data.base.%",
    "code.Code.": "data.core.code.",
    "calculation.job.pw.PwCalculation.": "process.calculation.calcjob.pw.PwCalculation.",
    "calculation.job.JobCalculation.": "process.calculation.calcjob.CalcJobNode.",
    "calculation.inline.InlineCalculation.": "process.calculation.calcfunction.CalcFunctionNode.",
    "calculation.work.WorkCalculation.": "process.work.WorkCalculation.",
    "data.core.dict.Dict.": "data.core.dict.Dict.",
    "data.Data.": "data.Data.",
    "%data%": "%data%",
}


@pytest.mark.parametrize("old", OLD_TYPES)
def test_old_types(old: str) -> None:
    assert todays_type(Operator.EQUAL, old) == OLD_TYPES[old]


def test_no_alias_hides_another() -> None:
    for position, (old, _) in enumerate(ALIASES):
        assert [earlier for earlier, _ in ALIASES[:position] if old.startswith(earlier)] == []


def sql(statement: Any, dialect: str) -> str:
    compiled = statement.build().compile(dialect=DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
    return " ".join(str(compiled).replace("db_dbnode.", "").split())


def where(condition: Condition, dialect: str) -> str:
    return sql(compile_total(RowsQuery(NODES, (), (condition,))), dialect).partition(" WHERE ")[2]


ID, LABEL, NODE_UUID, CTIME = (NODES.fields[name] for name in ("id", "label", "uuid", "ctime"))
SQLITE_LOWER = "(CASE WHEN label GLOB '*[^ -~]*' THEN unicode_lower(label) ELSE lower(label) END)"
PSQL_LOWER = '(lower(label COLLATE "und-x-icu") COLLATE "C")'
PSQL_UUID = '(lower(CAST(uuid AS TEXT) COLLATE "und-x-icu") COLLATE "C")'
SQLITE_UUID = SQLITE_LOWER.replace("label", "uuid")
LINKED = "SELECT db_dblink.%s FROM db_dblink WHERE db_dblink.%s = "

WHERE = [
    (Condition("=", ID, (5,)), "id = :v0_0", "id = %(v0_0)s::BIGINT"),
    (Condition("!=", ID, (5,)), "id != :v0_0", "id != %(v0_0)s::BIGINT"),
    (Condition(">", ID, (5,)), "id > :v0_0", "id > %(v0_0)s::BIGINT"),
    (Condition("<", CTIME, ("x",)), "ctime < :v0_0", "ctime < %(v0_0)s"),
    (Condition(">=", CTIME, ("x",)), "ctime >= :v0_0", "ctime >= %(v0_0)s"),
    (Condition("<=", ID, (5,)), "id <= :v0_0", "id <= %(v0_0)s::BIGINT"),
    (Condition("in", ID, (5, 6)), "id IN (:v0_0, :v0_1)", "id IN (%(v0_0)s::BIGINT, %(v0_1)s::BIGINT)"),
    (Condition("in", NODE_UUID), "0 = 1", "false"),
    (Condition("not in", LABEL, ("a",)), "(label NOT IN (:v0_0))", "(label NOT IN (%(v0_0)s))"),
    (Condition("not in", NODE_UUID), "uuid IS NOT NULL", "uuid IS NOT NULL"),
    (
        Condition("within", NODE_UUID, ("a", "b")),
        "uuid >= :v0_0 AND uuid <= :v0_1",
        "uuid >= %(v0_0)s AND uuid <= %(v0_1)s",
    ),
    (
        Condition("in intervals", CTIME, ("a", "b", "c", "d")),
        "ctime >= :v0_0 AND ctime < :v0_1 OR ctime >= :v0_2 AND ctime < :v0_3",
        "ctime >= %(v0_0)s AND ctime < %(v0_1)s OR ctime >= %(v0_2)s AND ctime < %(v0_3)s",
    ),
    (
        Condition("not in intervals", CTIME, ("a", "b")),
        "NOT (ctime >= :v0_0 AND ctime < :v0_1)",
        "NOT (ctime >= %(v0_0)s AND ctime < %(v0_1)s)",
    ),
    (
        Condition("starts with", LABEL, ("a%", "a", "b")),
        r"(label >= :v0_1 AND label < :v0_2 AND label LIKE :v0_0 ESCAPE '\')",
        r"(label LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        Condition("like", LABEL, ("%a",)),
        r"(label LIKE :v0_0 ESCAPE '\')",
        r"(label LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        Condition("matches", LABEL, ("a_", "^a.?$")),
        "pattern_matches(:v0_0, label)",
        "(label ~ %(v0_1)s)",
    ),
    (
        Condition("lowered like", LABEL, ("a%",)),
        rf"({SQLITE_LOWER} LIKE :v0_0 ESCAPE '\')",
        rf"({PSQL_LOWER} LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        Condition("lowered matches", LABEL, ("a_", "^a.?$")),
        f"pattern_matches(:v0_0, {SQLITE_LOWER})",
        f"({PSQL_LOWER} ~ %(v0_1)s)",
    ),
    *(
        (
            Condition(f"lowered {relation}", LABEL, ("m",)),
            f"{SQLITE_LOWER} {relation} :v0_0",
            f"{PSQL_LOWER} {relation} %(v0_0)s::VARCHAR",
        )
        for relation in ("=", "!=", ">", "<", ">=", "<=")
    ),
    *(
        (
            Condition(f"uuid {relation}", NODE_UUID, ("m",)),
            f"{SQLITE_UUID} {relation} :v0_0",
            f"{PSQL_UUID} {relation} %(v0_0)s::VARCHAR",
        )
        for relation in ("=", "!=", ">", "<", ">=", "<=")
    ),
    (
        Condition("uuid like", NODE_UUID, ("%a",)),
        rf"({SQLITE_UUID} LIKE :v0_0 ESCAPE '\')",
        rf"({PSQL_UUID} LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        Condition("uuid matches", NODE_UUID, ("a_", "^a.?$")),
        f"pattern_matches(:v0_0, {SQLITE_UUID})",
        f"({PSQL_UUID} ~ %(v0_1)s)",
    ),
    (
        Condition("incoming of", ID, (7,)),
        f"id IN ({LINKED % ('input_id', 'output_id')}:v0_0)",
        f"id IN ({LINKED % ('input_id', 'output_id')}%(v0_0)s::BIGINT)",
    ),
    (
        Condition("outgoing of", ID, (7,)),
        f"id IN ({LINKED % ('output_id', 'input_id')}:v0_0)",
        f"id IN ({LINKED % ('output_id', 'input_id')}%(v0_0)s::BIGINT)",
    ),
]


@pytest.mark.parametrize(("condition", "sqlite", "postgresql"), WHERE)
def test_tests(condition: Condition, sqlite: str, postgresql: str) -> None:
    assert (where(condition, "sqlite"), where(condition, "postgresql")) == (sqlite, postgresql)


def test_every_test_is_tested() -> None:
    assert {condition.test for condition, *_ in WHERE} == set(TESTS)


def test_rows() -> None:
    query = RowsQuery(
        NODE_ENTITIES["codes"],
        (ID, LABEL),
        kind_of(NODE_ENTITIES["codes"]),
        (Order(LABEL, False), Order(CTIME, True)),
        with_total=True,
    )
    statement = compile_rows(query, Window(20, 40))
    conditions = r"(node_type >= :v0_1 AND node_type < :v0_2 AND node_type LIKE :v0_0 ESCAPE '\')"
    order = f"{SQLITE_LOWER} ASC, ctime DESC, id DESC"
    assert sql(statement, "sqlite") == (
        f"SELECT (SELECT count(*) AS count_1 FROM db_dbnode WHERE {conditions}) AS total, "
        "id AS id, label AS label FROM db_dbnode "
        f"WHERE id IN (SELECT id FROM db_dbnode WHERE {conditions} ORDER BY {order} LIMIT :limit OFFSET :offset) "
        f"ORDER BY {order}"
    )
    assert statement.values == {
        "limit": 20,
        "offset": 40,
        "v0_0": "data.core.code.%",
        "v0_1": "data.core.code.",
        "v0_2": "data.core.code/",
    }


@pytest.mark.parametrize(
    ("descending", "term"), [(False, "ASC NULLS FIRST, id ASC"), (True, "DESC NULLS LAST, id DESC")]
)
def test_null_comes_first(descending: bool, term: str) -> None:
    query = RowsQuery(USERS, (USERS.fields["id"],), order=(Order(USERS.fields["date_joined"], descending),))
    text = sql(compile_rows(query, Window(1)), "postgresql").replace("db_dbuser.", "")
    assert text.endswith(f"ORDER BY NULL {term}")


def test_shapes() -> None:
    """One shape, one statement: it is the same for all values, and for nothing else."""

    def shape(*conditions: Condition, order: tuple[Order, ...] = (), fields: Any = (ID,)) -> Any:
        return compile_rows(RowsQuery(NODES, fields, conditions, order), Window(1)).shape

    base = shape(Condition("=", ID, (5,)))
    assert base == shape(Condition("=", ID, (6,)))
    others = [
        shape(),
        shape(Condition("!=", ID, (5,))),
        shape(Condition("in", ID, (5,))),
        shape(Condition("in", ID, (5, 6))),
        shape(Condition("=", LABEL, (5,))),
        shape(Condition("=", ID, (5,)), order=(Order(ID, False),)),
        shape(Condition("=", ID, (5,)), order=(Order(ID, True),)),
        shape(Condition("=", ID, (5,)), fields=(LABEL,)),
        compile_total(RowsQuery(NODES, (ID,), (Condition("=", ID, (5,)),))).shape,
    ]
    assert len({base, *others}) == 1 + len(others)
    assert kind_of(NODES) == ()
