"""The types of nodes that profiles have and requests are about."""

from __future__ import annotations

CHAIN = "process.workflow.workchain.WorkChainNode."
JOB = "process.calculation.calcjob.CalcJobNode."
FUNCTION = "process.calculation.calcfunction.CalcFunctionNode."
CODE = "data.core.code.installed.InstalledCode."
STRUCTURE = "data.core.structure.StructureData."
DICT = "data.core.dict.Dict."
FOLDER = "data.core.folder.FolderData."
