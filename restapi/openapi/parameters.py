"""Options, filters and parts of paths -> Parameter Objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from aiida_like.models import LINK_TYPES
from querylang.ast import Operator, Option
from querylang.facets import facet_keys
from querylang.limits import AXES, FACETS, FIELDS, ORDER
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.relations import operators_of_relation
from querylang.options import OptionSpec, boolean, integer, keys, order_terms, positive, slices
from querylang.projection import shown_keys
from querylang.schema import Entity, Field, FieldType, Relation
from restapi.config import Settings
from restapi.fetching import lineage
from restapi.http.preferences import Count
from restapi.openapi.schema import BOOLEAN, INTEGER, TEXT, Parameter, Schema, one_of

INT64: Schema = {"type": "integer", "format": "int64"}

_NUMBERS: frozenset[Callable[[Option], Any]] = frozenset({integer, positive, lineage.depth})
_LISTS: Mapping[Callable[[Option], Any], int] = {
    keys: FIELDS.most,
    slices: AXES.most,
    order_terms: ORDER.most,
    shown_keys: FIELDS.most,
    facet_keys: FACETS.most,
    lineage.link_types: len(LINK_TYPES),
}
"""Readers of options whose values are numbers, or lists of at most so many; with all others they are one text."""

_OF_FIELDS: Mapping[Callable[[Option], Any], str] = {order_terms: "[+-]?", shown_keys: "", facet_keys: ""}
"""Readers of keys, and a regular expression of what can stand in front of each key."""

IF_NONE_MATCH: Parameter = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has: if it is still the same, the status is 304",
    "schema": TEXT,
}

IF_MATCH: Parameter = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of an answer that the client has: if another would be given, the status is 412",
    "schema": TEXT,
}

RANGE: Parameter = {
    "name": "Range",
    "in": "header",
    "description": "One range of bytes, `bytes=1000-1999`; with `If-Range`, the whole file if its `ETag` is another",
    "schema": TEXT,
}

PREFER: Parameter = {
    "name": "Prefer",
    "in": "header",
    "description": "How `X-Total-Count` is found: counted, as without this header; estimated where there are many "
    "rows; or not at all",
    "schema": one_of(*(f"count={count.value}" for count in Count)),
}


def in_path(name: str, schema: Schema, help_: str) -> Parameter:
    return {"name": name, "in": "path", "required": True, "description": help_, "schema": schema}


def in_query(name: str, schema: Schema, help_: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": help_, "schema": schema}


PAGE_NUMBER = in_path("page", {"type": "integer", "minimum": 1}, "The number of the page, from 1")
USER_ID = in_path("id", {"type": "integer", "minimum": 1}, "The id")
USER = in_query("user", INTEGER, "Only what was created by the user with this id.")


def names_fields(spec: OptionSpec) -> bool:
    """Whether the values of an option are keys of an entity."""
    return spec.read in _OF_FIELDS


def of_option(name: str, spec: OptionSpec, settings: Settings, entity: Entity | None = None) -> dict[str, Any]:
    """The parameter of an option; `entity` has the keys, if its values are keys."""
    schema = _values(spec, settings)
    if entity is not None and names_fields(spec):
        schema["items"] = {**TEXT, "pattern": f"^{_OF_FIELDS[spec.read]}(?:{'|'.join(_keys(entity))})$"}
    # A list is one value, `a,b`, and stands only once.
    style = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return in_query(name, schema, spec.help.format_map(vars(settings))) | style


def _keys(entity: Entity) -> Iterator[str]:
    """Regular expressions of the keys; a JSON column needs a path."""
    for name in (*entity.fields, *entity.synonyms):
        field = entity.fields[entity.synonyms.get(name, name)]
        if field.is_filterable:
            yield rf"{name}\.[^,\u0000]+" if field.type is FieldType.JSON else name


def _values(spec: OptionSpec, settings: Settings) -> dict[str, Any]:
    if spec.read in _NUMBERS:
        maximum = {} if spec.most is None else {"maximum": getattr(settings, spec.most)}
        return {**INT64, "minimum": spec.least, **maximum}
    if spec.read is boolean:
        return dict(BOOLEAN)
    text = {**TEXT, "enum": list(spec.choices)} if spec.choices else dict(TEXT)
    most = _LISTS.get(spec.read)
    return text if most is None else {"type": "array", "items": text, "minItems": 1, "maxItems": most}


FILTER = in_query(
    "filter",
    TEXT,
    "An expression with `AND`, `OR`, `NOT` and parentheses, with all operators and with paths into JSON: "
    '`(label LIKE "si%" OR id IN (1, 2)) AND NOT attributes.energy>-3.5`',
)


def of_filters(entity: Entity) -> Iterator[dict[str, Any]]:
    """A parameter for each key."""
    for field in entity.fields.values():
        if field.is_filterable:
            yield _of_field(field, [name for name, of in entity.synonyms.items() if of == field.name])
    for relation in entity.relations:
        if relation.key not in entity.fields:
            yield _of_relation(relation)


_TEXT = r'"(?:[^"\u0000]|"")*"'
_SHIFT = "Z|[+-][0-9]{2}(?::[0-9]{2})?"
_CLOCK = rf"T[0-9]{{2}}(?::[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,6}})?)?)?(?:{_SHIFT})?"
_TIME = f"[0-9]{{4}}(?:-[0-9]{{2}}(?:-[0-9]{{2}}(?:{_CLOCK})?)?)?"
_WRITTEN: Mapping[FieldType, tuple[str, str]] = {
    FieldType.INTEGER: (r"[+-]?[0-9]{1,18}", "`45`"),
    FieldType.STRING: (_TEXT, '`"text"`, in double quotes'),
    FieldType.UUID: (_TEXT, '`"338357f4-f236-4f9c-8fbe-cd550dc6b858"`, in double quotes'),
    FieldType.BOOLEAN: ("true|false", "`true` or `false`"),
    FieldType.DATETIME: (_TIME, "`2016`, `2016-04`, `2016-04-23`, `2016-04-23T05:45`"),
    FieldType.JSON: (rf"{_TEXT}|-?[0-9]{{1,15}}|true|false|null", "JSON"),
}
"""The spelling of values: a regular expression, and examples."""


def _of_field(field: Field, synonyms: list[str]) -> dict[str, Any]:
    value, examples = _WRITTEN[field.type]
    operators = LOWERINGS[field.type]
    called = f" Also called {', '.join(f'`{name}`' for name in synonyms)}." if synonyms else ""
    help_ = f"{field.help}.{called} A value is {examples}. {_operators_help(operators)}"
    return in_query(field.name, {**TEXT, "pattern": _pattern(value, operators)}, help_)


def _of_relation(relation: Relation) -> dict[str, Any]:
    value = f"{_TEXT}|[0-9]{{1,18}}"
    form = "A name in double quotes, or an id"
    if relation.links is not None:
        form = 'A uuid or its beginning, or an id; then types of links: `"338357f4","create"`'
    pattern = _pattern(value, operators_of_relation(relation))
    return in_query(relation.key, {**TEXT, "pattern": pattern}, f"By {relation.help}. {form}.")


def _operators_help(operators: Collection[Operator]) -> str:
    """A sentence on the operators that can follow the `=` of a query string, and on those that cannot."""
    after_equals = " ".join(f"`{_after_equals(each)}`" for each in operators if _after_equals(each))
    others = " ".join(f"`{each.value}`" for each in operators if not each.value.startswith("="))
    return f"In front of it can stand {after_equals}, and `filter` takes {others} too."


def _pattern(value: str, operators: Collection[Operator]) -> str:
    prefixes = [_after_equals(each) for each in operators if each is not Operator.IS_NULL and _after_equals(each)]
    operator = f"(?:{'|'.join(prefixes)})?" if prefixes else ""
    compared = f"{operator}(?:{value})(?:,(?:{value}))*"
    return f"^(?:{compared}|isnull=(?:true|false))$" if Operator.IS_NULL in operators else f"^{compared}$"


def _after_equals(operator: Operator) -> str:
    """The operator as it follows the `=` of a query string, `like=` for `=like=`; empty if it cannot."""
    return operator.value.removeprefix("=") if operator.value.startswith("=") else ""
