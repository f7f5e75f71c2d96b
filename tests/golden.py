"""The golden graph: one small provenance graph with named nodes that every test knows.

Tests take the names: `graph.silicon` is a uuid, `ids[graph.silicon]` its id in every storage. `write_golden.py` writes
the graph with aiida-core.

The names stand in the order in which the nodes are stored, which is the order of their ids. uuids that begin
as in the API's document (`338357f4-f2`, `a67fba41-8a`, `de83b1`, ...) play the part that they have there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any


@dataclass(frozen=True)
class Graph:
    """The uuid of every node."""

    # What calculations start from
    parameters: str = "e30da7cc-af50-40ca-a940-2ac8d89b2e0d"  # Dict, the input of pw.x
    code_pw: str = "4fb10ef1-1a4e-4b7c-9d53-0c6f6a1be2d7"  # InstalledCode on daint, with texts around it
    code_pp: str = "ffe11b52-6c0f-4a38-8f7e-3d1c9a0e4b65"  # InstalledCode on fidis, extras of the document
    code_script: str = "fb7c2360-72de-4f0a-9d28-35f2bce8a792"  # PortableCode, two files
    silicon: str = "d526ca59-e016-4638-8d72-7223e4727ace"  # StructureData, 3D
    salt: str = "f48fd32f-aed0-42e1-a292-877641aa9fa9"  # StructureData, two kinds
    water: str = "d10bf3d5-14fb-4d8c-b429-9691eeb1316b"  # StructureData, no periodic direction
    alloy: str = "f9d76ffb-1256-4146-a092-dddd4bf475ac"  # StructureData, Ba and Ca on one site, a vacancy
    graphene: str = "1841cd91-7919-47c7-aa3b-d2887c9df1ad"  # StructureData, periodic along a and b
    polymer: str = "5261f798-27ad-42a2-a272-bf4c4c9cea46"  # StructureData, periodic along a
    cif: str = "3d30cfba-3553-4f53-99d3-bbc635fb09c1"  # CifData, rock salt
    mesh: str = "ecadf3ee-73f4-4394-befc-1dcd2b24ab90"  # KpointsData, a shifted mesh and a cell
    gamma: str = "baf692a0-14fb-4af5-9095-aadab5f90c31"  # KpointsData, a list, no cell
    path: str = "1b4d22ec-9f29-4e0d-9d68-84ddd18ad8e7"  # KpointsData, a list, labels and a cell
    bands: str = "446f1ad3-3e30-4467-8fd2-f856a0f9a1c0"  # BandsData along the path
    spin_bands: str = "d39b3e7f-dc51-4557-b9f0-92599bbde910"  # BandsData, two spins, occupations
    array: str = "4c6d6aa9-08a8-4726-a8e0-ef2ec5e86924"  # ArrayData, integers; floats with NaN, infinities
    xy: str = "6d156733-3293-41df-a15c-ddbf9170cb1a"  # XyData, two y arrays
    trajectory: str = "606129b2-a02b-4600-8421-8bf65147e054"  # TrajectoryData, two steps
    upf: str = "73110f9f-c3ac-417e-8d25-3a32129cf724"  # UpfData of silicon
    oddities: str = "95752a29-87a9-4eee-ac23-f1fe18cea336"  # Dict with what breaks naive code
    twin: str = "338357f4-f1c0-4d1e-8a37-52b9d0e6c4fa"  # Dict whose uuid begins as that of relax_scf
    # Base types
    primes: str = "33561bc8-954c-4a37-a10a-b2e4081070bd"  # List
    text: str = "ca0e5392-59e6-4869-b245-41f8dd02a914"  # Str "7"
    minus_seven: str = "0f2e40bf-5b6d-4835-bb4c-5e60abc3fb9b"  # Int
    zero: str = "0fce4ff3-86ef-4cae-b686-c9ea63fafabb"  # Int
    seven: str = "b55e81f3-b5fe-4965-bcff-abd2411bcf5f"  # Int
    half: str = "5fd59a92-c570-4da3-aeb8-8e765cdd9b5b"  # Float 0.5
    thirty: str = "b315a41d-4ce1-4a41-a18a-674b2eeacc03"  # Float 30.0
    true: str = "fbae5066-babb-4115-9e88-0f4c0fd71521"  # Bool
    false: str = "ebddd6ef-962c-4467-8a3a-efe69105e4b6"  # Bool
    huge: str = "b04be744-d267-4caa-9c62-8848bd25b452"  # Int 2**60
    plain: str = "25ca76b7-8bfb-45d3-bc3a-d9c9aface6ad"  # Data itself
    # Files
    folder: str = "7e654ab5-8e68-45bf-b888-6e29426130da"  # FolderData with FILES
    singlefile: str = "e794bd24-0f3d-4da3-9857-bc73852245e8"  # SinglefileData
    remote: str = "320e32fe-9603-4276-813e-182c11bbf8de"  # RemoteData on daint
    # Labels and descriptions for text filters
    aiida: str = "cdfd48f9-7ed2-4969-ba06-09c752b83d2a"  # label aiida
    aiida_mixed: str = "89956c2b-92ff-4449-bff5-86ed4845cb0f"  # label AiiDA
    aiiida: str = "083cd07f-e4db-4662-b2e1-15d2f28af8ed"  # label aiiida
    percent: str = "aebb77d1-9f9d-4542-8051-72645ad38e0b"  # description: This calculation is 100% useful
    under_score: str = "19b413ce-d5d6-45d9-97ff-3bf95ffad8c8"  # label under_score
    underscore: str = "f1bdcfd7-d31d-44d7-81c7-543fa0b3f2cf"  # label underscore
    backslash: str = "d1cedda3-6203-4616-9b00-7ed0fac21311"  # label back\slash
    accents_upper: str = "4714e31e-a2c4-42df-a0d8-d1a11e4acbb5"  # label Ünïcode
    accents_lower: str = "9d839557-9e03-4449-a42d-edf225a8de96"  # label ünïcode
    zeta: str = "6772e303-f475-455c-ba53-df5bf7d7b13e"  # label ZETA
    alpha: str = "a960e305-1879-4fb8-b65c-29a51a7c06b0"  # label alpha
    beta: str = "05fb3ba4-82d4-4b25-bc3d-f4ffa0d409cd"  # label Beta
    quotes: str = "fa901aef-4902-4234-a34a-2bbf5a6b1aae"  # label say "hi"
    newline: str = "c35d2fc5-f22a-4267-86f0-8db076995fc1"  # description of two lines
    # Instants for time filters, owned by Günther
    before_midnight: str = "29391775-f54b-4fdb-831d-5783278c4c57"  # ctime 2016-04-22T23:59:59.999999
    midnight: str = "798180d0-b1bc-48e6-8149-9452d7596821"  # ctime 2016-04-23T00:00:00
    kathmandu: str = "252eb5b7-2bc6-4b13-ab61-1383c2eececd"  # ctime 2016-04-23T05:45+03:45, 02:00 UTC
    after_kathmandu: str = "6f39bcb8-c6cd-42c0-ac00-0c358e9c0b02"  # one microsecond later
    second_early: str = "408eab65-912f-46a8-9dec-67e1351ab9f6"  # ctime 2016-04-23T05:45:00.000001
    second_late: str = "dcb7cb30-6a8e-4ed7-934e-daca0245ec00"  # ctime 2016-04-23T05:45:00.999999
    # A work chain, finished: two calculation jobs and a work function
    relax: str = "bcc0cf4d-7037-47db-b8c6-d78f29a3ba5a"  # WorkChainNode
    relax_scf: str = "338357f4-f236-4f9c-8fbe-cd550dc6b858"  # CalcJobNode
    scf_remote: str = "51257ce3-79e2-45dc-82db-82dcbbfe5f27"  # RemoteData
    scf_retrieved: str = "2295752d-dec7-426a-b185-fe11a8a8729f"  # FolderData
    scf_results: str = "a39dc158-fedd-4ea1-888d-d90ec6f86f35"  # Dict
    relax_final: str = "a67fba41-8a52-4c11-b7d6-9e30f8251c7d"  # CalcJobNode
    final_remote: str = "16b93b23-8629-4d83-9259-de2a947b43ed"  # RemoteData, an input of bands_run
    final_retrieved: str = "7d18e14a-2b83-4215-9c0d-8ed6c8cdceb0"  # FolderData
    final_structure: str = "df18f3dc-b8e1-4887-bdb0-7b26bf49a13a"  # StructureData, also returned by relax
    pick: str = "40a95aec-3da5-4dac-97bc-1fbc6970db99"  # WorkFunctionNode, returns salt
    bands_run: str = "de83b1c4-3f0a-4e96-8d2b-71a5c90f6e38"  # CalcJobNode
    bands_remote: str = "bd48e333-da8a-4b6f-8e1e-6aaa316852eb"  # RemoteData
    bands_retrieved: str = "9668d96f-58a5-4bfa-a978-bc2c079b64ec"  # FolderData
    bands_result: str = "e83fa1d3-7662-427e-b8db-0565ef0cfd64"  # BandsData
    # Other processes
    rescale: str = "68d2ed6c-6f51-4546-8d10-7fe063525ab8"  # CalcFunctionNode of Zoë
    rescaled: str = "7d84bc05-85ae-4c7e-9b98-d98c1c8ab226"  # StructureData
    inherit: str = "4f7b8726-e0b1-415f-b663-6590c3c778bd"  # WorkFunctionNode as old databases have it
    inherited: str = "406bf5e5-030e-43a1-b990-d51abc60586a"  # Dict, both created and returned by inherit
    failed: str = "9fbcc1ce-17c7-4dfd-9bc7-fd77a667efc0"  # CalcJobNode, finished with exit status 305
    failed_retrieved: str = "c7aca58a-87a7-40e4-b878-7f4895459c67"  # FolderData, empty
    killed: str = "617c665c-5fdf-4b46-be67-91ca4f5792de"  # CalcJobNode
    excepted: str = "10f3b8a2-c973-4730-b85c-66afae6d9f3d"  # WorkChainNode
    waiting: str = "6033b2d8-a1ca-4bb0-ba35-cb94042b5728"  # CalcJobNode, with its scheduler
    running: str = "680ba6fb-e6a8-48e7-a984-09dfa059a6ad"  # WorkChainNode
    created: str = "8477d519-aa93-4beb-b8bf-4d17dfd1a5ac"  # CalcJobNode, no computer


@dataclass(frozen=True)
class Computers:
    """The uuid of every computer, in the order of their ids; `enabled` is what API v2 shows."""

    localhost: str = "17016221-5bf1-4414-bbc5-5f1eff1c84ee"  # core.direct, enabled
    daint: str = "9b5c84bb-4575-4fbe-b18c-b23fc30ec55e"  # core.slurm, transport_params, enabled
    fidis: str = "5d490d77-638d-4d4b-8288-722f930783c8"  # core.slurm, disabled for one user: enabled
    deneb: str = "7a0c3ff9-1caf-405c-8e89-2369cf91b634"  # core.pbspro, disabled for both users: disabled
    orphan: str = "e87216a9-de00-46b3-9274-0dd6852d0b84"  # core.slurm, without authinfo: enabled


@dataclass(frozen=True)
class Groups:
    """The uuid of every group, in the order of their ids."""

    favourites: str = "c4e22134-495d-4779-9259-6192fcaec510"  # core, label favourites/Ada's
    automatic: str = "10cf3894-6657-4803-b044-afbca1636e68"  # core.auto
    imported: str = "90cfbc7d-3e3f-4916-b8d7-c6f660797e24"  # core.import
    pseudos: str = "a6e5b6c6-9d47-445b-bfea-024cf8333c55"  # core.upf, label pseudos
    namesake: str = "de159a05-c1ee-4f7f-bf97-a3913aae476a"  # core, label pseudos too
    empty: str = "2a291fd5-a793-4fb6-991b-77d1ee594805"  # core, no nodes
    gunther: str = "7c0e0744-8549-4eea-b1b8-e7207c18de32"  # core, owned by Günther


@dataclass(frozen=True)
class Users:
    """The id of every user."""

    aiida: int = 1  # AiiDA Daemon, the default user
    gunther: int = 2  # Günther Müßig
    nameless: int = 3  # all names empty
    zoe: int = 4  # Zoë adams, lower case


@dataclass(frozen=True)
class Comments:
    """The uuid of every comment, in the order of their ids."""

    relax: str = "fcb2055e-764a-4404-978b-545b4fa02728"
    relax_reply: str = "a081beed-31a4-456a-a34b-e920081f549f"  # by Günther
    silicon: str = "4846fbfa-32c9-46d9-a6b8-0e7f627b013f"  # by Günther


@dataclass(frozen=True)
class Logs:
    """The uuid of every log entry, in the order of their ids."""

    relax: str = "e4616cb0-00a1-40e3-8543-53c93f6cfc0f"  # REPORT
    failed: str = "08b9b2db-a6e2-4913-8c6c-e1217a44f9f4"  # WARNING
    failed_later: str = "5012deb3-8d06-4d43-8279-e00873d9eb7d"  # ERROR
    excepted: str = "aba52ad4-e18a-4c47-9e97-cd7894cf736c"  # ERROR, several lines


graph = Graph()
computers = Computers()
groups = Groups()
users = Users()
comments = Comments()
logs = Logs()

ids: Mapping[str, int] = {
    uuid: id_ for names in (graph, computers, groups, comments, logs) for id_, uuid in enumerate(astuple(names), 1)
}
"""The id of everything that has a uuid."""

FIRST_CTIME = datetime(2016, 5, 1, 12, tzinfo=timezone.utc)
CTIMES: Mapping[str, str] = {
    graph.before_midnight: "2016-04-22T23:59:59.999999+00:00",
    graph.midnight: "2016-04-23T00:00:00+00:00",
    graph.kathmandu: "2016-04-23T05:45:00+03:45",
    graph.after_kathmandu: "2016-04-23T05:45:00.000001+03:45",
    graph.second_early: "2016-04-23T05:45:00.000001+00:00",
    graph.second_late: "2016-04-23T05:45:00.999999+00:00",
}
"""The ctimes that are not a whole hour."""

FILES: Mapping[str, bytes] = {
    "README.txt": b"The golden folder\n",
    "a b+c.txt": b"a blank and a plus\n",
    "binary.dat": bytes(range(256)),
    "deep/er/est.txt": b"three levels down\n",
    "deep/twin.txt": b"three levels down\n",
    "empty": b"",
    "large.txt": b"".join(b"%07d\n" % line for line in range(40_000)),
    "Ünï/çödé ☃.txt": "grüezi ☃\n".encode(),
}
"""The files of `graph.folder`; beside them it has an empty folder, `hollow`."""


def ctime_of(uuid: str) -> datetime:
    """When a node was created: an hour after the one before it, unless CTIMES says otherwise."""
    if uuid in CTIMES:
        return datetime.fromisoformat(CTIMES[uuid]).astimezone(timezone.utc)
    return FIRST_CTIME + timedelta(hours=ids[uuid])


def mtime_of(uuid: str) -> datetime:
    return ctime_of(uuid) + timedelta(minutes=1)


ODDITIES: Mapping[str, Any] = {
    "unicode": "Ångström 原子 ☃ 𝄞",
    "größe": 1,
    "large": 2**60,
    "tiny": -1e-30,
    "whole": 30.0,
    "exponent": 1e16,
    "null": None,
    "yes": True,
    "no": False,
    "a|b": "a bar in the key",
    'say "hi"': "quotes in the key",
    "it's": "an apostrophe in the key",
    "back\\slash": "a backslash in the key",
    "keys": {"a.b": "a dot in the key, which AiiDA forbids at the top", "": "an empty key"},
    "a": {"b": "nested", "list": [1, [2, {"c": 3}], "x"], "empty": {}, "none": []},
    "percent": "100%",
    "newline": "two\nlines",
}

SCRIPT: Mapping[str, bytes] = {"run.sh": b"#!/bin/sh\n. lib/common.sh\n", "lib/common.sh": b"set -e\n"}

SUBMITTED: Mapping[str, bytes] = {
    ".aiida/calcinfo.json": json.dumps({"codes_info": [{"stdout_name": "aiida.out"}]}).encode(),
    ".aiida/job_tmpl.json": json.dumps({"job_name": "aiida", "num_machines": 1}).encode(),
    "_aiidasubmit.sh": b"#!/bin/bash\nsrun pw.x -in aiida.in > aiida.out\n",
    "aiida.in": b"&CONTROL\n  calculation = 'vc-relax'\n/\n",
}
"""The files of a calculation job itself: its inputs."""

RETRIEVED: Mapping[str, bytes] = {
    "_scheduler-stderr.txt": b"",
    "_scheduler-stdout.txt": b"slurm: done\n",
    "aiida.out": b"!    total energy              =     -22.8 Ry\n" * 40,
    "out/data file.xml": b"<xml/>\n",
}
"""The files that came back from a calculation job: those of its output `retrieved`."""
