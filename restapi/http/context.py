"""What every resource of a dialect is given, and the reading of its query string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from aiida_like.errors import QueryError
from aiida_like.storage import Storage
from querylang.ast import Comparison
from querylang.options import NO_OPTIONS, Options, OptionSpec, split
from querylang.parse import Parser
from querylang.terms import Term, leaves
from restapi.config import Settings
from restapi.http.exchange import Asked
from restapi.http.lazy_storage import LazyStorage


@dataclass(frozen=True)
class Context:
    """`options` are the reserved keys of the dialect; `parser` knows them too."""

    prefix: str
    opening: LazyStorage
    settings: Settings
    options: Mapping[str, OptionSpec]
    parser: Parser

    @property
    def storage(self) -> Storage:
        return self.opening()

    def reserving(self, more: Mapping[str, OptionSpec]) -> Context:
        """The same for resources that have further reserved keys."""
        options = {**self.options, **more}
        return replace(self, options=options, parser=Parser(options))

    def parse(self, asked: Asked, allowed: Iterable[str]) -> tuple[Options, tuple[Term[Comparison], ...]]:
        """Raises QuerySyntaxError, QueryError."""
        longest = self.settings.max_query_length
        if len(asked.query_string) > longest:
            raise QueryError(
                f"the query string has {len(asked.query_string)} characters; at most {longest} are allowed"
            )
        return split(self.parser.parse(asked.text), self.options, allowed) if asked.text else (NO_OPTIONS, ())

    def parse_options(self, asked: Asked, allowed: Iterable[str]) -> Options:
        """For resources that cannot be filtered."""
        options, filters = self.parse(asked, allowed)
        for key in (comparison.key for term in filters for comparison in leaves(term)):
            raise QueryError(f"this resource takes no filters, so {key!r} has no meaning here")
        return options
