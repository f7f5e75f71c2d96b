"""Mutants of the product's own code: one small fault each, of the kinds that people make.

Faults that no test could be asked to notice are not made: in docstrings, help texts, types and `__repr__`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

PACKAGES = ("aiida_like", "querylang", "restapi")


@dataclass(frozen=True)
class Mutant:
    """`text` is the whole file with the fault in it."""

    file: str
    line: int
    before: str
    after: str
    text: str


@dataclass(frozen=True)
class _Place:
    """Where a node stands in the tree: in a field of `holder`, or in the list that is in it."""

    holder: ast.AST
    field: str
    index: int | None
    node: Any

    @property
    def line(self) -> int:
        # An `if` of a comprehension has no line of its own.
        return int(self.node.lineno if hasattr(self.node, "lineno") else self.node.ifs[0].lineno)

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.index] = node


def mutants(root: Path, package: str, only: str, number: int, random: Random) -> list[Mutant]:
    """So many, spread evenly over the lines of a package that can have one."""
    lines: dict[tuple[Path, int], list[tuple[ast.Module, _Place, ast.AST]]] = {}
    for path in sorted((root / package).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if not name.startswith("aiida_like/demo/") and name.startswith(only):
            tree = ast.parse(path.read_text())
            for place in _places(tree, is_inside=False):
                for fault in _FAULTS[type(place.node)](place.node):
                    lines.setdefault((path, place.line), []).append((tree, place, fault))
    found = sorted(lines)
    step = len(found) / max(number, 1)
    picked = dict.fromkeys(found[int((each + random.random()) * step)] for each in range(number)) if found else {}
    return [_mutant(root, path, *random.choice(lines[path, line])) for path, line in picked]


def _mutant(root: Path, path: Path, tree: ast.Module, place: _Place, fault: ast.AST) -> Mutant:
    before, after = ast.unparse(place.node), ast.unparse(fault)
    place.put(fault)
    text = ast.unparse(ast.fix_missing_locations(tree))
    place.put(place.node)
    return Mutant(path.relative_to(root).as_posix(), place.line, before, after, text)


_NO_CODE = {"annotation", "returns", "type_params"}
_WORDS_FOR_PEOPLE = {"help", "short_help", "metavar", "description", "summary"}
_OF_TYPES = {"cast", "TypeVar", "dataclass", "lru_cache"}


def _places(holder: ast.AST, *, is_inside: bool) -> Iterator[_Place]:
    """Of all that can have a fault; `is_inside` a function, as outside words and calls are the rows of tables."""
    is_inside = is_inside or isinstance(holder, (ast.FunctionDef, ast.Lambda))
    for field, value in ast.iter_fields(holder):
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or field in _NO_CODE or _cannot_matter(node):
                continue
            if type(node) in _FAULTS and (is_inside or not _is_of_a_table(node)):
                yield _Place(holder, field, index, node)
            yield from _places(node, is_inside=is_inside)


def _is_of_a_table(node: ast.AST) -> bool:
    return isinstance(node, (ast.Call, ast.Expr)) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _cannot_matter(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Constant()) | ast.Assert() | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.FunctionDef("__repr__") | ast.Assign([ast.Name("__all__")]):
            return True
        case ast.keyword(name) | ast.Call(ast.Name(name)):
            return name in {*_WORDS_FOR_PEOPLE, *_OF_TYPES, "strict", "repr"}
    return False


Faults = Iterator[ast.AST]

_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    one: other
    for pair in (
        *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot)),
        *((ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div)),
    )
    for one, other in (pair, pair[::-1])
} | {ast.FloorDiv: ast.Mult}

_OF_LIKE_TYPE = {
    "str",
    "int",
    "float",
    "bool",
    "round",
    "abs",
    "list",
    "tuple",
    "set",
    "sorted",
    "reversed",
    "min",
    "max",
}
_STEPS = {
    *("strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "lower", "casefold", "replace", "ljust"),
    *("where", "limit", "offset", "order_by", "distinct", "join", "correlate", "label"),
}
"""Functions and methods without which there is a value of much the same kind."""


def _of_comparison(node: ast.Compare) -> Faults:
    for at, op in enumerate(node.ops):
        yield _with(node, ops=[*node.ops[:at], _OTHER[type(op)](), *node.ops[at + 1 :]])


def _of_conditions(node: ast.BoolOp) -> Faults:
    yield _with(node, op=_OTHER[type(node.op)]())
    for at in range(len(node.values)):
        left = [*node.values[:at], *node.values[at + 1 :]]
        yield left[0] if len(left) == 1 else _with(node, values=left)


def _of_branch(node: ast.If | ast.IfExp) -> Faults:
    for test in (ast.Constant(value=True), ast.Constant(value=False), ast.UnaryOp(ast.Not(), node.test)):
        yield _with(node, test=test)


def _of_loop(node: ast.While) -> Faults:
    if not isinstance(node.test, ast.Constant):
        yield _with(node, test=ast.Constant(value=False))


def _of_filter(node: ast.comprehension) -> Faults:
    for at, test in enumerate(node.ifs):
        yield _with(node, ifs=[*node.ifs[:at], *node.ifs[at + 1 :]])
        yield _with(node, ifs=[*node.ifs[:at], ast.UnaryOp(ast.Not(), test), *node.ifs[at + 1 :]])


def _of_not(node: ast.UnaryOp) -> Faults:
    if isinstance(node.op, ast.Not):
        yield node.operand


def _of_arithmetic(node: ast.BinOp) -> Faults:
    if type(node.op) in _OTHER:
        yield _with(node, op=_OTHER[type(node.op)]())


def _of_constant(node: ast.Constant) -> Faults:
    match node.value:
        case bool(value):
            yield ast.Constant(value=not value)
        case int(value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case float(value):
            yield ast.Constant(value * 2 or 1.0)
        case str(value) if not value or " " in value:  # words, not names
            yield ast.Constant(f"{value}?")


def _of_slice(node: ast.Slice) -> Faults:
    one = ast.Constant(1)
    yield _with(node, lower=ast.BinOp(node.lower, ast.Add(), one) if node.lower else one)
    yield _with(node, upper=ast.BinOp(node.upper, ast.Add(), one) if node.upper else ast.UnaryOp(ast.USub(), one))


def _of_call(node: ast.Call) -> Faults:
    match node:
        case ast.Call(ast.Attribute(value, step)) if step in _STEPS:
            yield value
        case ast.Call(ast.Name(name), [first, *_]) if name in _OF_LIKE_TYPE and not isinstance(first, ast.Starred):
            yield first


def _of_statement(_: ast.stmt) -> Faults:
    yield ast.Pass()


def _of_assignment(node: ast.Assign) -> Faults:
    """Only of what is there without it, too."""
    if isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
        yield ast.Pass()


def _of_return(node: ast.Return) -> Faults:
    if isinstance(node.value, (ast.Compare, ast.BoolOp)):
        yield _with(node, value=ast.UnaryOp(ast.Not(), node.value))
    elif node.value is not None and not isinstance(node.value, ast.Constant):
        yield _with(node, value=ast.Constant(None))


_FAULTS: Mapping[type[ast.AST], Callable[[Any], Faults]] = {
    ast.Compare: _of_comparison,
    ast.BoolOp: _of_conditions,
    ast.If: _of_branch,
    ast.IfExp: _of_branch,
    ast.While: _of_loop,
    ast.comprehension: _of_filter,
    ast.UnaryOp: _of_not,
    ast.BinOp: _of_arithmetic,
    ast.Constant: _of_constant,
    ast.Slice: _of_slice,
    ast.Call: _of_call,
    ast.Expr: _of_statement,
    ast.AugAssign: _of_statement,
    ast.Raise: _of_statement,
    ast.Continue: _of_statement,
    ast.Assign: _of_assignment,
    ast.Return: _of_return,
}


def _with(node: Any, **changes: Any) -> Any:
    changed = copy(node)
    for field, value in changes.items():
        setattr(changed, field, value)
    return changed
