"""Nodes that are one file: CifData and UpfData."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError

import orjson

from aiida_like.errors import DamagedNode, FeatureUnavailable, MissingExtra
from aiida_like.formats.node import StoredNode


def stored_file(node: StoredNode) -> bytes:
    """The file that the attribute `filename` names; without a match, the only file of the node."""
    filename = node.attributes.get("filename")
    named = [path for path in node.files if path == filename] or list(node.files)
    if len(named) != 1:
        raise DamagedNode(f"node {node.uuid} has {len(named)} files, and none is its filename {filename!r}")
    return node.content(named[0])


def cif_picture(node: StoredNode) -> dict[str, Any]:
    """The text of the file; CIF is ASCII, and bytes of an old file that are not UTF-8 become U+FFFD."""
    return {"str_viz_info": {"data": stored_file(node).decode(errors="replace"), "format": "cif"}}


def no_picture(_: StoredNode) -> list[Any]:
    return []


def upf_json(node: StoredNode) -> bytes:
    """The pseudopotential as AiiDA exports it: `{"pseudo_potential": {"header": ..., "radial_grid": ..., ...}}`.

    Raises:
        FeatureUnavailable: parts of the file are missing, or it is of an unknown version.
        MissingExtra: upf-to-json is not installed.
    """
    try:
        from upf_to_json import upf_to_json
    except ImportError:
        raise MissingExtra("structures", "writing a pseudopotential as json") from None
    text = stored_file(node).decode(errors="replace")
    try:
        content = upf_to_json(text, fname=str(node.attributes.get("filename", "")))
    except (ArithmeticError, AttributeError, LookupError, ParseError, TypeError, ValueError) as error:
        raise FeatureUnavailable(f"this upf file cannot be written as json ({error!r}): ask for upf") from None
    if content is None:
        raise FeatureUnavailable("this file is of no version of UPF that could be written as json: ask for upf")
    return orjson.dumps(content)
