"""The reserved keys of lists; the same for all AiiDA dialects."""

from __future__ import annotations

from collections.abc import Mapping

from querylang.facets import facet_keys
from querylang.options import OptionSpec, integer, order_terms, word
from querylang.projection import shown_keys

LIST_OPTIONS: Mapping[str, OptionSpec] = {
    "limit": OptionSpec(
        integer, "At most so many rows; the default is the largest allowed, {max_limit}.", least=1, most="max_limit"
    ),
    "offset": OptionSpec(integer, "Skip so many rows first."),
    "perpage": OptionSpec(
        integer,
        "Rows of a page, at most {max_limit}, {page_size} by default; needs /page/N in the path.",
        least=1,
        most="max_limit",
    ),
    "orderby": OptionSpec(order_terms, "Keys to order by, separated by commas, each with + (default) or -."),
    "fields": OptionSpec(
        shown_keys, "Only these keys of each row, separated by commas; a dot goes down into attributes and extras."
    ),
    "facet": OptionSpec(
        facet_keys, "How many rows have which value of these keys, separated by commas, beside the rows."
    ),
    "cursor": OptionSpec(word, "Empty: the first rows; the next of the Link header goes on behind them."),
}
