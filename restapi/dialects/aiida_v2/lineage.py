"""Ancestors and descendants of a node, the graph around it, and exports of it."""

from __future__ import annotations

from types import MappingProxyType

from aiida_like.links import INCOMING, OUTGOING
from querylang.condition import Condition
from querylang.options import Options
from querylang.schema import Entity
from restapi.answering.provenance import CRATE, answer_crate, answer_prov
from restapi.dialects.aiida_v2 import answers, options, render
from restapi.dialects.aiida_v2.entities import NODES
from restapi.dialects.aiida_v2.links import Related
from restapi.dialects.aiida_v2.rows import find
from restapi.dialects.resource import DialectResource
from restapi.fetching import lineage
from restapi.fetching.reading import narrowed
from restapi.http.reply import Reply
from restapi.openapi import shared

_ID = NODES.fields["id"]


class Ancestors(Related):
    """`/nodes/338357f4/ancestors?depth=2`: the nodes that it comes from, over any number of links."""

    reserved = MappingProxyType({**lineage.OPTIONS, **options.OF_LISTS})
    allowed = options.LIST | lineage.LIST
    direction, key = INCOMING, "ancestors"

    def relation(self, pk: int, given: Options) -> Condition:
        return lineage.relation_to(self.context.snapshot, self.direction, _ID, pk, given)

    def get(self, entity: Entity, path_id: str, page: int | None = None) -> Reply:
        with narrowed(lineage.FEWER_ROWS):
            return super().get(entity, path_id, page)


class Descendants(Ancestors):
    """`/nodes/338357f4/descendants?link_type=all`: the nodes that come from it, over any number of links."""

    direction, key = OUTGOING, "descendants"


class Graph(DialectResource):
    """`/nodes/338357f4/graph?direction=in&limit=100`: the nodes nearest to it, and the links between them."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | lineage.GRAPH
    answer = answers.GRAPH_AROUND

    def get(self, entity: Entity, path_id: str) -> Reply:
        request = self.context.request
        given = self.context.parse_options(self.allowed)
        asked = lineage.graph_request(given, self.context.settings)
        (pk,) = find(self.context, entity, (_ID,), path_id)
        with narrowed(lineage.FEWER_NODES):
            graph = lineage.graph_around(self.context.snapshot, pk, asked)
        return render.envelope(request, entity.name, graph, pk=pk, path_id=path_id, total=len(graph["nodes"]))


class Prov(DialectResource):
    """`/nodes/338357f4/prov?depth=4`: where it comes from, as PROV-JSON of the W3C."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | lineage.GRAPH
    answer = shared.PROV

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.context.parse_options(self.allowed)
        (pk,) = find(self.context, entity, (_ID,), path_id)
        return answer_prov(self.context, pk, given)


class Crate(DialectResource):
    """`/nodes/338357f4/ro-crate`: a process with what it called, used and made, as an RO-Crate, a zip file."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | CRATE
    answer = shared.CRATE

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.context.parse_options(self.allowed)
        (pk,) = find(self.context, entity, (_ID,), path_id)
        return answer_crate(self.context, pk, given)
