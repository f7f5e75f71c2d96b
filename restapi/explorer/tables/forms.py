"""The forms of a table: for one more filter, and for its columns. They lead to `/filter`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from querylang.ast import Operator
from querylang.schema import Entity, FieldType
from restapi.explorer.schema import operators_of
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
    """A key that the form suggests; `type` says which operators it takes, `example` is a value."""

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
class FilterForm:
    """`base` is the query that a filter is added to; `chosen` and `offered` are columns.

    `path_type` is the type of paths into JSON, also of those that are not among the `fields`.
    """

    base: str
    fields: Sequence[FormField]
    operators: Sequence[FormOperator]
    chosen: Sequence[Column]
    offered: Sequence[Column]
    path_type: str = FieldType.JSON.value


def form_of(table: Table, base: str, chosen: Sequence[Column]) -> FilterForm:
    shown = {each.key for each in chosen}
    offered = [column(key) for key in (*table.columns, *table.choices) if key not in shown]
    return FilterForm(base, _fields(table.entity), _OPERATORS, chosen, offered)


def _fields(entity: Entity) -> Sequence[FormField]:
    relations = entity.relations_by_key
    own = [
        FormField(name, title_of(name), known.type.value)
        for name, known in entity.fields.items()
        if known.is_filterable and known.type is not FieldType.JSON
    ]
    related = [
        FormField(key, title_of(key), "node" if relation.links is not None else "related")
        for key, relation in relations.items()
    ]
    paths = [FormField(key, title_of(key), FilterForm.path_type) for key in _PATHS] if entity.name == "nodes" else []
    return [*own, *related, *paths]


def _operators() -> Iterable[FormOperator]:
    for operator in Operator:
        types = [type_.value for type_ in FieldType if operator in operators_of(type_)]
        types += ["related"] if operator in _OF_RELATED else []
        types += ["node"] if operator in (Operator.EQUAL, Operator.UNEQUAL) else []
        yield FormOperator(operator.value, operator_words(operator, None), " ".join(types))


_OF_RELATED = (Operator.EQUAL, Operator.UNEQUAL, Operator.IN, Operator.NOT_IN)
_OPERATORS = tuple(_operators())
