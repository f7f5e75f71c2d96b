"""CIF files: the first structure in it, all atoms of the cell; read by ase, of the optional part `structures`."""

from __future__ import annotations

from aiida_like.formats.cif_structure import structure_in_cif
from restapi.explorer.node.found import Node
from restapi.explorer.viewers.files import name_of_file
from restapi.explorer.viewers.reading import read_file
from restapi.explorer.viewers.structure import structure_panel
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel


def view(visit: Visit, node: Node) -> Panel | None:
    name = name_of_file(visit, node)
    if name is None:
        return None
    structure = structure_in_cif(read_file(visit, node, name).decode(errors="replace"))
    return structure_panel(structure, node, len(structure.sites))
