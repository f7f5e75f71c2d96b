"""JSON Schema 2020-12: the words that answers are described with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from querylang.schema import Entity, Field, FieldType

Schema = Mapping[str, Any]
Parameter = Mapping[str, Any]
"""A Parameter Object of OpenAPI, which has a schema."""


@dataclass(frozen=True, eq=False)
class Component:
    """A part with a name, which stands once in a document and is referred to. `section` says what it is a part of."""

    name: str
    definition: Schema
    section: str = "schemas"

    @property
    def reference(self) -> Schema:
        return {"$ref": f"#/components/{self.section}/{self.name}"}


Shape = Schema | Component
"""A schema, or a component that stands for one."""

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
OBJECT: Schema = {"type": "object"}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {
    "type": "string",
    "pattern": "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$",
    "examples": ["Fri, 29 Apr 2016 19:24:12 GMT"],
}
"""RFC 1123."""

OF_TYPES: Mapping[FieldType, Schema] = {
    FieldType.INTEGER: INTEGER,
    FieldType.STRING: TEXT,
    FieldType.UUID: UUID,
    FieldType.BOOLEAN: BOOLEAN,
    FieldType.DATETIME: TIME,
    FieldType.JSON: OBJECT,
}
"""Schemas of fields, by their type."""


def record(always: Mapping[str, Shape], sometimes: Mapping[str, Shape] = {}) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**always, **sometimes},
        "required": list(always),
        "additionalProperties": False,
    }


def mapping(values: Shape, keys: Schema = ANYTHING) -> Schema:
    """An object whose keys are data."""
    return {
        "type": "object",
        "additionalProperties": values,
        **({} if keys is ANYTHING else {"propertyNames": keys}),
    }


def array(items: Shape) -> Schema:
    return {"type": "array", "items": items}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def either(*schemas: Shape) -> Schema:
    return {"anyOf": list(schemas)}


def or_null(schema: Shape) -> Schema:
    return either(schema, NULL)


def itself(name: str) -> Schema:
    """A reference to the component of this name, from within it."""
    return Component(name, {}).reference


def of_fields(fields: Iterable[Field]) -> dict[str, Shape]:
    """The keys of a row."""
    return {field.name: _of_field(field) for field in fields}


def selection(entity: Entity) -> Schema:
    """A row with the keys of `fields=`."""
    known = {field.name: field for field in entity.fields.values() if field.is_filterable}
    named = known | {synonym: known[name] for synonym, name in entity.synonyms.items() if name in known}
    in_json = "|".join(name for name, field in named.items() if field.type is FieldType.JSON)
    return {
        "type": "object",
        "description": "What `fields=` asked for",
        "properties": {name: _of_field(field) for name, field in named.items()},
        **({"patternProperties": {rf"^({in_json})\.": {}}} if in_json else {}),
        "minProperties": 1,
        "additionalProperties": False,
    }


def _of_field(field: Field) -> Schema:
    schema = {**OF_TYPES[field.type], "description": field.help}
    return schema | {"type": [schema["type"], "null"]} if field.is_nullable else schema
