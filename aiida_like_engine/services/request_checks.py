"""Checks of a run's request, as far as they need no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aiida_like_engine.errors import Invalid, check_all
from aiida_like_engine.protocol import FILE_TYPES, RunRequest, Step
from aiida_like_engine.root.catalogue import Catalogue
from aiida_like_engine.root.settings import Limits

MOST_STEPS = 50
MOST_INPUTS = 1000
MOST_OF_JOB = 10_000
"""Files that are named to be deleted with a job."""
LONGEST_TEXT = 1_000_000
LONGEST_NAME = 255
"""Bytes: what file systems take."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_request(value: Any, catalogue: Catalogue, limits: Limits, cores: int) -> RunRequest:
    """The request that JSON says. `cores` are those of the machine that jobs may have.

    Raises:
        Invalid: values of it cannot be used; the error names the fields of all of them.
    """
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        raise Invalid("a request is an object with steps", "steps")
    check_all(_wrong_types(value))
    request = RunRequest.from_json({"label": "", **value})
    check_all(_wrong_values(request, catalogue, limits, cores))
    return request


def _wrong_types(value: Mapping[str, Any]) -> Iterator[Invalid]:
    for number, step in enumerate(value["steps"]):
        yield from _wrong_types_of_step(step, f"steps.{number}")
    for key in ("label", "description"):
        if not isinstance(value.get(key, ""), str):
            yield Invalid("it has to be a text", key)


def _wrong_values(request: RunRequest, catalogue: Catalogue, limits: Limits, cores: int) -> Iterator[Invalid]:
    yield from _wrong_text(request.label, "label", LONGEST_NAME)
    yield from _wrong_text(request.description, "description")
    if not 1 <= len(request.steps) <= MOST_STEPS:
        yield Invalid(f"a job has 1 to {MOST_STEPS} steps", "steps")
    if sum(len(each.inputs) for each in request.steps) > limits.job_inputs:
        yield Invalid(f"a job has {limits.job_inputs} inputs at most, all its steps together", "steps")
    for number, each in enumerate(request.steps):
        yield from _wrong_values_of_step(each, f"steps.{number}", catalogue, limits, cores)


_STEP_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "analysis": ((str,), "a text"),
    "version": ((str,), "a text"),
    "command": ((str,), "a text"),
    "pre": ((str, type(None)), "a text or null"),
    "post": ((str, type(None)), "a text or null"),
    "environment": ((dict, type(None)), "an object or null"),
    "cores": ((int,), "a whole number"),
    "wall_seconds": ((int, type(None)), "a whole number or null"),
    "inputs": ((list, tuple), "a list"),
}
_INPUT_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "file": ((str,), "a text"),
    "name": ((str,), "a text"),
    "unpack": ((bool,), "true or false"),
}


def _wrong_types_of_step(step: Any, place: str) -> Iterator[Invalid]:
    yield from _of_other_types(step, _STEP_TYPES, place, ("analysis", "version", "command"))
    inputs = step.get("inputs", ()) if isinstance(step, dict) else ()
    for number, each in enumerate(inputs if isinstance(inputs, list | tuple) else ()):
        yield from _of_other_types(each, _INPUT_TYPES, f"{place}.inputs.{number}", ("file", "name"))


def _of_other_types(
    value: Any, types: Mapping[str, tuple[tuple[type, ...], str]], place: str, required: tuple[str, ...]
) -> Iterator[Invalid]:
    if not isinstance(value, dict):
        yield Invalid("it has to be an object", place)
        return
    for key in required:
        if key not in value:
            yield Invalid("it is required", f"{place}.{key}")
    for key, (allowed, words) in types.items():
        given = value.get(key, value)
        if given is not value and (not isinstance(given, allowed) or (type(given) is bool and bool not in allowed)):
            yield Invalid(f"it has to be {words}", f"{place}.{key}")


def _wrong_values_of_step(
    step: Step, place: str, catalogue: Catalogue, limits: Limits, cores: int
) -> Iterator[Invalid]:
    try:
        catalogue.version(step.analysis, step.version)
    except Invalid as error:
        yield Invalid(str(error), f"{place}.analysis")
    for name in ("command", "pre", "post"):
        yield from _wrong_text(getattr(step, name) or "", f"{place}.{name}")
    for name, value in (step.environment or {}).items():
        yield from _wrong_variable(name, value, f"{place}.environment")
    if not 1 <= step.cores <= cores:
        yield Invalid(f"{step.cores} cores were asked for; there are 1 to {cores}", f"{place}.cores")
    if step.wall_seconds is not None and not 1 <= step.wall_seconds <= limits.wall_seconds:
        yield Invalid(f"the wall time has to be 1 to {limits.wall_seconds} s", f"{place}.wall_seconds")
    if len(step.inputs) > MOST_INPUTS:
        yield Invalid(f"a step has {MOST_INPUTS} inputs at most", f"{place}.inputs")
    for number, each in enumerate(step.inputs):
        yield from _wrong_name(each.name, f"{place}.inputs.{number}.name")


def _wrong_variable(name: Any, value: Any, place: str) -> Iterator[Invalid]:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        yield Invalid(f"{name!r} is no name of a variable: letters, digits and _", place)
    elif not isinstance(value, str):
        yield Invalid(f"the value of {name} has to be a text", place)
    else:
        yield from _wrong_text(value, place)


def _wrong_text(text: str, place: str, longest: int = LONGEST_TEXT) -> Iterator[Invalid]:
    if "\0" in text:
        yield Invalid("it may hold no character 0", place)
    elif len(text.encode("utf-8", "surrogatepass")) > longest:
        yield Invalid(f"it may have {longest} bytes at most", place)
    elif any("\ud800" <= each <= "\udfff" for each in text):
        yield Invalid("it is no text: it holds half a character", place)


def check_type(type_id: int, place: str) -> None:
    """Make sure that a number is a type of files.

    Raises:
        Invalid: it is none.
    """
    if type_id not in FILE_TYPES:
        raise Invalid(f"{type_id} is no type of files: {', '.join(map(str, FILE_TYPES))}", place)


def check_name(name: str, place: str) -> None:
    """Make sure that a text can name a file in a folder.

    Raises:
        Invalid: it cannot.
    """
    check_all(_wrong_name(name, place))


def _wrong_name(name: str, place: str) -> Iterator[Invalid]:
    if not name or name in (".", "..") or "/" in name:
        yield Invalid(f"{name!r} is no name of a file", place)
    else:
        yield from _wrong_text(name, place, LONGEST_NAME)
