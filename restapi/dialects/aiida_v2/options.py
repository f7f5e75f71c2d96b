"""The reserved keys of v2, and where each has a meaning."""

from __future__ import annotations

from collections.abc import Mapping

from aiida_like.formats import DOWNLOADS, PICTURES
from querylang.options import OptionSpec, ignored, integer, keys, word
from restapi.answering.list_options import LIST_OPTIONS
from restapi.http.preferences import FORMAT

OPTIONS: Mapping[str, OptionSpec] = {
    **LIST_OPTIONS,
    "alist": OptionSpec(keys, "Only these attributes, separated by commas."),
    "nalist": OptionSpec(keys, "All attributes but these."),
    "elist": OptionSpec(keys, "Only these extras."),
    "nelist": OptionSpec(keys, "All extras but these."),
    "filename": OptionSpec(word, "The path of a file in the repository of the node."),
    "rtype": OptionSpec(word, "What to do with the file: only download is known.", choices=("download",)),
    "format": OptionSpec(word, "The format of a download.", choices=DOWNLOADS),
    "visformat": OptionSpec(word, "The format of the data for a picture.", choices=PICTURES),
    "in_limit": OptionSpec(integer, "At most so many incoming links."),
    "out_limit": OptionSpec(integer, "At most so many outgoing links."),
    "_": OptionSpec(ignored, "Ignored: JQuery adds it so that a browser does not answer from its cache."),
}

OF_LISTS: Mapping[str, OptionSpec] = {"format": FORMAT}
"""Reserved keys that have another meaning in lists than elsewhere."""

ANYWHERE = frozenset({"_"})
"""What each resource takes; the sets below are what some take besides."""

LIST = frozenset({*LIST_OPTIONS, "format"})
ATTRIBUTES = frozenset({"alist", "nalist"})
EXTRAS = frozenset({"elist", "nelist"})
RETRIEVED = frozenset({"filename", "rtype"})
DOWNLOAD = frozenset({"format"})
VISUALIZATION = frozenset({"visformat"})
TREE = frozenset({"in_limit", "out_limit"})
