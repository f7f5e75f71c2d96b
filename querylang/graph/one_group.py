"""A page of the nodes of one group, which is named by its label.

An index gives the members of a group in the order of their ids. But several groups, of other types, can have one label,
so SQLite sorts all members of all of them. Whether there is one alone is asked first: an index of labels tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aiida_like.storage.statements import Statement
from querylang.graph.ast import GraphCondition, GraphQuery, Operand, Projection, Term
from querylang.graph.compile import compile_graph, has_order_of_edges
from querylang.graph.schema import GROUP
from querylang.lowering.as_type import AsType
from querylang.lowering.predicates import Predicate
from querylang.terms import Every


def compile_groups(query: GraphQuery) -> Statement | None:
    """A SELECT of the ids of the groups, two at most; None: the query is not about the nodes of groups with a label."""
    first = query.steps[0]
    if first.vertex is not GROUP or not has_order_of_edges(query) or not _names_label(query.filter_of(first.tag)):
        return None
    key = Projection(Operand(first.tag, GROUP.columns["id"]), "id")
    return compile_graph(GraphQuery((first,), {first.tag: query.filter_of(first.tag)}, (key,)), 2)


def of_group(query: GraphQuery, group_id: int) -> GraphQuery:
    """The query, with the number of the one group instead of its label."""
    tag = query.steps[0].tag
    condition = GraphCondition(Predicate.EQUAL, Operand(tag, GROUP.columns["id"]), (group_id,))
    filters: Mapping[str, Term] = {**query.filters, tag: Every((condition,))}
    return replace(query, filters=filters)


def _names_label(term: Term) -> bool:
    return isinstance(term, Every) and any(
        isinstance(each, GraphCondition)
        and each.predicate is Predicate.EQUAL
        and each.operand.column.name == "label"
        and each.operand.as_type is AsType.ITSELF
        for each in term.terms
    )
