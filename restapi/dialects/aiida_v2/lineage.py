"""Ancestors and descendants of a node, and the graph around it."""

from __future__ import annotations

from collections.abc import Iterator

from aiida_like.links import INCOMING, OUTGOING
from querylang.condition import Condition
from querylang.options import Options
from querylang.schema import Entity
from restapi.dialects.aiida_v2 import answers, options
from restapi.dialects.aiida_v2.entities import NODES
from restapi.dialects.aiida_v2.links import Related
from restapi.dialects.lineage import Graph as AnyGraph
from restapi.fetching import lineage
from restapi.fetching.reading import narrowed
from restapi.http.reply import Reply

_RESERVED = {**lineage.OPTIONS, **options.OF_LISTS}


class Ancestors(Related):
    """`/nodes/ffe1b03a/ancestors?depth=2`: the nodes that it comes from, over any number of links."""

    reserved, allowed = _RESERVED, options.LIST | lineage.LIST
    direction, key = INCOMING, "ancestors"

    def relation(self, pk: int, given: Options) -> Iterator[Condition]:
        yield lineage.relation_to(self.context.snapshot, self.direction, NODES.fields["id"], pk, given)

    def get(self, entity: Entity, path_id: str, page: int | None = None) -> Reply:
        with narrowed(lineage.FEWER_ROWS):
            return super().get(entity, path_id, page)


class Descendants(Ancestors):
    """`/nodes/6c023146/descendants?link_type=all`: the nodes that come from it, over any number of links."""

    direction, key = OUTGOING, "descendants"


class Graph(AnyGraph):
    answer = answers.GRAPH_AROUND
