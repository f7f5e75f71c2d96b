"""`fields=uuid,attributes.energy`: the values that each row shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from aiida_like.errors import QueryError
from aiida_like.storage.json_expressions import json_value
from querylang.ast import Option
from querylang.keys import KEY, split_key
from querylang.lowering.json_values import MAX_PATH
from querylang.schema import Entity, Field, FieldType

MAX_FIELDS = 100
"""How many keys a request may have."""


@dataclass(frozen=True)
class ProjectedKey:
    """One key of `fields=` or `facet=`. `text` is how it is written, which is the name of the value in the answer."""

    text: str
    key: str
    path: tuple[str, ...]


def shown_keys(option: Option, most: int = MAX_FIELDS) -> tuple[ProjectedKey, ...]:
    """The keys of an option, each once. Raises QueryError: one is no key, or there are too many."""
    words = tuple(dict.fromkeys(option.words))
    if len(words) > most:
        raise QueryError(f"{option.key} has {len(words)} keys; at most {most} are allowed")
    for word in words:
        if not re.fullmatch(KEY, word):
            raise QueryError(
                f"{option.key} takes keys such as label or attributes.energy, separated by commas, not {word!r}"
            )
    return tuple(ProjectedKey(word, *split_key(word)) for word in words)


@lru_cache(maxsize=256)
def projected(keys: tuple[ProjectedKey, ...], entity: Entity) -> tuple[Field, ...]:
    """The fields of keys; always the same fields for the same keys, so that what is made for them can be looked up.

    Raises:
        QueryError: there is no such key.
    """
    return tuple(_projected(each, entity) for each in keys)


def _projected(asked: ProjectedKey, entity: Entity) -> Field:
    field = entity.field(asked.key)
    if not asked.path:
        return replace(field, name=asked.text)
    if field.type is not FieldType.JSON:
        raise QueryError(f"{field.name} is no JSON, so there is no {asked.text} in it")
    if len(asked.path) > MAX_PATH:
        raise QueryError(f"the path of {field.name} has {len(asked.path)} keys; at most {MAX_PATH} are allowed")
    value = json_value(field.expression, asked.path)
    return replace(field, name=asked.text, expression=value, is_nullable=True)
