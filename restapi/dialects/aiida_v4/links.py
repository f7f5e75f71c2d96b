"""Neighbours of a node: lists, and the tree of both directions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import between, case, null, or_, select

from aiida_like.formats import DESCRIBED, StoredNode, description_of
from aiida_like.json_text import object_of
from aiida_like.models import computer, node
from aiida_like.storage.sql.patterns import prefix_end
from querylang.schema import Entity
from restapi.dialects.aiida_v4 import answers, options
from restapi.dialects.aiida_v4.entities import INCOMING, NODES, OUTGOING
from restapi.dialects.aiida_v4.rows import find
from restapi.dialects.fields import json, text
from restapi.dialects.neighbours import fetch_neighbours, links_of
from restapi.dialects.resource import DialectResource, ListResource
from restapi.http.encoding import http_date
from restapi.http.reply import Reply
from restapi.openapi.answer import AnswerSpec, Subject
from restapi.openapi.schema import TEXT

_DESCRIBING = json(
    # The attributes of other nodes can be large, and are not needed.
    case(
        (or_(*(between(node.c.node_type, start, prefix_end(start)) for start in DESCRIBED)), node.c.attributes),
        else_=null(),
    ),
    "Describing",
    "The attributes of a node that they describe",
    name="describing",
)

_COMPUTER = text(
    select(computer.c.label).where(computer.c.id == node.c.dbcomputer_id).correlate(node).scalar_subquery(),
    "Computer",
    "Label of the computer that the node belongs to",
    name="computer",
)

_DRAWN = (
    *(NODES.fields[name] for name in ("id", "uuid", "node_type", "label", "ctime", "mtime")),
    _DESCRIBING,
    _COMPUTER,
)


class Links(ListResource):
    """`/nodes/8f884b43/links/incoming`, `.../links/outgoing`: a row for each link."""

    allowed = options.LINKS

    @classmethod
    def answer_about(cls, subject: Subject) -> AnswerSpec:
        return answers.rows(subject.entity, cls.allowed, id_=TEXT)

    def get(self, entity: Entity, path_id: str, page: int | None = None) -> Reply:
        given, filters = self.parse()
        (main,) = self.values(NODES, path_id, "id")
        relation = (links_of(entity, main),)
        return self.answer_rows(given, filters, entity, page, relation, resource=NODES.name, path_id=path_id)


class Tree(DialectResource):
    """`/nodes/8f884b43/links/tree?in_limit=10&out_limit=10`: the node and its neighbours."""

    allowed, answer = options.TREE, answers.TREE

    def get(self, path_id: str) -> Reply:
        given = self.parse_options()
        main = find(self.context, NODES, _DRAWN, path_id)
        pk, *_ = main
        incoming, metadata_in = self._neighbours(INCOMING, pk, given.get("in_limit"))
        outgoing, metadata_out = self._neighbours(OUTGOING, pk, given.get("out_limit"))
        tree = {
            "nodes": [_drawn(*main) | {"incoming": incoming, "outgoing": outgoing}],
            "metadata": [metadata_in | metadata_out],
        }
        return self.envelope(NODES.name, tree, total=None, path_id=path_id)

    def _neighbours(self, entity: Entity, main: int, limit: int | None) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """The neighbours that are drawn, and how many there are."""
        fields = (*_DRAWN, entity.fields["link_label"], entity.fields["link_type"])
        rows, total = fetch_neighbours(self.context, entity, fields, main, limit)
        drawn = [_drawn(*of_node) | {"link_label": label, "link_type": type_} for *of_node, label, type_ in rows]
        return drawn, {f"total_no_of_{entity.name}s": total, f"sent_no_of_{entity.name}s": len(drawn)}


def _drawn(
    pk: int,
    uuid: str,
    node_type: str,
    label: str,
    ctime: str,
    mtime: str,
    describing: str | None,
    of_computer: str | None,
) -> dict[str, Any]:
    return {
        "id": pk,
        "uuid": uuid,
        "node_type": node_type,
        "node_label": label,
        "ctime": http_date(ctime),
        "mtime": http_date(mtime),
        "description": description_of(StoredNode(uuid, node_type, label, object_of(describing)), of_computer),
    }
