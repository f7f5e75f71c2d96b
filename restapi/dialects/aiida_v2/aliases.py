"""Names of node types before AiiDA 1.0 and 2.0, which the manual's examples and old links use."""

from __future__ import annotations

from querylang.ast import Operator

_BUILT_IN = (
    "array", "bool", "cif", "code", "dict", "enum", "float", "folder", "int", "jsonable", "list", "numeric",
    "orbital", "remote", "singlefile", "str", "structure", "upf",
)  # fmt: skip
"""Modules below `data.` that became `data.core.` with AiiDA 2.0."""

_BASE_TYPES = ("Int", "Float", "Str", "Bool", "List")

ALIASES: tuple[tuple[str, str], ...] = (
    ("data.parameter.ParameterData.", "data.core.dict.Dict."),
    *((f"data.base.{name}.", f"data.core.{name.lower()}.{name}.") for name in _BASE_TYPES),
    *((f"data.{name}.", f"data.core.{name}.") for name in _BUILT_IN),
    ("code.Code.", "data.core.code."),
    ("calculation.job.JobCalculation.", "process.calculation.calcjob.CalcJobNode."),
    ("calculation.job.", "process.calculation.calcjob."),
    ("calculation.inline.InlineCalculation.", "process.calculation.calcfunction.CalcFunctionNode."),
    ("calculation.inline.", "process.calculation.calcfunction."),
    ("calculation.", "process."),
)
"""(old prefix, today's prefix); the first that fits counts."""


_NAMING = frozenset({Operator.EQUAL, Operator.UNEQUAL, Operator.IN, Operator.NOT_IN, Operator.LIKE, Operator.ILIKE})


def todays_type(operator: Operator, text: str) -> str:
    """An old type name, or a pattern that starts with one, by today's names.

    >>> todays_type(Operator.EQUAL, "data.parameter.ParameterData.")
    'data.core.dict.Dict.'
    """
    # `<` and `>` compare old names as written. A pattern starts like the text it matches: no alias has a wildcard.
    if operator not in _NAMING:
        return text
    for old, new in ALIASES:
        if text.startswith(old):
            return new + text[len(old) :]
    return text


_PLUGINS = frozenset({"direct", "lsf", "pbspro", "sge", "slurm", "torque", "local", "ssh"})
"""Schedulers and transports that became `core.slurm` and so on with AiiDA 2.0."""


def todays_plugin(operator: Operator, text: str) -> str:
    """An old name of a plug-in by today's.

    >>> todays_plugin(Operator.EQUAL, "slurm")
    'core.slurm'
    """
    return f"core.{text}" if operator in _NAMING and text in _PLUGINS else text
