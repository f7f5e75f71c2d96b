"""Names that got `core.` with AiiDA 2.0: types of nodes, schedulers and transports. Archives hold both spellings.

Source: `DEPRECATED_ENTRY_POINTS_MAPPING` of aiida-core. It reads either name, and some of its migrations left old ones.
"""

from __future__ import annotations

DATA = (
    "array", "base", "bool", "cif", "code", "dict", "enum", "float", "folder", "int", "jsonable", "list", "numeric",
    "orbital", "remote", "singlefile", "str", "structure", "upf",
)  # fmt: skip
"""Modules below `data.` that are below `data.core.` today."""

_PLUGINS = ("direct", "lsf", "pbspro", "sge", "slurm", "torque", "local", "ssh")
"""Schedulers and transports."""

_OLD, _TODAY = "data.", "data.core."
OLD_STARTS = tuple(f"{_OLD}{name}." for name in DATA)
_STARTS = tuple(f"{_TODAY}{name}." for name in DATA)


def todays_type(name: str) -> str:
    """A node type, or the start of one, as AiiDA 2 spells it.

    >>> todays_type("data.dict.Dict.")
    'data.core.dict.Dict.'
    """
    return _TODAY + name.removeprefix(_OLD) if name.startswith(OLD_STARTS) else name


def lacks_core(name: str) -> bool:
    """Whether a node type, or the start of one, is spelled without `core.`, though it has one today.

    >>> lacks_core("data.dict.Dict."), lacks_core("data.core.dict.Dict.")
    (True, False)
    """
    return name.startswith(OLD_STARTS)


def type_spellings(name: str) -> tuple[str, ...]:
    """A node type, or the start of one, in today's spelling and the old one; alone if there is no other.

    >>> type_spellings("data.array.kpoints.")
    ('data.core.array.kpoints.', 'data.array.kpoints.')
    """
    today = todays_type(name)
    return (today, _OLD + today.removeprefix(_TODAY)) if today.startswith(_STARTS) else (name,)


def plugin_spellings(name: str) -> tuple[str, ...]:
    """The name of a scheduler or transport in both spellings; alone if it is no plug-in of AiiDA itself.

    >>> plugin_spellings("slurm")
    ('core.slurm', 'slurm')
    """
    plain = name.removeprefix("core.")
    return (f"core.{plain}", plain) if plain in _PLUGINS else (name,)
