"""The neighbours of a node: an entity with a row for each link."""

from __future__ import annotations

from dataclasses import replace

from aiida_like.links import Direction
from aiida_like.models import link, node
from querylang.compile import RowsQuery
from querylang.condition import Condition, Order
from querylang.lowering.predicates import Predicate
from querylang.options import Window
from querylang.schema import Entity, Field
from restapi.dialects.fields import by_name, integer, text
from restapi.fetching.reading import Rows
from restapi.fetching.rows import fetch_with_total
from restapi.http.exchange import Context


def neighbours(nodes: Entity, direction: Direction) -> Entity:
    """The neighbours of a node in a direction, with the fields of `nodes`; `main` is the id of the node."""
    return replace(
        nodes,
        name=direction.name,
        table=link.join(node, direction.there == node.c.id),
        narrow=link,
        key=link.c.id,
        fields={
            **nodes.fields,
            "id": replace(nodes.fields["id"], expression=direction.there),
            **by_name(
                text(link.c.label, "Link label", "Label of the link", name="link_label"),
                text(link.c.type, "Link type", "Type of the link", name="link_type"),
                integer(direction.here, "Node", "The other end", name="main", is_shown=False, is_filterable=False),
            ),
        },
    )


def links_of(entity: Entity, main: int) -> Condition:
    """The condition that neighbours are those of the node `main`."""
    return Condition(Predicate.EQUAL, entity.fields["main"], (main,))


def fetch_neighbours(
    context: Context, entity: Entity, fields: tuple[Field, ...], main: int, limit: int | None
) -> tuple[Rows, int]:
    """Rows of the neighbours of a node, and how many it has; a row for each link, in the order of their ids."""
    most = context.settings.max_limit
    query = RowsQuery(entity, fields, (links_of(entity, main),), (Order(entity.fields["id"], descending=False),))
    return fetch_with_total(context.snapshot, query, Window(most if limit is None else min(limit, most)))
