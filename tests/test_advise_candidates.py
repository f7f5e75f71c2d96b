"""Which indexes are thought of for a statement, the most promising first, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Dialect, Select, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite

from aiida_like.advice.candidates import candidates
from aiida_like.advice.index import Index, Part
from aiida_like.advice.uses import tables_of
from aiida_like.models import link, node, user
from aiida_like.storage.sql.expressions import casefolded, unindexed
from aiida_like.storage.sql.json_expressions import json_contains, json_number, json_string

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite(), "postgresql": postgresql()}

n, key = node.c, node.c.id
energy = json_number(n.attributes, ("energy",))
formula = json_string(n.attributes, ("formula", "hill"))
other = node.alias()


def told(index: Index) -> str:
    name = index.name.removeprefix("aiida_like_")
    return f"{name} {index.method}" if index.method in ("hash", "gin") else name


ALIKE: dict[str, tuple[Select[Any], list[str]]] = {
    "what is equal comes before what is ordered by": (
        select(key).where(n.user_id == 2).order_by(n.mtime.desc(), n.id.asc()),
        ["node_user_id_mtime", "node_user_id", "node_mtime", "node_user_id_id_mtime"],
    ),
    "all that is equal, then the order": (
        select(key).where(n.user_id == 2, n.node_type == "x").order_by(n.ctime.asc()),
        [
            "node_user_id_node_type_ctime",
            *("node_user_id_ctime", "node_user_id_node_type", "node_node_type_ctime", "node_node_type_user_id"),
            *("node_user_id", "node_node_type", "node_ctime"),
            *("node_user_id_id_node_type_ctime", "node_node_type_id_user_id_ctime"),
        ],
    ),
    "of an order by two columns only the first": (
        select(key).order_by(n.ctime.asc(), n.mtime.asc()),
        ["node_ctime"],
    ),
    "ranges": (
        select(n.label).where(n.ctime > "2020", n.mtime <= "2021").order_by(n.label.asc()),
        [
            *("node_ctime_label", "node_ctime_mtime", "node_mtime_label", "node_mtime_ctime"),
            *("node_ctime", "node_mtime", "node_label"),
            *("node_ctime_label_mtime", "node_mtime_label_ctime"),
        ],
    ),
    "a list is equal, and what is unequal is no use": (
        select(n.label).where(n.user_id.in_([1, 2]), n.label != "x"),
        ["node_user_id", "node_user_id_label"],
    ),
    "an index of four columns can be read instead of the table": (
        select(n.user_id, n.label, n.ctime, n.mtime).where(n.user_id == 2),
        ["node_user_id", "node_user_id_label_ctime_mtime"],
    ),
    "of five columns the table is read": (
        select(n.user_id, n.label, n.ctime, n.mtime, n.uuid).where(n.user_id == 2),
        ["node_user_id"],
    ),
    "groups in each order": (
        select(n.node_type, n.process_type, func.count()).group_by(n.node_type, n.process_type),
        ["node_node_type_process_type", "node_process_type_node_type", "node_node_type", "node_process_type"],
    ),
    "a group that may stand behind another column": (
        select(n.user_id).where(n.label == "x").group_by(unindexed(n.user_id).label("u")),
        ["node_label_user_id", "node_user_id_label", "node_label", "node_user_id"],
    ),
    "an order that no index is to lead to": (
        select(key).where(n.user_id == 2).order_by(unindexed(n.ctime).asc()),
        ["node_user_id", "node_user_id_id_ctime"],
    ),
    "what is unique": (select(key).where(n.uuid == "x"), []),
    "the key": (select(key).where(n.id > 5).order_by(n.id.desc()), []),
    "text that may be long": (select(key).where(n.description == "x"), []),
    "from both sides of a join": (
        select(key).join(link, link.c.input_id == n.id).where(link.c.type == "create"),
        ["link_type_input_id", "link_input_id_type", "link_type", "link_input_id"],
    ),
    "an alias is another table": (select(key).where(n.id.in_(select(other.c.id).where(other.c.user_id == 1))), []),
    "the same twice": (
        select(n.description).where(or_(n.label == "x", and_(n.label == "y", n.label == "x", n.ctime > "2020"))),
        ["node_label_ctime", "node_ctime_label", "node_label", "node_ctime"],
    ),
}
"""The same of both databases."""

UNLIKE: dict[str, tuple[Select[Any], list[str], list[str]]] = {
    "each index of SQLite ends with the key": (
        select(key).where(n.label == "x"),
        ["node_label"],
        ["node_label", "node_label_id"],
    ),
    "columns of two tables": (
        select(key).where(n.label == user.c.institution),
        ["node_label", "user_institution"],
        ["node_label", "node_label_id", "user_institution"],
    ),
    "numbers in JSON": (
        select(key).where(energy < -3).order_by(energy.asc()),
        ["node_attributes_energy"],
        ["node_attributes_energy"],
    ),
    "text in JSON": (
        select(key).where(formula == "Si", n.user_id == 1),
        [
            *("node_attributes_formula_hill_user_id", "node_user_id_attributes_formula_hill"),
            *("node_attributes_formula_hill", "node_user_id"),
        ],
        ["node_user_id", "node_attributes_formula_hill hash"],
    ),
    "what lies within JSON": (
        select(key).where(json_contains(n.attributes, ("tags",), literal("[1]"))),
        [],
        ["node_attributes_tags gin"],
    ),
    "what lies within all of it": (
        select(key).where(json_contains(n.extras, (), literal("[1]"))),
        [],
        ["node_extras gin"],
    ),
    "text in lower case": (select(key).order_by(casefolded(n.label).desc()), [], ["node_label_lowered"]),
    "long text in lower case": (select(key).order_by(casefolded(n.description).desc()), [], []),
    "a uuid in lower case": (select(key).where(casefolded(n.uuid) < "b"), [], []),
    "a key that no SQL is written with": (select(key).where(json_number(n.attributes, ('a"b',)) > 1), [], []),
    "the same for text": (select(key).where(json_string(n.attributes, ('a"b',)) == "x"), [], []),
    "the same for what lies within": (select(key).where(json_contains(n.extras, ('a"b',), literal("[1]"))), [], []),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("what", ALIKE)
def test_candidates(what: str, dialect: str) -> None:
    statement, expected = ALIKE[what]
    assert [told(index) for index in candidates(statement, DIALECTS[dialect])] == expected


@pytest.mark.parametrize("what", UNLIKE)
def test_candidates_of_each_database(what: str) -> None:
    statement, *expected = UNLIKE[what]
    found = [[told(index) for index in candidates(statement, dialect)] for dialect in DIALECTS.values()]
    assert found == expected


STATEMENTS = {
    "sqlite": (
        "CREATE INDEX IF NOT EXISTS aiida_like_node_attributes_energy ON db_dbnode "
        "((CASE WHEN json_type(attributes, '$.\"energy\"') IN ('integer', 'real') "
        "THEN CAST(json_extract(attributes, '$.\"energy\"') AS REAL) END));"
    ),
    "postgresql": (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS aiida_like_node_attributes_energy ON db_dbnode "
        "((CASE WHEN jsonb_typeof((attributes #> CAST('{\"energy\"}' AS TEXT[]))) = 'number' "
        "THEN CAST((attributes #>> CAST('{\"energy\"}' AS TEXT[])) AS DOUBLE PRECISION) END));"
    ),
}


def test_the_statement_of_text_in_lower_case() -> None:
    (index,) = candidates(select(key).order_by(casefolded(n.label).asc()), DIALECTS["postgresql"])
    sigmas = "'\N{GREEK SMALL LETTER FINAL SIGMA}', '\N{GREEK SMALL LETTER SIGMA}'"
    assert index.target == f"""((replace(lower(label COLLATE "und-x-icu"), {sigmas}) COLLATE "C"))"""


@pytest.mark.parametrize("dialect", STATEMENTS)
def test_the_statement_of_an_expression(dialect: str) -> None:
    (index,) = candidates(select(key).where(energy < -3), DIALECTS[dialect])
    assert (index.statement, index.has_expression) == (STATEMENTS[dialect], True)


def test_the_statement_of_columns() -> None:
    index = next(candidates(ALIKE["the same twice"][0], DIALECTS["postgresql"]))
    assert (index.statement, index.has_expression) == (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS aiida_like_node_label_ctime ON db_dbnode (label, ctime);",
        False,
    )
    inside = json_contains(n.extras, (), literal("[1]"))
    (index,) = candidates(select(key).where(inside), DIALECTS["postgresql"])
    assert index.statement == (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS aiida_like_node_extras ON db_dbnode USING gin (extras);"
    )


NAMES = {
    "x": "aiida_like_node_x",
    "it's 5": "aiida_like_node_it_s_5",
    "x" * 47: "aiida_like_node_" + "x" * 47,
    "x" * 48: "aiida_like_node_" + "x" * 38 + "_5dac0479",
    "x" * 49: "aiida_like_node_" + "x" * 38 + "_a558731f",
}
"""PostgreSQL takes 63 bytes."""


@pytest.mark.parametrize("label", NAMES)
def test_names(label: str) -> None:
    name = Index("db_dbnode", (Part("(x)", label),)).name
    assert (name, len(name) <= 63) == (NAMES[label], True)


def test_all_tables_of_a_statement() -> None:
    statement = select(key).where(n.id.in_(select(link.c.input_id).join(user, user.c.id == link.c.id)))
    assert tables_of(statement) == {node, link, user}
    assert tables_of(select(func.count()).select_from(node)) == {node}
