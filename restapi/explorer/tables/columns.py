"""Columns of tables: which there are, what they are called, and which fields of API v4 their cells show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from querylang.keys import split_key
from querylang.schema import Entity
from restapi.explorer.schema import is_json
from restapi.explorer.tables.wording import title_of

_TITLES: Mapping[str, str] = {"first_name": "Name"}

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "label": ("uuid",),
    "id": ("uuid",),
    "uuid": ("uuid",),
}
_NEEDS_OF_NODES: Mapping[str, tuple[str, ...]] = {
    "label": ("uuid", "attributes.process_label", "node_type"),
    "attributes.process_label": ("uuid", "label", "node_type"),
    "attributes.process_state": ("attributes.exit_status", "attributes.exit_message"),
}
_NEEDS_OF_USERS: Mapping[str, tuple[str, ...]] = {"first_name": ("id", "last_name")}
_NEEDS_OF_COMPUTERS: Mapping[str, tuple[str, ...]] = {"label": ("id",)}
_BY_ENTITY = {
    "nodes": {**_NEEDS, **_NEEDS_OF_NODES},
    "groups": _NEEDS,
    "computers": _NEEDS_OF_COMPUTERS,
    "users": _NEEDS_OF_USERS,
}


@dataclass(frozen=True)
class Column:
    """`key` is the field, or the path into JSON, that the column is called by in `fields=`."""

    key: str
    title: str
    is_path: bool = False


def column(key: str) -> Column:
    title = _TITLES.get(key) or title_of(key)
    is_path = title == key and "." in key
    return Column(key, title if is_path else title[:1].upper() + title[1:], is_path)


def fields_of(columns: Iterable[Column], entity: Entity) -> tuple[str, ...]:
    """The fields that the cells of columns show, each once."""
    needs = _BY_ENTITY[entity.name]
    return tuple(dict.fromkeys(field for each in columns for field in (each.key, *needs.get(each.key, ()))))


def whole_json(keys: Iterable[str], entity: Entity) -> Sequence[str]:
    """The keys that are JSON as a whole: rows of them can be of any size."""
    return [each for each in keys if is_json(entity, each) and not split_key(each)[1]]
