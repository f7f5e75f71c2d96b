"""Literals: text -> `ast.Literal`. The rules are those of the docstring of `grammar`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta, timezone

from pyparsing import Group, ParseFatalException, ParserElement, ParseResults, Regex, ZeroOrMore

from querylang.ast import Boolean, DateTime, Float, Integer, Literal, Null, String
from querylang.keys import TEXT, unquoted
from querylang.times import length_of_month

VALUE = 'a value ("text" in double quotes, 12, -1.5, true, false, null or a time as 2016-04-23T05:45+03:45)'
_INTEGER = r"[+-]?[0-9]+"
_WORDS: Mapping[str, Literal] = {"true": Boolean(value=True), "false": Boolean(value=False), "null": Null()}

_INT64 = range(-(2**63), 2**63)

_WIDTHS = {
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


def value_before(end: str) -> ParserElement:
    """The grammar of a literal, with `end` after it: a regular expression that looks ahead."""
    datetime_ = Regex(
        r"(?P<month>[0-9]{4}-[0-9]{2})(?:(?P<day>-[0-9]{2})"
        r"(?:T(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?)?"
        rf"(?P<shift>Z|[+-][0-9]{{2}}(?::[0-9]{{2}})?)?)?)?{end}"
    ).set_parse_action(_datetime)
    float_ = Regex(rf"{_INTEGER}(?:\.[0-9]*(?:[eE]{_INTEGER})?|[eE]{_INTEGER}){end}").set_parse_action(_float)
    integer = Regex(_INTEGER + end).set_parse_action(_integer)
    word = Regex(f"(?:{'|'.join(_WORDS)}){end}").set_parse_action(lambda _, __, found: _WORDS[found[0]])
    string = Regex(TEXT + end).set_parse_action(lambda _, __, found: String(unquoted(found[0])))
    return (string | datetime_ | float_ | integer | word).set_name(VALUE)


def list_of(item: ParserElement, comma: str = ",") -> ParserElement:
    # Not DelimitedList, which goes back over a comma that nothing follows and so blames the wrong column.
    return Group(item + ZeroOrMore(Regex(comma).suppress() - item))


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
    try:
        start = _start(parts)
        # It must exist in UTC, too: the years are 1 to 9999.
        start.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise ParseFatalException(text, at, f"a time of the calendar ({error})") from error
    return DateTime(start, _width(parts, start))


def _width(parts: Mapping[str, str], start: datetime) -> timedelta:
    """The length of the interval, by the smallest unit that is written."""
    if parts.get("fraction"):
        return timedelta(microseconds=10 ** (6 - len(parts["fraction"])))
    written = [width for name, width in _WIDTHS.items() if parts.get(name)]
    if written:
        return written[-1]
    return timedelta(days=1) if parts.get("day") else length_of_month(start)


def _start(parts: Mapping[str, str]) -> datetime:
    """Raises ValueError: there is no such time."""
    written = parts["month"] + (parts.get("day") or "-01")
    day = datetime.fromisoformat(written).replace(tzinfo=_zone(parts.get("shift") or "Z"))
    return day.replace(
        hour=int(parts.get("hour") or 0),
        minute=int(parts.get("minute") or 0),
        second=int(parts.get("second") or 0),
        microsecond=int((parts.get("fraction") or "").ljust(6, "0")),
    )


def _zone(shift: str) -> timezone:
    if shift == "Z":
        return timezone.utc
    hours, _, minutes = shift[1:].partition(":")
    clock = time(int(hours), int(minutes or 0))  # refuses the hour 24 and the minute 60
    offset = timedelta(hours=clock.hour, minutes=clock.minute)
    return timezone(-offset if shift[0] == "-" else offset)
