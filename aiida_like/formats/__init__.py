"""What the stored content of a node becomes: a file to download, or the data of a picture.

`KINDS` is the whole story: for each kind of node its formats, the default first, and the function that makes each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiida_like.errors import FeatureUnavailable
from aiida_like.formats.arrays import arrays_json, arrays_npz, kpoints_json
from aiida_like.formats.bands import bands_json, bands_picture
from aiida_like.formats.description import DESCRIBED, description_of
from aiida_like.formats.kpoints import kpoints_picture
from aiida_like.formats.node import StoredNode
from aiida_like.formats.single_file import cif_picture, stored_file
from aiida_like.formats.structure_files import (
    cif,
    structure_file,
    structure_file_picture,
    structure_picture,
    xsf,
    xyz,
)

__all__ = [
    "DESCRIBED",
    "KINDS",
    "Download",
    "Kind",
    "StoredNode",
    "description_of",
    "download",
    "download_formats",
    "visualization",
]

Picture = dict[str, Any] | list[Any]


@dataclass(frozen=True)
class Download:
    """`format` is the extension of the file."""

    content: bytes
    format: str
    name: str = ""


@dataclass(frozen=True)
class Kind:
    """`downloads` and `pictures` have the default format first; a kind without formats has neither."""

    name: str
    downloads: Mapping[str, Callable[[StoredNode], bytes]]
    pictures: Mapping[str, Callable[[StoredNode], Picture]]


#: by the start of the node type, the longer before the shorter
KINDS: Mapping[str, Kind] = {
    "data.core.structure.": Kind(
        "structure",
        {"cif": structure_file(cif), "xsf": structure_file(xsf), "xyz": structure_file(xyz)},
        {
            "chemdoodle": structure_picture,
            "cif": structure_file_picture("cif", cif),
            "xsf": structure_file_picture("xsf", xsf),
        },
    ),
    "data.core.cif.": Kind("cif", {"cif": stored_file}, {"cif": cif_picture}),
    "data.core.upf.": Kind("upf", {"upf": stored_file}, {"upf": lambda _: []}),
    "data.core.array.bands.": Kind("bands", {"json": bands_json, "npz": arrays_npz}, {"json": bands_picture}),
    "data.core.array.kpoints.": Kind("kpoints", {"json": kpoints_json, "npz": arrays_npz}, {"json": kpoints_picture}),
    "data.core.array.": Kind("array", {"json": arrays_json, "npz": arrays_npz}, {}),
}


def download(node: StoredNode, format: str | None = None) -> Download:  # noqa: A002
    """The node as a file.

    Raises:
        FeatureUnavailable: there is no such format for this kind of node, or it cannot hold what this node holds.
        MissingExtra: the format needs a package that is not installed.
        StorageError: the content of the node is damaged.
    """
    kind = _kind(node.node_type)
    chosen = _chosen(kind, kind.downloads, format, "downloaded")
    return Download(kind.downloads[chosen](node), chosen)


def download_formats(node_type: str) -> tuple[str, ...]:
    """The default first; none for what cannot be downloaded."""
    return tuple(_kind(node_type).downloads)


def visualization(node: StoredNode, visformat: str | None = None) -> Picture:
    """The data of a picture of the node: JSON types only, with null for NaN and the infinities.

    Raises:
        FeatureUnavailable, MissingExtra, StorageError: as for `download`.
    """
    kind = _kind(node.node_type)
    return kind.pictures[_chosen(kind, kind.pictures, visformat, "visualized")](node)


def _kind(node_type: str) -> Kind:
    """A kind without formats is called by its class, `Dict` for `data.core.dict.Dict.`."""
    unknown = Kind(node_type.rstrip(".").rpartition(".")[2], {}, {})
    return next((kind for start, kind in KINDS.items() if node_type.startswith(start)), unknown)


def _chosen(kind: Kind, formats: Collection[str], asked: str | None, what: str) -> str:
    chosen = next(iter(formats), None) if asked is None else asked
    if chosen is not None and chosen in formats:
        return chosen
    wish = "" if asked is None else f" as {asked!r}"
    way_out = f"available as {', '.join(formats)}" if formats else "there is no format for them"
    raise FeatureUnavailable(f"{kind.name} nodes cannot be {what}{wish}: {way_out}")


def derived_properties(node: StoredNode) -> dict[str, Any]:
    return {}


def all_download_formats() -> dict[str, tuple[str, ...]]:
    return {}
