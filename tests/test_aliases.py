"""Old names of node types and plug-ins, as filters take them and as version 2 can show them."""

from __future__ import annotations

import pytest

from aiida_like.core_names import DATA, plugin_spellings, todays_type, type_spellings
from restapi.dialects.aiida_v2.aliases import ALIASES, old_type, todays_types

SPELLINGS = {
    "data.core.array.kpoints.KpointsData.": "data.array.kpoints.KpointsData.",
    "data.core.structure.": "data.structure.",
    "data.core.remote.stash.folder.RemoteStashFolderData.": "data.remote.stash.folder.RemoteStashFolderData.",
}
ALONE = ("data.Data.", "data.core.", "data.arrays.X.", "data.pseudo.upf.UpfData.", "data.core.stru", "%data%", "")


@pytest.mark.parametrize("name", SPELLINGS)
def test_both_spellings(name: str) -> None:
    assert type_spellings(name) == type_spellings(SPELLINGS[name]) == (name, SPELLINGS[name])
    assert todays_type(name) == todays_type(SPELLINGS[name]) == name


@pytest.mark.parametrize("name", ALONE)
def test_names_with_one_spelling(name: str) -> None:
    assert (type_spellings(name), todays_type(name)) == ((name,), name)


def test_every_old_name_of_aiida_is_known() -> None:
    entry_point = pytest.importorskip("aiida.plugins.entry_point")
    names = entry_point.DEPRECATED_ENTRY_POINTS_MAPPING
    assert {name.partition(".")[0] for name in names["aiida.data"]} <= set(DATA)
    plugins = {*names["aiida.schedulers"], *names["aiida.transports"]}
    assert {name: plugin_spellings(name) for name in plugins} == {name: (f"core.{name}", name) for name in plugins}
    assert plugin_spellings("pbs") == ("pbs",)


OLD_TYPES: dict[str, tuple[str, ...]] = {
    "data.parameter.ParameterData.": ("data.core.dict.Dict.", "data.dict.Dict."),
    "data.remote.RemoteData.": ("data.core.remote.RemoteData.", "data.remote.RemoteData."),
    "data.base.Int.": ("data.core.int.Int.", "data.int.Int."),
    "calculation.job.pw.PwCalculation.": ("process.calculation.calcjob.pw.PwCalculation.",),
    "calculation.job.JobCalculation.": ("process.calculation.calcjob.CalcJobNode.",),
    "calculation.inline.InlineCalculation.": ("process.calculation.calcfunction.CalcFunctionNode.",),
    "calculation.work.WorkCalculation.": ("process.workflow.workchain.WorkChainNode.",),
    "calculation.function.FunctionCalculation.": ("process.workflow.workfunction.WorkFunctionNode.",),
    "calculation.": ("process.",),
    "data.Data.": ("data.Data.",),
    "%data%": ("%data%",),
}


@pytest.mark.parametrize("old", OLD_TYPES)
def test_old_types(old: str) -> None:
    assert todays_types(old) == OLD_TYPES[old]


OF_CODES = ("Code.", "installed.InstalledCode.", "portable.PortableCode.", "containerized.ContainerizedCode.")


def test_the_one_old_type_of_codes_is_all_of_today() -> None:
    spelled = tuple(f"data.{core}code.{name}" for name in OF_CODES for core in ("core.", ""))
    assert todays_types("code.Code.") == spelled
    assert {old_type(name) for name in spelled} == {"code.Code."}


def test_no_alias_hides_another() -> None:
    for position, old in enumerate(ALIASES):
        assert [earlier for earlier in list(ALIASES)[:position] if old.startswith(earlier)] == []


OLD_NAMES = {
    "process.calculation.calcjob.CalcJobNode.": "calculation.job.JobCalculation.",
    "process.calculation.calcfunction.CalcFunctionNode.": "calculation.inline.InlineCalculation.",
    "process.workflow.workchain.WorkChainNode.": "calculation.work.WorkCalculation.",
    "process.workflow.workfunction.WorkFunctionNode.": "calculation.function.FunctionCalculation.",
    "process.ProcessNode.": "calculation.ProcessNode.",
    "data.core.dict.Dict.": "data.parameter.ParameterData.",
    "data.core.float.Float.": "data.base.Float.",
    "data.core.array.bands.BandsData.": "data.array.bands.BandsData.",
    "data.structure.StructureData.": "data.structure.StructureData.",
    "data.pseudo.upf.UpfData.": "data.pseudo.upf.UpfData.",
    "data.Data.": "data.Data.",
}


@pytest.mark.parametrize("today", OLD_NAMES)
def test_names_of_aiida_0_12(today: str) -> None:
    """They are shown where the setting says so, and find what they are shown for."""
    assert old_type(today) == OLD_NAMES[today]
    assert today in todays_types(OLD_NAMES[today])
