"""Inputs and outputs of a node: lists, and the tree of its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from aiida_like import links
from aiida_like.core_names import type_spellings
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.options import Options
from querylang.schema import Entity
from restapi.dialects.aiida_v2 import answers, options
from restapi.dialects.aiida_v2.entities import NODES, naming
from restapi.dialects.neighbours import fetch_neighbours, neighbours
from restapi.dialects.resource import DialectResource, ListResource
from restapi.fetching.reading import Rows
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
    """`/nodes/8f884b43/io/inputs`: the nodes with a link to it."""

    key = "inputs"

    def relation(self, pk: int, _: Options) -> Iterator[Condition]:
        yield Condition(Predicate.INCOMING_OF, _ID, (pk,))


class Outputs(Related):
    """`/nodes/8f884b43/io/outputs`: the nodes that it has a link to."""

    key = "outputs"

    def relation(self, pk: int, _: Options) -> Iterator[Condition]:
        yield Condition(Predicate.OUTGOING_OF, _ID, (pk,))


class Tree(DialectResource):
    """`/nodes/8f884b43/io/tree?in_limit=10&out_limit=10`: the node and its neighbours, for a picture."""

    allowed, answer = options.TREE, answers.TREE

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        main = self.values(entity, path_id, *_DRAWN)
        pk, *_ = main
        incoming, total_in = self._neighbours(_INCOMING, pk, given.get("in_limit"))
        outgoing, total_out = self._neighbours(_OUTGOING, pk, given.get("out_limit"))
        tree = {
            **_picture(main, incoming, outgoing, naming(self.context.settings)),
            "total_no_of_incomings": total_in,
            "total_no_of_outgoings": total_out,
            "sent_no_of_incomings": len(incoming),
            "sent_no_of_outgoings": len(outgoing),
        }
        return self.envelope(entity.name, tree, pk=pk, path_id=path_id)

    def _neighbours(self, entity: Entity, main: int, limit: int | None) -> tuple[Rows, int]:
        fields = tuple(entity.fields[name] for name in ("link_type", "link_label", *_DRAWN))
        return fetch_neighbours(self.context, entity, fields, main, limit)


_INCOMING, _OUTGOING = neighbours(NODES, links.INCOMING), neighbours(NODES, links.OUTGOING)

_DRAWN = ("id", "uuid", "type", "label", "description")
"""The fields that `_drawn` is given."""


def _picture(main: Sequence[Any], incoming: Rows, outgoing: Rows, name_of: Callable[[str], str]) -> dict[str, Any]:
    """The picture of a node, which is number 0, and its neighbours; one with two links stands once, with two edges."""
    drawn = [{"id": 0, **_drawn(name_of, "mainNode", *main)}]
    edges: list[dict[str, Any]] = []
    for rows, side, inherit in ((incoming, "inputs", "from"), (outgoing, "outputs", "to")):
        numbers: dict[int, int] = {}
        for link_type, label, pk, *others in rows:
            if pk not in numbers:
                numbers[pk] = len(drawn)
                of_link = {"linktype": link_type, "linklabel": label}
                drawn.append({"id": numbers[pk], **_drawn(name_of, side, pk, *others), **of_link})
            ends = {"from": numbers[pk], "to": 0} if side == "inputs" else {"from": 0, "to": numbers[pk]}
            edges.append({**ends, "arrows": "to", "color": {"inherit": inherit}, "linktype": link_type})
    return {"nodes": drawn, "edges": edges}


def _drawn(
    name_of: Callable[[str], str], group: str, pk: int, uuid: str, node_type: str, label: str, description: str
) -> dict[str, Any]:
    name = name_of(node_type)
    display_type = name.split(".")[-2] if "." in name else name
    return {
        "nodeid": pk,
        "nodeuuid": uuid,
        "nodetype": name,
        "displaytype": display_type,
        "nodelabel": label,
        "group": group,
        "description": description or display_type,
        "shape": next((shape for prefix, shape in _SHAPES if node_type.startswith(prefix)), "dot"),
    }


_SHAPES = (("process.", "square"), (type_spellings("data.core.code."), "triangle"))
