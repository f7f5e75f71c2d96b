"""Names of node types before AiiDA 1.0 and 2.0, which the manual's examples and old links use."""

from __future__ import annotations

from collections.abc import Mapping

from aiida_like.core_names import type_spellings

_BASE_TYPES = ("Int", "Float", "Str", "Bool", "List")
_CODES = ("Code.", "installed.InstalledCode.", "portable.PortableCode.", "containerized.ContainerizedCode.")

ALIASES: Mapping[str, tuple[str, ...]] = {
    "data.parameter.ParameterData.": ("data.core.dict.Dict.",),
    **{f"data.base.{name}.": (f"data.core.{name.lower()}.{name}.",) for name in _BASE_TYPES},
    "code.Code.": tuple(f"data.core.code.{name}" for name in _CODES),
    "calculation.job.JobCalculation.": ("process.calculation.calcjob.CalcJobNode.",),
    "calculation.job.": ("process.calculation.calcjob.",),
    "calculation.inline.InlineCalculation.": ("process.calculation.calcfunction.CalcFunctionNode.",),
    "calculation.inline.": ("process.calculation.calcfunction.",),
    "calculation.work.WorkCalculation.": ("process.workflow.workchain.WorkChainNode.",),
    "calculation.work.": ("process.workflow.workchain.",),
    "calculation.function.FunctionCalculation.": ("process.workflow.workfunction.WorkFunctionNode.",),
    "calculation.function.": ("process.workflow.workfunction.",),
    "calculation.": ("process.",),
}
"""Today's names, or starts of names, by old ones; the first that fits counts.

Those that only lack `core.` are not here: see `core_names`.
"""


def todays_types(name: str) -> tuple[str, ...]:
    """The names in the database that a name, or the start of a pattern, stands for.

    >>> todays_types("data.parameter.ParameterData.")
    ('data.core.dict.Dict.', 'data.dict.Dict.')
    """
    old = next(filter(name.startswith, ALIASES), None)
    starts = (name,) if old is None else tuple(start + name.removeprefix(old) for start in ALIASES[old])
    return tuple(spelled for start in starts for spelled in type_spellings(start))


def old_type(name: str) -> str:
    """The name that AiiDA 0.12 had for a type; types of plug-ins have always been called the same.

    >>> old_type("process.calculation.calcjob.CalcJobNode.")
    'calculation.job.JobCalculation.'
    """
    today, *without_core = type_spellings(name)
    for old, starts in ALIASES.items():
        if today.startswith(starts):
            start = next(filter(today.startswith, starts))
            return old + today.removeprefix(start)
    return without_core[0] if without_core else name
