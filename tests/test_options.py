"""Reserved keys."""

from __future__ import annotations

import re

import pytest

from aiida_like.errors import QueryError
from querylang.ast import Comparison, Integer, Operator
from querylang.grammar import Grammar
from querylang.options import Options, OrderTerm, Window, WindowLimits, split, window
from restapi.dialects.aiida_v2.options import ATTRIBUTES, LIST, OPTIONS

GRAMMAR = Grammar(OPTIONS)


def options_of(text: str, allowed: frozenset[str] = frozenset(OPTIONS)) -> Options:
    return split(GRAMMAR.parse(text), OPTIONS, allowed)[0]


READ = {
    "limit=20": ("limit", 20),
    "offset=0": ("offset", 0),
    "orderby=-ctime,+id,label": (
        "orderby",
        (OrderTerm("ctime", True), OrderTerm("id", False), OrderTerm("label", False)),
    ),
    "alist=a,b": ("alist", ("a", "b")),
    "filename=a,b.txt": ("filename", "a,b.txt"),
    "_=5": ("_", None),
    "offset=9223372036854775807": ("offset", 2**63 - 1),
}


@pytest.mark.parametrize("text", READ)
def test_values(text: str) -> None:
    key, value = READ[text]
    options = options_of(text)
    assert (options.get(key, "absent"), key in options) == (value, True)


def test_split() -> None:
    options, comparisons = split(GRAMMAR.parse("limit=5&id>3"), OPTIONS, LIST)
    assert dict(options.values) == {"limit": 5}
    assert comparisons == (Comparison("id", Operator.GREATER, (Integer(3),)),)
    assert options.get("offset") is None


ERRORS = {
    "limit=5&limit=5": "limit is given twice; it can stand only once in a query string",
    "alist=a&nalist=b": "alist is incompatible with nalist: give one of them",
    "elist=a&nelist=b": "elist is incompatible with nelist: give one of them",
    "limit=a": "limit takes an integer without a sign, not 'a'",
    "limit=-1": "limit takes an integer without a sign, not '-1'",
    "limit=": "limit takes an integer without a sign, not ''",
    "limit=1,2": "limit takes an integer without a sign, not '1,2'",
    "limit=²": "limit takes an integer without a sign, not '²'",
    "offset=9223372036854775808": "offset is too large: it can be at most 9223372036854775807",
    f"offset={'9' * 5000}": "offset is too large: it can be at most 9223372036854775807",
    "orderby=--id": "orderby takes keys such as id, +label or -ctime, separated by commas, not '--id'",
    "orderby=id,": "orderby takes keys such as id, +label or -ctime, separated by commas, not ''",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(ERRORS[text])}$"):
        options_of(text)


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (ATTRIBUTES, "limit has no meaning for this resource; it takes alist, nalist"),
        (frozenset(), "limit has no meaning for this resource; it takes no options"),
    ],
)
def test_options_that_have_no_meaning(allowed: frozenset[str], message: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        options_of("limit=5", allowed)


WINDOWS = {
    ("", None): Window(400),
    ("limit=3&offset=2", None): Window(3, 2),
    ("", 1): Window(20, 0, 1),
    ("perpage=7", 3): Window(7, 14, 3),
}


@pytest.mark.parametrize(("text", "page"), WINDOWS)
def test_windows(text: str, page: int | None) -> None:
    assert window(options_of(text), page, WindowLimits()) == WINDOWS[text, page]


BAD_WINDOWS = {
    ("limit=0", None): "limit=0 is out of range: it goes from 1 to 400",
    ("limit=401", None): "limit=401 is out of range: it goes from 1 to 400",
    ("perpage=0", 1): "perpage=0 is out of range: it goes from 1 to 400",
    ("perpage=500", 1): "perpage=500 is out of range: it goes from 1 to 400",
    ("limit=5", 1): "requesting a specific page is incompatible with limit and offset",
    ("offset=5", 1): "requesting a specific page is incompatible with limit and offset",
    ("perpage=5&limit=5", None): "perpage key is incompatible with limit and offset",
    ("perpage=5&offset=5", None): "perpage key is incompatible with limit and offset",
    ("perpage=5", None): "perpage needs a page in the path: append /page/1 to the resource",
    ("", 0): "pages are counted from 1",
    ("", 2**62): f"page {2**62} is out of any range",
}


@pytest.mark.parametrize(("text", "page"), BAD_WINDOWS)
def test_bad_windows(text: str, page: int | None) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(BAD_WINDOWS[text, page])}$"):
        window(options_of(text), page, WindowLimits())
