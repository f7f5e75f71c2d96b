"""A job as a calculation of AiiDA: commands, one after the other in one folder, and all files they leave."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiida.common.datastructures import CalcInfo, CodeInfo
from aiida.common.folders import Folder
from aiida.common.links import LinkType
from aiida.engine import CalcJob
from aiida.orm import AbstractCode, CalcJobNode, Dict, FolderData, SinglefileData, User
from sqlalchemy import insert

from aiida_like_engine.plugins.packed_wrapper import WRAPPER, packed_wrapper
from aiida_like_engine.plugins.wrapper.log import LOG
from aiida_like_engine.plugins.wrapper.record import RECORD
from aiida_like_engine.root.catalogue import Version, read_catalogue
from aiida_like_engine.root.environment import SANDBOX
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import EngineSettings, read_settings

STOP = "stop"
"""The extra of a node whose job was asked to stop."""

_RUN = "_run"
_HERE = Path(__file__).parent
_UNPACK = "unpack.py"


class JobCalculation(CalcJob):
    """Inputs: `steps`, a Dict of the request's steps; `files` and `codes`, which they name by the labels of links.

    Outputs: `retrieved` with `work/` and `record/`, and `record`, a Dict.
    """

    @classmethod
    def define(cls, spec: Any) -> None:
        super().define(spec)
        spec.input("steps", valid_type=Dict, help="what runs, step by step")
        spec.input_namespace("files", valid_type=(SinglefileData, FolderData), required=False, dynamic=True)
        spec.input_namespace("codes", valid_type=AbstractCode, required=False, dynamic=True)
        options = spec.inputs["metadata"]["options"]
        options["parser_name"].default = "aiida_like.job"
        options["resources"].default = {"num_machines": 1, "num_mpiprocs_per_machine": 1}
        options["withmpi"].default = False
        options["output_filename"].default = f"work/{LOG}"  # for `verdi calcjob outputcat`
        options["scheduler_stdout"].default = "_scheduler.log"
        options["scheduler_stderr"].default = "_scheduler.log"
        # Stored with the node in one commit: whoever finds the run's uuid on a node has found all of it.
        spec.input("metadata.options.run", valid_type=str, required=False, help="uuid of the run")
        spec.input("metadata.options.account", valid_type=str, required=False, help="e-mail of the AiiDA user")
        spec.output("record", valid_type=Dict, required=False, help="how it ended, times and memory")
        spec.exit_code(300, "LOST", message="it left no record of its end, and is not run again")
        spec.exit_code(301, "STOPPED", message="it was stopped")
        spec.exit_code(302, "WALLTIME", message="it took longer than its wall time")
        spec.exit_code(303, "SIGNAL", message="it was ended by signal {signal}")
        spec.exit_code(304, "NO_ROOM", message="it was ended, as the disk was nearly full")
        spec.exit_code(400, "FAILED", message="{message}")

    def _setup_db_record(self) -> None:
        super()._setup_db_record()
        # A hash of each content, for a cache that the attribute `run` alone makes sure to miss, could take minutes.
        self.node.base.caching._hash_ignored_inputs = [f"files__{link}" for link in self.inputs.get("files", {})]  # noqa: SLF001
        account = self.options.get("account")
        if account is not None and not self.node.is_stored:
            self.node.user = User.collection.get(email=account)

    def _setup_inputs(self) -> None:
        # AiiDA makes each link by itself, and checks it against all others: for a thousand it takes a minute. A node
        # that is not stored yet is in no circle, and labels of one mapping are different.
        inputs = self._flat_inputs()
        self._many = {label: node for label, node in inputs.items() if label.startswith("files__")}
        for label, node in inputs.items():
            if node is not None and label not in self._many:
                self.node.base.links.add_incoming(node, LinkType.INPUT_CALC, label)
        if not self.node.computer:
            self.node.computer = self.inputs.code.computer

    def _create_and_setup_db_record(self) -> Any:
        # Whoever is killed between node and links has stored no checkpoint either: the run gets another node.
        pid = super()._create_and_setup_db_record()
        if self._many:
            session = self.node.backend.get_session()
            kind = {"output_id": self.node.pk, "type": LinkType.INPUT_CALC.value}
            rows = [{"input_id": node.pk, "label": label, **kind} for label, node in self._many.items()]
            session.execute(insert(self.node.backend_entity.LINK_CLASS.__table__), rows)
            session.commit()
        return pid

    def prepare_for_submission(self, folder: Folder) -> CalcInfo:
        root = Root(Path(os.environ["AIIDA_PATH"]))
        steps = self.inputs.steps.get_dict()["steps"]
        for name in ("work", RECORD):
            folder.get_subfolder(name, create=True)
        run = folder.get_subfolder(_RUN, create=True)
        run.create_file_from_filelike(io.BytesIO(packed_wrapper()), WRAPPER, mode="wb")
        run.insert_path(str(_HERE / _UNPACK), _UNPACK)
        nodes = self.inputs.get("files", {})
        files = {
            # Steps of before links had labels of their own have none.
            each["label"]: (nodes[each.get("link", each["label"])], each["path"])
            for step in steps
            for each in step["inputs"]
        }
        linked = _linked(root, self.node, files)
        job = {**_job(root, self.node, steps, self.inputs.get("codes", {})), "linked": linked}
        with folder.open(f"{_RUN}/job.json", "w", encoding="utf-8") as file:
            json.dump(job, file)
        code = CodeInfo()
        code.code_uuid = self.inputs.code.uuid
        code.cmdline_params = ["-c", f'exec "{os.path.realpath(sys.executable)}" -I -S {_RUN}/{WRAPPER}']
        info = CalcInfo()
        info.codes_info = [code]
        info.local_copy_list = [
            (node.uuid, path, f"{_RUN}/files/{label}") for label, (node, path) in files.items() if label not in linked
        ]
        # What stands in the inputs already, and programs that are the same for all.
        info.provenance_exclude_list = [_RUN]
        # Whole trees: a name is never read as a pattern.
        info.retrieve_list = ["work", RECORD]
        return info


def _linked(root: Root, job: CalcJobNode, files: Mapping[str, tuple[Any, str]]) -> dict[str, str]:
    """Second names of contents, by label, for those that have a file of their own.

    The wrapper copies them. A worker that did would do nothing else meanwhile.
    """
    folder = root.inputs_of_job(job.uuid)
    folder.mkdir(exist_ok=True)
    found = {}
    for label, (node, path) in files.items():
        link = folder / label
        with suppress(FileNotFoundError):  # it is packed
            if not link.exists():
                os.link(root.loose_object(node.base.repository.get_object(path).key), link)
            found[label] = str(link)
    return found


def _job(
    root: Root, node: CalcJobNode, steps: list[dict[str, Any]], codes: Mapping[str, AbstractCode]
) -> dict[str, Any]:
    settings = read_settings(root.settings)
    if node.base.extras.get(STOP, False):
        root.stop_of_job(node.uuid).touch()
    return {
        "lock": str(root.lock_of_job(node.uuid)),
        "stop": str(root.stop_of_job(node.uuid)),
        "grace": settings.grace_seconds,
        "sandbox": bool(os.environ.get(SANDBOX)),
        "require_sandbox": settings.require_sandbox,
        **_limits(settings),
        "steps": [_step(root, settings, step, codes) for step in steps],
    }


def _limits(settings: EngineSettings) -> dict[str, int]:
    limits = settings.limits
    return {
        "output_files": limits.output_files,
        "output_bytes": limits.output_bytes,
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "file_bytes": limits.file_bytes,
        "free_bytes": limits.free_bytes,
    }


def _step(
    root: Root, settings: EngineSettings, step: dict[str, Any], codes: Mapping[str, AbstractCode]
) -> dict[str, Any]:
    version: Version = read_catalogue(root.analyses).version(step["analysis"], step["version"])
    code = codes[step["code"]]
    program = Path(str(getattr(code, "filepath_executable", "")))
    return {
        "files": step["inputs"],
        "environment": step["environment"] or {},
        "prepend": "\n".join(each for each in (code.computer.get_prepend_text(), code.prepend_text) if each),
        "pre": step["pre"],
        "command": step["command"],
        "post": step["post"],
        "program_folder": str(program.parent) if program.is_absolute() else None,
        "wall_seconds": min(step["wall_seconds"] or settings.limits.wall_seconds, settings.limits.wall_seconds),
        "readable": version.readable,
        "writable": version.writable,
        "network": version.network,
        "sandbox": version.sandbox,
    }
