"""Old names of node types and plugins, as filters of version 2 take them."""

from __future__ import annotations

import pytest

from querylang.ast import Comparison, Operator, String
from querylang.condition import Condition
from querylang.lowering.lower import lower
from restapi.dialects.aiida_v2.aliases import ALIASES, todays_plugin, todays_type
from restapi.dialects.aiida_v2.entities import NODES

OLD_TYPES = {
    "data.parameter.ParameterData.": "data.core.dict.Dict.",
    "data.array.kpoints.KpointsData.": "data.core.array.kpoints.KpointsData.",
    "data.remote.RemoteData.": "data.core.remote.RemoteData.",
    "data.base.Int.": "data.core.int.Int.",
    "data.base.%": "data.base.%",
    "code.Code.": "data.core.code.",
    "calculation.job.pw.PwCalculation.": "process.calculation.calcjob.pw.PwCalculation.",
    "calculation.job.JobCalculation.": "process.calculation.calcjob.CalcJobNode.",
    "calculation.inline.InlineCalculation.": "process.calculation.calcfunction.CalcFunctionNode.",
    "calculation.work.WorkCalculation.": "process.work.WorkCalculation.",
    "data.core.dict.Dict.": "data.core.dict.Dict.",
    "data.Data.": "data.Data.",
    "%data%": "%data%",
}


@pytest.mark.parametrize("old", OLD_TYPES)
def test_old_types(old: str) -> None:
    assert todays_type(Operator.EQUAL, old) == OLD_TYPES[old]
    assert todays_type(Operator.LESS, old) == old  # an old name has its own place in the alphabet


PLUGINS = {"slurm": "core.slurm", "ssh": "core.ssh", "core.slurm": "core.slurm", "pbs": "pbs", "sl%": "sl%"}


@pytest.mark.parametrize("name", PLUGINS)
def test_old_names_of_plugins(name: str) -> None:
    assert todays_plugin(Operator.IN, name) == PLUGINS[name]
    assert todays_plugin(Operator.GREATER, name) == name


def test_no_alias_hides_another() -> None:
    for position, (old, _) in enumerate(ALIASES):
        assert [earlier for earlier, _ in ALIASES[:position] if old.startswith(earlier)] == []


@pytest.mark.parametrize(
    ("operator", "old", "values"),
    [
        (Operator.EQUAL, "data.parameter.ParameterData.", ("data.core.dict.Dict.",)),
        (Operator.NOT_IN, "data.base.Int.", ("data.core.int.Int.",)),
        (Operator.ILIKE, "data.upf.%", ("data.core.upf.%",)),
        (Operator.LIKE, "data.array.%", ("data.core.array.%", "data.core.array.", "data.core.array/")),
    ],
)
def test_filters(operator: Operator, old: str, values: tuple[str, ...]) -> None:
    """Old names are understood in the key that shows types, not in that of the stored type."""
    (found,) = lower([Comparison("type", operator, (String(old),))], NODES)
    assert isinstance(found, Condition)
    assert found.values == values
    assert lower([Comparison("node_type", operator, (String(old),))], NODES) != (found,)
