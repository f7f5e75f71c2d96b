"""Conditions on rows, and orders of rows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from querylang.lowering.predicates import Predicate
from querylang.schema import Field


@dataclass(frozen=True)
class Condition:
    """A predicate of a field, with the values that it compares the field with."""

    predicate: Predicate
    field: Field
    values: tuple[Any, ...] = ()

    @property
    def cache_key(self) -> Hashable:
        """All that the SQL depends on, but not the values. The name of the field stands for its expression."""
        return self.predicate, self.field.name, len(self.values)


@dataclass(frozen=True)
class Order:
    """One term of an order. `missing_last`: rows without a value come last in both directions."""

    field: Field
    descending: bool
    missing_last: bool = False

    @property
    def cache_key(self) -> Hashable:
        return self.field.name, self.descending, self.missing_last
