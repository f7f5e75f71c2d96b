"""What a row must fulfil, and how rows are ordered: tests of one field, with the values taken out."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from querylang.schema import Field


@dataclass(frozen=True)
class Condition:
    """`test` is a key of `predicates.TESTS`."""

    test: str
    field: Field
    values: tuple[Any, ...] = ()

    @property
    def shape(self) -> Hashable:
        return self.test, self.field.name, len(self.values)


@dataclass(frozen=True)
class Order:
    """`missing_last`: rows without a value come last in both directions."""

    field: Field
    descending: bool
    missing_last: bool = False
