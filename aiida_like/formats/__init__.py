"""The stored content of a node as a file to download, or as the data of a picture.

`FORMATS` is the table of all: for each kind of node its formats, the default first, and the function that makes each.
Functions are named, `module:function`, and imported when they are called: numpy is a fifth of the time to start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from aiida_like.errors import FeatureUnavailable
from aiida_like.formats.content import known_type
from aiida_like.formats.description import DESCRIBED, description_of
from aiida_like.formats.node import StoredNode

__all__ = [
    "DESCRIBED",
    "DOWNLOADS",
    "FORMATS",
    "PICTURES",
    "Download",
    "StoredNode",
    "TypeFormats",
    "all_download_formats",
    "derived_properties",
    "description_of",
    "download",
    "download_formats",
    "visualization",
]

Picture = dict[str, Any] | list[Any]


@dataclass(frozen=True)
class Download:
    """`format` is the extension of the file; `name` is that of the stored file, or made of the uuid."""

    content: bytes
    format: str
    name: str


@dataclass(frozen=True)
class TypeFormats:
    """`downloads` and `pictures` have the default format first; a kind without formats has neither.

    These and `properties` name functions of a `StoredNode`: to bytes, to a `Picture`, to a dictionary.
    `classes` are the node types that AiiDA itself defines, without the start that they have in common.
    """

    name: str
    downloads: Mapping[str, str]
    pictures: Mapping[str, str]
    classes: tuple[str, ...] = ()
    properties: str | None = None


#: by the start of the node type, the longer before the shorter
FORMATS: Mapping[str, TypeFormats] = {
    "data.core.structure.": TypeFormats(
        "structure",
        {
            "cif": "structure_files:cif_file",
            "xsf": "structure_files:xsf_file",
            "xyz": "structure_files:xyz_file",
            "chemdoodle": "structure_files:chemdoodle_file",
        },
        {
            "chemdoodle": "structure_files:structure_picture",
            "cif": "structure_files:cif_picture",
            "xsf": "structure_files:xsf_picture",
        },
        ("StructureData.",),
        "structure_files:structure_properties",
    ),
    "data.core.cif.": TypeFormats(
        "cif", {"cif": "single_file:stored_file"}, {"cif": "single_file:cif_picture"}, ("CifData.",)
    ),
    "data.core.upf.": TypeFormats(
        "upf",
        {"upf": "single_file:stored_file", "json": "single_file:upf_json"},
        {"upf": "single_file:no_picture"},
        ("UpfData.",),
    ),
    "data.core.array.bands.": TypeFormats(
        "bands",
        {"json": "bands:bands_json", "npz": "arrays:arrays_npz"},
        {"json": "bands:bands_picture"},
        ("BandsData.",),
        "bands:bands_properties",
    ),
    "data.core.array.kpoints.": TypeFormats(
        "kpoints",
        {"json": "arrays:kpoints_json", "npz": "arrays:arrays_npz"},
        {"json": "kpoints:kpoints_picture"},
        ("KpointsData.",),
        "kpoints:kpoints_properties",
    ),
    "data.core.array.": TypeFormats(
        "array",
        {"json": "arrays:arrays_json", "npz": "arrays:arrays_npz"},
        {},
        ("ArrayData.", "projection.ProjectionData.", "trajectory.TrajectoryData.", "xy.XyData."),
    ),
}


DOWNLOADS = tuple(dict.fromkeys(name for kind in FORMATS.values() for name in kind.downloads))
PICTURES = tuple(dict.fromkeys(name for kind in FORMATS.values() for name in kind.pictures))
"""All formats of downloads, and all of pictures."""

_STORED = ("cif", "upf")
"""Formats whose download is the one file of a node, under its stored name."""


def download(node: StoredNode, format: str | None = None) -> Download:  # noqa: A002
    """The node as a file.

    Raises:
        FeatureUnavailable: there is no such format for this kind of node, or it cannot hold what this node holds.
        MissingExtra: the format needs a package that is not installed.
        DamagedNode: the content of the node is damaged.
    """
    kind = _kind(node)
    chosen = _chosen(kind, kind.downloads, format, "downloaded")
    stored_name = node.attributes.get("filename") if chosen in _STORED else None
    name = stored_name if isinstance(stored_name, str) else f"{node.uuid}.{chosen}"
    return Download(_function(kind.downloads[chosen])(node), chosen, name)


def download_formats(node: StoredNode) -> tuple[str, ...]:
    """The formats of a node, the default first; none if it cannot be downloaded."""
    return tuple(_kind(node).downloads)


def all_download_formats() -> dict[str, tuple[str, ...]]:
    """The formats of downloads by the node types that AiiDA defines."""
    return {start + name: tuple(kind.downloads) for start, kind in FORMATS.items() for name in kind.classes}


def derived_properties(node: StoredNode) -> dict[str, Any]:
    """Properties that follow from the content of a node; none for most kinds.

    Raises:
        FeatureUnavailable, MissingExtra, DamagedNode: as for `download`.
    """
    derive = _kind(node).properties
    return _function(derive)(node) if derive else {}


def visualization(node: StoredNode, visformat: str | None = None) -> Picture:
    """The data of a picture of the node: JSON types only, with null for NaN and the infinities.

    Raises:
        FeatureUnavailable, MissingExtra, DamagedNode: as for `download`.
    """
    kind = _kind(node)
    picture: Picture = _function(kind.pictures[_chosen(kind, kind.pictures, visformat, "visualized")])(node)
    return picture


def _function(name: str) -> Callable[[StoredNode], Any]:
    function: Callable[[StoredNode], Any] = resolve_name(f"{__name__}.{name}")
    return function


def _kind(node: StoredNode) -> TypeFormats:
    """The formats of a node; a type without formats is named by its class, `Dict` for `data.core.dict.Dict.`."""
    node_type = known_type(node)
    unknown = TypeFormats(node_type.rstrip(".").rpartition(".")[2], {}, {})
    return next((kind for start, kind in FORMATS.items() if node_type.startswith(start)), unknown)


def _chosen(kind: TypeFormats, formats: Collection[str], asked: str | None, what: str) -> str:
    chosen = next(iter(formats), None) if asked is None else asked
    if chosen is not None and chosen in formats:
        return chosen
    wish = "" if asked is None else f" as {asked!r}"
    way_out = f"available as {', '.join(formats)}" if formats else "there is no format for them"
    raise FeatureUnavailable(f"{kind.name} nodes cannot be {what}{wish}: {way_out}")
