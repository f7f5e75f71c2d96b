"""Filters, the conditions they become, and the SQL of those."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from aiida_like.errors import QueryError
from querylang.ast import Operator
from querylang.compile import RowsQuery, compile_matches, compile_object, compile_rows, compile_total
from querylang.condition import Condition, Order
from querylang.limits import COMPARISONS, PATH, VALUES
from querylang.lowering.columns import uuid_prefix
from querylang.lowering.lower import lower, order_by, type_prefix_conditions
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.predicates import Predicate
from querylang.options import OrderTerm, Window, split
from querylang.parse import Parser
from querylang.schema import Field, FieldType
from querylang.terms import Not, leaves
from tests.entities import CODES, COMPUTERS, LINKED, NODES, OPTIONS, USERS, WITH_USERS

PARSER = Parser(OPTIONS)
DIALECTS = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.psycopg.dialect(),
}


def condition(predicate: str, field: Field, values: tuple[Any, ...] = ()) -> Condition:
    return Condition(Predicate(predicate), field, values)


def conditions_of(text: str, entity: Any = NODES) -> list[tuple[Any, ...]]:
    _, filters = split(PARSER.parse(text), OPTIONS, OPTIONS)
    found = [condition for term in lower(filters, entity) for condition in leaves(term)]
    return [(condition.predicate.value, condition.field.name, *condition.values) for condition in found]


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
    'label>"M"': [(">", "casefolded label", "m")],
    'label<"É"': [("<", "casefolded label", "é")],
    'label>="M"': [(">=", "casefolded label", "m")],
    'label>="ΟΔΟΣ"': [(">=", "casefolded label", "οδοσ")],
    'label<="m"': [("<=", "casefolded label", "m")],
    'label=like="a"': [("=", "label", "a")],
    'label=like="A%"': [("has prefix", "label", "A%", "A", "B")],
    'label=like="%a"': [("like", "label", "%a")],
    'label=like="a_"': [("like within", "label", "a%", "a", "b"), ("matches", "label", "a_", "^a.{0,1}$")],
    'label=like="_a"': [("like", "label", "%a"), ("matches", "label", "_a", "^.{0,1}a$")],
    'label=like=""': [("=", "label", "")],
    'label=like="%"': [("like", "label", "%")],
    r'label=like="a\_\%"': [("=", "label", "a_%")],
    r'label=like="a\_%"': [("has prefix", "label", r"a\_%", "a_", "a`")],
    'label=ilike="A"': [("=", "casefolded label", "a")],
    'label=ilike="A%"': [("like", "casefolded label", "a%")],
    'label=ilike="ΟΔΟΣ%"': [("like", "casefolded label", "οδοσ%")],
    'label=ilike="A_"': [("like", "casefolded label", "a%"), ("matches", "casefolded label", "a_", "^a.{0,1}$")],
    f'uuid="{UUID.upper()}"': [("in", "uuid", UUID)],
    f'uuid!="{UUID}"': [("not in", "uuid", UUID)],
    f'uuid=in="{UUID}","x"': [("in", "uuid", UUID)],
    'uuid=notin="x"': [("not in", "uuid")],
    'uuid="x"': [("in", "uuid")],
    'uuid!="x"': [("not in", "uuid")],
    f'uuid="{UUID[:-1]}"': [("in", "uuid")],
    'uuid>"F"': [(">", "casefolded uuid", "f")],
    'uuid<"F"': [("<", "casefolded uuid", "f")],
    'uuid>="F"': [(">=", "casefolded uuid", "f")],
    'uuid<="F"': [("<=", "casefolded uuid", "f")],
    f'uuid=like="{UUID.upper()}"': [("in", "uuid", UUID)],
    'uuid=like="abc"': [("in", "uuid")],
    f'uuid=like="{UUID}%"': [("between", "uuid", UUID, UUID)],
    'uuid=ilike="%"': [
        ("between", "uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    ],
    r'uuid=like="a\_%"': [("in", "uuid")],
    f'uuid=like="{UUID}0%"': [("in", "uuid")],
    'uuid=like="a%b"': [("like", "casefolded uuid", "a%b")],
    'uuid=like="CDFD48%"': [
        ("between", "uuid", "cdfd4800-0000-0000-0000-000000000000", "cdfd48ff-ffff-ffff-ffff-ffffffffffff")
    ],
    'uuid=like="x%"': [("in", "uuid")],
    'uuid=ilike="%A"': [("like", "casefolded uuid", "%a")],
    'uuid=like="a_"': [("like", "casefolded uuid", "a%"), ("matches", "casefolded uuid", "a_", "^a.{0,1}$")],
    "ctime=2016-04-23": [
        ("in intervals", "ctime", "2016-04-23 00:00:00.000000", "2016-04-24 00:00:00.000000"),
    ],
    "ctime!=2016-04-23T05": [
        ("not in intervals", "ctime", "2016-04-23 05:00:00.000000", "2016-04-23 06:00:00.000000"),
    ],
    "ctime=2016-04": [("in intervals", "ctime", "2016-04-01 00:00:00.000000", "2016-05-01 00:00:00.000000")],
    "ctime!=2015-12": [("not in intervals", "ctime", "2015-12-01 00:00:00.000000", "2016-01-01 00:00:00.000000")],
    "ctime=2016": [("in intervals", "ctime", "2016-01-01 00:00:00.000000", "2017-01-01 00:00:00.000000")],
    "ctime>2016-02": [(">=", "ctime", "2016-03-01 00:00:00.000000")],
    "ctime>=2016-02": [(">=", "ctime", "2016-02-01 00:00:00.000000")],
    "ctime<2016-02": [("<", "ctime", "2016-02-01 00:00:00.000000")],
    "ctime<=2016-02": [("<", "ctime", "2016-03-01 00:00:00.000000")],
    "ctime>2016": [(">=", "ctime", "2017-01-01 00:00:00.000000")],
    "ctime>=2016": [(">=", "ctime", "2016-01-01 00:00:00.000000")],
    "ctime<1000": [("<", "ctime", "1000-01-01 00:00:00.000000")],
    "ctime<=9998": [("<", "ctime", "9999-01-01 00:00:00.000000")],
    "ctime<=9999": [("<", "ctime", "9999-12-31 24:00:00.000000")],
    "ctime>9999-12-31T23:59": [(">=", "ctime", "9999-12-31 24:00:00.000000")],
    "ctime=9999-12": [("in intervals", "ctime", "9999-12-01 00:00:00.000000", "9999-12-31 24:00:00.000000")],
    "ctime=in=2015,2016-02": [
        (
            "in intervals",
            "ctime",
            *("2015-01-01 00:00:00.000000", "2016-01-01 00:00:00.000000"),
            *("2016-02-01 00:00:00.000000", "2016-03-01 00:00:00.000000"),
        )
    ],
    "ctime=notin=2016": [
        ("not in intervals", "ctime", "2016-01-01 00:00:00.000000", "2017-01-01 00:00:00.000000"),
    ],
    "ctime>2016-04-23T05:45+03:45": [(">=", "ctime", "2016-04-23 02:01:00.000000")],
    "ctime<=2016-04-23T05:45:12": [("<", "ctime", "2016-04-23 05:45:13.000000")],
    "ctime<2016-04-23T05:45": [("<", "ctime", "2016-04-23 05:45:00.000000")],
    "ctime>2016-12-31": [(">=", "ctime", "2017-01-01 00:00:00.000000")],
    "ctime>=2016-04-23T23:30-01": [(">=", "ctime", "2016-04-24 00:30:00.000000")],
    "ctime=0001-01-01": [("in intervals", "ctime", "0001-01-01 00:00:00.000000", "0001-01-02 00:00:00.000000")],
    "ctime<2016-04-23T05:45:12.000001": [("<", "ctime", "2016-04-23 05:45:12.000001")],
    "ctime>=2016-04-23": [(">=", "ctime", "2016-04-23 00:00:00.000000")],
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
    'type="old.A."': [("in", "type", "new.A.", "old.A.")],
    'type!="old.A."': [("not in", "type", "new.A.", "old.A.")],
    'type="data.Data."': [("=", "type", "data.Data.")],
    'type=in="old.A.","data.Data."': [("in", "type", "new.A.", "old.A.", "data.Data.")],
    'type=notin="old.A."': [("not in", "type", "new.A.", "old.A.")],
    'type=ilike="old.A.%"': [("like", "casefolded type", "new.a.%"), ("like", "casefolded type", "old.a.%")],
    'type=like="old.%"': [
        ("has prefix", "type", "new.%", "new.", "new/"),
        ("has prefix", "type", "old.%", "old.", "old/"),
    ],
    'type=startswith="old.A"': [
        ("has prefix", "type", "new.A%", "new.A", "new.B"),
        ("has prefix", "type", "old.A%", "old.A", "old.B"),
    ],
    'type>"old."': [(">", "casefolded type", "old.")],
    'node_type="old.A."': [("=", "node_type", "old.A.")],
    'id>1&label="a"&id<9': [(">", "id", 1), ("=", "label", "a"), ("<", "id", 9)],
    "id=9223372036854775807": [("=", "id", 2**63 - 1)],
    "limit=5": [],
    'label=contains="50%"': [("like", "label", r"%50\%%")],
    'label=startswith="a_"': [("has prefix", "label", r"a\_%", "a_", "a`")],
    'uuid=startswith="CDFD48"': [
        ("between", "uuid", "cdfd4800-0000-0000-0000-000000000000", "cdfd48ff-ffff-ffff-ffff-ffffffffffff")
    ],
    'uuid=startswith="x"': [("in", "uuid")],
    "id=isnull=true": [("is null", "id")],
    "process_type=isnull=false": [("is not null", "process_type")],
    "uuid=isnull=false": [("is not null", "uuid")],
    "ctime=isnull=true": [("is null", "ctime")],
    "attributes.a=5": [("=", "attributes('a',) as number", 5.0)],
    'attributes.a.0."b c"="x"': [("=", "attributes('a', '0', 'b c') as text", "x")],
    "attributes.a=true": [("=", "attributes('a',) as boolean", True)],
    "attributes.a=null": [("=", "attributes('a',) as type", "null")],
    "attributes.a!=-1.5": [("=", "attributes('a',) as number", -1.5)],
    "attributes.a>2": [(">", "attributes('a',) as number", 2.0)],
    'attributes.a<"B"': [("<", "attributes('a',) as casefolded text", "b")],
    "attributes.b>=2": [(">=", "attributes('b',) as number", 2.0)],
    "attributes.b<=2": [("<=", "attributes('b',) as number", 2.0)],
    'attributes.a=like="x_%"': [("like", "attributes('a',) as text", "x%")],
    'attributes.a=like="_x"': [
        ("like", "attributes('a',) as text", "%x"),
        ("matches", "attributes('a',) as text", "_x", "^.{0,1}x$"),
    ],
    'attributes.a=ilike="X"': [("=", "attributes('a',) as casefolded text", "x")],
    'attributes.a=startswith="x%"': [("like", "attributes('a',) as text", r"x\%%")],
    'attributes.a=contains="x"': [
        ("like", "attributes('a',) as text", "%x%"),
        ("json contains", "attributes('a',) as json", '["x"]'),
    ],
    "attributes.a=contains=5": [("json contains", "attributes('a',) as json", "[5]")],
    "attributes.a=contains=null": [("json contains", "attributes('a',) as json", "[null]")],
    'attributes.a=has="x"': [("json has plain key", "attributes('a',) as json", "x")],
    'attributes=has="ä"': [("json has key", "attributes() as json", "ä")],
    "attributes.a=isnull=true": [("=", "attributes('a',) as type or null", "null")],
    "attributes.a=isnull=false": [("!=", "attributes('a',) as type or null", "null")],
    'attributes.a=in=1,"x",2.5,null,true,true,"y"': [
        ("in", "attributes('a',) as text", "x", "y"),
        ("in", "attributes('a',) as number", 1.0, 2.5),
        ("=", "attributes('a',) as type", "null"),
        ("=", "attributes('a',) as boolean", True),
    ],
    "attributes.a=notin=1,2": [("in", "attributes('a',) as number", 1.0, 2.0)],
    'filter=id=1 AND (label="a" OR NOT id>5)': [("=", "id", 1), ("=", "label", "a"), (">", "id", 5)],
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
    "computer=isnull=true": [("is null", "dbcomputer_id")],
    "user=isnull=false": [("is not null", "user_id")],
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
    """`user` is another name of `user_id` there."""
    assert conditions_of("user>1", WITH_USERS) == [(">", "user_id", 1)]
    assert conditions_of('user="Ada"', WITH_USERS) == [("of users named", "user_id", "Ada")]


LOWERED_BOOLEANS = {
    "enabled=true": [("=", "enabled", True)],
    "enabled!=false": [("!=", "enabled", False)],
    "enabled=isnull=false": [("is not null", "enabled")],
}


@pytest.mark.parametrize("text", LOWERED_BOOLEANS)
def test_lower_booleans(text: str) -> None:
    assert conditions_of(text, COMPUTERS) == LOWERED_BOOLEANS[text]


def test_as_many_values_as_are_allowed() -> None:
    text = "id=in=" + ",".join(map(str, range(VALUES.most)))
    assert conditions_of(text) == [("in", "id", *range(VALUES.most))]


def test_every_operator_of_every_type_is_in_the_tables() -> None:
    asked = {
        (entity.field(pair.key).type, pair.operator)
        for entity, table in ((NODES, LOWERED), (COMPUTERS, LOWERED_BOOLEANS))
        for text in table
        for term in split(PARSER.parse(text), OPTIONS, OPTIONS)[1]
        for pair in leaves(term)
    }
    assert asked == {(known, operator) for known in FieldType for operator in LOWERINGS[known]}


TABLES: tuple[dict[str, list[tuple[Any, ...]]], ...] = (LOWERED, LOWERED_BOOLEANS, LOWERED_RELATIONS)


def test_every_predicate_comes_from_a_comparison() -> None:
    given = {predicate for table in TABLES for found in table.values() for predicate, *_ in found}
    # Others are of full types, of nodes that were found before, and of dictionaries of the QueryBuilder.
    assert {each.value for each in Predicate} - given == {"empty", "in json array", "json same"}


KEYS = (
    "There are: id, label, uuid, ctime, type, user_id, attributes, process_type, node_type, pk, "
    "group, user, computer, incoming_of, outgoing_of, ancestor_of, descendant_of"
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
    "group=isnull=true": "the operator =isnull= does not go with group; it takes = != =in= =notin=",
    "computer=isnull=1": "computer=isnull= takes true or false, not 1",
    "incoming_of=in=1,2": "the operator =in= does not go with incoming_of; it takes = !=",
    'group="a","b"': "group= takes one value; for a list write group=in=",
    'group=in="a",2': "group takes text in double quotes, or integers, not 2",
    "group=true": "group takes text in double quotes, or integers, not true",
    f"group=in={','.join(['1'] * (VALUES.most + 1))}": "group=in= has 1001 values; at most 1000 are allowed",
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
    f"attributes.x=in={','.join(['1'] * (VALUES.most + 1))}": (
        "attributes.x=in= has 1001 values; at most 1000 are allowed"
    ),
    "label=null": 'label takes text in double quotes, as in "text", not null',
    f"attributes.{'.'.join('x' * (PATH.most + 1))}=1": "the path of attributes has 33 keys; at most 32 are allowed",
    "&".join(["id=1"] * (COMPARISONS.most + 1)): "the query has 201 comparisons; at most 200 are allowed",
    f"filter={' OR '.join(['id=1'] * (COMPARISONS.most + 1))}": (
        "the query has 201 comparisons; at most 200 are allowed"
    ),
    'email="x"': f"nodes have no key 'email' to filter or order by. {KEYS}",
    "pkk=1": f"nodes have no key 'pkk' to filter or order by; did you mean 'pk'? {KEYS}",
    'pk="1"': 'pk takes an integer, not "1"',
    "id=in=1,2016-04-23T05:45+03:45": "id takes an integer, not 2016-04-23T05:45+03:45",
    "ctime=5": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not 5",
    "ctime=999": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not 999",
    "ctime=-2016": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not -2016",
    "ctime=20160423": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not 20160423",
    "id=2016-04": "id takes an integer, not 2016-04",
    "ctime=in=2016,false": "ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not false",
    'label=in="a",-1.5': 'label takes text in double quotes, as in "text", not -1.5',
    'label=like="a","b"': "label=like= takes one value; for a list write label=in=",
    "ctime>=2016-04-23,2016-04-24": "ctime>= takes one value; for a list write ctime=in=",
    'label=like="a\\"': "the pattern ends in the escape character \\; write \\\\ for a backslash",
    'uuid=ilike="\\"': "the pattern ends in the escape character \\; write \\\\ for a backslash",
    "id=1.5": "id takes an integer, not 1.5",
    "id=true": "id takes an integer, not true",
    'ctime="a"': 'ctime takes a time such as 2016, 2016-04, 2016-04-23 or 2016-04-23T05:45+03:45, not "a"',
    "uuid=2016-04-23": 'uuid takes text in double quotes, as in "text", not 2016-04-23',
    "label=in=1": 'label takes text in double quotes, as in "text", not 1',
    "id=1,2": "id= takes one value; for a list write id=in=",
    "id=in=" + ",".join(["1"] * (VALUES.most + 1)): "id=in= has 1001 values; at most 1000 are allowed",
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


@pytest.mark.parametrize("operator", sorted(set(Operator) - set(LOWERINGS[FieldType.BOOLEAN]), key=lambda o: o.value))
def test_operators_of_booleans(operator: Operator) -> None:
    message = f"the operator {operator.value} does not go with enabled, which is of type bool; it takes = != =isnull="
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        conditions_of(f"enabled{operator.value}true", COMPUTERS)


def test_a_boolean_takes_no_text() -> None:
    with pytest.raises(QueryError, match=r'^enabled takes true or false, not "true"$'):
        conditions_of('enabled="true"', COMPUTERS)


@pytest.mark.parametrize("key", ["email"])
def test_withheld_keys(key: str) -> None:
    message = f"^the key '{key}' of users is withheld: it is personal data$"
    with pytest.raises(QueryError, match=message):
        conditions_of(f'{key}="a"', USERS)
    with pytest.raises(QueryError, match=message):
        order_by((OrderTerm(key, False),), USERS)


def test_order_by() -> None:
    terms = (OrderTerm("pk", True), OrderTerm("label", False))
    assert order_by(terms, NODES) == (Order(NODES.fields["id"], True), Order(NODES.fields["label"], False))
    with pytest.raises(QueryError, match=r"^attributes is an object: order by what lies in it, as in attributes\.key$"):
        order_by((OrderTerm("attributes", False),), NODES)
    with pytest.raises(QueryError, match=r"^label is no JSON, so there is no label\.x in it$"):
        order_by((OrderTerm("label", False, ("x",)),), NODES)


def test_order_by_json() -> None:
    found = order_by((OrderTerm("attributes", True, ("a", "0")),), NODES)
    assert [(each.field.name, each.descending, each.missing_last) for each in found] == [
        (f"attributes('a', '0') as {kind}", True, True) for kind in ("number", "text", "boolean")
    ]


def test_fields_that_are_shown() -> None:
    assert [field.name for field in NODES.shown] == ["id", "label", "uuid", "ctime", "type", "user_id"]


def test_types_of_nodes() -> None:
    (found,) = type_prefix_conditions(CODES)
    assert found == condition(
        "has prefix", NODES.fields["node_type"], ("data.core.code.%", "data.core.code.", "data.core.code/")
    )
    assert type_prefix_conditions(NODES) == type_prefix_conditions(USERS) == ()


@pytest.mark.parametrize(
    ("prefix", "test", "values"),
    [
        ("", "between", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
        ("338357f4-f", "between", ("338357f4-f000-0000-0000-000000000000", "338357f4-ffff-ffff-ffff-ffffffffffff")),
        (UUID, "=", (UUID,)),
    ],
)
def test_uuid_prefix(prefix: str, test: str, values: tuple[str, ...]) -> None:
    assert uuid_prefix(NODES.fields["uuid"], prefix) == condition(test, NODES.fields["uuid"], values)


def test_an_object_has_a_limit_that_can_be_planned() -> None:
    statement = compile_object(RowsQuery(NODES, (NODES.fields["id"],), (condition("=", NODES.fields["id"], (7,)),)))
    assert str(statement.build()).rstrip().endswith("LIMIT 2")
    assert statement.values == {"v0_0": 7}


@pytest.mark.parametrize("prefix", ["x", "A", "338357f4f", "33835-", UUID + "0", "338357f4-f2 "])
def test_what_no_uuid_starts_with(prefix: str) -> None:
    assert uuid_prefix(NODES.fields["uuid"], prefix) is None


def sql(statement: Any, dialect: str) -> str:
    compiled = statement.build().compile(dialect=DIALECTS[dialect], compile_kwargs={"render_postcompile": True})
    return " ".join(str(compiled).replace("db_dbnode.", "").split())


def where(condition: Condition, dialect: str) -> str:
    return sql(compile_matches(RowsQuery(NODES, (), (condition,))), dialect).partition(" WHERE ")[2]


ID, LABEL, NODE_UUID, CTIME = (NODES.fields[name] for name in ("id", "label", "uuid", "ctime"))
SQLITE_LOWER = (
    "(CASE WHEN CAST(label AS TEXT) GLOB '*[^ -~]*' THEN unicode_lower(CAST(label AS BLOB)) ELSE lower(label) END)"
)
PSQL_LOWER = """(replace(lower(label COLLATE "und-x-icu"), '\u03c2', '\u03c3') COLLATE "C")"""
PSQL_UUID = PSQL_LOWER.replace("label", "CAST(uuid AS TEXT)")

SQLITE_UUID = SQLITE_LOWER.replace("label", "uuid")
WALK = (
    "db_dblink.output_id = {0} AND {1} IN ({2}, {3}) UNION SELECT db_dblink.input_id AS input_id FROM "
    "anon_1 JOIN db_dblink ON db_dblink.output_id = anon_1.id WHERE {1} IN ({2}, {3})) "
    "SELECT id FROM db_dbnode WHERE id IN (SELECT anon_1.id FROM anon_1)"
)
WALK_OF_ANY_TYPE = (
    "db_dblink.input_id = {0} UNION SELECT db_dblink.output_id AS output_id FROM "
    "anon_1 JOIN db_dblink ON db_dblink.input_id = anon_1.id) "
    "SELECT id FROM db_dbnode WHERE id IN (SELECT anon_1.id FROM anon_1)"
)
LINK_ENDS = "SELECT db_dblink.%s FROM db_dblink WHERE db_dblink.%s = "

WHERE = [
    (condition("=", ID, (5,)), "id = :v0_0", "id = %(v0_0)s::BIGINT"),
    (condition("!=", ID, (5,)), "id != :v0_0", "id != %(v0_0)s::BIGINT"),
    (condition(">", ID, (5,)), "id > :v0_0", "id > %(v0_0)s::BIGINT"),
    (condition("<", CTIME, ("x",)), "ctime < :v0_0", "ctime < %(v0_0)s"),
    (condition(">=", CTIME, ("x",)), "ctime >= :v0_0", "ctime >= %(v0_0)s"),
    (condition("<=", ID, (5,)), "id <= :v0_0", "id <= %(v0_0)s::BIGINT"),
    (condition("in", ID, (5, 6)), "id IN (:v0_0, :v0_1)", "id IN (%(v0_0)s::BIGINT, %(v0_1)s::BIGINT)"),
    (condition("in", NODE_UUID), "0 = 1", "false"),
    (condition("not in", LABEL, ("a",)), "(label NOT IN (:v0_0))", "(label NOT IN (%(v0_0)s))"),
    (condition("not in", NODE_UUID), "uuid IS NOT NULL", "uuid IS NOT NULL"),
    (
        condition("between", NODE_UUID, ("a", "b")),
        "uuid >= :v0_0 AND uuid <= :v0_1",
        "uuid >= %(v0_0)s AND uuid <= %(v0_1)s",
    ),
    (
        condition("in intervals", CTIME, ("a", "b", "c", "d")),
        "ctime >= :v0_0 AND ctime < :v0_1 OR ctime >= :v0_2 AND ctime < :v0_3",
        "ctime >= %(v0_0)s AND ctime < %(v0_1)s OR ctime >= %(v0_2)s AND ctime < %(v0_3)s",
    ),
    (
        condition("not in intervals", CTIME, ("a", "b")),
        "NOT (ctime >= :v0_0 AND ctime < :v0_1)",
        "NOT (ctime >= %(v0_0)s AND ctime < %(v0_1)s)",
    ),
    (
        condition("like within", LABEL, ("a%", "a", "b")),
        r"(label >= :v0_1 AND label < :v0_2 AND label LIKE :v0_0 ESCAPE '\')",
        r"(label LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        condition("has prefix", LABEL, ("a%", "a", "b")),
        "(label >= :v0_1 AND label < :v0_2)",
        r"(label LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        condition("like", LABEL, ("%a",)),
        r"(label LIKE :v0_0 ESCAPE '\')",
        r"(label LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        condition("matches", LABEL, ("a_", "^a.?$")),
        "pattern_matches(:v0_0, CAST(label AS BLOB))",
        "(label ~ %(v0_1)s)",
    ),
    (
        condition("like", LABEL.casefolded, ("a%",)),
        rf"({SQLITE_LOWER} LIKE :v0_0 ESCAPE '\')",
        rf"({PSQL_LOWER} LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        condition("matches", LABEL.casefolded, ("a_", "^a.?$")),
        f"pattern_matches(:v0_0, CAST({SQLITE_LOWER} AS BLOB))",
        f"({PSQL_LOWER} ~ %(v0_1)s)",
    ),
    *(
        (
            condition(relation, LABEL.casefolded, ("m",)),
            f"{SQLITE_LOWER} {relation} :v0_0",
            f"{PSQL_LOWER} {relation} %(v0_0)s::VARCHAR",
        )
        for relation in ("=", ">", "<", ">=", "<=")
    ),
    *(
        (
            condition(relation, NODE_UUID.casefolded, ("m",)),
            f"{SQLITE_UUID} {relation} :v0_0",
            f"{PSQL_UUID} {relation} %(v0_0)s::VARCHAR",
        )
        for relation in (">", "<", ">=", "<=")
    ),
    (
        condition("like", NODE_UUID.casefolded, ("%a",)),
        rf"({SQLITE_UUID} LIKE :v0_0 ESCAPE '\')",
        rf"({PSQL_UUID} LIKE %(v0_0)s ESCAPE '\')",
    ),
    (
        condition("matches", NODE_UUID.casefolded, ("a_", "^a.?$")),
        f"pattern_matches(:v0_0, CAST({SQLITE_UUID} AS BLOB))",
        f"({PSQL_UUID} ~ %(v0_1)s)",
    ),
    (
        condition("empty", NODES.fields["process_type"], ()),
        "coalesce(process_type, :coalesce_1) = :coalesce_2",
        "coalesce(process_type, %(coalesce_1)s::VARCHAR) = %(coalesce_2)s::VARCHAR",
    ),
    (condition("is null", ID), "id IS NULL", "id IS NULL"),
    (condition("is not null", ID), "id IS NOT NULL", "id IS NOT NULL"),
    (
        condition("incoming of", ID, (7,)),
        f"id IN ({LINK_ENDS % ('input_id', 'output_id')}:v0_0)",
        f"id IN ({LINK_ENDS % ('input_id', 'output_id')}%(v0_0)s::BIGINT)",
    ),
    (
        condition("outgoing of", ID, (7,)),
        f"id IN ({LINK_ENDS % ('output_id', 'input_id')}:v0_0)",
        f"id IN ({LINK_ENDS % ('output_id', 'input_id')}%(v0_0)s::BIGINT)",
    ),
    (
        condition("ancestors of", ID, (7, "create", "input_calc")),
        WALK.format(":v0_0", "+db_dblink.type", ":v0_1", ":v0_2"),
        WALK.format("%(v0_0)s::BIGINT", "(db_dblink.type || '')", "%(v0_1)s", "%(v0_2)s"),
    ),
    (
        condition("descendants of", ID, (7,)),
        WALK_OF_ANY_TYPE.format(":v0_0"),
        WALK_OF_ANY_TYPE.format("%(v0_0)s::BIGINT"),
    ),
    (
        condition("in json array", ID, ("[7,8]",)),
        "(id IN (SELECT value FROM json_each(:v0_0)))",
        "(id = ANY (CAST(translate(%(v0_0)s, '[]', '{}') AS BIGINT[])))",
    ),
]


@pytest.mark.parametrize(("condition", "sqlite", "postgresql"), WHERE)
def test_predicates(condition: Condition, sqlite: str, postgresql: str) -> None:
    assert (where(condition, "sqlite"), where(condition, "postgresql")) == (sqlite, postgresql)


def test_a_total_finds_a_prefix_by_its_range() -> None:
    """PostgreSQL keeps one plan for all values, in which no index serves LIKE; a list has other plans."""
    query = RowsQuery(NODES, (ID,), (Not(condition("has prefix", LABEL, ("a%", "a", "b"))),))
    assert "NOT (label ~>=~ %(v0_1)s AND label ~<~ %(v0_2)s)" in sql(compile_total(query), "postgresql")
    assert "NOT (label >= :v0_1 AND label < :v0_2)" in sql(compile_total(query), "sqlite")
    assert "NOT (label LIKE %(v0_0)s" in sql(compile_rows(query, Window(20)), "postgresql")


def test_every_predicate_is_tested() -> None:
    # What others find is asked in test_filters.py, test_graph.py and test_relations.py.
    elsewhere = {each for each in Predicate if each.value.startswith("json ") or each.value.endswith(" named")}
    assert {each.predicate for each, *_ in WHERE} == set(Predicate) - elsewhere - {Predicate.IN_GROUPS}


def test_a_boolean_in_sql() -> None:
    """The expression of a field keeps its brackets."""
    query = RowsQuery(COMPUTERS, (), (condition("=", COMPUTERS.fields["enabled"], (False,)),))
    for dialect, value in (("sqlite", ":v0_0"), ("postgresql", "%(v0_0)s")):
        assert sql(compile_total(query), dialect) == (
            "SELECT count(*) AS count_1 FROM db_dbcomputer "
            f"WHERE (db_dbcomputer.label IS NULL OR db_dbcomputer.hostname IS NOT NULL) = {value}"
        )


def test_total() -> None:
    query = RowsQuery(NODES, (ID,), (condition(">", ID, (5,)), condition("in", LABEL, ("a", "b"))))
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
        (RowsQuery(NODES, (ID,), (condition(">", ID, (5,)),)), 0),
        (RowsQuery(NODES, (ID,), after=(condition(">", ID, (5,)),)), 0),
        (RowsQuery(NODES, (ID,), order=(Order(LABEL, False),)), 0),
        (RowsQuery(NODES, (ID,), order=(Order(NODES.fields["user_id"], False),)), 0),
        (RowsQuery(LINKED, (LINKED.fields["id"],)), 0),
    ],
    ids=["offset", "condition", "cursor", "no index", "many in the same place", "joined tables"],
)
def test_rows_that_an_index_does_not_begin_with(query: RowsQuery, offset: int) -> None:
    statement = compile_rows(query, Window(20, offset))
    assert "IN (SELECT" in sql(statement, "sqlite")


NEAR_ROWS = {
    "one table": (
        RowsQuery(NODES, (ID, LABEL), (condition(">", ID, (5,)),), (Order(LABEL, False),), with_total=True),
        (
            "SELECT (SELECT count(*) AS count_1 FROM db_dbnode WHERE id > %(v0_0)s::BIGINT) AS total, "
            "id AS id, label AS label FROM db_dbnode WHERE id > %(v0_0)s::BIGINT "
            f"ORDER BY {PSQL_LOWER} ASC, id ASC LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT"
        ),
    ),
    "behind a cursor": (
        RowsQuery(NODES, (ID,), after=(condition(">", ID, (5,)),), with_total=True),
        (
            "SELECT (SELECT count(*) AS count_1 FROM db_dbnode) AS total, id AS id FROM db_dbnode "
            "WHERE id > %(v0_0)s::BIGINT ORDER BY id ASC LIMIT %(limit)s::BIGINT OFFSET %(offset)s::BIGINT"
        ),
    ),
    "joined tables": (
        RowsQuery(
            LINKED,
            (LINKED.fields["id"], LINKED.fields["label"], LINKED.fields["link_label"]),
            (condition("=", LINKED.fields["main"], (5,)),),
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
        (RowsQuery(USERS, (USERS.fields["joined"],)), 1),
        (RowsQuery(LINKED, (ID,), order=(Order(LINKED.fields["ctime"], True),)), 1),
    ],
    ids=["far", "large column", "no column", "order of joined tables"],
)
def test_keys_first(query: RowsQuery, offset: int) -> None:
    assert "IN (SELECT" in sql(compile_rows(query, Window(20, offset), keys_first=False), "postgresql")


def test_rows() -> None:
    query = RowsQuery(
        CODES,
        (ID, LABEL),
        type_prefix_conditions(CODES),
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
    query = RowsQuery(USERS, (USERS.fields["id"],), order=(Order(USERS.fields["joined"], descending),))
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
        return compile_rows(RowsQuery(NODES, fields, conditions, order), Window(1)).cache_key

    base = shape(Condition(Predicate.EQUAL, ID, (5,)))
    assert base == shape(Condition(Predicate.EQUAL, ID, (6,)))
    assert (
        base
        == compile_rows(RowsQuery(NODES, (ID,), (Condition(Predicate.EQUAL, ID, (5,)),)), Window(20, 40, 3)).cache_key
    )
    others = [
        shape(),
        shape(condition("!=", ID, (5,))),
        shape(condition("in", ID, (5,))),
        shape(condition("in", ID, (5, 6))),
        shape(condition("=", LABEL, (5,))),
        shape(condition("=", ID, (5,)), order=(Order(ID, False),)),
        shape(condition("=", ID, (5,)), order=(Order(ID, True),)),
        shape(condition("=", ID, (5,)), fields=(LABEL,)),
        shape(condition("=", ID, (5,)), condition("=", ID, (5,))),
        shape(condition("=", ID, (5,)), fields=(ID, LABEL)),
        shape(condition("=", ID, (5,)), order=(Order(LABEL, False),)),
        compile_rows(RowsQuery(NODES, (ID,), (condition("=", ID, (5,)),), with_total=True), Window(1)).cache_key,
        compile_rows(RowsQuery(CODES, (ID,), (condition("=", ID, (5,)),)), Window(1)).cache_key,
        compile_total(RowsQuery(NODES, (ID,), (condition("=", ID, (5,)),))).cache_key,
    ]
    assert len({base, *others}) == 1 + len(others)
