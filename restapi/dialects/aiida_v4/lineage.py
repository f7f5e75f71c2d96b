"""Ancestors and descendants of a node, the graph around it, and exports of it."""

from __future__ import annotations

from aiida_like.links import INCOMING, OUTGOING
from querylang.condition import Condition
from querylang.options import Options
from restapi.answering.provenance import CRATE, answer_crate, answer_prov
from restapi.dialects.aiida_v4 import answers, options, render
from restapi.dialects.aiida_v4.entities import NODES
from restapi.dialects.aiida_v4.rows import V4Resource, answer_rows, find
from restapi.fetching import lineage
from restapi.fetching.reading import narrowed
from restapi.http.reply import Reply
from restapi.openapi import shared
from restapi.openapi.answer import AnswerSpec, Subject
from restapi.openapi.schema import TEXT

_ID = NODES.fields["id"]


class Ancestors(V4Resource):
    """`/nodes/338357f4/ancestors?depth=2`: the nodes that it comes from, over any number of links."""

    reserved, allowed = lineage.OPTIONS, options.NODES | lineage.LIST
    filters = NODES
    direction, key = INCOMING, "ancestors"

    @classmethod
    def answer_about(cls, _: Subject) -> AnswerSpec:
        return answers.rows(NODES, cls.allowed, cls.key, TEXT)

    def get(self, path_id: str, page: int | None = None) -> Reply:
        def relation(given: Options) -> list[Condition]:
            (main,) = find(self.context, NODES, (_ID,), path_id)
            return [lineage.relation_to(self.context.snapshot, self.direction, _ID, main, given)]

        with narrowed(lineage.FEWER_ROWS):
            return answer_rows(
                self,
                NODES,
                page,
                allowed=self.allowed,
                relation=relation,
                key=self.key,
                path_id=path_id,
            )


class Descendants(Ancestors):
    """`/nodes/338357f4/descendants?link_type=all`: the nodes that come from it, over any number of links."""

    direction, key = OUTGOING, "descendants"


class Graph(V4Resource):
    """`/nodes/338357f4/graph?direction=in&limit=100`: the nodes nearest to it, and the links between them."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | lineage.GRAPH
    answer = answers.GRAPH_AROUND

    def get(self, path_id: str) -> Reply:
        request = self.context.request
        given = self.parse_options(self.allowed)
        asked = lineage.graph_request(given, self.context.settings)
        (main,) = find(self.context, NODES, (_ID,), path_id)
        with narrowed(lineage.FEWER_NODES):
            graph = lineage.graph_around(self.context.snapshot, main, asked)
        return render.envelope(request, NODES.name, graph, total=len(graph["nodes"]), path_id=path_id)


class Prov(V4Resource):
    """`/nodes/338357f4/prov?depth=4`: where it comes from, as PROV-JSON of the W3C."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | lineage.GRAPH
    answer = shared.PROV

    def get(self, path_id: str) -> Reply:
        given = self.parse_options(self.allowed)
        (main,) = find(self.context, NODES, (_ID,), path_id)
        return answer_prov(self.context, main, given)


class Crate(V4Resource):
    """`/nodes/338357f4/ro-crate`: a process with what it called, used and made, as an RO-Crate, a zip file."""

    reserved, allowed = lineage.GRAPH_OPTIONS, options.ANYWHERE | CRATE
    answer = shared.CRATE

    def get(self, path_id: str) -> Reply:
        given = self.parse_options(self.allowed)
        (main,) = find(self.context, NODES, (_ID,), path_id)
        return answer_crate(self.context, main, given)
