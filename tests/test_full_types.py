"""The tree of types: the same as aiida-core makes of the same nodes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from aiida_like.errors import QueryError
from aiida_like.profiles import find
from aiida_like.storage import open_storage
from querylang.ast import Option
from restapi.dialects.aiida_v4.entities import NODES
from restapi.dialects.aiida_v4.full_type import conditions_of, full_type, read_full_type
from restapi.dialects.aiida_v4.full_types import tree_of_types
from restapi.fetching.statistics import type_counts, types
from tests.formats_profile import memory_profile, orm, restapi_module
from tests.writable import Writable

identifiers = restapi_module("common.identifiers")

CALCJOB, WORKCHAIN = "process.calculation.calcjob.CalcJobNode.", "process.workflow.workchain.WorkChainNode."

CASES: dict[str, list[Any]] = {
    "data": [orm.Int, orm.Int, orm.Dict, orm.Data, orm.ArrayData, orm.XyData, orm.KpointsData],
    "entry points": [
        (orm.CalcJobNode, "aiida.calculations:core.arithmetic.add"),
        (orm.CalcJobNode, "aiida.calculations:core.arithmetic.add"),
        (orm.CalcJobNode, "aiida.calculations:core.templatereplacer"),
        (orm.WorkChainNode, "aiida.workflows:quantumespresso.pw"),
        (orm.WorkChainNode, "aiida.workflows:quantumespresso.pw.relax"),
        (orm.WorkFunctionNode, "aiida.workflows:codtools.primitive"),
        (orm.CalcFunctionNode, "aiida.calculations:x"),
    ],
    "unregistered": [
        (orm.CalcJobNode, "tests.module.Calculation"),
        (orm.CalcFunctionNode, "__main__.rescale"),
        (orm.WorkFunctionNode, "__main__.pick"),
        (orm.WorkChainNode, "package.sub.Chain"),
        (orm.WorkChainNode, "package.sub.Chain.Inner"),
    ],
    "without a type": [orm.CalcJobNode, orm.WorkflowNode, orm.ProcessNode, (orm.CalcJobNode, "aiida.calculations:a.b")],
    "one": [orm.Str],
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_tree(case: str) -> None:
    counts: Counter[tuple[str, str | None]] = Counter()
    with memory_profile():
        for each in CASES[case]:
            kind, process_type = each if isinstance(each, tuple) else (each, None)
            node = kind()
            if process_type is not None:
                node.process_type = process_type
            # What a class checks about its content is beside the point.
            node._validate_storability = lambda: True
            node._validate = lambda: True
            node.store()
            counts[node.node_type, node.process_type] += 1
        counted = identifiers.get_node_namespace(count_nodes=True).get_description()
        types = identifiers.get_node_namespace().get_description()
    assert tree_of_types(counts) == counted
    assert tree_of_types(dict.fromkeys(counts)) == types


def test_an_empty_process_type_is_none() -> None:
    assert tree_of_types({(CALCJOB, None): 1, (CALCJOB, ""): 2}) == tree_of_types({(CALCJOB, None): 3})
    assert tree_of_types({(CALCJOB, None): None, (CALCJOB, ""): None}) == tree_of_types({(CALCJOB, None): None})


def test_types_that_share_a_module_stand_side_by_side() -> None:
    tree = tree_of_types({("data.core.x.A.", None): 1, ("data.core.x.B.", None): 2})
    (data,) = tree["subspaces"]
    (core,) = data["subspaces"]
    assert [(each["full_type"], each["counter"]) for each in core["subspaces"]] == [
        ("data.core.x.A.|", 1),
        ("data.core.x.B.|", 2),
    ]
    assert core["counter"] == 3


FULL_TYPES = [
    "data.core.dict.Dict.|",
    "data.core.%|",
    "process.%|%",
    "process.calculation.calcjob.CalcJobNode.|aiida.calculations:core.arithmetic.add",
    "process.calculation.calcjob.CalcJobNode.|aiida.calculations:core.%",
    "|",
]


@pytest.mark.parametrize("text", FULL_TYPES)
def test_full_types_are_filters(text: str) -> None:
    """As many as aiida-core makes of them, but for those that any node of the type fulfils."""
    conditions = conditions_of(read_full_type(Option("full_type", (text,))), NODES)
    filters = {field: test for field, test in identifiers.get_full_type_filters(text).items() if test != {"like": "%"}}
    expected = ["node_type"] if text.startswith("data.") else list(filters)
    assert [condition.field.name for condition in conditions] == expected


@pytest.mark.parametrize("text", ["data", "a|b|c", "data.%x|", "data.|%%"])
def test_wrong_full_types(text: str) -> None:
    with pytest.raises(ValueError, match="full type"):
        identifiers.get_full_type_filters(text)
    with pytest.raises(QueryError, match="full_type"):
        read_full_type(Option("full_type", (text,)))


def test_full_type_of_a_node() -> None:
    assert full_type("data.core.dict.Dict.", None) == "data.core.dict.Dict.|"
    assert full_type(WORKCHAIN, "aiida.workflows:x") == f"{WORKCHAIN}|aiida.workflows:x"


UNUSUAL = [
    "UPDATE db_dbnode SET process_type = 'aiida.data:core.str' WHERE id IN (SELECT min(id) FROM db_dbnode)",
    "UPDATE db_dbnode SET process_type = '' WHERE id IN (SELECT max(id) FROM db_dbnode WHERE node_type LIKE 'data.%')",
    f"UPDATE db_dbnode SET process_type = NULL WHERE node_type = '{CALCJOB}' AND id > 10",
    f"UPDATE db_dbnode SET process_type = '' WHERE id IN (SELECT max(id) FROM db_dbnode WHERE node_type = '{CALCJOB}')",
    f"UPDATE db_dbnode SET node_type = '' WHERE id IN (SELECT max(id) FROM db_dbnode WHERE node_type = '{CALCJOB}')",
    "DELETE FROM db_dblink",
    "DELETE FROM db_dbgroup_dbnodes",
    "DELETE FROM db_dbcomment",
    "DELETE FROM db_dblog",
    "DELETE FROM db_dbnode WHERE node_type LIKE 'process.%'",
    "DELETE FROM db_dbnode",
]
"""One after the other."""

COUNTED = "SELECT node_type, process_type, count(*) FROM db_dbnode GROUP BY 1, 2"


def test_types_of_unusual_nodes(changing: Writable) -> None:
    """Whatever types data and processes have, all pairs of them are found, and counted."""
    with closing(open_storage(find(**changing.target))) as storage, changing.committing() as commit:
        for change in ("UPDATE db_dbnode SET label = ''", *UNUSUAL):
            commit(change)
            expected = {(each[0], each[1]): each[2] for each in storage.database.rows(COUNTED, {})}
            assert type_counts(storage.read(), None) == expected
            assert sorted(types(storage.read()), key=str) == sorted(expected, key=str)
