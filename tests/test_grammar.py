"""Text and what it says."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiida_like.errors import QuerySyntaxError
from querylang.ast import (
    Boolean,
    Comparison,
    DateTime,
    Filter,
    Float,
    Integer,
    Literal,
    Null,
    Operator,
    Option,
    Query,
    String,
)
from querylang.grammar import Grammar
from querylang.parse import Parser
from querylang.terms import Every, Not, Some, Term
from querylang.unparse import unparse
from tests.entities import OPTIONS

PARSER, GRAMMAR = Parser(OPTIONS), Grammar(OPTIONS)
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
    '""""': String('"'),
    '"true"': String("true"),
    '"2016-04-23"': String("2016-04-23"),
    '"a&b=c,d<e"': String("a&b=c,d<e"),
    '"two\nlines"': String("two\nlines"),
    '"ünï☃"': String("ünï☃"),
    "0": Integer(0),
    "-7": Integer(-7),
    "+7": Integer(7),
    "9223372036854775807": Integer(2**63 - 1),
    "-9223372036854775808": Integer(-(2**63)),
    "00000000000000000000007": Integer(7),
    "-00000000000000000000007": Integer(-7),
    "00000000000000000000000": Integer(0),
    "1.5": Float(1.5),
    "-1.": Float(-1.0),
    "+0.5": Float(0.5),
    "1e3": Float(1000.0),
    "1E+3": Float(1000.0),
    "2.5e-3": Float(0.0025),
    "1e-999": Float(0.0),
    f"{'9' * 5000}e-5000": Float(1.0),
    "true": Boolean(True),
    "false": Boolean(False),
    "null": Null(),
    "2016-04-23": DateTime(datetime(2016, 4, 23, tzinfo=UTC), DAY),
    "2016-04": DateTime(datetime(2016, 4, 1, tzinfo=UTC), 30 * DAY),
    "2016-02": DateTime(datetime(2016, 2, 1, tzinfo=UTC), 29 * DAY),
    "2015-02": DateTime(datetime(2015, 2, 1, tzinfo=UTC), 28 * DAY),
    "0001-12": DateTime(datetime(1, 12, 1, tzinfo=UTC), 31 * DAY),
    "9999-12": DateTime(datetime(9999, 12, 1, tzinfo=UTC), 31 * DAY),
    "9999-12-31": DateTime(datetime(9999, 12, 31, tzinfo=UTC), DAY),
    "9999-11": DateTime(datetime(9999, 11, 1, tzinfo=UTC), 30 * DAY),
    "2016": Integer(2016),
    "2016-04-23T05": DateTime(datetime(2016, 4, 23, 5, tzinfo=UTC), HOUR),
    "2016-04-23T05:45": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=UTC), MINUTE),
    "2016-04-23T05:45:59": DateTime(datetime(2016, 4, 23, 5, 45, 59, tzinfo=UTC), SECOND),
    "2016-04-23T05:45:59.5": DateTime(datetime(2016, 4, 23, 5, 45, 59, 500000, UTC), 100000 * MICROSECOND),
    "2016-04-23T05:45:59.000001": DateTime(datetime(2016, 4, 23, 5, 45, 59, 1, UTC), MICROSECOND),
    "2016-04-23T05:45Z": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=UTC), MINUTE),
    "2016-04-23T05Z": DateTime(datetime(2016, 4, 23, 5, tzinfo=UTC), HOUR),
    "2016-04-23T05:45:59.25Z": DateTime(datetime(2016, 4, 23, 5, 45, 59, 250000, UTC), 10000 * MICROSECOND),
    "2016-02-29": DateTime(datetime(2016, 2, 29, tzinfo=UTC), DAY),
    "0001-01-01": DateTime(datetime(1, 1, 1, tzinfo=UTC), DAY),
    "9999-12-30": DateTime(datetime(9999, 12, 30, tzinfo=UTC), DAY),
    "9999-12-31T22": DateTime(datetime(9999, 12, 31, 22, tzinfo=UTC), HOUR),
    "2016-04-23T05+23:59": DateTime(datetime(2016, 4, 23, 5, tzinfo=zone(23, 59)), HOUR),
    "2016-04-23T05-00:30": DateTime(datetime(2016, 4, 23, 5, tzinfo=zone(0, -30)), HOUR),
    "2016-04-23T05+03": DateTime(datetime(2016, 4, 23, 5, tzinfo=zone(3)), HOUR),
    "2016-04-23T05:45+03:45": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=zone(3, 45)), MINUTE),
    "2016-04-23T05:45:00-07:30": DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=zone(-7, -30)), SECOND),
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert PARSER.parse(f"key={text}") == Query((Comparison("key", Operator.EQUAL, (VALUES[text],)),))


def test_a_shift_is_kept() -> None:
    """Times that are equal may differ in their shifts."""
    (pair,) = PARSER.parse("t>2016-04-23T05-07:30").pairs
    assert pair == Comparison("t", Operator.GREATER, (DateTime(datetime(2016, 4, 23, 12, 30, tzinfo=UTC), HOUR),))
    assert unparse(Query((pair,))) == "t>2016-04-23T05-07:30"


@pytest.mark.parametrize("operator", Operator)
def test_operators(operator: Operator) -> None:
    assert PARSER.parse(f"key{operator.value}5") == Query((Comparison("key", operator, (Integer(5),)),))


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
    'orderby=-a.b."c,d&e",id': (Option("orderby", ('-a.b."c,d&e"', "id")),),
    'alist=a."b,c",a."d""e".f,g': (Option("alist", ('a."b,c"', 'a."d""e".f', "g")),),
    'alist=a.b|c,"with, comma & ""quotes""",': (Option("alist", ("a.b|c", 'with, comma & "quotes"', "")),),
    'filename="a/b c.txt"&rtype=download': (Option("filename", ("a/b c.txt",)), Option("rtype", ("download",))),
    "_=1541592000": (Option("_", ("1541592000",)),),
    "a=true,false": (Comparison("a", Operator.EQUAL, (Boolean(True), Boolean(False))),),
    'a="&",2&&&b<"="': (
        Comparison("a", Operator.EQUAL, (String("&"), Integer(2))),
        Comparison("b", Operator.LESS, (String("="),)),
    ),
    "id=like=5": (Comparison("id", Operator.LIKE, (Integer(5),)),),
    "limit=1&limit=2": (Option("limit", ("1",)), Option("limit", ("2",))),
    "limit=": (Option("limit", ("",)),),
    "alist=,,": (Option("alist", ("", "", "")),),
    'alist=a"b, =c~': (Option("alist", ('a"b', " =c~")),),
    'elist="a&b",""': (Option("elist", ("a&b", "")),),
    "__=1": (Comparison("__", Operator.EQUAL, (Integer(1),)),),
    "in_limits=3": (Comparison("in_limits", Operator.EQUAL, (Integer(3),)),),
    "Limit=3": (Comparison("Limit", Operator.EQUAL, (Integer(3),)),),
    "limits=1": (Comparison("limits", Operator.EQUAL, (Integer(1),)),),
    "_x=1": (Comparison("_x", Operator.EQUAL, (Integer(1),)),),
    "format=cif&rtype=2": (Option("format", ("cif",)), Option("rtype", ("2",))),
}


@pytest.mark.parametrize("text", QUERIES)
def test_queries(text: str) -> None:
    assert PARSER.parse(text) == GRAMMAR.parse(text) == Query(QUERIES[text])


def test_a_grammar_may_reserve_nothing() -> None:
    assert Parser(()).parse("limit=5") == Query((Comparison("limit", Operator.EQUAL, (Integer(5),)),))


A, B, C = (Comparison(key, Operator.EQUAL, (Integer(1),)) for key in "abc")

PATHS = {
    "attributes.energy": ("attributes", ("energy",)),
    "attributes.kinds.0.name": ("attributes", ("kinds", "0", "name")),
    'a."b.c"."d ""e""".ä-1%': ("a", ("b.c", 'd "e"', "ä-1%")),
    "limit.x": ("limit", ("x",)),
    "filter.x": ("filter", ("x",)),
}


@pytest.mark.parametrize("text", PATHS)
def test_paths(text: str) -> None:
    key, path = PATHS[text]
    assert PARSER.parse(f"{text}=1") == Query((Comparison(key, Operator.EQUAL, (Integer(1),), path),))
    assert PARSER.parse(f"filter={text}=1") == Query((Filter(Comparison(key, Operator.EQUAL, (Integer(1),), path)),))


FILTERS: dict[str, Term[Comparison]] = {
    "a=1": A,
    "a = 1": A,
    "(a=1)": A,
    "+(+a=1+)+": A,
    "a=1 AND b=1": Every((A, B)),
    "a=1+and+b=1 And c=1": Every((A, B, C)),
    "a=1 OR b=1 AND c=1": Some((A, Every((B, C)))),
    "(a=1 OR b=1) AND c=1": Every((Some((A, B)), C)),
    "NOT a=1 OR b=1": Some((Not(A), B)),
    "NOT (a=1 OR b=1)": Not(Some((A, B))),
    "NOT(a=1)AND(b=1)": Every((Not(A), B)),
    "NOT NOT a=1": A,
    "not Not NOT a=1": Not(A),
    "NOT (NOT a=1)": Not(Not(A)),
    "a IN (1, 2 ,3)": Comparison("a", Operator.IN, (Integer(1), Integer(2), Integer(3))),
    "a not in(1)": Comparison("a", Operator.NOT_IN, (Integer(1),)),
    "a=in=1,2": Comparison("a", Operator.IN, (Integer(1), Integer(2))),
    'a LIKE "x%"': Comparison("a", Operator.LIKE, (String("x%"),)),
    'a=ilike="x%"': Comparison("a", Operator.ILIKE, (String("x%"),)),
    'a Ilike "(&)"': Comparison("a", Operator.ILIKE, (String("(&)"),)),
    'a.b HAS "k"': Comparison("a", Operator.HAS, (String("k"),), ("b",)),
    "a.b CONTAINS -1.5": Comparison("a", Operator.CONTAINS, (Float(-1.5),), ("b",)),
    'a  STARTS + WITH"x"': Comparison("a", Operator.STARTS_WITH, (String("x"),)),
    "a IS NULL": Comparison("a", Operator.IS_NULL, (Boolean(True),)),
    "a is not null AND b=1": Every((Comparison("a", Operator.IS_NULL, (Boolean(False),)), B)),
    "a=isnull=false": Comparison("a", Operator.IS_NULL, (Boolean(False),)),
    "a>2016-04-23T05:45+03:45+AND+b=1": Every(
        (Comparison("a", Operator.GREATER, (DateTime(datetime(2016, 4, 23, 5, 45, tzinfo=zone(3, 45)), MINUTE),)), B)
    ),
    "a < +5": Comparison("a", Operator.LESS, (Integer(5),)),
    "a=null": Comparison("a", Operator.EQUAL, (Null(),)),
    "NOTE=1": Comparison("NOTE", Operator.EQUAL, (Integer(1),)),
    "NOT.b=1": Comparison("NOT", Operator.EQUAL, (Integer(1),), ("b",)),
    f"{'(' * 32}a=1{')' * 32}": A,
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text: str) -> None:
    parsed = PARSER.parse(f"filter={text}")
    assert parsed == Query((Filter(FILTERS[text]),))
    assert PARSER.parse(unparse(parsed)) == parsed


def test_filters_among_pairs() -> None:
    assert PARSER.parse('a=1&filter=b=1 OR label="&"&limit=5&filter=c=1').pairs == (
        A,
        Filter(Some((B, Comparison("label", Operator.EQUAL, (String("&"),))))),
        Option("limit", ("5",)),
        Filter(C),
    )


VALUE = 'a value ("text" in double quotes, 12, -1.5, true, false, null or a time as 2016-04-23T05:45+03:45)'
OPERATOR = "an operator (= != > < >= <= =like= =ilike= =in= =notin= =has= =contains= =startswith= =isnull=)"
KEY = "a key, such as id, or & and a key"
FACTOR = 'a comparison such as label="Si", NOT or ('
AND_OR = "AND, OR, or & and a key"
WORDED = "an operator (= != > < >= <= IN NOT IN LIKE ILIKE HAS CONTAINS STARTS WITH IS NULL IS NOT NULL)"

ERRORS = {
    "id": (3, OPERATOR, "the end"),
    "id~5": (3, OPERATOR, "'~5'"),
    "id ": (3, OPERATOR, "' '"),
    " id=5": (1, KEY, "' id=5'"),
    "5=5": (1, KEY, "'5=5'"),
    "id=": (4, VALUE, "the end"),
    "id==5": (4, VALUE, "'=5'"),
    "id<>5": (4, VALUE, "'>5'"),
    "id=!5": (4, VALUE, "'!5'"),
    "id!5": (3, OPERATOR, "'!5'"),
    'id=LIKE="a"': (4, VALUE, "'LIKE=\"a\"'"),
    "id=unlike=5": (4, VALUE, "'unlike=5'"),
    "id=in=": (7, VALUE, "the end"),
    "id=1,,2": (6, VALUE, "',2'"),
    "id=-": (4, VALUE, "'-'"),
    "id=.5": (4, VALUE, "'.5'"),
    "id=1e": (4, VALUE, "'1e'"),
    "id=٣": (4, VALUE, "'٣'"),
    "id=5;x=2": (4, VALUE, "'5;x=2'"),
    "é=5": (1, KEY, "'é=5'"),
    "\0": (1, KEY, "'\\x00'"),
    "id=5&&&5": (8, KEY, "'5'"),
    "a.=5": (2, OPERATOR, "'.=5'"),
    "a..b=5": (2, OPERATOR, "'..b=5'"),
    'a."b=5': (2, OPERATOR, "'.\"b=5'"),
    "a.b c=5": (4, OPERATOR, "' c=5'"),
    "filter": (7, "'=', the only operator of this key", "the end"),
    "filter>5": (7, "'=', the only operator of this key", "'>5'"),
    "filter=": (8, FACTOR, "the end"),
    "filter=&id=5": (8, FACTOR, "'&id=5'"),
    "filter=5": (8, FACTOR, "'5'"),
    "filter=()": (9, FACTOR, "')'"),
    "filter=NOT": (11, FACTOR, "the end"),
    "filter=NOTa=1 b": (15, AND_OR, "'b'"),
    "filter=a": (9, WORDED, "the end"),
    "filter=a ": (10, WORDED, "the end"),
    "filter=a b=1": (10, WORDED, "'b=1'"),
    "filter=a IS": (10, WORDED, "'IS'"),
    "filter=a STARTS 5": (10, WORDED, "'STARTS 5'"),
    "filter=a=": (10, VALUE, "the end"),
    "filter=a=b": (10, VALUE, "'b'"),
    "filter=a=1 AND": (15, FACTOR, "the end"),
    "filter=a=1 AND OR b=2": (19, WORDED, "'b=2'"),
    "filter=a=1 OR ": (15, FACTOR, "the end"),
    "filter=(a=1": (12, "AND, OR or )", "the end"),
    "filter=(a=1&b=2": (12, "AND, OR or )", "'&b=2'"),
    "filter=a=1)": (11, AND_OR, "')'"),
    "filter=a IN 1": (13, "( and values", "'1'"),
    "filter=a IN ()": (14, VALUE, "')'"),
    "filter=a IN (1": (15, ") or , and a value", "the end"),
    "filter=a HAS": (13, VALUE, "the end"),
    "filter=a.b IS NULL c": (20, AND_OR, "'c'"),
    f"filter={'(' * 33}a=1{')' * 33}": (40, "at most 32 nested parentheses", f"'(a=1{')' * 16}'"),
    "id=5&=": (6, KEY, "'='"),
    "id\t=5": (3, OPERATOR, "'\\t=5'"),
    "id=abc": (4, VALUE, "'abc'"),
    "id=5x": (4, VALUE, "'5x'"),
    "id=5 ": (4, VALUE, "'5 '"),
    "id=True": (4, VALUE, "'True'"),
    "id=1,&x=2": (6, VALUE, "'&x=2'"),
    "id=1,": (6, VALUE, "the end"),
    'label="abc': (7, VALUE, "'\"abc'"),
    'label="""': (7, VALUE, '\'"""\''),
    'label="a"b"': (7, VALUE, '\'"a"b"\''),
    'label="nul\0"': (7, VALUE, "'\"nul\\x00\"'"),
    "limit": (6, "'=', the only operator of this key", "the end"),
    "limit>5": (6, "'=', the only operator of this key", "'>5'"),
    "limit =5": (6, "'=', the only operator of this key", "' =5'"),
    "_": (2, "'=', the only operator of this key", "the end"),
    'alist="a"x': (7, 'words or "texts", separated by commas', "'\"a\"x'"),
    'alist="a': (7, 'words or "texts", separated by commas', "'\"a'"),
    'alist=a,"b': (7, 'words or "texts", separated by commas', "'a,\"b'"),
    "alist=nul\0": (7, 'words or "texts", separated by commas', "'nul\\x00'"),
    "id=9223372036854775808": (
        4,
        "an integer from -9223372036854775808 to 9223372036854775807",
        "'9223372036854775808'",
    ),
    "id=1,-9223372036854775809": (
        6,
        "an integer from -9223372036854775808 to 9223372036854775807",
        "'-9223372036854775809'",
    ),
    f"id={'9' * 5000}": (4, "an integer from -9223372036854775808 to 9223372036854775807", f"'{'9' * 20}'"),
    "x=1e999": (3, "a number that fits a double", "'1e999'"),
    f"x=-{'9' * 5000}.0": (3, "a number that fits a double", f"'-{'9' * 19}'"),
    "t=2016-13-01": (3, "a time of the calendar (month must be in 1..12)", "'2016-13-01'"),
    "t=2016-13": (3, "a time of the calendar (month must be in 1..12)", "'2016-13'"),
    "t=2016-00": (3, "a time of the calendar (month must be in 1..12)", "'2016-00'"),
    "t=0000-01": (3, "a time of the calendar (year 0 is out of range)", "'0000-01'"),
    "t=2016-4": (3, VALUE, "'2016-4'"),
    "t=2016-04T05": (3, VALUE, "'2016-04T05'"),
    "t=2016-04Z": (3, VALUE, "'2016-04Z'"),
    "t=2016-02-30": (3, "a time of the calendar (day is out of range for month)", "'2016-02-30'"),
    "t=2016-04-23T25": (3, "a time of the calendar (hour must be in 0..23)", "'2016-04-23T25'"),
    "t=2016-04-23T05:60": (3, "a time of the calendar (minute must be in 0..59)", "'2016-04-23T05:60'"),
    "t=2016-04-23T05:45:60": (3, "a time of the calendar (second must be in 0..59)", "'2016-04-23T05:45:60'"),
    "t=2016-04-23T05+24": (3, "a time of the calendar (hour must be in 0..23)", "'2016-04-23T05+24'"),
    "t=2016-04-23T05-03:60": (3, "a time of the calendar (minute must be in 0..59)", "'2016-04-23T05-03:60'"),
    "t=0000-01-01": (3, "a time of the calendar (year 0 is out of range)", "'0000-01-01'"),
    "t=9999-12-31T22-05": (3, "a time of the calendar (date value out of range)", "'9999-12-31T22-05'"),
    "t=2016-04-23T05:45:59.1234567": (3, VALUE, "'2016-04-23T05:45:59.'"),
    "t=2016-04-23T5": (3, VALUE, "'2016-04-23T5'"),
    "t=2016-04-23t05": (3, VALUE, "'2016-04-23t05'"),
    "t=0001-01-01T00+05": (3, "a time of the calendar (date value out of range)", "'0001-01-01T00+05'"),
    "t=2016-04-23+01": (3, VALUE, "'2016-04-23+01'"),
}


@pytest.mark.parametrize("words", ['a."b,c",' * 900 + '"x', 'a."b,",",id'])
def test_words_that_end_nowhere(words: str) -> None:
    """At once: what is read in two ways would be tried in exponentially many."""
    with pytest.raises(QuerySyntaxError):
        PARSER.parse(f"alist={words}")


@pytest.mark.parametrize("words", ['a."b,' * 900 + '"', "a.b." * 1900 + '"', 'a."b,c",' * 900, 'a."b,c"x,"'[:-2]])
def test_no_word_is_dropped(words: str) -> None:
    (option,) = PARSER.parse(f"alist={words}").pairs
    assert isinstance(option, Option)
    assert ",".join(option.words) == words


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    column, expected, found = ERRORS[text]
    with pytest.raises(QuerySyntaxError) as caught:
        PARSER.parse(text)
    assert (caught.value.column, caught.value.expected) == (column, expected)
    assert (
        str(caught.value).partition("\n")[0]
        == f"syntax error in the query string at column {column}: expected {expected}, found {found}"
    )


EXCERPTS = {
    "id==5": "  id==5\n     ^",
    f"a=1&{'b=2&' * 30}c==1&{'d=1&' * 30}": (f"  {('b=2&' * 30)[-38:]}c==1&{('d=1&' * 30)[:37]}\n  {' ' * 40}^"),
    "id=\t\n\0": "  id=   \n     ^",
}


@pytest.mark.parametrize("text", EXCERPTS)
def test_the_place_of_an_error(text: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        PARSER.parse(text)
    assert str(caught.value).partition("\n")[2] == EXCERPTS[text]


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
zones = st.integers(1 - 24 * 60, 24 * 60 - 1).map(lambda minutes: zone(0, minutes))


@st.composite
def times(draw: st.DrawFn) -> DateTime:
    width = draw(st.sampled_from([DAY, HOUR, MINUTE, SECOND, *(10**power * MICROSECOND for power in range(6))]))
    naive = draw(st.datetimes(FIRST.replace(year=2), FIRST.replace(year=9998)))
    naive -= (naive - FIRST) % width
    return DateTime(naive.replace(tzinfo=UTC if width == DAY else draw(zones)), width)


@st.composite
def months(draw: st.DrawFn) -> DateTime:
    year, month = draw(st.integers(1, 9998)), draw(st.integers(1, 12))
    start = datetime(year, month, 1, tzinfo=UTC)
    return DateTime(start, start.replace(year=year + month // 12, month=month % 12 + 1) - start)


literals = st.one_of(
    st.builds(String, texts),
    st.builds(Integer, st.integers(-(2**63), 2**63 - 1)),
    st.builds(Float, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Boolean, st.booleans()),
    st.just(Null()),
    times(),
    months(),
)
keys = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z").filter(
    lambda key: key not in OPTIONS and key.upper() not in {"FILTER", "NOT"}
)
paths = st.lists(st.one_of(texts, st.from_regex(r"\A[a-z0-9_]{1,4}\Z")), max_size=3).map(tuple)
comparisons = st.builds(
    Comparison, keys, st.sampled_from(Operator), st.lists(literals, min_size=1, max_size=3).map(tuple), paths
)
several = st.recursive(
    comparisons,
    lambda terms: st.one_of(
        st.builds(Every, st.lists(terms, min_size=2, max_size=3).map(tuple)),
        st.builds(Some, st.lists(terms, min_size=2, max_size=3).map(tuple)),
        st.builds(Not, terms),
    ),
    max_leaves=5,
)
options = st.builds(Option, st.sampled_from(sorted(OPTIONS)), st.lists(texts, min_size=1, max_size=3).map(tuple))


@given(st.builds(Query, st.lists(st.one_of(comparisons, options, st.builds(Filter, several)), max_size=4).map(tuple)))
def test_parse_is_the_inverse_of_unparse(query: Query) -> None:
    assert PARSER.parse(unparse(query)) == query


pieces = [
    *'abid=<>!&,"%_.+-:TZ0129 ~\0é()',
    "=like=",
    "limit=",
    "orderby=",
    "2016-04-23",
    "2016-04",
    "filter=",
    " AND ",
    "NOT ",
]
near_misses = st.lists(st.sampled_from(pieces), max_size=24).map("".join)


@settings(max_examples=500)
@given(st.one_of(st.text(), near_misses))
def test_random_text_gives_a_query_or_a_syntax_error(text: str) -> None:
    assert _column_of_error(text) in range(len(text) + 2)


plain_pieces = [
    *(
        "limit=20",
        "orderby=-ctime,+id",
        "orderby=",
        "=in=1,2",
        "_=",
        "filter=",
        "id>",
        "label=",
        "=like=",
        "!=",
        "type=like=",
        "ctime<=",
        "&",
        "&&",
    ),
    *(
        '"si"',
        ",",
        '"a%_"',
        '""',
        '"',
        "12",
        "-7",
        "+0",
        "00",
        "2016-04-23",
        "2016-02-30",
        "2016-02",
        "2016-13",
        "1234567890123456789",
        "ü",
        "+",
        ",",
    ),
    *("true", "limit", "x", ".", " ", "\0", "0999-12-31", "9000-01-01"),
]


@settings(max_examples=1000)
@given(st.lists(st.sampled_from(plain_pieces), max_size=8).map("".join))
def test_the_short_way_is_the_same(text: str) -> None:
    quickly = Parser(OPTIONS).parse_plain(text)
    assert quickly is None or quickly == GRAMMAR.parse(text)


def test_most_queries_are_plain() -> None:
    plain = [
        "",
        "limit=20&orderby=-ctime",
        'id>500&node_type=like="data.core.dict%"&limit=20',
        "ctime>2020-01-01&user_id=3",
        "id=in=5,-7,+9",
        'orderby="id"&limit=5',
    ]
    assert [text for text in plain if Parser(OPTIONS).parse_plain(text) is None] == []


def _column_of_error(text: str) -> int:
    """0 for a query, which unparses too."""
    try:
        parsed = PARSER.parse(text)
    except QuerySyntaxError as error:
        return error.column if error.column > 0 else -1
    return 0 if PARSER.parse(unparse(parsed)) == parsed else -1


AT_ONCE = """
import threading
from aiida_like.errors import QuerySyntaxError
from querylang.parse import Parser
from querylang.unparse import unparse
parser, barrier, found = Parser(["limit"]), threading.Barrier(8), []
texts = ['filter=NOT (a.b=1 OR c=2)', 'id=in=1,2', 'a=like="b"', 'limit=3', 't>2016-04-23T05:45+03:45', 'x<=-1.5', 'x=']
def work(first):
    barrier.wait()
    for text in texts[first % 7:] + texts[:first % 7]:
        try:
            found.append(unparse(parser.parse(text)))
        except QuerySyntaxError as error:
            found.append(f"{text} {error.column}")
threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(sorted(found) == sorted(8 * [*texts[:-1], "x= 3"]) or found)
"""


def test_the_first_queries_may_come_at_once() -> None:
    """In fresh processes, because what goes wrong goes wrong only once."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True)
        assert done.stdout == "True\n"
