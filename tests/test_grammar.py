"""Text and what it says."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiida_like.errors import QuerySyntaxError
from querylang.ast import Boolean, Comparison, DateTime, Float, Integer, Literal, Operator, Option, Query, String
from querylang.grammar import Grammar
from querylang.unparse import unparse
from restapi.dialects.aiida_v2.options import OPTIONS

GRAMMAR = Grammar(OPTIONS)
UTC = timezone.utc
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
FIRST = datetime(1, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def zone(hours: int, minutes: int = 0) -> timezone:
    return timezone(timedelta(hours=hours, minutes=minutes))


VALUES: dict[str, Literal] = {
    '"text"': String("text"),
    '""': String(""),
    '"say ""hi"""': String('say "hi"'),
    '"a&b=c,d<e"': String("a&b=c,d<e"),
    '"two\nlines"': String("two\nlines"),
    '"ünï☃"': String("ünï☃"),
    "0": Integer(0),
    "-7": Integer(-7),
    "+7": Integer(7),
    "9223372036854775807": Integer(2**63 - 1),
    "-9223372036854775808": Integer(-(2**63)),
    "1.5": Float(1.5),
    "-1.": Float(-1.0),
    "1e3": Float(1000.0),
    "2.5e-3": Float(0.0025),
    "true": Boolean(True),
    "false": Boolean(False),
    "2016-04-23": DateTime(datetime(2016, 4, 23, tzinfo=UTC), DAY),
    "2016-04-23T05": DateTime(datetime(2016, 4, 23, 5, tzinfo=UTC), HOUR),
    "2016-04-23T05:45": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=UTC), MINUTE),
    "2016-04-23T05:45:59": DateTime(datetime(2016, 4, 23, 5, 45, 59, tzinfo=UTC), SECOND),
    "2016-04-23T05:45:59.5": DateTime(datetime(2016, 4, 23, 5, 45, 59, 500000, UTC), 100000 * MICROSECOND),
    "2016-04-23T05:45:59.000001": DateTime(datetime(2016, 4, 23, 5, 45, 59, 1, UTC), MICROSECOND),
    "2016-04-23T05:45Z": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=UTC), MINUTE),
    "2016-04-23T05+03": DateTime(datetime(2016, 4, 23, 5, tzinfo=zone(3)), HOUR),
    "2016-04-23T05:45+03:45": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=zone(3, 45)), MINUTE),
    "2016-04-23T05:45:00-07:30": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=zone(-7, -30)), SECOND),
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert GRAMMAR.parse(f"key={text}") == Query((Comparison("key", Operator.EQUAL, (VALUES[text],)),))


@pytest.mark.parametrize("operator", Operator)
def test_operators(operator: Operator) -> None:
    assert GRAMMAR.parse(f"key{operator.value}5") == Query((Comparison("key", operator, (Integer(5),)),))


def ids_in(*numbers: int) -> Comparison:
    return Comparison("id", Operator.IN, tuple(map(Integer, numbers)))


QUERIES = {
    "": (),
    "&": (),
    "&&id=in=1&&": (ids_in(1),),
    "id=in=45,56,78": (ids_in(45, 56, 78),),
    'id>45&type=like="%data%"': (
        Comparison("id", Operator.GREATER, (Integer(45),)),
        Comparison("type", Operator.LIKE, (String("%data%"),)),
    ),
    "limit=20&offset=3": (Option("limit", ("20",)), Option("offset", ("3",))),
    "orderby=-ctime,+id": (Option("orderby", ("-ctime", "+id")),),
    'alist=a.b|c,"with, comma & ""quotes""",': (Option("alist", ("a.b|c", 'with, comma & "quotes"', "")),),
    'filename="a/b c.txt"&rtype=download': (Option("filename", ("a/b c.txt",)), Option("rtype", ("download",))),
    "_=1541592000": (Option("_", ("1541592000",)),),
    "limits=1": (Comparison("limits", Operator.EQUAL, (Integer(1),)),),
    "_x=1": (Comparison("_x", Operator.EQUAL, (Integer(1),)),),
    "format=cif&user=2": (Option("format", ("cif",)), Option("user", ("2",))),
}


@pytest.mark.parametrize("text", QUERIES)
def test_queries(text: str) -> None:
    assert GRAMMAR.parse(text) == Query(QUERIES[text])


VALUE = 'a value ("text" in double quotes, 12, -1.5, true, false or a time as 2016-04-23T05:45+03:45)'
OPERATOR = "an operator (= != > < >= <= =like= =ilike= =in= =notin=)"
KEY = "a key, such as id, or & and a key"

ERRORS = {
    "id": (3, OPERATOR, "the end"),
    "id~5": (3, OPERATOR, "'~5'"),
    "id ": (3, OPERATOR, "' '"),
    " id=5": (1, KEY, "' id=5'"),
    "5=5": (1, KEY, "'5=5'"),
    "id=": (4, VALUE, "the end"),
    "id==5": (4, VALUE, "'=5'"),
    "id=abc": (4, VALUE, "'abc'"),
    "id=5x": (4, VALUE, "'5x'"),
    "id=5 ": (4, VALUE, "'5 '"),
    "id=True": (4, VALUE, "'True'"),
    "id=1,&x=2": (6, VALUE, "'&x=2'"),
    "id=1,": (6, VALUE, "the end"),
    'label="abc': (7, VALUE, "'\"abc'"),
    'label="a"b"': (7, VALUE, '\'"a"b"\''),
    'label="nul\0"': (7, VALUE, "'\"nul\\x00\"'"),
    "limit": (6, "'=', the only operator of this key", "the end"),
    "limit>5": (6, "'=', the only operator of this key", "'>5'"),
    'alist="a': (7, 'words or "texts", separated by commas', "'\"a'"),
    'alist=a,"b': (7, 'words or "texts", separated by commas', "'a,\"b'"),
    "alist=nul\0": (7, 'words or "texts", separated by commas', "'nul\\x00'"),
    "id=9223372036854775808": (
        4,
        "an integer from -9223372036854775808 to 9223372036854775807",
        "'9223372036854775808'",
    ),
    f"id={'9' * 5000}": (4, "an integer from -9223372036854775808 to 9223372036854775807", f"'{'9' * 20}'"),
    "x=1e999": (4 - 1, "a number that fits a double", "'1e999'"),
    "t=2016-13-01": (3, "a time of the calendar (month must be in 1..12)", "'2016-13-01'"),
    "t=2016-02-30": (3, "a time of the calendar (day is out of range for month)", "'2016-02-30'"),
    "t=2016-04-23T25": (3, "a time of the calendar (hour must be in 0..23)", "'2016-04-23T25'"),
    "t=9999-12-31": (3, "a time of the calendar (date value out of range)", "'9999-12-31'"),
    "t=0001-01-01T00+05": (3, "a time of the calendar (date value out of range)", "'0001-01-01T00+05'"),
    "t=2016-04-23+01": (3, VALUE, "'2016-04-23+01'"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    column, expected, found = ERRORS[text]
    with pytest.raises(QuerySyntaxError) as caught:
        GRAMMAR.parse(text)
    assert (caught.value.column, caught.value.expected) == (column, expected)
    assert (
        str(caught.value) == f"syntax error in the query string at column {column}: expected {expected}, found {found}"
    )


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: zone(0, minutes))


@st.composite
def times(draw: st.DrawFn) -> DateTime:
    width = draw(st.sampled_from([DAY, HOUR, MINUTE, SECOND, *(10**power * MICROSECOND for power in range(6))]))
    naive = draw(st.datetimes(FIRST.replace(year=2), FIRST.replace(year=9998)))
    naive -= (naive - FIRST) % width
    return DateTime(naive.replace(tzinfo=UTC if width == DAY else draw(zones)), width)


literals = st.one_of(
    st.builds(String, texts),
    st.builds(Integer, st.integers(-(2**63), 2**63 - 1)),
    st.builds(Float, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Boolean, st.booleans()),
    times(),
)
keys = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z").filter(lambda key: key not in OPTIONS)
comparisons = st.builds(
    Comparison, keys, st.sampled_from(Operator), st.lists(literals, min_size=1, max_size=3).map(tuple)
)
options = st.builds(Option, st.sampled_from(sorted(OPTIONS)), st.lists(texts, min_size=1, max_size=3).map(tuple))


@given(st.builds(Query, st.lists(st.one_of(comparisons, options), max_size=4).map(tuple)))
def test_parse_is_the_inverse_of_unparse(query: Query) -> None:
    assert GRAMMAR.parse(unparse(query)) == query


pieces = [*'abid=<>!&,"%_.+-:TZ0129 ~\0é', "=like=", "limit=", "orderby=", "2016-04-23"]
near_misses = st.lists(st.sampled_from(pieces), max_size=24).map("".join)


@settings(max_examples=500)
@given(st.one_of(st.text(), near_misses))
def test_random_text_gives_a_query_or_a_syntax_error(text: str) -> None:
    assert _column_of_error(text) in range(len(text) + 2)


def _column_of_error(text: str) -> int:
    """0 for a query, which unparses too."""
    try:
        parsed = GRAMMAR.parse(text)
    except QuerySyntaxError as error:
        return error.column if error.column > 0 else -1
    return 0 if GRAMMAR.parse(unparse(parsed)) == parsed else -1


AT_ONCE = """
import sys, threading
from querylang.grammar import Grammar
grammar, barrier, wrong = Grammar(["limit"]), threading.Barrier(8), []
def work():
    barrier.wait()
    for text in ('id=in=1,2', 'a=like="b"', 'limit=3', 't>2016-04-23', 'x='):
        try:
            wrong.extend([] if len(grammar.parse(text).pairs) == 1 else [text])
        except Exception as error:
            wrong.extend([] if text == 'x=' and error.column == 3 else [repr(error)])
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(wrong)
"""


def test_the_first_queries_may_come_at_once() -> None:
    """In fresh processes, because what goes wrong goes wrong only once."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
