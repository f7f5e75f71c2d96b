"""Full types, `NODE_TYPE|PROCESS_TYPE`: what a node is, in one text.

    full_type = pattern "|" pattern
    pattern   = { character but "|" and "%" } [ "%" ]

`%` stands for anything at the end of a half. An empty process type is that of data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from aiida_like.errors import QueryError
from querylang.ast import Option
from querylang.condition import Condition
from querylang.lowering.columns import prefix_term, text_condition
from querylang.lowering.predicates import Predicate
from querylang.schema import Entity, Field
from querylang.terms import Term

SEPARATOR, WILDCARD = "|", "%"

_DATA = "data."
"""Data has no process type, so only the index of node types is read to count it."""


@dataclass(frozen=True)
class FullType:
    """Both halves may end in `%`."""

    node_type: str
    process_type: str

    def __str__(self) -> str:
        return self.node_type + SEPARATOR + self.process_type


@lru_cache(maxsize=1024)
def full_type(node_type: str, process_type: str | None) -> str:
    """The full type of a node with these types."""
    return f"{node_type}{SEPARATOR}{process_type or ''}"


def read_full_type(option: Option) -> FullType:
    """The full type that an option names. Raises QueryError."""
    text = ",".join(option.words)
    halves = text.split(SEPARATOR)
    if len(halves) != 2:  # noqa: PLR2004
        raise QueryError(
            f"{option.key} takes NODE_TYPE|PROCESS_TYPE with one '|', such as data.core.dict.Dict.|, not {text!r}"
        )
    for half in halves:
        if WILDCARD in half[:-1]:
            raise QueryError(f"in {option.key} a % can stand only at the end of a half, not as in {half!r}")
    return FullType(*halves)


def conditions_of(asked: FullType, entity: Entity) -> tuple[Term[Condition], ...]:
    """The conditions that nodes of the type fulfil."""
    of_node = _matching(entity.fields["node_type"], asked.node_type)
    if asked.node_type.startswith(_DATA) and not asked.process_type:
        return of_node
    return (*of_node, *_matching(entity.fields["process_type"], asked.process_type))


def _matching(field: Field, half: str) -> tuple[Term[Condition], ...]:
    if half == WILDCARD:
        return ()
    if half.endswith(WILDCARD):
        return (prefix_term(field, half[:-1]),)
    # Old databases hold an empty process type where newer ones hold none.
    return (text_condition(Predicate.EQUAL, field, half) if half else Condition(Predicate.EMPTY, field),)
