"""What API v4 takes, as far as pages have to know it: the one module of theirs that imports it from the API."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from querylang.ast import Operator
from querylang.keys import split_key
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.relations import operators_of_relation
from querylang.schema import Entity, FieldType
from restapi.dialects.aiida_v4 import DIALECT, options
from restapi.dialects.aiida_v4.entities import COMPUTERS, GROUPS, NODES, USERS
from restapi.dialects.aiida_v4.options import OPTIONS
from restapi.http.route_tree import RouteTree
from restapi.openapi.operations import anchor_of

__all__ = [
    "COMPUTERS",
    "GROUPS",
    "NODES",
    "OPTIONS",
    "USERS",
    "anchors",
    "is_json",
    "operators_of",
    "operators_of_relation",
    "options_of",
]


@cache
def anchors() -> RouteTree[str]:
    """Where the page of the documentation has each path of the API."""
    tree = RouteTree[str]()
    for route in DIALECT.routes:
        (described,) = DIALECT.described(route)
        tree.add(route.path, anchor_of(described), {}, DIALECT.entities)
    return tree


def options_of(entity: Entity) -> Collection[str]:
    """The keys of options of lists of an entity."""
    return options.ANYWHERE | (options.NODES if entity is NODES else options.LIST)


def is_json(entity: Entity, key: str) -> bool:
    """Whether a key is JSON, or a path into it."""
    found = entity.filterable.get(split_key(key)[0])
    return found is not None and found.type is FieldType.JSON


def operators_of(type_: FieldType) -> Collection[Operator]:
    """The operators that fields of a type take."""
    return LOWERINGS[type_]
