"""Text -> `ast.Query`.

    query      = { "&" } [ pair { "&" { "&" } pair } { "&" } ]
    pair       = option | comparison
    option     = reserved-key "=" word { "," word }
    comparison = key operator value { "," value }
    key        = ( letter | "_" ) { letter | digit | "_" }
    operator   = "=like=" | "=ilike=" | "=in=" | "=notin=" | "!=" | ">=" | "<=" | "=" | ">" | "<"
    value      = string | datetime | float | integer | "true" | "false"
    word       = string | { any character but "&" "," }
    string     = '"' { any character but '"' and NUL | '""' } '"'
    datetime   = YYYY-MM-DD [ "T" HH [ ":" MM [ ":" SS [ "." digit { digit } ] ] ] [ shift ] ]
    shift      = "Z" | ( "+" | "-" ) HH [ ":" MM ]
    float      = integer ( "." { digit } [ exponent ] | exponent )
    integer    = [ "+" | "-" ] digit { digit }

A value ends before `,`, `&` or the end of the text. Quotes protect everything in them. A time has at most microseconds,
six digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta, timezone

from pyparsing import (
    Group,
    ParseBaseException,
    ParseFatalException,
    ParserElement,
    ParseResults,
    Regex,
    StringEnd,
    ZeroOrMore,
)

from aiida_like.errors import QuerySyntaxError
from querylang.ast import Boolean, Comparison, DateTime, Float, Integer, Literal, Operator, Option, Query, String

_VALUE = 'a value ("text" in double quotes, 12, -1.5, true, false or a time as 2016-04-23T05:45+03:45)'
_END = r"(?=[,&]|\Z)"
_INTEGER = r"[+-]?[0-9]+"
_STRING = rf'"(?:[^"\0]|"")*"{_END}'
_WORD = rf'{_STRING}|(?!")[^,&\0]*'

_INT64 = range(-(2**63), 2**63)

_WIDTHS = {
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


class Grammar:
    """The grammar for one set of reserved keys. Parses from several threads at once."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._query = _query(reserved)
        # pyparsing finishes building at the first use, and not safely when two threads come first together.
        self.parse('limit=1&a=like="b"&c=in=1,-1.5,true,2016-04-23T05:45+03:45')

    def parse(self, text: str) -> Query:
        """Raises QuerySyntaxError."""
        if not text:
            return Query(())
        try:
            return Query(tuple(self._query.parse_string(text)))
        except ParseBaseException as error:
            raise QuerySyntaxError(text, error.loc + 1, str(error.msg).removeprefix("Expected ")) from error


def _query(reserved: Iterable[str]) -> ParserElement:
    pair = _option(reserved) | _comparison()
    separator = Regex("&+").suppress()
    query = Regex("&*").suppress() + ZeroOrMore(pair + (separator | _end_of_query()))
    return (query + _end_of_query()).leave_whitespace().parse_with_tabs()


def _end_of_query() -> ParserElement:
    return StringEnd().set_name("a key, such as id, or & and a key")


def _option(reserved: Iterable[str]) -> ParserElement:
    names = "|".join(sorted(map(re.escape, reserved), key=len, reverse=True)) or "(?!)"
    key = Regex(rf"(?:{names})(?![A-Za-z0-9_])")
    equals = Regex("=").suppress().set_name("'=', the only operator of this key")
    # One expression for all words: they are in nearly every query, and each step of a parser takes its time.
    words = Regex(rf"(?:{_WORD})(?:,(?:{_WORD}))*(?=&|\Z)").set_name('words or "texts", separated by commas')
    option = key - equals - words
    return option.set_parse_action(lambda _, __, found: Option(found[0], _words(found[1])))


def _words(text: str) -> tuple[str, ...]:
    found = (match[1] for match in re.finditer(rf"(?:^|,)({_WORD})", text))
    return tuple(_unquoted(word) if word.startswith('"') else word for word in found)


def _comparison() -> ParserElement:
    key = Regex("[A-Za-z_][A-Za-z0-9_]*").set_name("a key, such as id")
    symbols = sorted((operator.value for operator in Operator), key=len, reverse=True)
    operator = Regex("|".join(map(re.escape, symbols))).set_name("an operator (" + " ".join(_symbols()) + ")")
    comparison = key - operator - _list_of(_value())
    return comparison.set_parse_action(lambda _, __, found: Comparison(found[0], Operator(found[1]), tuple(found[2])))


def _list_of(item: ParserElement) -> ParserElement:
    # Not DelimitedList, which goes back over a comma that nothing follows and so blames the wrong column.
    return Group(item + ZeroOrMore(Regex(",").suppress() - item))


def _symbols() -> list[str]:
    return [operator.value for operator in Operator]


def _value() -> ParserElement:
    datetime_ = Regex(
        r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
        r"(?:T(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?)?"
        rf"(?P<shift>Z|[+-][0-9]{{2}}(?::[0-9]{{2}})?)?)?{_END}"
    ).set_parse_action(_datetime)
    float_ = Regex(rf"{_INTEGER}(?:\.[0-9]*(?:[eE]{_INTEGER})?|[eE]{_INTEGER}){_END}").set_parse_action(_float)
    integer = Regex(_INTEGER + _END).set_parse_action(_integer)
    boolean = Regex("(?:true|false)" + _END).set_parse_action(lambda _, __, found: Boolean(found[0] == "true"))
    string = Regex(_STRING).set_parse_action(lambda _, __, found: String(_unquoted(found[0])))
    return (string | datetime_ | float_ | integer | boolean).set_name(_VALUE)


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"')


def _integer(text: str, at: int, found: ParseResults) -> Literal:
    digits = re.sub("^([+-]?)0+(?=[0-9])", r"\1", found[0])
    # Length first: Python refuses to convert thousands of digits.
    if len(digits) > len(str(_INT64.start)) or int(digits) not in _INT64:
        raise ParseFatalException(text, at, f"an integer from {_INT64.start} to {_INT64.stop - 1}")
    return Integer(int(digits))


def _float(text: str, at: int, found: ParseResults) -> Literal:
    value = float(found[0])
    if not math.isfinite(value):
        raise ParseFatalException(text, at, "a number that fits a double")
    return Float(value)


def _datetime(text: str, at: int, found: ParseResults) -> Literal:
    parts = found.as_dict()
    width = timedelta(days=1)
    for name, of_part in _WIDTHS.items():
        width = of_part if parts.get(name) else width
    fraction = parts.get("fraction") or ""
    if fraction:
        width = timedelta(microseconds=10 ** (6 - len(fraction)))
    try:
        day = datetime.fromisoformat(parts["date"]).replace(tzinfo=_zone(parts.get("shift") or "Z"))
        start = day.replace(
            hour=int(parts.get("hour") or 0),
            minute=int(parts.get("minute") or 0),
            second=int(parts.get("second") or 0),
            microsecond=int(fraction.ljust(6, "0")) if fraction else 0,
        )
        # Both ends must exist in UTC, too: the years are 1 to 9999.
        start.astimezone(timezone.utc)
        (start + width).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise ParseFatalException(text, at, f"a time of the calendar ({error})") from error
    return DateTime(start, width)


def _zone(shift: str) -> timezone:
    if shift == "Z":
        return timezone.utc
    hours, _, minutes = shift[1:].partition(":")
    clock = time(int(hours), int(minutes or 0))  # refuses the hour 24 and the minute 60
    offset = timedelta(hours=clock.hour, minutes=clock.minute)
    return timezone(-offset if shift[0] == "-" else offset)
