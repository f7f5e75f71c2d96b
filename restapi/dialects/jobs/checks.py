"""Checks of what a client sends as JSON, by tables of fields; what is wrong is told as Django REST framework tells it.

    VALUE -> the value as it is stored, or Invalid with problems that are nested like the value

A check knows the JSON Schema of what it takes, so the tables describe the bodies of requests, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import isfinite
from typing import Any, NamedTuple, Protocol

from restapi.openapi.schema import ANYTHING, BOOLEAN, INTEGER, NUMBER, Schema, array, or_null

Problems = list[Any] | dict[str, Any]
"""Messages in a list, or problems of parts: by key, or as many as a list has items, each empty if nothing is wrong."""

OF_ALL = "non_field_errors"
"""The key of problems of an object or a list as a whole."""


class _NoDefault(Enum):
    REQUIRED = "required"


REQUIRED = _NoDefault.REQUIRED
"""In place of a default: the field has to be sent."""

_TRUE, _FALSE = {"true", "1", "yes", "on", "t", "y"}, {"false", "0", "no", "off", "f", "n"}


class Invalid(Exception):
    """`problems` are for the client. `rest` is the value without what is wrong with it; None: nothing is left."""

    def __init__(self, problems: Problems, rest: Any = None) -> None:
        self.problems = problems
        self.rest = rest
        super().__init__(str(problems))


class Check(Protocol):
    @property
    def schema(self) -> Schema: ...

    def of(self, value: Any) -> Any:
        """The value as it is stored. Raises Invalid."""


class Tried(NamedTuple):
    """A value as it is stored, or what is wrong with it and what it is without that."""

    value: Any
    problems: Problems


def tried(check: Callable[[Any], Any], value: Any) -> Tried:
    try:
        return Tried(check(value), [])
    except Invalid as error:
        return Tried(error.rest, error.problems)


def merged(one: Problems, other: Problems) -> Problems:
    """Problems of one value that were found twice, part by part; where both speak of the same part, those of `one`."""
    if not (one and other):
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}
    if all(isinstance(each, dict) for each in (*one, *other)) and len(one) == len(other):
        return [merged(*each) for each in zip(one, other, strict=True)]
    return one


@dataclass(frozen=True)
class Anything:
    schema: Schema = field(default_factory=lambda: ANYTHING)

    def of(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Text:
    """`most`: characters."""

    most: int = 255
    may_be_blank: bool = False

    @property
    def schema(self) -> Schema:
        return {"type": "string", "maxLength": self.most} | ({} if self.may_be_blank else {"minLength": 1})

    def of(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Invalid(["Not a valid string."])
        text = str(value)
        if not self.may_be_blank and not text.strip():
            raise Invalid(["This field may not be blank."])
        if "\0" in text:
            raise Invalid(["Null characters are not allowed."])
        if len(text) > self.most:
            raise Invalid([f"Ensure this field has no more than {self.most} characters."])
        return text


@dataclass(frozen=True)
class Integer:
    least: int | None = None
    most: int = 2**31 - 1

    @property
    def schema(self) -> Schema:
        return {**INTEGER, "maximum": self.most} | ({} if self.least is None else {"minimum": self.least})

    def of(self, value: Any) -> int:
        number = _number_of(value)
        if number is None or number != int(number):
            raise Invalid(["A valid integer is required."])
        if self.least is not None and number < self.least:
            raise Invalid([f"Ensure this value is greater than or equal to {self.least}."])
        if number > self.most:
            raise Invalid([f"Ensure this value is less than or equal to {self.most}."])
        return int(number)


@dataclass(frozen=True)
class Number:
    """A number above 0."""

    most: float

    @property
    def schema(self) -> Schema:
        return {**NUMBER, "exclusiveMinimum": 0, "maximum": self.most}

    def of(self, value: Any) -> float:
        number = _number_of(value)
        if number is None:
            raise Invalid(["A valid number is required."])
        if number <= 0:
            raise Invalid(["Ensure this value is greater than 0."])
        if number > self.most:
            raise Invalid([f"Ensure this value is less than or equal to {self.most:g}."])
        return number


def _number_of(value: Any) -> float | None:
    """The number that a value is or spells; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 100:  # noqa: PLR2004
        return None
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return number if isfinite(number) else None


@dataclass(frozen=True)
class Boolean:
    schema: Schema = field(default_factory=lambda: BOOLEAN)

    def of(self, value: Any) -> bool:
        spelled = str(value).lower() if isinstance(value, str | int) else ""
        if spelled not in _TRUE | _FALSE:
            raise Invalid(["Must be a valid boolean."])
        return spelled in _TRUE


@dataclass(frozen=True)
class Texts:
    """An object whose values are text; `is_key` says which keys it may have, `keys` in words."""

    is_key: Callable[[str], object]
    keys: str
    most: int
    value: Text

    @property
    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.value.schema, "maxProperties": self.most}

    def of(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Invalid([f'Expected a dictionary of items but got type "{type(value).__name__}".'])
        if len(value) > self.most:
            raise Invalid([f"Ensure this field has no more than {self.most} items."])
        found = {key: self._entry(key, each) for key, each in value.items()}
        problems = {key: each.problems for key, each in found.items() if each.problems}
        if problems:
            raise Invalid(problems)
        return {key: each.value for key, each in found.items()}

    def _entry(self, key: str, value: Any) -> Tried:
        return tried(self.value.of, value) if self.is_key(key) else Tried(None, [f"A name is {self.keys}."])


@dataclass(frozen=True)
class Array:
    items: Check
    most: int
    may_be_empty: bool = True

    @property
    def schema(self) -> Schema:
        least = {} if self.may_be_empty else {"minItems": 1}
        return {**array(self.items.schema), "maxItems": self.most, **least}

    def of(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Invalid({OF_ALL: [f'Expected a list of items but got type "{type(value).__name__}".']})
        if not value and not self.may_be_empty:
            raise Invalid({OF_ALL: ["This list may not be empty."]})
        if len(value) > self.most:
            raise Invalid({OF_ALL: [f"Ensure this field has no more than {self.most} elements."]})
        found = [tried(self.items.of, each) for each in value]
        if any(each.problems for each in found):
            raise Invalid([each.problems or {} for each in found], [each.value for each in found])
        return [each.value for each in found]


@dataclass(frozen=True)
class Field:
    """`default` is stored where nothing is sent; None where `may_be_null`."""

    check: Check
    default: Any = REQUIRED
    may_be_null: bool = False

    @property
    def schema(self) -> Schema:
        return or_null(self.check.schema) if self.may_be_null else self.check.schema

    def tried(self, values: Mapping[str, Any], name: str) -> Tried:
        """What is stored of the field called `name`, of the values that are sent."""
        if name not in values:
            return Tried(None, ["This field is required."]) if self.default is REQUIRED else Tried(self.default, [])
        value = values[name]
        if value is None:
            return Tried(None, [] if self.may_be_null else ["This field may not be null."])
        return tried(self.check.of, value)


@dataclass(frozen=True)
class Record:
    """An object. Keys that no field has are stored as they are sent, but for `read_only` ones, which are left out."""

    fields: Mapping[str, Field]
    read_only: frozenset[str] = frozenset()

    @property
    def schema(self) -> Schema:
        return {
            "type": "object",
            "properties": {name: each.schema for name, each in self.fields.items()},
            "required": [name for name, each in self.fields.items() if each.default is REQUIRED],
        }

    def of(self, value: Any) -> dict[str, Any]:
        return self._checked(value, is_whole=True)

    def changes(self, value: Any) -> dict[str, Any]:
        """As `of`, but of the fields that are sent alone."""
        return self._checked(value, is_whole=False)

    def _checked(self, value: Any, *, is_whole: bool) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid({OF_ALL: [f"Invalid data. Expected a dictionary, but got {type(value).__name__}."]})
        made = {key: each for key, each in value.items() if key not in self.fields and key not in self.read_only}
        found = {name: each.tried(value, name) for name, each in self.fields.items() if is_whole or name in value}
        problems = {name: each.problems for name, each in found.items() if each.problems}
        values = {name: each.value for name, each in found.items() if not each.problems or each.value is not None}
        if problems:
            raise Invalid(problems, made | values)
        return made | values
