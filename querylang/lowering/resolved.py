"""A comparison whose key is resolved: what the lowering of an operator is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aiida_like.errors import QueryError
from aiida_like.storage.patterns import Pattern
from querylang.ast import Boolean, Comparison, Literal, Operator
from querylang.condition import Condition
from querylang.lowering.predicates import Predicate
from querylang.schema import Field
from querylang.terms import Term
from querylang.unparse import unparse_value


class ResolvedComparison(NamedTuple):
    """`field` is what the key of the comparison names; `parse_pattern` reads the text after `=like=`."""

    comparison: Comparison
    field: Field
    parse_pattern: Callable[[str], Pattern]

    @property
    def operator(self) -> Operator:
        return self.comparison.operator

    @property
    def predicate(self) -> Predicate:
        """The predicate of the same name as the operator."""
        return Predicate[self.operator.name]

    @property
    def values(self) -> tuple[Literal, ...]:
        return self.comparison.values

    @property
    def value(self) -> Literal:
        """The first value, which is the only one of all operators that take no list."""
        return self.comparison.values[0]

    def asks_for_null(self, key: str) -> bool:
        """Whether `=isnull=` is followed by true. `key` is how an error names the field.

        Raises:
            QueryError: the value is neither true nor false.
        """
        if not isinstance(self.value, Boolean):
            raise QueryError(f"{key}{self.operator.value} takes true or false, not {unparse_value(self.value)}")
        return self.value.value


Lowering = Callable[[ResolvedComparison], Term[Condition]]
"""What an operator means for fields of one type. Raises QueryError: it does not take such a value."""
