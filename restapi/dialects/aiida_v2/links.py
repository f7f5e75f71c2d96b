"""Inputs and outputs of a node: lists, and the tree of its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Select, bindparam, func, select

from aiida_like.links import INCOMING, OUTGOING, Direction
from aiida_like.models import link, node
from aiida_like.storage import Statement
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.options import Options
from querylang.schema import Entity
from restapi.dialects.aiida_v2 import answers, options
from restapi.dialects.aiida_v2.entities import NODES
from restapi.dialects.resource import DialectResource, ListResource
from restapi.http.exchange import Context
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject

_ID = NODES.fields["id"]


class Related(ListResource):
    """Nodes that stand in a relation to one; `key` is the name of their list."""

    reserved, allowed = options.OF_LISTS, options.LIST
    key: ClassVar[str]

    @classmethod
    def answer_about(cls, _: Subject) -> AnswerSpec:
        return answers.related(cls.key, cls.allowed)

    def relation(self, pk: int, given: Options) -> Iterator[Condition]:
        raise NotImplementedError

    def get(self, entity: Entity, path_id: str, page: int | None = None) -> Reply:
        (pk,) = self.values(entity, path_id, "id")
        given, filters = self.parse()
        relation = self.relation(pk, given)
        return self.answer_rows(
            given, filters, NODES, page, relation, resource=entity.name, key=self.key, pk=pk, path_id=path_id
        )


class Inputs(Related):
    """`/nodes/338357f4/io/inputs`: the nodes with a link to it."""

    key = "inputs"

    def relation(self, pk: int, _: Options) -> Iterator[Condition]:
        yield Condition(Predicate.INCOMING_OF, _ID, (pk,))


class Outputs(Related):
    """`/nodes/338357f4/io/outputs`: the nodes that it has a link to."""

    key = "outputs"

    def relation(self, pk: int, _: Options) -> Iterator[Condition]:
        yield Condition(Predicate.OUTGOING_OF, _ID, (pk,))


class Tree(DialectResource):
    """`/nodes/338357f4/io/tree?in_limit=10&out_limit=10`: the node and its neighbours, for a picture."""

    allowed, answer = options.TREE, answers.TREE

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        main = _Node(*self.values(entity, path_id, "id", "uuid", "type", "label", "description"))
        most = self.context.settings.max_limit
        incoming = _neighbours(self.context, INCOMING, main.id, min(given.get("in_limit", most), most))
        outgoing = _neighbours(self.context, OUTGOING, main.id, min(given.get("out_limit", most), most))
        return self.envelope(entity.name, _tree(main, incoming, outgoing), pk=main.id, path_id=path_id)


@dataclass(frozen=True)
class _Node:
    id: int
    uuid: str
    type: str
    label: str
    description: str


@dataclass(frozen=True)
class _Link:
    type: str
    label: str
    neighbour: _Node


@dataclass(frozen=True)
class _Links:
    """Some of the links of a node, and how many it has."""

    links: Sequence[_Link]
    total: int


def _neighbours(context: Context, direction: Direction, main: int, limit: int) -> _Links:
    rows = context.snapshot.rows(
        Statement(("v2 tree", direction.name), lambda: _select_links(direction), {"main": main, "limit": limit})
    )
    ((total,),) = context.snapshot.rows(
        Statement(("v2 tree total", direction.name), lambda: _select_total(direction), {"main": main})
    )
    return _Links([_Link(row[0], row[1], _Node(*row[2:])) for row in rows], total)


def _select_links(direction: Direction) -> Select[Any]:
    return (
        select(link.c.type, link.c.label, node.c.id, node.c.uuid, node.c.node_type, node.c.label, node.c.description)
        .join_from(link, node, direction.there == node.c.id)
        .where(direction.here == bindparam("main", type_=BigInteger()))
        .order_by(node.c.id, link.c.id)
        .limit(bindparam("limit", type_=BigInteger()))
    )


def _select_total(direction: Direction) -> Select[Any]:
    return select(func.count()).select_from(link).where(direction.here == bindparam("main", type_=BigInteger()))


def _tree(main: _Node, incoming: _Links, outgoing: _Links) -> dict[str, Any]:
    """The picture of a node, which is number 0, and its neighbours; one with two links stands once, with two edges."""
    drawn = [{"id": 0, **_drawn(main, "mainNode")}]
    edges: list[dict[str, Any]] = []
    for links, side, inherit in ((incoming, "inputs", "from"), (outgoing, "outputs", "to")):
        numbers: dict[int, int] = {}
        for each in links.links:
            number = numbers.get(each.neighbour.id)
            if number is None:
                number = numbers[each.neighbour.id] = len(drawn)
                drawn.append(
                    {
                        "id": number,
                        **_drawn(each.neighbour, side),
                        "linktype": each.type,
                        "linklabel": each.label,
                    }
                )
            ends = {"from": number, "to": 0} if side == "inputs" else {"from": 0, "to": number}
            edges.append({**ends, "arrows": "to", "color": {"inherit": inherit}, "linktype": each.type})
    return {
        "nodes": drawn,
        "edges": edges,
        "total_no_of_incomings": incoming.total,
        "total_no_of_outgoings": outgoing.total,
        "sent_no_of_incomings": len(incoming.links),
        "sent_no_of_outgoings": len(outgoing.links),
    }


def _drawn(drawn: _Node, side: str) -> dict[str, Any]:
    display_type = drawn.type.split(".")[-2] if drawn.type.count(".") else drawn.type
    return {
        "nodeid": drawn.id,
        "nodeuuid": drawn.uuid,
        "nodetype": drawn.type,
        "displaytype": display_type,
        "nodelabel": drawn.label,
        "group": side,
        "description": drawn.description or display_type,
        "shape": next((shape for prefix, shape in _SHAPES if drawn.type.startswith(prefix)), "dot"),
    }


_SHAPES = (("process.", "square"), ("data.core.code.", "triangle"))
