"""Documents of jobs: what is taken, what is stored of it, what is refused in which words, and what is run."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aiida_like_engine.protocol import RunRequest, Step, StepInput
from aiida_like_engine.root.catalogue import Catalogue, Coretype, read_catalogue
from restapi.dialects.jobs.checks import REQUIRED, Invalid, merged, tried
from restapi.dialects.jobs.job_document import (
    HARDWARE,
    JOB,
    JOB_ANALYSIS,
    NOT_RUN,
    UsedFile,
    fitted,
    misfits,
    used_files,
)
from restapi.dialects.jobs.run_request import _OF_STEPS, clashes, in_words_of_jobs, run_request
from tests.jobs_catalogue import CATALOGUE


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path: Path = tmp_path_factory.mktemp("catalogue") / "analyses.toml"
    path.write_text(CATALOGUE)
    return read_catalogue(path)


ANALYSIS: dict[str, Any] = {
    "analysis": {"code": "openfoam", "version": "2.3.0-openmpi"},
    "command": "./airFoil2D/Allrun",
    "hardware": {"coresPerSlot": 1, "coreType": "standard-plus"},
    "inputFiles": [{"id": "XkpTse"}],
}
JOB_SENT: dict[str, Any] = {"name": "Basic Job", "jobanalyses": [ANALYSIS]}

STORED_ANALYSIS = {
    "analysis": {"code": "openfoam", "version": "2.3.0-openmpi"},
    "command": "./airFoil2D/Allrun",
    "hardware": {"coresPerSlot": 1, "coreType": "standard-plus", "slots": 1, "walltime": None},
    "inputFiles": [{"id": "XkpTse", "decompress": True}],
    "envVars": None,
    "useMpi": False,
    "flags": {},
    "preProcessScript": None,
    "preProcessScriptCommand": "",
    "postProcessScript": None,
    "postProcessScriptCommand": "",
    "useRescaleLicense": False,
    "templateTasks": (),
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The job with another value at a dotted path; REQUIRED takes it away."""
    made: Any = copy.deepcopy(JOB_SENT)
    *above, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    found = made
    for part in above:
        found = found[part]
    if value is REQUIRED:
        del found[last]
    else:
        found[last] = value
    return dict(made)


def test_what_is_stored() -> None:
    assert JOB.of(JOB_SENT) == {"name": "Basic Job", "jobanalyses": [STORED_ANALYSIS], **NOT_RUN}


FIRST = "jobanalyses.0"

GIVEN_BACK = [
    ("projectId", "abc", "abc"),
    (f"{FIRST}.userDefinedLicenseSettings", {"featureSets": []}, {"featureSets": []}),
    (f"{FIRST}.hardware.cores", 1, 1),
    (f"{FIRST}.hardware.walltime", 48, 48),
    (f"{FIRST}.hardware.walltime", "0.5", 0.5),
    (f"{FIRST}.hardware.coresPerSlot", "2", 2),
    (f"{FIRST}.hardware.slots", 3.0, 3),
    (f"{FIRST}.useMpi", "true", True),
    (f"{FIRST}.useMpi", 0, False),
    (f"{FIRST}.envVars", {"OMP_NUM_THREADS": 4}, {"OMP_NUM_THREADS": "4"}),
    (f"{FIRST}.command", 5, "5"),
    ("optimizer", {"name": "x"}, {"name": "x"}),
    ("isLowPriority", True, True),
    ("jobvariables", [{"name": "x", "variableType": "int"}], [{"name": "x", "variableType": "int"}]),
]


@pytest.mark.parametrize(("path", "sent", "stored"), GIVEN_BACK, ids=lambda each: str(each)[:30])
def test_what_is_given_back(path: str, sent: Any, stored: Any) -> None:
    found: Any = JOB.of(changed(path, sent))
    for part in path.split("."):
        found = found[int(part) if part.isdecimal() else part]
    assert found == stored
    assert type(found) is type(stored)


LEFT_OUT = [
    ("id", "QTVia"),
    ("owner", "demouser@example.com"),
    (f"{FIRST}.hardware.coreSummary", {"numberOfNodes": 1}),
    (f"{FIRST}.analysis.name", "OpenFOAM"),
    (f"{FIRST}.inputFiles.0.downloadUrl", "https://example.com"),
]


@pytest.mark.parametrize(("path", "sent"), LEFT_OUT, ids=lambda each: str(each)[:40])
def test_what_was_shown_may_be_sent_back(path: str, sent: Any) -> None:
    assert JOB.of(changed(path, sent)) == JOB.of(JOB_SENT)


REQUIRED_TEXT, NULL, BLANK = "This field is required.", "This field may not be null.", "This field may not be blank."

REFUSED: list[tuple[str, Any, Any]] = [
    ("name", REQUIRED, {"name": [REQUIRED_TEXT]}),
    ("name", None, {"name": [NULL]}),
    ("name", " ", {"name": [BLANK]}),
    ("name", ["a"], {"name": ["Not a valid string."]}),
    ("name", True, {"name": ["Not a valid string."]}),
    ("name", "a\0b", {"name": ["Null characters are not allowed."]}),
    ("name", "a" * 256, {"name": ["Ensure this field has no more than 255 characters."]}),
    ("jobanalyses", REQUIRED, {"jobanalyses": [REQUIRED_TEXT]}),
    ("jobanalyses", [], {"jobanalyses": {"non_field_errors": ["This list may not be empty."]}}),
    (
        "jobanalyses",
        {},
        {"jobanalyses": {"non_field_errors": ['Expected a list of items but got type "dict".']}},
    ),
    (
        "jobanalyses",
        ["a"],
        {"jobanalyses": [{"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}]},
    ),
    (
        "jobanalyses",
        [ANALYSIS] * 51,
        {"jobanalyses": {"non_field_errors": ["Ensure this field has no more than 50 elements."]}},
    ),
    ("jobanalyses", [ANALYSIS, {**ANALYSIS, "command": ""}], {"jobanalyses": [{}, {"command": [BLANK]}]}),
    (f"{FIRST}.analysis", REQUIRED, {"jobanalyses": [{"analysis": [REQUIRED_TEXT]}]}),
    (f"{FIRST}.analysis.code", REQUIRED, {"jobanalyses": [{"analysis": {"code": [REQUIRED_TEXT]}}]}),
    (
        f"{FIRST}.hardware.coresPerSlot",
        "many",
        {"jobanalyses": [{"hardware": {"coresPerSlot": ["A valid integer is required."]}}]},
    ),
    (
        f"{FIRST}.hardware.coresPerSlot",
        1.5,
        {"jobanalyses": [{"hardware": {"coresPerSlot": ["A valid integer is required."]}}]},
    ),
    (
        f"{FIRST}.hardware.coresPerSlot",
        0,
        {"jobanalyses": [{"hardware": {"coresPerSlot": ["Ensure this value is greater than or equal to 1."]}}]},
    ),
    (
        f"{FIRST}.hardware.slots",
        2**31,
        {"jobanalyses": [{"hardware": {"slots": ["Ensure this value is less than or equal to 2147483647."]}}]},
    ),
    (
        f"{FIRST}.hardware.walltime",
        0,
        {"jobanalyses": [{"hardware": {"walltime": ["Ensure this value is greater than 0."]}}]},
    ),
    (
        f"{FIRST}.hardware.walltime",
        "Infinity",
        {"jobanalyses": [{"hardware": {"walltime": ["A valid number is required."]}}]},
    ),
    (
        f"{FIRST}.hardware.walltime",
        1e9,
        {"jobanalyses": [{"hardware": {"walltime": ["Ensure this value is less than or equal to 8784."]}}]},
    ),
    (f"{FIRST}.useMpi", "perhaps", {"jobanalyses": [{"useMpi": ["Must be a valid boolean."]}]}),
    (
        f"{FIRST}.envVars",
        [],
        {"jobanalyses": [{"envVars": ['Expected a dictionary of items but got type "list".']}]},
    ),
    (
        f"{FIRST}.envVars",
        {"A B": "x", "C": [], "D": ""},
        {
            "jobanalyses": [
                {
                    "envVars": {
                        "A B": ["A name is a letter or _, then letters, digits and _."],
                        "C": ["Not a valid string."],
                    }
                }
            ]
        },
    ),
    (
        f"{FIRST}.envVars",
        {f"A{number}": "x" for number in range(501)},
        {"jobanalyses": [{"envVars": ["Ensure this field has no more than 500 items."]}]},
    ),
    (f"{FIRST}.inputFiles", [{}], {"jobanalyses": [{"inputFiles": [{"id": [REQUIRED_TEXT]}]}]}),
]


@pytest.mark.parametrize(("path", "value", "problems"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_is_refused(path: str, value: Any, problems: Any) -> None:
    with pytest.raises(Invalid) as raised:
        JOB.of(changed(path, value))
    assert raised.value.problems == problems


def test_a_body_that_is_no_object() -> None:
    with pytest.raises(Invalid) as raised:
        JOB.of([])
    assert raised.value.problems == {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}


def test_changes_are_those_sent() -> None:
    assert JOB.changes({"name": "Other", "projectId": None}) == {"name": "Other", "projectId": None}


def test_the_schema_takes_what_is_taken() -> None:
    """What OpenAPI says of the body holds for the examples, and not for what lacks something."""
    validator = Draft202012Validator(JOB.schema)
    assert list(validator.iter_errors(JOB_SENT)) == []
    assert not validator.is_valid({"name": "Basic Job"})
    assert not validator.is_valid(changed(f"{FIRST}.hardware.coresPerSlot", 0))


def test_files_that_are_used() -> None:
    document = JOB.of(changed(f"{FIRST}.preProcessScript", {"id": "before"}))
    assert list(used_files(document)) == [
        UsedFile(0, "inputFiles", 0, "XkpTse"),
        UsedFile(0, "preProcessScript", None, "before"),
    ]


@pytest.mark.parametrize(
    ("version", "stored"),
    [(REQUIRED, "2.3.0-openmpi"), (None, "2.3.0-openmpi"), ("2.2.2", "2.2.2"), ("2.2.2-openmpi", "2.2.2-openmpi")],
)
def test_versions(catalogue: Catalogue, version: Any, stored: str) -> None:
    """The newest, if none is named; a version is named by its code, or by the name that people see."""
    document = fitted(JOB.of(changed(f"{FIRST}.analysis.version", version)), catalogue, {"XkpTse"})
    assert document["jobanalyses"][0]["analysis"] == {"code": "openfoam", "version": stored}


NOT_OFFERED = [
    (
        f"{FIRST}.analysis.code",
        "fluent",
        {"analysis": {"code": ['"fluent" is not a valid choice. There are: openfoam, shell.']}},
    ),
    (
        f"{FIRST}.analysis.version",
        "9",
        {"analysis": {"version": ['"9" is not a valid choice. There are: 2.2.2-openmpi, 2.3.0-openmpi.']}},
    ),
    (
        f"{FIRST}.hardware.coreType",
        "onyx",
        {"hardware": {"coreType": ['"onyx" is not a valid choice. There are: standard-plus.']}},
    ),
    (
        f"{FIRST}.hardware.coresPerSlot",
        5,
        {"hardware": {"coresPerSlot": ["Ensure this value is less than or equal to 4."]}},
    ),
    (
        f"{FIRST}.inputFiles",
        [{"id": "XkpTse"}, {"id": "other"}],
        {"inputFiles": [{}, {"id": ['Invalid pk "other" - object does not exist.']}]},
    ),
    (
        f"{FIRST}.postProcessScript",
        {"id": "other"},
        {"postProcessScript": {"id": ['Invalid pk "other" - object does not exist.']}},
    ),
]


@pytest.mark.parametrize(("path", "value", "problems"), NOT_OFFERED, ids=lambda each: str(each)[:40])
def test_what_is_not_offered(catalogue: Catalogue, path: str, value: Any, problems: Any) -> None:
    with pytest.raises(Invalid) as raised:
        fitted(JOB.of(changed(path, value)), catalogue, {"XkpTse"})
    assert raised.value.problems == {"jobanalyses": [problems]}


NAMES = {"XkpTse": "airfoil2d.zip", "script": "it's.sh", "again": "airfoil2d.zip"}

STEP = Step(
    analysis="openfoam",
    version="2.3.0-openmpi",
    command="./airFoil2D/Allrun",
    environment={},
    cores=1,
    inputs=(StepInput("XkpTse", "airfoil2d.zip", unpack=True),),
)

REQUESTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("name", "Basic Job", {}),
    (f"{FIRST}.analysis.version", "2.2.2", {"version": "2.2.2-openmpi"}),
    (f"{FIRST}.hardware.coresPerSlot", 4, {"cores": 4}),
    (f"{FIRST}.hardware.walltime", 48, {"wall_seconds": 172_800}),
    (f"{FIRST}.hardware.walltime", 0.0001, {"wall_seconds": 1}),
    (f"{FIRST}.envVars", {"A": "ü $x"}, {"environment": {"A": "ü $x"}}),
    (f"{FIRST}.inputFiles", [{"id": "XkpTse"}, {"id": "XkpTse"}], {}),
    (
        f"{FIRST}.inputFiles.0.decompress",
        False,
        {"inputs": (StepInput("XkpTse", "airfoil2d.zip", unpack=False),)},
    ),
    (f"{FIRST}.preProcessScriptCommand", "make", {"pre": "make"}),
    (
        f"{FIRST}.postProcessScript",
        {"id": "script"},
        {"post": """bash './it'"'"'s.sh'""", "inputs": (*STEP.inputs, StepInput("script", "it's.sh"))},
    ),
]


@pytest.mark.parametrize(("path", "value", "differs"), REQUESTS, ids=lambda each: str(each)[:40])
def test_what_is_run(catalogue: Catalogue, path: str, value: Any, differs: dict[str, Any]) -> None:
    document = fitted(JOB.of(changed(path, value)), catalogue, NAMES)
    step = Step(**{**vars(STEP), **differs})
    assert run_request(document, catalogue, NAMES) == RunRequest("Basic Job", "", (step,))


def test_analyses_run_one_after_the_other(catalogue: Catalogue) -> None:
    second = {**ANALYSIS, "command": "second", "inputFiles": []}
    document = fitted(JOB.of({**JOB_SENT, "jobanalyses": [ANALYSIS, second]}), catalogue, NAMES)
    assert [step.command for step in run_request(document, catalogue, NAMES).steps] == [STEP.command, "second"]


def test_two_files_of_one_name(catalogue: Catalogue) -> None:
    document = fitted(JOB.of(changed(f"{FIRST}.inputFiles", [{"id": "XkpTse"}, {"id": "again"}])), catalogue, NAMES)
    message = "Another file of this job is called airfoil2d.zip, too: rename one of them."
    assert clashes(document, NAMES) == {"jobanalyses": [{"inputFiles": [message]}]}
    assert clashes(JOB.of(JOB_SENT), NAMES) == {}


def test_a_machine_with_fewer_cores(catalogue: Catalogue) -> None:
    """What it does not have is not offered; at least what it has is."""
    offered = {most: catalogue.within(most).coretypes["standard-plus"].cores for most in (1, 2, 3, 4, 64)}
    assert offered == {1: (1,), 2: (1, 2), 3: (1, 2), 4: (1, 2, 4), 64: (1, 2, 4)}
    large = replace(catalogue, coretypes={"large": Coretype("large", cores=(8, 16))})
    assert large.within(4).coretypes["large"].cores == (4,)
    problems = misfits(JOB.of(changed(f"{FIRST}.hardware.coresPerSlot", 4)), catalogue.within(2), {"XkpTse"})
    message = "Ensure this value is less than or equal to 2."
    assert problems == {"jobanalyses": [{"hardware": {"coresPerSlot": [message]}}]}


MUCH_WRONG: dict[str, Any] = {
    "name": "",
    "jobanalyses": [
        {
            "analysis": {"code": "unknown"},
            "hardware": {"coreType": "no such", "coresPerSlot": 0, "walltime": -1},
            "inputFiles": [{"id": "gone"}, {}, 5, {"id": "XkpTse"}],
            "envVars": {"A B": "x"},
            "postProcessScript": {"id": "gone, too"},
        },
        7,
        {
            "analysis": {"code": "openfoam", "version": "9"},
            "command": "true",
            "hardware": {"coreType": "standard-plus", "coresPerSlot": 64},
        },
    ],
}


def test_all_that_is_wrong_is_told_at_once(catalogue: Catalogue) -> None:
    """What cannot be read, and of the rest what is not offered or not there."""
    checked = tried(JOB.of, MUCH_WRONG)
    no_choice = "is not a valid choice. There are:"
    assert merged(checked.problems, misfits(checked.value, catalogue, {"XkpTse"})) == {
        "name": [BLANK],
        "jobanalyses": [
            {
                "analysis": {"code": [f'"unknown" {no_choice} openfoam, shell.']},
                "command": [REQUIRED_TEXT],
                "hardware": {
                    "coreType": [f'"no such" {no_choice} standard-plus, onyx.'],
                    "coresPerSlot": ["Ensure this value is greater than or equal to 1."],
                    "walltime": ["Ensure this value is greater than 0."],
                },
                "inputFiles": [
                    {"id": ['Invalid pk "gone" - object does not exist.']},
                    {"id": [REQUIRED_TEXT]},
                    {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
                    {},
                ],
                "envVars": {"A B": ["A name is a letter or _, then letters, digits and _."]},
                "postProcessScript": {"id": ['Invalid pk "gone, too" - object does not exist.']},
            },
            {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
            {
                "analysis": {"version": [f'"9" {no_choice} 2.2.2-openmpi, 2.3.0-openmpi.']},
                "hardware": {"coresPerSlot": ["Ensure this value is less than or equal to 4."]},
            },
        ],
    }


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({}, {"a": ["x"]}, {"a": ["x"]}),
        ({"a": ["x"]}, {"a": ["y"], "b": ["z"]}, {"a": ["x"], "b": ["z"]}),
        ([{}, {"a": ["x"]}], [{"b": ["y"]}, {}], [{"b": ["y"]}, {"a": ["x"]}]),
        ({"a": {"non_field_errors": ["x"]}}, {"a": [{"b": ["y"]}]}, {"a": {"non_field_errors": ["x"]}}),
        ([{"a": ["x"]}], [{}, {}], [{"a": ["x"]}]),
    ],
)
def test_problems_of_one_value(one: Any, other: Any, both: Any) -> None:
    assert merged(one, other) == both


OF_ENGINE = [
    ("label", {"name": ["no"]}),
    ("steps.1.cores", {"jobanalyses": [{}, {"hardware": {"coresPerSlot": ["no"]}}]}),
    ("steps.0.environment.A B", {"jobanalyses": [{"envVars": ["no"]}, {}]}),
    ("steps.0.inputs.3.name", {"jobanalyses": [{"inputFiles": ["no"]}, {}]}),
    ("steps.2.cores", None),
    ("steps", {"jobanalyses": ["no"]}),
    ("other", None),
    ("", None),
]


@pytest.mark.parametrize(("field", "problems"), OF_ENGINE)
def test_what_the_engine_refuses(field: str, problems: Any) -> None:
    """It is told of the part of the job that it comes from."""
    assert in_words_of_jobs(field, "no", 2) == problems


def test_each_part_of_a_step_comes_from_somewhere() -> None:
    assert _OF_STEPS.keys() == {each.name for each in fields(Step)}


KEYS = sorted({*JOB.fields, *JOB_ANALYSIS.fields, *HARDWARE.fields, "id", "code", "version", "decompress", "x"})

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1", "true", "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@given(path=st.sampled_from([path for path, *_ in [*REFUSED, *GIVEN_BACK]]), value=ANY_JSON)
def test_whatever_is_sent(catalogue: Catalogue, path: str, value: Any) -> None:
    """It is refused with problems that can be told, or stored; and what was stored can be sent again."""

    def carried_through(sent: Any) -> RunRequest:
        stored = JOB.of(sent)
        again = json.loads(json.dumps(stored))
        assert JOB.of(again) == again
        return run_request(fitted(stored, catalogue, NAMES), catalogue, NAMES)

    checked = tried(JOB.of, changed(path, value))
    misfitting = misfits(checked.value or {}, catalogue, NAMES)  # whatever is left of it
    assert json.loads(json.dumps(merged(checked.problems, misfitting))) == merged(checked.problems, misfitting)
    request, problems = tried(carried_through, changed(path, value))
    assert isinstance(request, RunRequest) != bool(problems)
    assert json.loads(json.dumps(problems)) == problems
