"""The reserved keys of v2, and where each has a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aiida_like.formats import DOWNLOADS, PICTURES
from querylang.facets import facet_keys
from querylang.options import OptionSpec, ignored, integer, order_terms, word, words
from querylang.projection import shown_keys
from restapi.http.preferences import FORMAT

OPTIONS: Mapping[str, OptionSpec] = MappingProxyType(
    {
        "limit": OptionSpec(
            integer, "At most so many rows; the default is the largest allowed, 400.", least=1, most="max_limit"
        ),
        "offset": OptionSpec(integer, "Skip so many rows first."),
        "perpage": OptionSpec(
            integer,
            "Rows of a page, at most 400, 20 by default; needs /page/N in the path.",
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
        "alist": OptionSpec(words, "Only these attributes, separated by commas."),
        "nalist": OptionSpec(words, "All attributes but these."),
        "elist": OptionSpec(words, "Only these extras."),
        "nelist": OptionSpec(words, "All extras but these."),
        "filename": OptionSpec(word, "The path of a file in the repository of the node."),
        "rtype": OptionSpec(word, "What to do with the file: only download is known.", choices=("download",)),
        "format": OptionSpec(word, "The format of a download.", choices=DOWNLOADS),
        "visformat": OptionSpec(word, "The format of the data for a picture.", choices=PICTURES),
        "in_limit": OptionSpec(integer, "At most so many incoming links."),
        "out_limit": OptionSpec(integer, "At most so many outgoing links."),
        "_": OptionSpec(ignored, "Ignored: JQuery adds it so that a browser does not answer from its cache."),
    }
)

OF_LISTS: Mapping[str, OptionSpec] = MappingProxyType({"format": FORMAT})
"""Reserved everywhere, with another meaning in lists."""

ANYWHERE = frozenset({"_"})
LIST = ANYWHERE | {"limit", "offset", "perpage", "orderby", "fields", "facet", "cursor", "format"}
ATTRIBUTES = ANYWHERE | {"alist", "nalist"}
EXTRAS = ANYWHERE | {"elist", "nelist"}
RETRIEVED = ANYWHERE | {"filename", "rtype"}
DOWNLOAD = ANYWHERE | {"format"}
VISUALIZATION = ANYWHERE | {"visformat"}
TREE = ANYWHERE | {"in_limit", "out_limit"}
