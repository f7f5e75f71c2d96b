"""Ancestors and descendants of a node, and the graph around it."""

from __future__ import annotations

from collections.abc import Iterator

from aiida_like.links import INCOMING, OUTGOING
from querylang.condition import Condition
from querylang.options import Options
from querylang.schema import Entity
from restapi.dialects.aiida_v4 import answers, options
from restapi.dialects.lineage import Graph as AnyGraph
from restapi.dialects.resource import ListResource
from restapi.fetching import lineage
from restapi.fetching.reading import narrowed
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject
from restapi.openapi.schema import TEXT


class Ancestors(ListResource):
    """`/nodes/ffe1b03a/ancestors?depth=2`: the nodes that it comes from, over any number of links."""

    reserved, allowed = lineage.OPTIONS, options.NODES | lineage.LIST
    direction, key = INCOMING, "ancestors"

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.rows(subject.entity, cls.allowed, cls.key, TEXT)

    # The node is found only once the fields to show are known. Version 2, whose envelope has its id, finds it first.
    def relation(self, entity: Entity, path_id: str, given: Options) -> Iterator[Condition]:
        (pk,) = self.values(entity, path_id, "id")
        yield lineage.relation_to(self.context.snapshot, self.direction, entity.fields["id"], pk, given)

    def get(self, entity: Entity, path_id: str, page: int | None = None) -> Reply:
        given, filters = self.parse()
        with narrowed(lineage.FEWER_ROWS):
            relation = self.relation(entity, path_id, given)
            return self.answer_rows(given, filters, entity, page, relation, key=self.key, path_id=path_id)


class Descendants(Ancestors):
    """`/nodes/6c023146/descendants?link_type=all`: the nodes that come from it, over any number of links."""

    direction, key = OUTGOING, "descendants"


class Graph(AnyGraph):
    answer = answers.GRAPH_AROUND
