"""What jobs can run, and on what: `ROOT/analyses.toml`.

[coretypes.standard]            # a kind of machine; all is optional
name = "Standard"
cores = [1, 2, 4]               # how many a job may ask for
memory = 4000                   # MB a core
storage = 20000                 # MB a core
price = "0.00"                  # an hour and core
processor = "this machine"

[analyses.openfoam]
name = "OpenFOAM"
description = "Computational fluid dynamics"

[analyses.openfoam.versions."2.3.0-openmpi"]
name = "2.3.0"                  # what is shown; else the code
code = "openfoam@localhost"     # an AiiDA code: its prepend text makes the environment
coretypes = ["standard"]        # else all
command = "foamExec <module>"   # what a command looks like
mpi_command = ""
smp_command = ""
readable = ["/opt/openfoam"]    # what jobs of it may read besides /usr
writable = []
network = false
sandbox = true                  # false: the command runs with all rights of the engine's user
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from aiida_like_engine.errors import Invalid, RootError
from aiida_like_engine.root.toml_file import check_keys, read_toml

T = TypeVar("T")

_WORDS: Mapping[str, str] = {
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of texts",
    "tuple[int, ...]": "a list of whole numbers",
}


@dataclass(frozen=True)
class Coretype:
    code: str
    name: str = ""
    cores: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    memory: int = 4000
    storage: int = 20000
    price: str = "0.00"
    processor: str = ""
    description: str = ""
    deprecated: bool = False


@dataclass(frozen=True)
class Version:
    """A version of an analysis. `aiida_code` is the AiiDA code that it runs with, `label@computer`."""

    code: str
    aiida_code: str
    name: str = ""
    coretypes: tuple[str, ...] = ()
    command: str = ""
    mpi_command: str = ""
    smp_command: str = ""
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    network: bool = False
    sandbox: bool = True


@dataclass(frozen=True)
class Analysis:
    """`versions` stand in the order of the file: the last is the newest."""

    code: str
    name: str = ""
    description: str = ""
    vendor: str = ""
    thumbnail: str = ""
    versions: Mapping[str, Version] = field(default_factory=dict)

    def version(self, text: str | None) -> Version:
        """The version of that code, or of that name; without one, the newest.

        Raises:
            Invalid: there is none.
        """
        if text is None:
            return list(self.versions.values())[-1]
        for each in self.versions.values():
            if text == each.code:
                return each
        for each in self.versions.values():
            if text == each.name:
                return each
        raise Invalid(f"{self.code} has no version {text!r}; there is {', '.join(self.versions)}")


@dataclass(frozen=True)
class Catalogue:
    coretypes: Mapping[str, Coretype]
    analyses: Mapping[str, Analysis]

    def version(self, analysis: str, version: str | None) -> Version:
        """The version of an analysis, by their codes.

        Raises:
            Invalid: there is none.
        """
        if analysis not in self.analyses:
            raise Invalid(f"there is no analysis {analysis!r}; there is {', '.join(self.analyses)}")
        return self.analyses[analysis].version(version)

    def within(self, cores: int) -> Catalogue:
        """What a machine can offer whose jobs have so many cores; of each core type at least one number is left."""
        coretypes = {
            code: replace(each, cores=tuple(number for number in each.cores if number <= cores) or (cores,))
            for code, each in self.coretypes.items()
        }
        return replace(self, coretypes=coretypes)


def read_catalogue(path: Path) -> Catalogue:
    """The content of `analyses.toml`.

    Raises:
        RootError: it cannot be read, a key is unknown, or a value cannot be used: the error names the place.
    """
    content = read_toml(path)
    check_keys(content, ("coretypes", "analyses"), str(path))
    coretypes = {
        code: _made(Coretype, table, f"{path}, [coretypes.{code}]", code=code)
        for code, table in _tables(content, "coretypes", str(path)).items()
    }
    analyses = {
        code: _analysis(code, table, coretypes, f"{path}, [analyses.{code}]")
        for code, table in _tables(content, "analyses", str(path)).items()
    }
    return Catalogue(coretypes, analyses)


def _analysis(code: str, table: Any, coretypes: Iterable[str], place: str) -> Analysis:
    versions = {
        each: _version(each, values, coretypes, f'{place[:-1]}.versions."{each}"]')
        for each, values in _tables(table, "versions", place).items()
    }
    if not versions:
        raise RootError(f"{place} has no version: [analyses.{code}.versions.NAME], code = ...")
    rest = {key: value for key, value in table.items() if key != "versions"}
    return _made(Analysis, rest, place, code=code, versions=versions)


def _version(code: str, table: Any, coretypes: Iterable[str], place: str) -> Version:
    if not isinstance(table, dict) or "code" not in table:
        raise RootError(f"{place} names no AiiDA code: code = 'shell@localhost'")
    aiida_code = table["code"]
    if not isinstance(aiida_code, str) or aiida_code.count("@") != 1:
        raise RootError(f"{place}: code has to be label@computer, and is {aiida_code!r}")
    check_keys(table, {each.name for each in fields(Version)} - {"aiida_code"}, place)
    rest = {key: value for key, value in table.items() if key != "code"}
    version = _made(Version, rest, place, code=code, aiida_code=aiida_code)
    for each in version.coretypes:
        if each not in coretypes:
            raise RootError(f"{place}: there is no coretype {each!r}; there is {', '.join(coretypes)}")
    for each in (*version.readable, *version.writable):
        if not each.startswith("/"):
            raise RootError(f"{place}: {each!r} is no absolute path")
    return version


def _tables(content: Any, key: str, place: str) -> dict[str, Any]:
    tables = content.get(key, {}) if isinstance(content, dict) else None
    if not isinstance(tables, dict):
        raise RootError(f"{place}: {key} has to be a table")
    return tables


def _made(class_: type[T], table: Any, place: str, **given: Any) -> T:
    types = {each.name: str(each.type) for each in fields(class_) if each.name not in given}  # type: ignore[arg-type]
    if not isinstance(table, dict):
        raise RootError(f"{place} is no table")
    check_keys(table, types, place)
    return class_(**{key: _value(value, types[key], f"{place}: {key}") for key, value in table.items()}, **given)


def _value(value: Any, type_: str, place: str) -> Any:
    match type_, value:
        case ("str", str()) | ("bool", bool()):
            return value
        case "int", int() if not isinstance(value, bool):
            return value
        case "tuple[str, ...]", list() if all(isinstance(each, str) for each in value):
            return tuple(value)
        case "tuple[int, ...]", list() if all(type(each) is int for each in value):
            return tuple(value)
    raise RootError(f"{place} has to be {_WORDS[type_]}, and is {value!r}")


DEFAULT = """\
# What jobs can run, and on what. All keys are described in docs/runs.md; read at each start of engine and server.

[coretypes.standard]
name = "Standard"
processor = "this machine"

[analyses.shell]
name = "Shell"
description = "Commands of the shell"

[analyses.shell.versions.1]
code = "shell@localhost"
command = "bash script.sh"

[analyses.python]
name = "Python"
description = "Programs in Python"

[analyses.python.versions.3]
code = "python@localhost"
command = "python3 program.py"
"""
"""What `aiida-like engine init` writes."""
