"""The projections and the order of a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiida_like.errors import QueryError
from querylang.graph.ast import Function, Operand, Projection, Sorting, is_outer
from querylang.graph.path import Path
from querylang.graph.schema import WALK, Source
from querylang.graph.validation import check_keys, object_at, source_at
from querylang.limits import ORDER, PATH, PROJECTIONS
from querylang.lowering.as_type import AsType
from querylang.schema import FieldType

_ALL = ("*", "**")


def read_projections(path: Path) -> Iterator[Projection]:
    """The projections of all tags; all columns of the last vertex if the dictionary names none."""
    asked = {tag: list(_specs(f"project.{tag}", spec)) for tag, spec in path.projected.items()}
    if not any(asked.values()):
        last = path.steps[-1].tag
        asked = {last: [("**", {})]}
    PROJECTIONS.check(sum(map(len, asked.values())))
    for tag, specs in asked.items():
        seen = set()
        for projection in (each for key, spec in specs for each in _projections(tag, path.sources[tag], key, spec)):
            if projection.key in seen:
                raise QueryError(f"project.{tag}: {projection.key!r} is projected twice")
            seen.add(projection.key)
            yield projection


def _specs(where: str, asked: Any, short: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Keys and what is asked of each, of `"id"` or `["id", {"attributes.energy": {"cast": "f"}}]`.

    `short`: what is asked may be a text, which is the value of that key.
    """
    for each in asked if isinstance(asked, list) else [asked]:
        for key, spec in ({each: {}} if isinstance(each, str) else object_at(where, each)).items():
            is_short = short and isinstance(spec, str)
            yield key, {short: spec} if is_short else object_at(f"{where}.{key}", spec)


def _projections(tag: str, source: Source, key: str, spec: Mapping[str, Any]) -> Iterator[Projection]:
    where = f"project.{tag}"
    check_keys(f"{where}.{key}", spec, ("cast", "func"))
    if key not in _ALL:
        yield _projection(where, _operand(where, tag, source, key, spec.get("cast")), key, spec.get("func"))
        return
    if spec:
        raise QueryError(f"{where}: {key!r} stands for all columns, so it takes neither cast nor func")
    hidden = "path" if source is WALK else None
    yield from (Projection(Operand(tag, column), name) for name, column in source.columns.items() if name != hidden)


def _projection(where: str, operand: Operand, key: str, function: Any) -> Projection:
    if function is None:
        return Projection(operand, key)
    functions = {known.value: known for known in Function}
    if not isinstance(function, str) or function not in functions:
        raise QueryError(f"{where}.{key}: func is one of {', '.join(functions)}, not {function!r}")
    if function in {"max", "min"} and operand.column.type is FieldType.JSON and operand.as_type in _NO_CAST:
        raise QueryError(f'{where}.{key}: {function} of JSON needs a cast, such as {{"cast": "f"}}')
    return Projection(operand, key, functions[function])


_NO_CAST = (AsType.ITSELF, AsType.JSON, AsType.CAST_JSON)
_CASTS = {as_type.value: as_type for as_type in AsType if as_type.name.startswith("CAST_")}


def _operand(where: str, tag: str, source: Source, key: str, cast: Any) -> Operand:
    name, *path = key.split(".")
    PATH.check(len(path), f"{where}: the path of {name}")
    try:
        column = source.column_at(name, path) if source is WALK else source.column(name)
    except QueryError as error:
        raise QueryError(f"{where}: {error}") from None
    if column.type is not FieldType.JSON:
        if path or cast is not None:
            raise QueryError(f"{where}: {name!r} is no JSON, so it has nothing below it and takes no cast")
        return Operand(tag, column)
    if cast is not None and (not isinstance(cast, str) or cast not in _CASTS):
        raise QueryError(f"{where}.{key}: cast is one of {', '.join(_CASTS)}, not {cast!r}")
    if cast is None:
        return Operand(tag, column, tuple(path), AsType.JSON if path else AsType.ITSELF)
    return Operand(tag, column, tuple(path), _CASTS[cast])


def read_order(path: Path, asked: Any) -> Iterator[Sorting]:
    number = 0
    for each in asked if isinstance(asked, list) else [asked]:
        for tag, terms in object_at("order_by", each).items():
            source = source_at("order_by", path.sources, tag)
            where = f"order_by.{tag}"
            specs = list(_specs(where, terms, "order"))
            number += len(specs)
            ORDER.check(number, "order_by")
            for key, spec in specs:
                sorting = _sorting(where, tag, source, key, spec)
                yield _of_nullable(sorting) if is_outer(path.steps, tag) else sorting


def _sorting(where: str, tag: str, source: Source, key: str, spec: Mapping[str, Any]) -> Sorting:
    check_keys(f"{where}.{key}", spec, ("order", "cast"))
    order = spec.get("order", "asc")
    if order not in ("asc", "desc"):  # no set: JSON can hold lists, which no set can look for
        raise QueryError(f"{where}.{key}: order is asc or desc, not {order!r}")
    operand = _operand(where, tag, source, key, spec.get("cast"))
    if operand.column.type is FieldType.JSON and operand.as_type in _NO_CAST:
        raise QueryError(f'{where}.{key}: to order by JSON needs a cast, such as {{"order": "asc", "cast": "f"}}')
    return Sorting(operand, order == "desc")


def _of_nullable(sorting: Sorting) -> Sorting:
    return replace(sorting, operand=replace(sorting.operand, column=sorting.operand.column.nullable))


def check_aggregates(projections: Sequence[Projection], order: Sequence[Sorting]) -> None:
    functions = [projection.function is not None for projection in projections]
    if any(functions) and (order or not all(functions)):
        raise QueryError("func makes one value of all rows, so it goes with neither plain projections nor order_by")


def check_order(projections: Sequence[Projection], order: Sequence[Sorting]) -> None:
    shown = {(each.operand.tag, each.operand.column.name, each.operand.path) for each in projections}
    for each in order:
        if (each.operand.tag, each.operand.column.name, each.operand.path) not in shown:
            name = ".".join((each.operand.column.name, *each.operand.path))
            raise QueryError(f"distinct rows can be ordered only by what is projected, and {name!r} is not")
