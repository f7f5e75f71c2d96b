"""Writes the tables of docs/ from the tables of the code: `python -m docs.generate [FOLDER]`.

Between `<!-- begin NAME -->` and `<!-- end NAME -->` a document holds a generated table; the rest is written by hand.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from inspect import getdoc
from pathlib import Path

from aiida_like_engine.root.settings import EngineSettings, Limits, toml
from querylang.ast import Operator
from querylang.graph.operators import OPERATORS as GRAPH_OPERATORS
from querylang.graph.schema import RELATIONS, VERTICES
from querylang.limits import LIMITS
from querylang.lowering.operators import LOWERINGS
from querylang.lowering.relations import OF_NODES
from querylang.options import OptionSpec
from querylang.schema import Entity, FieldType
from restapi.config import Settings
from restapi.dialects.aiida_v2.aliases import ALIASES
from restapi.dialects.aiida_v2.entities import COMPUTERS, ENTITY, GROUPS, KIND, NODE_TYPE_PREFIXES, NODES, USERS
from restapi.dialects.aiida_v2.options import OPTIONS
from restapi.dialects.aiida_v2.routes import ROUTES
from restapi.dialects.aiida_v4 import entities as v4
from restapi.dialects.aiida_v4.options import OF_ARRAYS, OF_LISTINGS, OF_REPORTS
from restapi.dialects.aiida_v4.options import OPTIONS as V4_OPTIONS
from restapi.dialects.aiida_v4.routes import ROUTES as V4_ROUTES
from restapi.dialects.jobs.description import DOCUMENT as JOBS
from restapi.dialects.resource import Route
from restapi.fetching import lineage
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.run_document import RunDocument

FOLDER = Path(__file__).parent


def written(document: str) -> str:
    """The document with all its tables made anew."""
    for name, make in TABLES.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, found, rest = document.partition(begin)
        if found:
            document = f"{before}{begin}\n\n{make()}\n\n{end}{rest.partition(end)[2]}"
    return document


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _operators() -> str:
    return _table(
        ("operator", "meaning", *(type_.value for type_ in FieldType)),
        (
            (
                f"`{operator.value}`",
                operator.meaning,
                *("✓" if operator in LOWERINGS[type_] else "" for type_ in FieldType),
            )
            for operator in Operator
        ),
    )


def _keys(entity: Entity) -> str:
    rows = [
        (
            f"`{field.name}`",
            field.type.value,
            "yes" if field.is_shown else "no",
            field.help,
        )
        for field in entity.fields.values()
        if field.is_filterable
    ]
    rows += [(f"`{name}`", "", "", f"the same as `{of}`") for name, of in entity.synonyms.items()]
    return _table(("key", "type", "in lists", "meaning"), rows)


def _related() -> str:
    return _table(
        ("key of nodes", "finds nodes by", "values"),
        (
            (
                f"`{relation.key}`",
                relation.help,
                "the node, then types of links" if relation.links else "one, or a list behind `=in=`",
            )
            for relation in OF_NODES
        ),
    )


def _kinds() -> str:
    return _table(
        ("resource", "types that begin with"),
        ((f"`{name}`", f"`{start}`") for name, start in NODE_TYPE_PREFIXES.items()),
    )


def _aliases() -> str:
    return _table(
        ("old", "today"), ((f"`{old}`", " ".join(f"`{name}`" for name in names)) for old, names in ALIASES.items())
    )


def _options(options: Mapping[str, OptionSpec]) -> str:
    return _table(
        ("key", "meaning"), ((f"`{name}`", spec.help.format_map(vars(Settings()))) for name, spec in options.items())
    )


def _routes(routes: Iterable[Route]) -> str:
    def path(text: str) -> str:
        return text.replace(ENTITY, "RESOURCE").replace(KIND, "NODES").replace(ID, "ID").replace(PAGE, "N")

    return _table(
        ("path", "answer"),
        ((f"`{path(route.path)}`", _first_line(route.resource)) for route in routes if "/page" not in route.path),
    )


def _operations(document: RunDocument) -> str:
    """A line for each path, with what each of its methods does; two paths that do the same have one."""
    lines: dict[str, list[str]] = {}
    for described in document.paths:
        path = described.path.replace("{id}", "ID").replace("{run}", "N").replace("{path}/", "PATH")
        what: dict[str, list[str]] = {}
        for method, operation in described.operations.items():
            what.setdefault(operation.summary, []).append(method.upper())
        lines.setdefault("; ".join(f"{', '.join(each)}: {text}" for text, each in what.items()), []).append(f"`{path}`")
    return _table(("path", "methods"), ((", ".join(paths), text) for text, paths in lines.items()))


def _relations() -> str:
    return _table(
        ("vertex", "keyword", "joined to", "edge"),
        (
            (
                f"`{vertex.name}`",
                f"`{keyword}`",
                f"`{relation.to.name}`",
                ", ".join(f"`{name}`" for name in relation.edge.columns),
            )
            for (vertex, keyword), relation in RELATIONS.items()
        ),
    )


def _columns() -> str:
    return _table(
        ("vertex", "columns"),
        (
            (f"`{vertex.name}`", ", ".join(f"`{name}`" for name in (*vertex.columns, *vertex.synonyms)))
            for vertex in VERTICES.values()
        ),
    )


def _graph_operators() -> str:
    return _table(
        ("type", "operators"),
        ((type_.value, " ".join(f"`{name}`" for name in known)) for type_, known in GRAPH_OPERATORS.items()),
    )


def _files() -> str:
    """A table for each folder: its files, and the first sentence of the docstring of each."""
    sections = []
    for package in ("aiida_like", "aiida_like_engine", "querylang", "restapi"):
        for folder in sorted({file.parent for file in (FOLDER.parent / package).rglob("*.py")}):
            rows = [(f"`{file.name}`", _purpose(file)) for file in sorted(folder.glob("*.py")) if _purpose(file)]
            sections.append(f"### {folder.relative_to(FOLDER.parent)}/\n\n{_table(('file', 'what it is'), rows)}")
    return "\n\n".join(sections)


def _purpose(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def _first_line(resource: type) -> str:
    return (getdoc(resource) or "").partition("\n")[0]


def _settings() -> str:
    return _table(
        ("setting", "default", "meaning"),
        (
            (f"`{field.name.upper()}`", "" if field.default is None else f"`{field.default}`", field.metadata["help"])
            for field in fields(Settings)
        ),
    )


def _limits() -> str:
    return _table(
        ("of", "at most"),
        ((where, ", ".join(f"{limit.most} {limit.what}" for limit in limits)) for where, limits in LIMITS.items()),
    )


def _engine_settings() -> str:
    rows = (
        (f"`[{title}]`", f"`{each.name}`", each.metadata["help"], f"`{toml(each.default)}`")
        for title, class_ in (("engine", EngineSettings), ("limits", Limits))
        for each in fields(class_)
        if "help" in each.metadata
    )
    return _table(("table", "setting", "says", "default"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "files": _files,
    "operators": _operators,
    "keys of nodes": lambda: _keys(NODES),
    "keys of computers": lambda: _keys(COMPUTERS),
    "keys of users": lambda: _keys(USERS),
    "keys of groups": lambda: _keys(GROUPS),
    "related": _related,
    "kinds": _kinds,
    "aliases": _aliases,
    "options": lambda: _options(OPTIONS),
    "options of lineage": lambda: _options({**lineage.OPTIONS, **lineage.PER_TYPE}),
    "options of parts": lambda: _options({**OF_LISTINGS, **OF_REPORTS, **OF_ARRAYS}),
    "routes": lambda: _routes(ROUTES),
    "v4 routes": lambda: _routes(V4_ROUTES),
    "jobs routes": lambda: _operations(JOBS),
    "v4 options": lambda: _options(V4_OPTIONS),
    "v4 keys of nodes": lambda: _keys(v4.NODES),
    "v4 keys of computers": lambda: _keys(v4.COMPUTERS),
    "v4 keys of groups": lambda: _keys(v4.GROUPS),
    "v4 keys of users": lambda: _keys(v4.USERS),
    "vertices": _columns,
    "relations": _relations,
    "operators of filters": _graph_operators,
    "settings": _settings,
    "engine settings": _engine_settings,
    "limits": _limits,
}


def main(folder: Path) -> None:
    for file in sorted(folder.glob("*.md")):
        file.write_text(written(file.read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
