"""Filters, the conditions they become, and the SQL of those."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from aiida_like.errors import QueryError
from querylang.ast import Operator
from querylang.compile import RowsQuery, compile_object, compile_rows, compile_total
from querylang.condition import Condition, Order
from querylang.lower import MAX_COMPARISONS, MAX_VALUES, kind_of, lower, order_by, uuid_prefix
from querylang.lower_json import MAX_PATH
from querylang.options import OrderTerm, Window, split
from querylang.parse import Parser
from querylang.predicates import TESTS
from querylang.schema import MEANINGS, OPERATORS, FieldType
from querylang.terms import leaves
from restapi.dialects.aiida_v2.aliases import ALIASES, todays_plugin, todays_type
from restapi.dialects.aiida_v2.entities import COMPUTERS, NODE_ENTITIES, NODES, USERS
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v4.entities import INCOMING
from restapi.dialects.aiida_v4.entities import NODES as V4_NODES

PARSER = Parser(OPTIONS)
DIALECTS = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.psycopg.dialect(),
}


def conditions_of(text: str, entity: Any = NODES) -> list[tuple[Any, ...]]:
    _, filters = split(PARSER.parse(text), OPTIONS, OPTIONS)
    found = [condition for term in lower(filters, entity) for condition in leaves(term)]
    return [(condition.test, condition.field.name, *condition.values) for condition in found]


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
    'label>="ΟΔΟΣ"': [("lowered >=", "label", "οδοσ")],
    'label<="m"': [("lowered <=", "label", "m")],
    'label=like="a"': [("=", "label", "a")],
    'label=like="A%"': [("has prefix", "label", "A%", "A", "B")],
    'label=like="%a"': [("like", "label", "%a")],
    'label=like="a_"': [("starts with", "label", "a%", "a", "b"), ("matches", "label", "a_", "^a.{0,1}$")],
    'label=like="_a"': [("like", "label", "%a"), ("matches", "label", "_a", "^.{0,1}a$")],
    'label=like=""': [("=", "label", "")],
    'label=like="%"': [("like", "label", "%")],
    r'label=like="a\_\%"': [("=", "label", "a_%")],
    r'label=like="a\_%"': [("has prefix", "label", r"a\_%", "a_", "a`")],
    'label=ilike="A"': [("lowered =", "label", "a")],
    'label=ilike="A%"': [("lowered like", "label", "a%")],
    'label=ilike="ΟΔΟΣ%"': [("lowered like", "label", "οδοσ%")],
    'label=ilike="A_"': [("lowered like", "label", "a%"), ("lowered matches", "label", "a_", "^a.{0,1}$")],
    f'uuid="{UUID.upper()}"': [("in", "uuid", UUID)],
    f'uuid!="{UUID}"': [("not in", "uuid", UUID)],
    f'uuid=in="{UUID}","x"': [("in", "uuid", UUID)],
    'uuid=notin="x"': [("not in", "uuid")],
    'uuid="x"': [("in", "uuid")],
    'uuid!="x"': [("not in", "uuid")],
    f'uuid="{UUID[:-1]}"': [("in", "uuid")],
    'uuid>"F"': [("uuid >", "uuid", "f")],
    'uuid<"F"': [("uuid <", "uuid", "f")],
    'uuid>="F"': [("uuid >=", "uuid", "f")],
    'uuid<="F"': [("uuid <=", "uuid", "f")],
    f'uuid=like="{UUID.upper()}"': [("in", "uuid", UUID)],
    'uuid=like="abc"': [("in", "uuid")],
    f'uuid=like="{UUID}%"': [("within", "uuid", UUID, UUID)],
    'uuid=ilike="%"': [
        ("within", "uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    ],
    r'uuid=like="a\_%"': [("in", "uuid")],
    f'uuid=like="{UUID}0%"': [("in", "uuid")],
    'uuid=like="a%b"': [("uuid like", "uuid", "a%b")],
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
    "mtime>2016-12-31": [(">=", "mtime", "2017-01-01 00:00:00.000000")],
    "mtime>=2016-04-23T23:30-01": [(">=", "mtime", "2016-04-24 00:30:00.000000")],
    "mtime=0001-01-01": [("in intervals", "mtime", "0001-01-01 00:00:00.000000", "0001-01-02 00:00:00.000000")],
    "mtime<2016-04-23T05:45:12.000001": [("<", "mtime", "2016-04-23 05:45:12.000001")],
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
    'type=in="code.Code.","data.Data."': [("in", "type", "data.core.code.", "data.Data.")],
    'type=notin="data.base.Int."': [("not in", "type", "data.core.int.Int.")],
    'type=ilike="data.upf.%"': [("lowered like", "type", "data.core.upf.%")],
    'node_type="data.parameter.ParameterData."': [("=", "node_type", "data.parameter.ParameterData.")],
    'id>1&label="a"&id<9': [(">", "id", 1), ("=", "label", "a"), ("<", "id", 9)],
    "id=9223372036854775807": [("=", "id", 2**63 - 1)],
    "limit=5": [],
    'label=contains="50%"': [("like", "label", r"%50\%%")],
    'label=startswith="a_"': [("has prefix", "label", r"a\_%", "a_", "a`")],
    'uuid=startswith="CDFD48"': [
        ("within", "uuid", "cdfd4800-0000-0000-0000-000000000000", "cdfd48ff-ffff-ffff-ffff-ffffffffffff")
    ],
    'uuid=startswith="x"': [("in", "uuid")],
    "id=isnull=true": [("is null", "id")],
    "process_type=isnull=false": [("is not null", "process_type")],
    "uuid=isnull=false": [("is not null", "uuid")],
    "ctime=isnull=true": [("is null", "ctime")],
    "attributes.a=5": [("=", "attributes('a',) as number", 5.0)],
    'attributes.a.0."b c"="x"': [("=", "attributes('a', '0', 'b c') as text", "x")],
    "attributes.a=true": [("=", "attributes('a',) as boolean", True)],
    "attributes.a=null": [("=", "attributes('a',) as kind", "null")],
    "attributes.a!=-1.5": [("=", "attributes('a',) as number", -1.5)],
    "attributes.a>2": [(">", "attributes('a',) as number", 2.0)],
    'attributes.a<"B"': [("lowered <", "attributes('a',) as text", "b")],
    "extras.a>=2": [(">=", "extras('a',) as number", 2.0)],
    "extras.a<=2": [("<=", "extras('a',) as number", 2.0)],
    'attributes.a=like="x_%"': [("like", "attributes('a',) as text", "x%")],
    'attributes.a=like="_x"': [
        ("like", "attributes('a',) as text", "%x"),
        ("matches", "attributes('a',) as text", "_x", "^.{0,1}x$"),
    ],
    'attributes.a=ilike="X"': [("lowered like", "attributes('a',) as text", "x")],
    'attributes.a=startswith="x%"': [("like", "attributes('a',) as text", r"x\%%")],
    'attributes.a=contains="x"': [
        ("like", "attributes('a',) as text", "%x%"),
        ("json contains", "attributes('a',) as value", '["x"]'),
    ],
    "attributes.a=contains=5": [("json contains", "attributes('a',) as value", "[5]")],
    "attributes.a=contains=null": [("json contains", "attributes('a',) as value", "[null]")],
    'attributes.a=has="x"': [("json has plain key", "attributes('a',) as value", "x")],
    'attributes=has="ä"': [("json has key", "attributes() as value", "ä")],
    "attributes.a=isnull=true": [("=", "attributes('a',) as kind or null", "null")],
    "attributes.a=isnull=false": [("!=", "attributes('a',) as kind or null", "null")],
    'attributes.a=in=1,"x",2.5,null,true,true,"y"': [
        ("in", "attributes('a',) as text", "x", "y"),
        ("in", "attributes('a',) as number", 1.0, 2.5),
        ("=", "attributes('a',) as kind", "null"),
        ("=", "attributes('a',) as boolean", True),
    ],
    "attributes.a=notin=1,2": [("in", "attributes('a',) as number", 1.0, 2.0)],
    'filter=id=1 AND (label="a" OR NOT id>5)': [("=", "id", 1), ("=", "label", "a"), (">", "id", 5)],
    'type=like="data.array.%"': [("has prefix", "type", "data.core.array.%", "data.core.array.", "data.core.array/")],
}


@pytest.mark.parametrize("text", LOWERED)
def test_lower(text: str) -> None:
    assert conditions_of(text) == LOWERED[text]


LOWERED_RELATIONS = {
    'group="a"': [("in groups named", "id", "a")],
    'group!="a"': [("in groups named", "id", "a")],
    "group=in=1,2": [("in groups", "id", 1, 2)],
    'user=notin="A","B C"': [("of users named", "user_id", "A", "B C")],
    "user=2": [("in", "user_id", 2)],
    'computer="a"': [("of computers named", "dbcomputer_id", "a")],
    "computer!=1": [("in", "dbcomputer_id", 1)],
    "incoming_of=5": [("incoming of", "id", 5)],
    'outgoing_of!=5,"create","return"': [("outgoing of", "id", 5, "create", "return")],
    f'incoming_of="{UUID.upper()}"': [("incoming of named", "id", UUID, UUID)],
    'outgoing_of=5,"all"': [("outgoing of", "id", 5)],
    'outgoing_of=5,"logic","create"': [
        ("outgoing of", "id", 5, "create", "input_work", "return", "call_calc", "call_work")
    ],
    "ancestor_of=5": [("ancestors of", "id", 5, "input_calc", "create")],
    'descendant_of!=5,"all"': [("descendants of", "id", 5)],
    f'ancestor_of="{UUID}","return"': [("ancestors of named", "id", UUID, UUID, "return")],
    f'descendant_of="{UUID}"': [("descendants of named", "id", UUID, UUID, "input_calc", "create")],
    'outgoing_of="CDFD48","create"': [
        (
            "outgoing of named",
            "id",
            "cdfd4800-0000-0000-0000-000000000000",
            "cdfd48ff-ffff-ffff-ffff-ffffffffffff",
            "create",
        )
    ],
}


@pytest.mark.parametrize("text", LOWERED_RELATIONS)
def test_lower_relations(text: str) -> None:
    assert conditions_of(text) == LOWERED_RELATIONS[text]


def test_a_relation_that_is_a_field_too() -> None:
    """`user=1` is that of v4, where `user` is another name of `user_id`."""
    assert conditions_of("user>1", V4_NODES) == [(">", "user_id", 1)]
    assert conditions_of('user="Ada"', V4_NODES) == [("of users named", "user_id", "Ada")]


LOWERED_BOOLEANS = {
    "enabled=true": [("=", "enabled", True)],
    "enabled!=false": [("!=", "enabled", False)],
    "enabled=isnull=false": [("is not null", "enabled")],
}


@pytest.mark.parametrize("text", LOWERED_BOOLEANS)
def test_lower_booleans(text: str) -> None:
    assert conditions_of(text, COMPUTERS) == LOWERED_BOOLEANS[text]


def test_as_many_values_as_are_allowed() -> None:
    text = "id=in=" + ",".join(map(str, range(MAX_VALUES)))
    assert conditions_of(text) == [("in", "id", *range(MAX_VALUES))]


def test_every_operator_of_every_type_is_in_the_tables() -> None:
    asked = {
        (entity.field(pair.key).type, pair.operator)
        for entity, table in ((NODES, LOWERED), (COMPUTERS, LOWERED_BOOLEANS))
        for text in table
        for term in split(PARSER.parse(text), OPTIONS, OPTIONS)[1]
        for pair in leaves(term)
    }
    assert asked == {(known, operator) for known in FieldType for operator in OPERATORS[known]}


TABLES: tuple[dict[str, list[tuple[Any, ...]]], ...] = (LOWERED, LOWERED_BOOLEANS, LOWERED_RELATIONS)


def test_every_test_that_lowering_gives_has_its_sql() -> None:
    given = {test for table in TABLES for found in table.values() for test, *_ in found}
    # What is lowered elsewhere: full types, and nodes that were found before.
    assert set(TESTS) - given == {"empty", "among"}
    assert given - set(TESTS) == set()


KEYS = (
    "There are: ctime, id, label, mtime, state, type, user_id, uuid, node_type, process_type, description, "
    "attributes, extras, pk, group, user, computer, incoming_of, outgoing_of, ancestor_of, "
    "descendant_of"
)

ERRORS = {
    "nope=1": f"nodes have no key 'nope' to filter or order by. {KEYS}",
    'lable="x"': f"nodes have no key 'lable' to filter or order by; did you mean 'label'? {KEYS}",
    'attributes="x"': "attributes is an object: ask for what lies in it, as in attributes.key=",
    "attributes=in=1,2": "attributes is an object: ask for what lies in it, as in attributes.key=in=",
    "label.x=5": "label is no JSON, so there is no label.x in it",
    'label."x y"."a""b"=5': 'label is no JSON, so there is no label."x y"."a""b" in it',
    "pk.x=5": "pk is no JSON, so there is no pk.x in it",
    'label.x=has="a"': "label is no JSON, so there is no label.x in it",
    'group.x="a"': "group is no JSON, so there is no group.x in it",
    "incoming_of.x.0=5": "incoming_of is no JSON, so there is no incoming_of.x.0 in it",
    "attributes.x>true": "attributes.x> takes a number or text, not true",
    "attributes.x<=null": "attributes.x<= takes a number or text, not null",
    "attributes.x=like=5": 'attributes.x=like= takes text in double quotes, as in "text", not 5',
    "attributes.x=has=5": 'attributes.x=has= takes text in double quotes, as in "text", not 5',
    "attributes.x=isnull=5": "attributes.x=isnull= takes true or false, not 5",
    "label=isnull=5": "label=isnull= takes true or false, not 5",
    "attributes.x=2016-04-23": (
        "attributes.x= takes a number, text, true, false or null (times are text there), not 2016-04-23"
    ),
    "attributes.x=contains=2016-04-23": (
        "attributes.x=contains= takes a number, text, true, false or null (times are text there), not 2016-04-23"
    ),
    "group>1": "the operator > does not go with group; it takes = != =in= =notin=",
    'group=like="a"': "the operator =like= does not go with group; it takes = != =in= =notin=",
    "incoming_of=in=1,2": "the operator =in= does not go with incoming_of; it takes = !=",
    'group="a","b"': "group= takes one value; for a list write group=in=",
    'group=in="a",2': "group takes text in double quotes, or integers, not 2",
    "group=true": "group takes text in double quotes, or integers, not true",
    f"group=in={','.join(['1'] * (MAX_VALUES + 1))}": "group=in= has 1001 values; at most 1000 are allowed",
    'incoming_of="x"': 'incoming_of takes the uuid of a node, the beginning of one, or its id, not "x"',
    'incoming_of=""': 'incoming_of takes the uuid of a node, the beginning of one, or its id, not ""',
    "incoming_of=true": "incoming_of takes the uuid of a node, the beginning of one, or its id, not true",
    'outgoing_of=1,"creates"': (
        "behind the node outgoing_of takes types of links, separated by commas (data, logic, all, input_calc, "
        "create, input_work, return, call_calc, call_work), not 'creates'"
    ),
    'outgoing_of=1,"create",5': (
        "behind the node outgoing_of takes types of links, separated by commas (data, logic, all, input_calc, "
        "create, input_work, return, call_calc, call_work), not '5'"
    ),
    "attributes.x=1,2": "attributes.x= takes one value; for a list write attributes.x=in=",
    'attributes."a b".0>1,2': 'attributes."a b".0> takes one value; for a list write attributes."a b".0=in=',
    f"attributes.x=in={','.join(['1'] * (MAX_VALUES + 1))}": (
        "attributes.x=in= has 1001 values; at most 1000 are allowed"
    ),
    "label=null": 'label takes text in double quotes, as in "text", not null',
    f"attributes.{'.'.join('x' * (MAX_PATH + 1))}=1": "the path of attributes has 33 keys; at most 32 are allowed",
    "&".join(["id=1"] * (MAX_COMPARISONS + 1)): "the query has 201 comparisons; at most 200 are allowed",
    f"filter={' OR '.join(['id=1'] * (MAX_COMPARISONS + 1))}": (
        "the query has 201 comparisons; at most 200 are allowed"
    ),
    'email="x"': f"nodes have no key 'email' to filter or order by. {KEYS}",
    "pkk=1": f"nodes have no key 'pkk' to filter or order by; did you mean 'pk'? {KEYS}",
    'pk="1"': 'pk takes an integer, not "1"',
    "id=in=1,2016-04-23T05:45+03:45": "id takes an integer, not 2016-04-23T05:45+03:45",
    "ctime=5": "ctime takes a time such as 2016-04-23 or 2016-04-23T05:45+03:45, not 5",
    "ctime=in=2016-04-23,false": "ctime takes a time such as 2016-04-23 or 2016-04-23T05:45+03:45, not false",
    'label=in="a",-1.5': 'label takes text in double quotes, as in "text", not -1.5',
    'label=like="a","b"': "label=like= takes one value; for a list write label=in=",
    "ctime>=2016-04-23,2016-04-24": "ctime>= takes one value; for a list write ctime=in=",
    'label=like="a\\"': "the pattern ends in the escape character \\; write \\\\ for a backslash",
    'uuid=ilike="\\"': "the pattern ends in the escape character \\; write \\\\ for a backslash",
    "id=1.5": "id takes an integer, not 1.5",
    "id=true": "id takes an integer, not true",
    'ctime="a"': 'ctime takes a time such as 2016-04-23 or 2016-04-23T05:45+03:45, not "a"',
    "uuid=2016-04-23": 'uuid takes text in double quotes, as in "text", not 2016-04-23',
    "label=in=1": 'label takes text in double quotes, as in "text", not 1',
    "id=1,2": "id= takes one value; for a list write id=in=",
    "id=in=" + ",".join(["1"] * (MAX_VALUES + 1)): "id=in= has 1001 values; at most 1000 are allowed",
    "ctime=ilike=2016-04-23": (
        "the operator =ilike= does not go with ctime, which is of type datetime; it takes "
        "= != > < >= <= =in= =notin= =isnull="
    ),
    "pk=like=1": (
        "the operator =like= does not go with pk, which is of type integer; it takes "
        "= != > < >= <= =in= =notin= =isnull="
    ),
    "ctime=like=2016-04-23": (
        "the operator =like= does not go with ctime, which is of type datetime; it takes "
        "= != > < >= <= =in= =notin= =isnull="
    ),
    'id=ilike="1"': (
        "the operator =ilike= does not go with id, which is of type integer; it takes "
        "= != > < >= <= =in= =notin= =isnull="
    ),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(ERRORS[text])}$"):
        conditions_of(text)


@pytest.mark.parametrize("operator", sorted(set(Operator) - OPERATORS[FieldType.BOOLEAN], key=lambda o: o.value))
def test_operators_of_booleans(operator: Operator) -> None:
    message = f"the operator {operator.value} does not go with enabled, which is of type bool; it takes = != =isnull="
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        conditions_of(f"enabled{operator.value}true", COMPUTERS)


def test_a_boolean_takes_no_text() -> None:
    with pytest.raises(QueryError, match=r'^enabled takes true or false, not "true"$'):
        conditions_of('enabled="true"', COMPUTERS)


@pytest.mark.parametrize("key", ["email", "is_active", "last_login"])
def test_withheld_keys(key: str) -> None:
    message = f"^the key '{key}' of users is withheld: it is personal data$"
    with pytest.raises(QueryError, match=message):
        conditions_of(f'{key}="a"', USERS)
    with pytest.raises(QueryError, match=message):
        order_by((OrderTerm(key, False),), USERS)


def test_order_by() -> None:
    terms = (OrderTerm("pk", True), OrderTerm("label", False))
    assert order_by(terms, NODES) == (Order(NODES.fields["id"], True), Order(NODES.fields["label"], False))
    with pytest.raises(QueryError, match=r"^extras is an object: order by what lies in it, as in extras\.key$"):
        order_by((OrderTerm("extras", False),), NODES)
    with pytest.raises(QueryError, match=r"^label is no JSON, so there is no label\.x in it$"):
        order_by((OrderTerm("label", False, ("x",)),), NODES)


def test_order_by_json() -> None:
    found = order_by((OrderTerm("attributes", True, ("a", "0")),), NODES)
    assert [(each.field.name, each.descending, each.missing_last) for each in found] == [
        (f"attributes('a', '0') as {kind}", True, True) for kind in ("number", "text", "boolean")
    ]


def test_fields_that_are_shown() -> None:
    assert [field.name for field in NODES.shown] == [
        "ctime",
        "id",
        "label",
        "mtime",
        "state",
        "type",
        "user_id",
        "uuid",
    ]


def test_kinds() -> None:
    (found,) = kind_of(NODE_ENTITIES["codes"])
    assert found == Condition(
        "has prefix", NODES.fields["node_type"], ("data.core.code.%", "data.core.code.", "data.core.code/")
    )
    assert kind_of(NODES) == kind_of(USERS) == ()


def test_every_operator_has_a_meaning_and_every_type_its_operators() -> None:
    assert (set(MEANINGS), set(OPERATORS)) == (set(Operator), set(FieldType))


@pytest.mark.parametrize(
    ("prefix", "test", "values"),
    [
        ("", "within", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
        ("338357f4-f", "within", ("338357f4-f000-0000-0000-000000000000", "338357f4-ffff-ffff-ffff-ffffffffffff")),
        (UUID, "=", (UUID,)),
    ],
)
def test_uuid_prefix(prefix: str, test: str, values: tuple[str, ...]) -> None:
    assert uuid_prefix(NODES.fields["uuid"], prefix) == Condition(test, NODES.fields["uuid"], values)


def test_an_object_has_a_limit_that_can_be_planned() -> None:
    statement = compile_object(RowsQuery(NODES, (NODES.fields["id"],), (Condition("=", NODES.fields["id"], (7,)),)))
    assert str(statement.build()).rstrip().endswith("LIMIT 2")
    assert statement.values == {"v0_0": 7}


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
    assert todays_type(Operator.LESS, old) == old  # an old name has its own place in the alphabet


PLUGINS = {"slurm": "core.slurm", "ssh": "core.ssh", "core.slurm": "core.slurm", "pbs": "pbs", "sl%": "sl%"}


@pytest.mark.parametrize("name", PLUGINS)
def test_old_names_of_plugins(name: str) -> None:
    assert todays_plugin(Operator.IN, name) == PLUGINS[name]
    assert todays_plugin(Operator.GREATER, name) == name


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
PSQL_LOWER = """(replace(lower(label COLLATE "und-x-icu"), '\u03c2', '\u03c3') COLLATE "C")"""
PSQL_UUID = PSQL_LOWER.replace("label", "CAST(uuid AS TEXT)")

SQLITE_UUID = SQLITE_LOWER.replace("label", "uuid")
WALK = (
    "db_dblink.output_id = {0} AND {1} IN ({2}, {3}) UNION SELECT db_dblink.input_id AS input_id FROM "
    "anon_1 JOIN db_dblink ON db_dblink.output_id = anon_1.id WHERE {1} IN ({2}, {3})) "
    "SELECT count(*) AS count_1 FROM db_dbnode WHERE id IN (SELECT anon_1.id FROM anon_1)"
)
WALK_OF_ANY_TYPE = (
    "db_dblink.input_id = {0} UNION SELECT db_dblink.output_id AS output_id FROM "
    "anon_1 JOIN db_dblink ON db_dblink.input_id = anon_1.id) "
    "SELECT count(*) AS count_1 FROM db_dbnode WHERE id IN (SELECT anon_1.id FROM anon_1)"
)
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
        Condition("has prefix", LABEL, ("a%", "a", "b")),
        "(label >= :v0_1 AND label < :v0_2)",
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
        for relation in ("=", ">", "<", ">=", "<=")
    ),
    *(
        (
            Condition(f"uuid {relation}", NODE_UUID, ("m",)),
            f"{SQLITE_UUID} {relation} :v0_0",
            f"{PSQL_UUID} {relation} %(v0_0)s::VARCHAR",
        )
        for relation in (">", "<", ">=", "<=")
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
        Condition("empty", NODES.fields["process_type"], ()),
        "coalesce(process_type, :coalesce_1) = :coalesce_2",
        "coalesce(process_type, %(coalesce_1)s::VARCHAR) = %(coalesce_2)s::VARCHAR",
    ),
    (Condition("is null", ID), "id IS NULL", "id IS NULL"),
    (Condition("is not null", ID), "id IS NOT NULL", "id IS NOT NULL"),
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
    (
        Condition("ancestors of", ID, (7, "create", "input_calc")),
        WALK.format(":v0_0", "+db_dblink.type", ":v0_1", ":v0_2"),
        WALK.format("%(v0_0)s::BIGINT", "(db_dblink.type || '')", "%(v0_1)s", "%(v0_2)s"),
    ),
    (
        Condition("descendants of", ID, (7,)),
        WALK_OF_ANY_TYPE.format(":v0_0"),
        WALK_OF_ANY_TYPE.format("%(v0_0)s::BIGINT"),
    ),
    (
        Condition("among", ID, ("[7,8]",)),
        "(id IN (SELECT value FROM json_each(:v0_0)))",
        "(id = ANY (CAST(translate(%(v0_0)s, '[]', '{}') AS BIGINT[])))",
    ),
]


@pytest.mark.parametrize(("condition", "sqlite", "postgresql"), WHERE)
def test_tests(condition: Condition, sqlite: str, postgresql: str) -> None:
    assert (where(condition, "sqlite"), where(condition, "postgresql")) == (sqlite, postgresql)


def test_every_test_is_tested() -> None:
    # What others find is asked in test_filters.py and in test_relations.py.
    elsewhere = {test for test in TESTS if test.startswith("json ") or test.endswith(" named")} | {"in groups"}
    assert {condition.test for condition, *_ in WHERE} == set(TESTS) - elsewhere


def test_a_boolean_in_sql() -> None:
    """The expression of a field keeps its brackets."""
    query = RowsQuery(COMPUTERS, (), (Condition("=", COMPUTERS.fields["enabled"], (False,)),))
    configured = "SELECT db_dbauthinfo.id FROM db_dbauthinfo WHERE db_dbauthinfo.dbcomputer_id = db_dbcomputer.id"
    for dialect, is_enabled, value in (
        ("sqlite", "AND db_dbauthinfo.enabled = 1", ":v0_0"),
        ("postgresql", "AND db_dbauthinfo.enabled", "%(v0_0)s"),
    ):
        assert sql(compile_total(query), dialect) == (
            "SELECT count(*) AS count_1 FROM db_dbcomputer WHERE "
            f"((EXISTS ({configured} {is_enabled})) OR NOT (EXISTS ({configured}))) = {value}"
        )


def test_total() -> None:
    query = RowsQuery(NODES, (ID,), (Condition(">", ID, (5,)), Condition("in", LABEL, ("a", "b"))))
    statement = compile_total(query)
    assert sql(statement, "sqlite") == (
        "SELECT count(*) AS count_1 FROM db_dbnode WHERE id > :v0_0 AND label IN (:v1_0, :v1_1)"
    )
    assert sql(statement, "postgresql") == (
        "SELECT count(*) AS count_1 FROM db_dbnode WHERE id > %(v0_0)s::BIGINT AND label IN (%(v1_0)s, %(v1_1)s)"
    )
    assert statement.values == {"v0_0": 5, "v1_0": "a", "v1_1": "b"}


def test_rows_without_conditions() -> None:
    statement = compile_rows(RowsQuery(NODES, (ID,)), Window(400, 20))
    assert sql(statement, "sqlite") == (
        "SELECT id AS id FROM db_dbnode "
        "WHERE id IN (SELECT id FROM db_dbnode ORDER BY id ASC LIMIT :limit OFFSET :offset) ORDER BY id ASC"
    )
    assert statement.values == {"limit": 400, "offset": 20}


@pytest.mark.parametrize("total", ["", "(SELECT count(*) AS count_1 FROM db_dbnode) AS total, "])
def test_first_rows(total: str) -> None:
    """An index on the order begins with them."""
    query = RowsQuery(NODES, (ID, LABEL), order=(Order(CTIME, True),), with_total=bool(total))
    statement = compile_rows(query, Window(20))
    assert sql(statement, "sqlite") == (
        f"SELECT {total}id AS id, label AS label FROM db_dbnode ORDER BY ctime DESC, id DESC "
        "LIMIT :limit OFFSET :param_1"
    )
    assert statement.values == {"limit": 20}


@pytest.mark.parametrize(
    ("query", "offset"),
    [
        (RowsQuery(NODES, (ID,)), 1),
        (RowsQuery(NODES, (ID,), (Condition(">", ID, (5,)),)), 0),
        (RowsQuery(NODES, (ID,), behind=(Condition(">", ID, (5,)),)), 0),
        (RowsQuery(NODES, (ID,), order=(Order(LABEL, False),)), 0),
        (RowsQuery(V4_NODES, (ID,), order=(Order(V4_NODES.fields["user_id"], False),)), 0),
        (RowsQuery(INCOMING, (INCOMING.fields["id"],)), 0),
    ],
    ids=["offset", "condition", "cursor", "no index", "many in the same place", "joined tables"],
)
def test_rows_that_an_index_does_not_begin_with(query: RowsQuery, offset: int) -> None:
    statement = compile_rows(query, Window(20, offset))
    assert "IN (SELECT" in sql(statement, "sqlite")


NEAR_ROWS = {
    "one table": (
        RowsQuery(NODES, (ID, LABEL), (Condition(">", ID, (5,)),), (Order(LABEL, False),), with_total=True),
        (
            "SELECT (SELECT count(*) AS count_1 FROM db_dbnode WHERE id > %(v0_0)s::BIGINT) AS total, "
            "id AS id, label AS label FROM db_dbnode WHERE id > %(v0_0)s::BIGINT "
            f"ORDER BY {PSQL_LOWER} ASC, id ASC LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT"
        ),
    ),
    "behind a cursor": (
        RowsQuery(NODES, (ID,), behind=(Condition(">", ID, (5,)),), with_total=True),
        (
            "SELECT (SELECT count(*) AS count_1 FROM db_dbnode) AS total, id AS id FROM db_dbnode "
            "WHERE id > %(v0_0)s::BIGINT ORDER BY id ASC LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT"
        ),
    ),
    "joined tables": (
        RowsQuery(
            INCOMING,
            (INCOMING.fields["id"], INCOMING.fields["label"], INCOMING.fields["link_label"]),
            (Condition("=", INCOMING.fields["main"], (5,)),),
            with_total=True,
        ),
        (
            "SELECT (SELECT count(*) AS count_1 FROM db_dblink WHERE db_dblink.output_id = %(v0_0)s::BIGINT) AS total, "
            "page.input_id AS id, label AS label, page.label AS link_label FROM ("
            "SELECT db_dblink.id AS id, db_dblink.input_id AS input_id, db_dblink.output_id AS output_id, "
            "db_dblink.label AS label, db_dblink.type AS type FROM db_dblink "
            "WHERE db_dblink.output_id = %(v0_0)s::BIGINT "
            "ORDER BY db_dblink.id ASC LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT) AS page "
            "JOIN db_dbnode ON page.input_id = id ORDER BY page.id ASC"
        ),
    ),
}


@pytest.mark.parametrize("case", NEAR_ROWS)
def test_near_rows(case: str) -> None:
    """Their columns are taken where an index leads to the row all the same."""
    query, expected = NEAR_ROWS[case]
    assert sql(compile_rows(query, Window(20, 999), keys_first=False), "postgresql") == expected


@pytest.mark.parametrize(
    ("query", "offset"),
    [
        (RowsQuery(NODES, (ID,)), 1000),
        (RowsQuery(NODES, (ID, NODES.fields["attributes"])), 1),
        (RowsQuery(USERS, (USERS.fields["date_joined"],)), 1),
        (RowsQuery(INCOMING, (ID,), order=(Order(INCOMING.fields["ctime"], True),)), 1),
    ],
    ids=["far", "large column", "no column", "order of joined tables"],
)
def test_keys_first(query: RowsQuery, offset: int) -> None:
    assert "IN (SELECT" in sql(compile_rows(query, Window(20, offset), keys_first=False), "postgresql")


def test_rows() -> None:
    query = RowsQuery(
        NODE_ENTITIES["codes"],
        (ID, LABEL),
        kind_of(NODE_ENTITIES["codes"]),
        (Order(LABEL, False), Order(CTIME, True)),
        with_total=True,
    )
    statement = compile_rows(query, Window(20, 40))
    conditions = "(node_type >= :v0_1 AND node_type < :v0_2)"
    order = f"{SQLITE_LOWER} ASC, ctime DESC, id DESC"
    assert sql(statement, "sqlite") == (
        f"SELECT (SELECT count(*) AS count_1 FROM db_dbnode WHERE {conditions}) AS total, "
        "id AS id, label AS label FROM db_dbnode "
        f"WHERE id IN (SELECT id FROM db_dbnode WHERE {conditions} ORDER BY {order} LIMIT :limit OFFSET :offset) "
        f"ORDER BY {order}"
    )
    conditions = r"(node_type LIKE %(v0_0)s ESCAPE '\')"
    order = f"{PSQL_LOWER} ASC, ctime DESC, id DESC"
    assert sql(statement, "postgresql") == (
        f"SELECT (SELECT count(*) AS count_1 FROM db_dbnode WHERE {conditions}) AS total, "
        "id AS id, label AS label FROM db_dbnode "
        f"WHERE id IN (SELECT id FROM db_dbnode WHERE {conditions} ORDER BY {order} "
        "LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT) "
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


@pytest.mark.parametrize(
    ("terms", "order"),
    [
        ((), "id ASC"),
        ((Order(ID, False),), "id ASC"),
        ((Order(ID, True),), "id DESC"),
        ((Order(CTIME, True),), "ctime DESC, id DESC"),
        ((Order(CTIME, True), Order(NODE_UUID, False)), "ctime DESC, uuid ASC, id ASC"),
        ((Order(LABEL, True),), f"{SQLITE_LOWER} DESC, id DESC"),
        (
            (Order(NODES.fields["process_type"], False),),
            f"{SQLITE_LOWER.replace('label', 'process_type')} ASC NULLS FIRST, id ASC",
        ),
    ],
)
def test_order(terms: tuple[Order, ...], order: str) -> None:
    """The last term says whether rows of equal value come with rising or falling ids."""
    assert sql(compile_rows(RowsQuery(NODES, (ID,), order=terms), Window(1, 1)), "sqlite") == (
        "SELECT id AS id FROM db_dbnode "
        f"WHERE id IN (SELECT id FROM db_dbnode ORDER BY {order} LIMIT :limit OFFSET :offset) ORDER BY {order}"
    )


def test_shapes() -> None:
    """One shape, one statement: it is the same for all values, and for nothing else."""

    def shape(*conditions: Condition, order: tuple[Order, ...] = (), fields: Any = (ID,)) -> Any:
        return compile_rows(RowsQuery(NODES, fields, conditions, order), Window(1)).shape

    base = shape(Condition("=", ID, (5,)))
    assert base == shape(Condition("=", ID, (6,)))
    assert base == compile_rows(RowsQuery(NODES, (ID,), (Condition("=", ID, (5,)),)), Window(20, 40, 3)).shape
    others = [
        shape(),
        shape(Condition("!=", ID, (5,))),
        shape(Condition("in", ID, (5,))),
        shape(Condition("in", ID, (5, 6))),
        shape(Condition("=", LABEL, (5,))),
        shape(Condition("=", ID, (5,)), order=(Order(ID, False),)),
        shape(Condition("=", ID, (5,)), order=(Order(ID, True),)),
        shape(Condition("=", ID, (5,)), fields=(LABEL,)),
        shape(Condition("=", ID, (5,)), Condition("=", ID, (5,))),
        shape(Condition("=", ID, (5,)), fields=(ID, LABEL)),
        shape(Condition("=", ID, (5,)), order=(Order(LABEL, False),)),
        compile_rows(RowsQuery(NODES, (ID,), (Condition("=", ID, (5,)),), with_total=True), Window(1)).shape,
        compile_rows(RowsQuery(NODE_ENTITIES["codes"], (ID,), (Condition("=", ID, (5,)),)), Window(1)).shape,
        compile_total(RowsQuery(NODES, (ID,), (Condition("=", ID, (5,)),))).shape,
    ]
    assert len({base, *others}) == 1 + len(others)
