"""LIKE patterns, in which `_` is at most one character."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiida_like.errors import QueryError
from aiida_like.storage.sql.patterns import Gap, Pattern, escape, prefix_end

MANUAL = [
    ("a%d_", "aiida", True),
    ("a%d_", "AiiDA", False),
    ("a_d_", "aiida", False),
    ("aii%d_a", "aiida", True),
    ("cdfd48%", "cdfd48f9-7ed2-4969-ba06-09c752b83d2a", True),
    (r"This calculation is %\% useful", "This calculation is 100% useful", True),
    (r"This calculation is %\% useful", "This calculation is 100 useful", False),
    ("", "", True),
    ("", "a", False),
    ("%", "", True),
    ("_", "", True),
    ("_", "a", True),
    ("_", "ab", False),
    ("__a", "a", True),
    ("__a", "bba", True),
    ("__a", "bbba", False),
    ("a_%", "abc", True),
    (r"\%", "a", False),
    (r"\_", "_", True),
    (r"\_", "a", False),
    (r"\\%", r"\x", True),
    (r"\a", "a", True),
    ("É%", "éa", False),
    ("a%", "b", False),
    ("a_%b", "a\n\nb", True),
    ("aa", "aaa", False),
    ("%aab", "aaab", True),
]


@pytest.mark.parametrize(("pattern", "text", "is_match"), MANUAL)
def test_matches(pattern: str, text: str, is_match: bool) -> None:
    assert Pattern.parse(pattern).matches(text) is is_match


PARSED = {
    "": (),
    "abc": ("abc",),
    "a%_%b": ("a", Gap(0, None), "b"),
    "a__b": ("a", Gap(0, 2), "b"),
    r"\%\_\\\x": (r"%_\x",),
    r"a\%_": ("a%", Gap(0, 1)),
}


@pytest.mark.parametrize("text", PARSED)
def test_parse(text: str) -> None:
    assert Pattern.parse(text).tokens == PARSED[text]


PARTS = {
    # literal, prefix, like, regex, text
    "": ("", "", "", "^$", ""),
    "a.b": ("a.b", "a.b", "a.b", r"^a\.b$", "a.b"),
    r"a\_": ("a_", "a_", r"a\_", "^a_$", r"a\_"),
    r"\\\x": (r"\x", r"\x", r"\\x", r"^\\x$", r"\\x"),
    "%": (None, "", "%", "^.*$", "%"),
    "_": (None, "", "%", "^.{0,1}$", "_"),
    "_%_": (None, "", "%", "^.*$", "%"),
    "%a": (None, "", "%a", "^.*a$", "%a"),
    "a___b": (None, "a", "a%b", "^a.{0,3}b$", "a___b"),
    r"a.\%b_c%": (None, "a.%b", r"a.\%b%c%", r"^a\.%b.{0,1}c.*$", r"a.\%b_c%"),
}


@pytest.mark.parametrize("text", PARTS)
def test_properties(text: str) -> None:
    pattern = Pattern.parse(text)
    assert (pattern.literal, pattern.prefix, pattern.like, pattern.regex, pattern.text) == PARTS[text]


SQL_PARTS = {
    # literal, prefix, like, regex
    "a_b": (None, "a", "a_b", "^a.{1,1}b$"),
    "a%_": (None, "a", "a_%", "^a.{1,}$"),
    "__": (None, "", "__", "^.{2,2}$"),
    r"\_%": (None, "_", r"\_%", "^_.*$"),
    "ab": ("ab", "ab", "ab", "^ab$"),
}


@pytest.mark.parametrize("text", SQL_PARTS)
def test_patterns_of_sql(text: str) -> None:
    pattern = Pattern.parse_sql(text)
    assert (pattern.literal, pattern.prefix, pattern.like, pattern.regex) == SQL_PARTS[text]
    assert pattern.optional == 0


ERRORS = {
    "\\": "the pattern ends in the escape character \\; write \\\\ for a backslash",
    r"%\\\\" + "\\": "the pattern ends in the escape character \\; write \\\\ for a backslash",
    "abc\\": "the pattern ends in the escape character \\; write \\\\ for a backslash",
    "a_" * 129: (
        "the pattern has 129 wildcards '_'; at most 128 are allowed "
        "(write \\_ for the character itself, or % for any sequence)"
    ),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(ERRORS[text])}$"):
        Pattern.parse(text)


def test_only_wildcards_that_stand_alone_are_counted() -> None:
    assert [Pattern.parse(text).optional for text in ("a_" * 128, "_%" * 500, r"\_" * 500, "a__b%_c_")] == [
        128,
        0,
        0,
        3,
    ]


def test_escaped_wildcard_is_text() -> None:
    assert Pattern.parse(r"a_\%%") == Pattern(("a", Gap(0, 1), "%", Gap(0, None)))


patterns = st.lists(st.sampled_from(["a", "b", "%", "_", r"\_", "é"]), max_size=8).map("".join)
subjects = st.text(st.sampled_from("ab_é"), max_size=8)


@given(patterns, subjects, st.sampled_from([Pattern.parse, Pattern.parse_sql]))
def test_matches_as_a_regular_expression_does(text: str, subject: str, parse: Callable[[str], Pattern]) -> None:
    pattern = parse(text)
    assert pattern.matches(subject) is (re.fullmatch(pattern.regex, subject, re.DOTALL) is not None)


@given(patterns, subjects)
def test_matches_as_the_definition_does(text: str, subject: str) -> None:
    assert Pattern.parse(text).matches(subject) is _defined(text, subject)


def _defined(pattern: str, text: str) -> bool:
    """What the manual says, word by word; takes exponential time."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_defined(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if pattern[0] == "_":
        return _defined(pattern[1:], text) or (bool(text) and _defined(pattern[1:], text[1:]))
    literal = pattern.removeprefix("\\")
    return text.startswith(literal[0]) and _defined(literal[1:], text[1:])


@given(patterns)
def test_text_is_the_inverse_of_parse(text: str) -> None:
    assert Pattern.parse(Pattern.parse(text).text) == Pattern.parse(text)


@given(patterns, subjects)
def test_like_finds_all_candidates(text: str, subject: str) -> None:
    pattern = Pattern.parse(text)
    found = _sqlite_like(subject, pattern.like)
    assert found if pattern.matches(subject) else pattern.optional or not found
    assert subject.startswith(pattern.prefix) or not found


def _sqlite_like(subject: str, pattern: str) -> bool:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    (found,) = connection.execute(r"SELECT ? LIKE ? ESCAPE '\'", (subject, pattern)).fetchone()
    connection.close()
    return bool(found)


@given(st.text(), st.text())
def test_escaped_text_is_literal(text: str, other: str) -> None:
    assert Pattern.parse(escape(text)).tokens == ((text,) if text else ())
    assert Pattern.parse(escape(text)).matches(other) is (text == other)


at_the_edges = st.text(st.sampled_from("a\x7f\ud7ff\ue000\uffff\U00010000\U0010fffe\U0010ffff"))


@given(st.one_of(st.text(), at_the_edges), st.one_of(st.text(), at_the_edges))
def test_prefix_end(prefix: str, rest: str) -> None:
    """Of prefixes with a character: U+10FFFF is none."""
    if prefix.strip("\U0010ffff"):
        assert prefix <= prefix + rest < prefix_end(prefix)
    else:
        assert prefix <= prefix + rest.lstrip("\U0010ffff") < prefix_end(prefix)


@given(at_the_edges.filter(lambda prefix: prefix.strip("\U0010ffff")), at_the_edges)
def test_prefix_end_is_behind_nothing_else(prefix: str, other: str) -> None:
    assert other.startswith(prefix) is (prefix <= other < prefix_end(prefix))


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("a", "b"),
        ("data.", "data/"),
        ("\ud7ff", "\ue000"),
        ("a\ud7ff", "a\ue000"),
        ("\uffff", "\U00010000"),
        ("a\U0010ffff", "b"),
        ("\ud7ff\U0010ffff\U0010ffff", "\ue000"),
        ("\U0010ffff", "\U0010ffff" * 2),
    ],
)
def test_prefix_ends(prefix: str, end: str) -> None:
    assert prefix_end(prefix) == end


def test_the_worst_pattern_ends() -> None:
    text = "a" * 20_000
    assert [Pattern.parse("%a_" * 60 + tail).matches(text) for tail in ("", "b")] == [True, False]
