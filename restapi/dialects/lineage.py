"""The graph around a node, and exports of it."""

from __future__ import annotations

from querylang.schema import Entity
from restapi.answering.provenance import CRATE, answer_crate, answer_prov
from restapi.dialects.resource import DialectResource
from restapi.fetching import lineage
from restapi.fetching.reading import narrowed
from restapi.http.reply import Reply
from restapi.openapi import shared


class Graph(DialectResource):
    """`/nodes/ffe1b03a/graph?direction=in&limit=100`: the nodes nearest to it, and the links between them."""

    reserved, allowed = {**lineage.GRAPH_OPTIONS, **lineage.PER_TYPE}, lineage.AROUND

    def get(self, entity: Entity, path_id: str) -> Reply:
        asked = lineage.graph_request(self.parse_options(), self.context.settings)
        (pk,) = self.values(entity, path_id, "id")
        with narrowed(lineage.FEWER_NODES):
            graph = lineage.graph_around(self.context.snapshot, pk, asked)
        return self.envelope(entity.name, graph, pk=pk, path_id=path_id, total=len(graph["nodes"]))


class Prov(DialectResource):
    """`/nodes/ffe1b03a/prov?depth=4`: where it comes from, as PROV-JSON of the W3C."""

    reserved, allowed = lineage.GRAPH_OPTIONS, lineage.GRAPH
    answer = shared.PROV

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        (pk,) = self.values(entity, path_id, "id")
        return answer_prov(self.context, pk, given)


class Crate(DialectResource):
    """`/nodes/15846e79/ro-crate`: a process with what it called, used and made, as an RO-Crate, a zip file."""

    reserved, allowed = lineage.GRAPH_OPTIONS, CRATE
    answer = shared.CRATE

    def get(self, entity: Entity, path_id: str) -> Reply:
        given = self.parse_options()
        (pk,) = self.values(entity, path_id, "id")
        return answer_crate(self.context, pk, given)
