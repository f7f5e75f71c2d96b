"""Checks of a run's request, as far as they need no database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiida_like_engine.catalogue import Catalogue
from aiida_like_engine.errors import Invalid
from aiida_like_engine.limits import Limits
from aiida_like_engine.protocol import FILE_TYPES, RunRequest, Step

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
        Invalid: a value of it cannot be used; the error names the field.
    """
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        raise Invalid("a request is an object with steps", "steps")
    for number, step in enumerate(value["steps"]):
        _types(step, f"steps.{number}")
    for key in ("label", "description"):
        if not isinstance(value.get(key, ""), str):
            raise Invalid("it has to be a text", key)
    request = RunRequest.from_json({"label": "", **value})
    _text(request.label, "label", LONGEST_NAME)
    _text(request.description, "description")
    if not 1 <= len(request.steps) <= MOST_STEPS:
        raise Invalid(f"a job has 1 to {MOST_STEPS} steps", "steps")
    if sum(len(each.inputs) for each in request.steps) > limits.job_inputs:
        raise Invalid(f"a job has {limits.job_inputs} inputs at most, all its steps together", "steps")
    for number, each in enumerate(request.steps):
        _check(each, f"steps.{number}", catalogue, limits, cores)
    return request


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


def _types(step: Any, place: str) -> None:
    _of_types(step, _STEP_TYPES, place, ("analysis", "version", "command"))
    for number, each in enumerate(step.get("inputs", ())):
        _of_types(each, _INPUT_TYPES, f"{place}.inputs.{number}", ("file", "name"))


def _of_types(
    value: Any, types: Mapping[str, tuple[tuple[type, ...], str]], place: str, required: tuple[str, ...]
) -> None:
    if not isinstance(value, dict):
        raise Invalid("it has to be an object", place)
    for key in required:
        if key not in value:
            raise Invalid("it is required", f"{place}.{key}")
    for key, (allowed, words) in types.items():
        given = value.get(key, value)
        if given is not value and (not isinstance(given, allowed) or (type(given) is bool and bool not in allowed)):
            raise Invalid(f"it has to be {words}", f"{place}.{key}")


def _check(step: Step, place: str, catalogue: Catalogue, limits: Limits, cores: int) -> None:
    try:
        catalogue.version(step.analysis, step.version)
    except Invalid as error:
        raise Invalid(str(error), f"{place}.analysis") from None
    for name in ("command", "pre", "post"):
        _text(getattr(step, name) or "", f"{place}.{name}")
    for name, value in (step.environment or {}).items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise Invalid(f"{name!r} is no name of a variable: letters, digits and _", f"{place}.environment")
        if not isinstance(value, str):
            raise Invalid(f"the value of {name} has to be a text", f"{place}.environment")
        _text(value, f"{place}.environment")
    if not 1 <= step.cores <= cores:
        raise Invalid(f"{step.cores} cores were asked for; there are 1 to {cores}", f"{place}.cores")
    if step.wall_seconds is not None and not 1 <= step.wall_seconds <= limits.wall_seconds:
        raise Invalid(f"the wall time has to be 1 to {limits.wall_seconds} s", f"{place}.wall_seconds")
    if len(step.inputs) > MOST_INPUTS:
        raise Invalid(f"a step has {MOST_INPUTS} inputs at most", f"{place}.inputs")
    for number, each in enumerate(step.inputs):
        check_name(each.name, f"{place}.inputs.{number}.name")


def _text(text: str, place: str, longest: int = LONGEST_TEXT) -> None:
    if "\0" in text:
        raise Invalid("it may hold no character 0", place)
    if len(text.encode("utf-8", "surrogatepass")) > longest:
        raise Invalid(f"it may have {longest} bytes at most", place)
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise Invalid("it is no text: it holds half a character", place)


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
    if not name or name in (".", "..") or "/" in name:
        raise Invalid(f"{name!r} is no name of a file", place)
    _text(name, place, LONGEST_NAME)
