"""Text -> `ast.Query`.

    query      = { "&" } [ pair { "&" { "&" } pair } { "&" } ]
    pair       = option | "filter=" expression | comparison
    option     = reserved-key "=" word { "," word }
    comparison = key operator value { "," value }
    key        = name { "." segment }
    name       = ( letter | "_" ) { letter | digit | "_" }
    segment    = string | { any character but blanks and . = ! < > & , ( ) " + }
    operator   = "=like=" | "=ilike=" | "=in=" | "=notin=" | "=has=" | "=contains=" | "=startswith=" | "=isnull="
               | "!=" | ">=" | "<=" | "=" | ">" | "<"
    value      = string | datetime | float | integer | "true" | "false" | "null"
    word       = string | { any character but "&" "," }
    string     = '"' { any character but '"' and NUL | '""' } '"'
    datetime   = YYYY-MM [ -DD [ "T" HH [ ":" MM [ ":" SS [ "." digit { digit } ] ] ] [ shift ] ] ]
    shift      = "Z" | ( "+" | "-" ) HH [ ":" MM ]
    float      = integer ( "." { digit } [ exponent ] | exponent )
    integer    = [ "+" | "-" ] digit { digit }

A value ends before `,`, `&` or the end of the text. Quotes protect everything in them. A time has at most microseconds,
six digits; a year is an integer, which is a time where a field is one. An expression is described in `expression`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyparsing import ParseBaseException, ParserElement, Regex, StringEnd, ZeroOrMore

from aiida_like.errors import QuerySyntaxError
from querylang.ast import Comparison, Filter, Literal, Operator, Option, Query
from querylang.expression import check_size, expression
from querylang.keys import KEY, OPERATORS, SYMBOLS, TEXT, split_key, unquoted
from querylang.values import list_of, value_before

_END = r"(?=[,&]|\Z)"
_KEY = f"[+-]?{KEY}{_END}"
# What is a key is nothing else, or a text that fits nowhere would be tried in exponentially many ways.
_WORD = rf'{TEXT}{_END}|{_KEY}|(?!"|{_KEY})[^,&\0]*'


class Grammar:
    """The grammar for one set of reserved keys. Several threads can parse with it at once."""

    def __init__(self, reserved: Iterable[str]) -> None:
        names = tuple(reserved)
        self._query, self._options = _query(names), len(names)
        # pyparsing finishes building at the first use, which is not safe if two threads begin at once.
        self.parse(
            'limit=1&a=like="b"&c=in=1,-1.5,true,2016-04-23T05:45+03:45&filter=NOT (a.b=1 OR c IN (2) AND d IS NULL)'
        )

    def parse(self, text: str) -> Query:
        """The query that the text says. Raises QuerySyntaxError, and QueryError where it is far too long."""
        check_size(text, self._options)
        try:
            return Query(tuple(self._query.parse_string(text)))
        except ParseBaseException as error:
            raise QuerySyntaxError(text, error.loc + 1, str(error.msg).removeprefix("Expected ")) from error


def _query(reserved: Iterable[str]) -> ParserElement:
    pair = _option(reserved) | _filter() | _comparison()
    separator = Regex("&+").suppress()
    query = Regex("&*").suppress() + ZeroOrMore(pair + (separator | _end_of_query()))
    return (query + _end_of_query()).leave_whitespace().parse_with_tabs()


def _end_of_query() -> ParserElement:
    return StringEnd().set_name("a key, such as id, or & and a key")


def _option(reserved: Iterable[str]) -> ParserElement:
    names = "|".join(sorted(map(re.escape, reserved), key=len, reverse=True)) or "(?!)"
    key = Regex(rf"(?:{names})(?![A-Za-z0-9_.])")
    equals = Regex("=").suppress().set_name("'=', the only operator of this key")
    # One regular expression for all words, which are in nearly every query: each step of a parser costs time.
    words = Regex(rf"(?:{_WORD})(?:,(?:{_WORD}))*(?=&|\Z)").set_name('words or "texts", separated by commas')
    option = key - equals - words
    return option.set_parse_action(lambda _, __, found: Option(found[0], _words(found[1])))


def _words(text: str) -> tuple[str, ...]:
    found = (match[1] for match in re.finditer(rf"(?:^|,)({_WORD})", text))
    return tuple(unquoted(word) if word.startswith('"') else word for word in found)


def _filter() -> ParserElement:
    end = Regex(r"(?=&|\Z)").suppress().set_name("AND, OR, or & and a key")
    filter_ = Regex(r"filter(?![A-Za-z0-9_.])").suppress() - (
        Regex("=").suppress().set_name("'=', the only operator of this key") - expression() - end
    )
    return filter_.set_parse_action(lambda _, __, found: Filter(found[0]))


def _comparison() -> ParserElement:
    operator = Regex(SYMBOLS).set_name("an operator (" + " ".join(OPERATORS) + ")")
    comparison = Regex(KEY) - operator - list_of(value_before(_END))
    return comparison.set_parse_action(
        lambda _, __, found: _compared(*split_key(found[0]), OPERATORS[found[1]], found[2])
    )


def _compared(key: str, path: tuple[str, ...], operator: Operator, values: Iterable[Literal]) -> Comparison:
    return Comparison(key, operator, tuple(values), path)
