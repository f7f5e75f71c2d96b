"""The forms of a table: for one more filter, and for its columns. They lead to `/filter`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from querylang.ast import Operator
from querylang.keys import KEY, SYMBOLS, TEXT, unquoted
from querylang.schema import Entity, FieldType
from restapi.explorer.schema import NODES, OPTIONS, operators_of, operators_of_relation
from restapi.explorer.tables.columns import Column, column
from restapi.explorer.tables.definitions import WALL_TIME, Table
from restapi.explorer.tables.wording import operator_words, title_of

_PATHS = (
    *("attributes.process_state", "attributes.process_label", "attributes.exit_status", "attributes.exit_message"),
    *("attributes.value", "attributes.energy", "attributes.kinds.0.name", "attributes.element"),
    *("attributes.input_plugin", "attributes.remote_path", WALL_TIME),
)
"""Paths into attributes that AiiDA's own types of nodes have, for suggestions."""


@dataclass(frozen=True)
class FormField:
    """A key that the form suggests; `example` is a value.

    `type` says which operators it takes: a type, or the key of a relation.
    """

    key: str
    title: str
    type: str

    @property
    def example(self) -> str:
        return "2024-04-16" if self.type == FieldType.DATETIME.value else ""


@dataclass(frozen=True)
class FormOperator:
    """An operator that the form offers; `types` are those of the fields that take it, joined by blanks."""

    symbol: str
    words: str
    types: str


@dataclass(frozen=True)
class FilledFilter:
    """What the fields of a form hold."""

    key: str = ""
    symbol: str = ""
    value: str = ""


@dataclass(frozen=True)
class FilterForm:
    """`base` is the query that a filter is added to; `chosen` and `offered` are columns.

    `filled` is what the fields hold at first. `path_type` is the type of paths into JSON, also of those that are not
    among the `fields`.
    """

    base: str
    fields: Sequence[FormField]
    operators: Sequence[FormOperator]
    chosen: Sequence[Column]
    offered: Sequence[Column]
    filled: FilledFilter
    path_type: str = FieldType.JSON.value


def form_of(table: Table, base: str, chosen: Sequence[Column]) -> FilterForm:
    shown = {each.key for each in chosen}
    offered = [column(key) for key in (*table.columns, *table.choices) if key not in shown]
    return FilterForm(base, _fields(table.entity), _OPERATORS, chosen, offered, FilledFilter())


def with_last_filter(form: FilterForm) -> FilterForm:
    """The form of a query that was refused: its last filter is in the fields, to be put right.

    The query may be one that cannot be read.
    """
    parts = _PARTS.findall(form.base)
    for place in reversed(range(len(parts))):
        found = _FILTER.fullmatch(parts[place])
        if found is not None and found["key"] not in OPTIONS:
            value = found["value"]
            plain = unquoted(value) if len(value) > 1 and re.fullmatch(TEXT, value) else value
            rest = "&".join([*parts[:place], *parts[place + 1 :]])
            return replace(form, base=rest, filled=FilledFilter(found["key"], found["symbol"], plain))
    return form


_PARTS = re.compile(rf"(?:{TEXT}|[^&])+")
_FILTER = re.compile(rf"(?P<key>{KEY})(?P<symbol>{SYMBOLS})(?P<value>.*)", re.DOTALL)


def _fields(entity: Entity) -> Sequence[FormField]:
    own = [
        FormField(name, title_of(name), known.type.value)
        for name, known in entity.fields.items()
        if known.is_filterable and known.type is not FieldType.JSON
    ]
    related = [FormField(key, title_of(key), key) for key in entity.relations_by_key]
    paths = [FormField(key, title_of(key), FilterForm.path_type) for key in _PATHS] if entity is NODES else []
    return [*own, *related, *paths]


def _operators() -> Iterable[FormOperator]:
    for operator in Operator:
        types = [type_.value for type_ in FieldType if operator in operators_of(type_)]
        types += [relation.key for relation in NODES.relations if operator in operators_of_relation(relation)]
        yield FormOperator(operator.value, operator_words(operator, None), " ".join(types))


_OPERATORS = tuple(_operators())
