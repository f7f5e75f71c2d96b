"""Limits of what one query may ask for, in one table: a query at one of them is read and compiled in some 50 ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiida_like.errors import QueryError
from aiida_like.storage.sql.patterns import MAX_GAPS, MAX_LENGTH, MAX_OPTIONAL


@dataclass(frozen=True)
class Limit:
    """At most so many of something, as errors and the documentation call it."""

    most: int
    what: str

    def check(self, number: int, where: str = "the query") -> None:
        """Raises QueryError: there are more."""
        if number > self.most:
            raise QueryError(f"{where} has {number} {self.what}; at most {self.most} are allowed")


COMPARISONS = Limit(200, "comparisons")
"""SQLite takes expressions of a depth of 1000."""
JSON_COMPARISONS = Limit(50, "comparisons with values in JSON")
RELATIONS = Limit(20, "comparisons with related rows")
WALKS = Limit(5, "comparisons by ancestor_of or descendant_of")
PATTERNS = Limit(50, "patterns")
TIMES = Limit(100, "times in lists")
VALUES = Limit(1000, "values")
ORDER = Limit(20, "keys")
FIELDS = Limit(100, "keys")
FACETS = Limit(10, "keys")
PATH = Limit(32, "keys")
AXES = Limit(32, "axes")
PARENTHESES = Limit(32, "nested parentheses")

STEPS = Limit(16, "vertices")
ENDLESS_EDGES = Limit(5, "edges of any number of links")
CONDITIONS = Limit(500, "comparisons")
ALL_VALUES = Limit(3000, "values")
OBJECTS = Limit(2000, "objects in braces")
PROJECTIONS = Limit(200, "projections")
DEPTH = Limit(32, "levels")

LIMITS: Mapping[str, tuple[Limit, ...]] = {
    "a query string": (COMPARISONS, JSON_COMPARISONS, RELATIONS, WALKS, PATTERNS, TIMES, VALUES),
    "`orderby`": (ORDER,),
    "`fields`, and a list of attributes or extras": (FIELDS,),
    "`facet`": (FACETS,),
    "a path into JSON, in whatever place": (PATH,),
    "`slice` of an array": (AXES,),
    "`filter=`": (PARENTHESES,),
    "the text behind `=contains=`": (Limit(MAX_LENGTH, "characters"),),
    "a pattern": (
        Limit(MAX_LENGTH, "characters"),
        Limit(MAX_GAPS, "wildcards, those side by side counted once"),
        Limit(MAX_OPTIONAL, "`_` where it is at most one character"),
    ),
    "a dictionary of the QueryBuilder": (
        STEPS,
        ENDLESS_EDGES,
        CONDITIONS,
        JSON_COMPARISONS,
        PATTERNS,
        ALL_VALUES,
        OBJECTS,
        PROJECTIONS,
    ),
    "filters of a vertex": (DEPTH,),
    "a list behind `in` there": (VALUES,),
    "`order_by`": (ORDER,),
}
"""Where each limit holds."""
