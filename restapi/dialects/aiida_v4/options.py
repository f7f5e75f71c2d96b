"""The reserved keys of v4, and where each has a meaning."""

from __future__ import annotations

from collections.abc import Mapping

from aiida_like.formats import DOWNLOADS
from querylang.options import OptionSpec, boolean, ignored, integer, keys, positive, slices, word
from restapi.answering.list_options import LIST_OPTIONS
from restapi.dialects.aiida_v4.full_type import read_full_type
from restapi.http.preferences import FORMAT

OPTIONS: Mapping[str, OptionSpec] = {
    **LIST_OPTIONS,
    "format": FORMAT,
    "full_type": OptionSpec(
        read_full_type, "Only nodes of this full type, NODE_TYPE|PROCESS_TYPE; % at the end of either is anything."
    ),
    "attributes": OptionSpec(boolean, "true: show attributes too."),
    "attributes_filter": OptionSpec(keys, "Only these attributes, separated by commas; a dot goes a level down."),
    "extras": OptionSpec(boolean, "true: show extras too."),
    "extras_filter": OptionSpec(keys, "Only these extras."),
    "filename": OptionSpec(word, "The path of a file or folder in the repository of the node."),
    "download_format": OptionSpec(word, "The format of a download.", choices=DOWNLOADS),
    "download": OptionSpec(boolean, "false: show the content as JSON and don't download it."),
    "in_limit": OptionSpec(integer, "At most so many incoming links."),
    "out_limit": OptionSpec(integer, "At most so many outgoing links."),
    "profile": OptionSpec(word, "The name of the profile that is served here; any other is an error."),
    "_": OptionSpec(ignored, "Ignored: JQuery adds it so that a browser does not answer from its cache."),
}

ANYWHERE = frozenset({"_", "profile"})
"""What each resource takes; the sets below are what some take besides."""

CONTENT = ("attributes", "attributes_filter", "extras", "extras_filter")
LIST = frozenset({*LIST_OPTIONS, "format"})
NODES = LIST | {*CONTENT, "full_type"}
LINKS = LIST | {"full_type"}
NODE = frozenset(CONTENT)
ATTRIBUTES = frozenset({"attributes_filter"})
EXTRAS = frozenset({"extras_filter"})
FILES = frozenset({"filename"})
DOWNLOAD = frozenset({"download", "download_format"})
FORMATS = frozenset({"full_type"})
TREE = frozenset({"in_limit", "out_limit"})

OF_REPORTS: Mapping[str, OptionSpec] = {
    "limit": OptionSpec(positive, "At most so many entries of the log.", least=1),
    "offset": OptionSpec(integer, "Skip so many entries first."),
    "tail": OptionSpec(positive, "Only so many entries at the end.", least=1),
}
"""The options of reports, whose limit is a number of entries, as many as one likes."""

OF_LISTINGS: Mapping[str, OptionSpec] = {
    "recursive": OptionSpec(boolean, "true: list what is in folders too, by its path."),
    "sizes": OptionSpec(boolean, "true: show the size of each file in bytes, and its kind, text or binary."),
}
"""The options of lists of files, beside filename."""
LISTINGS = FILES | {*OF_LISTINGS}

OF_ARRAYS: Mapping[str, OptionSpec] = {
    "array": OptionSpec(word, "The name of an array; without it all are listed."),
    "slice": OptionSpec(
        slices, "What is taken of each axis of the array, as Python has it: indices, and slices such as : and ::2."
    ),
}
