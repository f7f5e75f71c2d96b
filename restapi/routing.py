"""What all dialects need of Flask-RESTful and of the router."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_restful import Api
from werkzeug.routing import BaseConverter

from querylang.schema import Entity


class DialectApi(Api):  # type: ignore[misc]  # Flask-RESTful has no types
    def error_router(self, original_handler: Callable[[Exception], Any], e: Exception) -> Any:
        """Flask-RESTful would turn our errors into its own 500; the application's handlers know better."""
        return original_handler(e)


def entity_converter(entities: Mapping[str, Entity]) -> type[BaseConverter]:
    """A URL converter: the name of a resource is the entity that it lists."""

    class EntityConverter(BaseConverter):
        regex = "|".join(sorted(entities, key=len, reverse=True))

        def to_python(self, value: str) -> Entity:
            return entities[value]

    return EntityConverter
