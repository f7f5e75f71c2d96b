"""The text after `filter=`, a boolean expression -> `terms.Term` of comparisons.

    expression  = conjunction { "OR" conjunction }
    conjunction = factor { "AND" factor }
    factor      = { "NOT" } ( "(" expression ")" | comparison )
    comparison  = key operator value { "," value }
                | key [ "NOT" ] "IN" "(" value { "," value } ")"
                | key ( "LIKE" | "ILIKE" | "HAS" | "CONTAINS" | "STARTS" "WITH" ) value
                | key "IS" [ "NOT" ] "NULL"

Keys, operators and values are those of `grammar`. Between them there may be blanks, or plus signs in their place; words
may be in lower case. The expression ends at `&`, or with the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pyparsing import Empty, Forward, Group, ParserElement, ParseResults, Regex, ZeroOrMore

from aiida_like.errors import QuerySyntaxError
from querylang.ast import Boolean, Comparison, Operator
from querylang.keys import KEY, OPERATORS, SYMBOLS, TEXT, split_key
from querylang.limits import COMPARISONS, FIELDS, PARENTHESES, VALUES
from querylang.terms import Every, Not, Some, Term
from querylang.values import list_of, value_before

WORDS: Mapping[str, Operator] = {
    "IN": Operator.IN,
    "NOT IN": Operator.NOT_IN,
    "LIKE": Operator.LIKE,
    "ILIKE": Operator.ILIKE,
    "HAS": Operator.HAS,
    "CONTAINS": Operator.CONTAINS,
    "STARTS WITH": Operator.STARTS_WITH,
    "IS NULL": Operator.IS_NULL,
    "IS NOT NULL": Operator.IS_NULL,
}
"""The operators that have a word beside their symbol."""

_BLANK = r"[ \t\r\n+]"
_END = rf"(?={_BLANK}|[,)&]|\Z)"
_LISTS, _NULLS = ("IN", "NOT IN"), ("IS NULL", "IS NOT NULL")
_OTHERS = tuple(word for word in WORDS if word not in (*_LISTS, *_NULLS))


def expression() -> ParserElement:
    """The grammar of an expression, with the blanks before it."""
    nested = Forward()
    group = _token(r"\(").suppress() - nested - _token(r"\)").suppress().set_name("AND, OR or )")
    atom = (group | _comparison()).set_name('a comparison such as label="Si", NOT or (')
    factor = (ZeroOrMore(_word("NOT")) + atom).set_parse_action(_negated)
    nested <<= _joined(_joined(factor, "AND", Every), "OR", Some)
    return Regex(f"{_BLANK}*").suppress() + nested


_LISTS_OF_KEYS = 5
"""How many options take lists of keys, whose commas separate no values."""

_SEPARATOR = re.compile(rf"{TEXT}|[(),]|&+|(?<![A-Za-z0-9_.])(?i:AND|OR)(?![A-Za-z0-9_.])")


def check_size(text: str, options: int) -> None:
    """Checks what the parser would take long for: it needs 0.1 ms for a comparison, and calls itself for parentheses.

    `options`: how many pairs may be options, which are counted too. What comes near a limit is left to the parser.

    Raises:
        QueryError: there are too many comparisons, or values.
        QuerySyntaxError: parentheses are nested too deep.
    """
    depth = pairs = commas = 0
    for found in _SEPARATOR.finditer(text):
        separator = found[0]
        depth += {"(": 1, ")": -1}.get(separator, 0)
        commas += separator == ","
        pairs += separator[0] in "&AaOo"
        if depth > PARENTHESES.most:
            raise QuerySyntaxError(text, found.start() + 1, f"at most {PARENTHESES.most} {PARENTHESES.what}")
    if pairs >= COMPARISONS.most + options:
        COMPARISONS.check(pairs + 1)
    if commas >= VALUES.most + _LISTS_OF_KEYS * FIELDS.most:
        VALUES.check(commas + 1)


def _token(pattern: str) -> ParserElement:
    """The grammar of a token and the blanks after it, so that an error points at what comes next."""
    return Regex(rf"(?:{pattern}){_BLANK}*")


def _word(words: str) -> ParserElement:
    return _token(rf"(?i:{words.replace(' ', _BLANK + '+')})(?![A-Za-z0-9_.])")


def _joined(
    item: ParserElement, word: str, junction: Callable[[tuple[Term[Comparison], ...]], Term[Comparison]]
) -> ParserElement:
    def join(_: str, __: int, found: ParseResults) -> Term[Comparison]:
        return junction(tuple(found)) if len(found) > 1 else found[0]

    return (item + ZeroOrMore(_word(word).suppress() - item)).set_parse_action(join)


def _negated(_: str, __: int, found: ParseResults) -> Term[Comparison]:
    *negations, term = found
    return Not(term) if len(negations) % 2 else term


def _comparison() -> ParserElement:
    key = _token(KEY).set_name("a key, such as id")
    value = value_before(_END) + Regex(f"{_BLANK}*").suppress()
    values = list_of(value, rf",{_BLANK}*")
    in_list = (
        _one_of(_LISTS)
        - _token(r"\(").suppress().set_name("( and values")
        - values
        - (_token(r"\)").suppress().set_name(") or , and a value"))
    )
    is_null = _one_of(_NULLS) + Group(Empty())
    compared = (_one_of(_OTHERS) | _token(SYMBOLS)) - values
    operation = (is_null | in_list | compared).set_name(f"an operator (= != > < >= <= {' '.join(WORDS)})")
    return (key - operation).set_parse_action(_compared)


def _one_of(words: tuple[str, ...]) -> ParserElement:
    return _word("|".join(words))


def _compared(_: str, __: int, found: ParseResults) -> Comparison:
    key, path = split_key(_stripped(found[0]))
    operator = re.sub(f"{_BLANK}+", " ", _stripped(found[1])).upper()
    values: Any = tuple(found[2])
    if operator in _NULLS:
        values = (Boolean(operator == "IS NULL"),)
    return Comparison(key, WORDS[operator] if operator in WORDS else OPERATORS[operator.lower()], values, path)


def _stripped(text: str) -> str:
    return text.rstrip(" \t\r\n+")
