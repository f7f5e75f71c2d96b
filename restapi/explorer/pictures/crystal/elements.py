"""The elements as they are drawn: a radius and a colour each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Element:
    """`radius` is the covalent one in angstrom: Cordero et al., Dalton Trans. 2832 (2008); 1.69 where none is known.

    `colour` is the usual one of chemistry (carbon grey, oxygen red), made darker or lighter where white paper or a dark
    page would swallow it.
    """

    number: int
    radius: float
    colour: str


UNKNOWN = Element(0, 1.2, "#9aa4ad")
"""What is no element: a ghost, or a name that somebody made up."""

VACANCY = "#cfd6dc"
"""The colour of the empty share of a site."""

ELEMENTS: Mapping[str, Element] = {
    "H": Element(1, 0.31, "#d3d3d3"),
    "He": Element(2, 0.28, "#b8d9d9"),
    "Li": Element(3, 1.28, "#cc80ff"),
    "Be": Element(4, 0.96, "#aee500"),
    "B": Element(5, 0.84, "#ffb5b5"),
    "C": Element(6, 0.76, "#909090"),
    "N": Element(7, 0.71, "#3050f8"),
    "O": Element(8, 0.66, "#ff0d0d"),
    "F": Element(9, 0.57, "#90e050"),
    "Ne": Element(10, 0.58, "#acdaeb"),
    "Na": Element(11, 1.66, "#ab5cf2"),
    "Mg": Element(12, 1.41, "#7feb00"),
    "Al": Element(13, 1.21, "#bfa6a6"),
    "Si": Element(14, 1.11, "#f0c8a0"),
    "P": Element(15, 1.07, "#ff8000"),
    "S": Element(16, 1.05, "#d9d927"),
    "Cl": Element(17, 1.02, "#1ff01f"),
    "Ar": Element(18, 1.06, "#80d1e3"),
    "K": Element(19, 2.03, "#8f40d4"),
    "Ca": Element(20, 1.76, "#39f200"),
    "Sc": Element(21, 1.70, "#d4d4d4"),
    "Ti": Element(22, 1.60, "#bfc2c7"),
    "V": Element(23, 1.53, "#a6a6ab"),
    "Cr": Element(24, 1.39, "#8a99c7"),
    "Mn": Element(25, 1.39, "#9c7ac7"),
    "Fe": Element(26, 1.32, "#e06633"),
    "Co": Element(27, 1.26, "#f090a0"),
    "Ni": Element(28, 1.24, "#50d050"),
    "Cu": Element(29, 1.32, "#c88033"),
    "Zn": Element(30, 1.22, "#7d80b0"),
    "Ga": Element(31, 1.22, "#c28f8f"),
    "Ge": Element(32, 1.20, "#668f8f"),
    "As": Element(33, 1.19, "#bd80e3"),
    "Se": Element(34, 1.20, "#ffa100"),
    "Br": Element(35, 1.20, "#a62929"),
    "Kr": Element(36, 1.16, "#5cb8d1"),
    "Rb": Element(37, 2.20, "#702eb0"),
    "Sr": Element(38, 1.95, "#00f500"),
    "Y": Element(39, 1.90, "#82e2e2"),
    "Zr": Element(40, 1.75, "#94e0e0"),
    "Nb": Element(41, 1.64, "#73c2c9"),
    "Mo": Element(42, 1.54, "#54b5b5"),
    "Tc": Element(43, 1.47, "#3b9e9e"),
    "Ru": Element(44, 1.46, "#248f8f"),
    "Rh": Element(45, 1.42, "#0a7d8c"),
    "Pd": Element(46, 1.39, "#006985"),
    "Ag": Element(47, 1.45, "#c0c0c0"),
    "Cd": Element(48, 1.44, "#f2ce87"),
    "In": Element(49, 1.42, "#a67573"),
    "Sn": Element(50, 1.39, "#668080"),
    "Sb": Element(51, 1.39, "#9e63b5"),
    "Te": Element(52, 1.38, "#d47a00"),
    "I": Element(53, 1.39, "#940094"),
    "Xe": Element(54, 1.40, "#429eb0"),
    "Cs": Element(55, 2.44, "#623794"),
    "Ba": Element(56, 2.15, "#00c900"),
    "La": Element(57, 2.07, "#70d4ff"),
    "Ce": Element(58, 2.04, "#d6d6a7"),
    "Pr": Element(59, 2.03, "#bbdcab"),
    "Nd": Element(60, 2.01, "#aedfae"),
    "Pm": Element(61, 1.99, "#92e5b2"),
    "Sm": Element(62, 1.98, "#82e8b5"),
    "Eu": Element(63, 1.98, "#59ebb7"),
    "Gd": Element(64, 1.96, "#3febb7"),
    "Tb": Element(65, 1.94, "#2ceeba"),
    "Dy": Element(66, 1.92, "#1ceeba"),
    "Ho": Element(67, 1.92, "#00f294"),
    "Er": Element(68, 1.89, "#00e675"),
    "Tm": Element(69, 1.90, "#00d452"),
    "Yb": Element(70, 1.87, "#00bf38"),
    "Lu": Element(71, 1.87, "#00ab24"),
    "Hf": Element(72, 1.75, "#4dc2ff"),
    "Ta": Element(73, 1.70, "#4da6ff"),
    "W": Element(74, 1.62, "#2194d6"),
    "Re": Element(75, 1.51, "#267dab"),
    "Os": Element(76, 1.44, "#266696"),
    "Ir": Element(77, 1.41, "#175487"),
    "Pt": Element(78, 1.36, "#d0d0e0"),
    "Au": Element(79, 1.36, "#fcce22"),
    "Hg": Element(80, 1.32, "#b8b8d0"),
    "Tl": Element(81, 1.45, "#a6544d"),
    "Pb": Element(82, 1.46, "#575961"),
    "Bi": Element(83, 1.48, "#9e4fb5"),
    "Po": Element(84, 1.40, "#ab5c00"),
    "At": Element(85, 1.50, "#754f45"),
    "Rn": Element(86, 1.50, "#428296"),
    "Fr": Element(87, 2.60, "#5d4477"),
    "Ra": Element(88, 2.21, "#007d00"),
    "Ac": Element(89, 2.15, "#70abfa"),
    "Th": Element(90, 2.06, "#00baff"),
    "Pa": Element(91, 2.00, "#00a1ff"),
    "U": Element(92, 1.96, "#008fff"),
    "Np": Element(93, 1.90, "#0080ff"),
    "Pu": Element(94, 1.87, "#006bff"),
    "Am": Element(95, 1.80, "#545cf2"),
    "Cm": Element(96, 1.69, "#785ce3"),
    "Bk": Element(97, 2.00, "#8a4fe3"),
    "Cf": Element(98, 2.00, "#a136d4"),
    "Es": Element(99, 2.00, "#b31fd4"),
    "Fm": Element(100, 2.00, "#b31fba"),
    "Md": Element(101, 2.00, "#b30da6"),
    "No": Element(102, 2.00, "#bd0d87"),
    "Lr": Element(103, 2.00, "#c70066"),
    "Rf": Element(104, 2.00, "#cc0059"),
    "Db": Element(105, 2.00, "#d1004f"),
    "Sg": Element(106, 2.00, "#d90045"),
    "Bh": Element(107, 2.00, "#e00038"),
    "Hs": Element(108, 2.00, "#e6002e"),
    "Mt": Element(109, 2.00, "#eb0026"),
    "Ds": Element(110, 2.00, "#eb0020"),
    "Rg": Element(111, 2.00, "#e50020"),
    "Cn": Element(112, 2.00, "#e5001a"),
    "Nh": Element(113, 2.00, "#df001a"),
    "Fl": Element(114, 2.00, "#df0014"),
    "Mc": Element(115, 2.00, "#d90014"),
    "Lv": Element(116, 2.00, "#d9000e"),
    "Ts": Element(117, 2.00, "#d3000e"),
    "Og": Element(118, 2.00, "#d30008"),
}

NON_METALS = frozenset(
    {"H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar", "Ge", "As", "Se", "Br", "Kr", "Sb", "Te"}
    | {"I", "Xe", "At", "Rn"}
)
"""Half-metals too: what metals have bonds with."""


def element(symbol: str) -> Element:
    """The element of a symbol; `UNKNOWN` where it is none."""
    return ELEMENTS.get(symbol, UNKNOWN)
