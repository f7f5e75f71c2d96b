"""`fields=uuid,attributes.energy`: the values that each row shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from aiida_like.errors import QueryError
from aiida_like.storage.sql.json_expressions import json_value
from querylang.ast import Option
from querylang.keys import KEY, split_key
from querylang.limits import FIELDS, PATH, Limit
from querylang.schema import Entity, Field, FieldType


@dataclass(frozen=True)
class ProjectedKey:
    """One key of `fields=` or `facet=`. `text` is how it is written, which is the name of the value in the answer."""

    text: str
    key: str
    path: tuple[str, ...]


def shown_keys(option: Option, limit: Limit = FIELDS) -> tuple[ProjectedKey, ...]:
    """The keys of an option, each once. Raises QueryError: one is no key, or there are too many."""
    words = tuple(dict.fromkeys(option.words))
    limit.check(len(words), option.key)
    for word in words:
        if not re.fullmatch(KEY, word):
            raise QueryError(
                f"{option.key} takes keys such as label or attributes.energy, separated by commas, not {word!r}"
            )
    return tuple(ProjectedKey(word, *split_key(word)) for word in words)


@lru_cache(maxsize=128)
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
    PATH.check(len(asked.path), f"the path of {field.name}")
    value = json_value(field.expression, asked.path)
    return replace(field, name=asked.text, expression=value, is_nullable=True)
