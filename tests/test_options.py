"""Reserved keys."""

from __future__ import annotations

import re

import pytest

from aiida_like.errors import QueryError
from querylang.ast import Comparison, Integer, Operator
from querylang.limits import FIELDS
from querylang.options import Options, OrderTerm, Window, WindowLimits, split, window
from querylang.parse import Parser
from querylang.projection import ProjectedKey
from restapi.dialects.aiida_v2.options import (
    ANYWHERE,
    ATTRIBUTES,
    DOWNLOAD,
    EXTRAS,
    LIST,
    OPTIONS,
    RETRIEVED,
    TREE,
    VISUALIZATION,
)
from restapi.dialects.resource import Dialect
from restapi.hosting.app import DIALECTS

PARSER = Parser(OPTIONS)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.prefix)
def test_each_key_is_taken_by_some_resource(dialect: Dialect) -> None:
    taken = {key for route in dialect.routes for key in route.resource.allowed - route.resource.reserved.keys()}
    assert taken | dialect.anywhere == {*dialect.options}


def options_of(text: str, allowed: frozenset[str] = frozenset(OPTIONS)) -> Options:
    return split(PARSER.parse(text), OPTIONS, allowed)[0]


READ = {
    "limit=20": ("limit", 20),
    "limit=000000000000000000000020": ("limit", 20),
    "offset=0": ("offset", 0),
    "orderby=-ctime,+id,label": (
        "orderby",
        (OrderTerm("ctime", True), OrderTerm("id", False), OrderTerm("label", False)),
    ),
    "alist=a,b": ("alist", ("a", "b")),
    "filename=a,b.txt": ("filename", "a,b.txt"),
    "_=5": ("_", None),
    "orderby=pk": ("orderby", (OrderTerm("pk", False),)),
    'nalist="a,b",c': ("nalist", ("a,b", "c")),
    "elist=": ("elist", ("",)),
    'filename="a/b ""c"".txt"': ("filename", 'a/b "c".txt'),
    "in_limit=007": ("in_limit", 7),
    'fields=id,attributes.a."b c".0,id': (
        "fields",
        (ProjectedKey("id", "id", ()), ProjectedKey('attributes.a."b c".0', "attributes", ("a", "b c", "0"))),
    ),
    "offset=9223372036854775807": ("offset", 2**63 - 1),
}


@pytest.mark.parametrize("text", READ)
def test_values(text: str) -> None:
    key, value = READ[text]
    options = options_of(text)
    assert (options.get(key, "absent"), key in options) == (value, True)


def test_split() -> None:
    options, comparisons = split(PARSER.parse("limit=5&id>3"), OPTIONS, LIST)
    assert dict(options) == {"limit": 5}
    assert comparisons == (Comparison("id", Operator.GREATER, (Integer(3),)),)
    assert options.get("offset") is None


ERRORS = {
    "limit=5&limit=5": "limit is given twice; it can stand only once in a query string",
    "_=1&_=2": "_ is given twice; it can stand only once in a query string",
    "nalist=b&alist=a": "alist is incompatible with nalist: give one of them",
    "alist=a&nalist=b": "alist is incompatible with nalist: give one of them",
    "elist=a&nelist=b": "elist is incompatible with nelist: give one of them",
    "limit=a": "limit takes an integer without a sign, not 'a'",
    "in_limit=": "in_limit takes an integer without a sign, not ''",
    "fields=": "fields takes keys such as label or attributes.energy, separated by commas, not ''",
    "fields=a b": "fields takes keys such as label or attributes.energy, separated by commas, not 'a b'",
    f"fields={','.join(f'k{number}' for number in range(FIELDS.most + 1))}": (
        "fields has 101 keys; at most 100 are allowed"
    ),
    "in_limit=+1": "in_limit takes an integer without a sign, not '+1'",
    "offset=1 ": "offset takes an integer without a sign, not '1 '",
    "out_limit=1.5": "out_limit takes an integer without a sign, not '1.5'",
    "limit=-1": "limit takes an integer without a sign, not '-1'",
    "limit=": "limit takes an integer without a sign, not ''",
    "limit=1,2": "limit takes an integer without a sign, not '1,2'",
    "limit=²": "limit takes an integer without a sign, not '²'",
    "offset=9223372036854775808": "offset is too large: it can be at most 9223372036854775807",
    f"offset={'9' * 5000}": "offset is too large: it can be at most 9223372036854775807",
    "orderby=--id": "orderby takes keys such as id, +label or -ctime, separated by commas, not '--id'",
    "orderby=": "orderby takes keys such as id, +label or -ctime, separated by commas, not ''",
    "orderby=id,-": "orderby takes keys such as id, +label or -ctime, separated by commas, not '-'",
    "orderby=+-id": "orderby takes keys such as id, +label or -ctime, separated by commas, not '+-id'",
    "orderby=id desc": "orderby takes keys such as id, +label or -ctime, separated by commas, not 'id desc'",
    "orderby=id,": "orderby takes keys such as id, +label or -ctime, separated by commas, not ''",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(text: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(ERRORS[text])}$"):
        options_of(text)


LIST_KEYS = "limit, offset, perpage, orderby, fields, facet, cursor, format"


@pytest.mark.parametrize(
    ("text", "allowed", "message"),
    [
        ("alist=a", LIST, "alist has no meaning for this resource; it takes " + LIST_KEYS),
        ("limit=5", ATTRIBUTES, "limit has no meaning for this resource; it takes alist, nalist"),
        ("limit=5", EXTRAS, "limit has no meaning for this resource; it takes elist, nelist"),
        ("limit=5", RETRIEVED, "limit has no meaning for this resource; it takes filename, rtype"),
        ("limit=5", DOWNLOAD, "limit has no meaning for this resource; it takes format"),
        ("limit=5", VISUALIZATION, "limit has no meaning for this resource; it takes visformat"),
        ("limit=5", TREE, "limit has no meaning for this resource; it takes in_limit, out_limit"),
        ("limit=a", ANYWHERE, "limit has no meaning for this resource; it takes no options"),
        ("_=5", frozenset(), "_ has no meaning for this resource; it takes no options"),
    ],
)
def test_options_that_have_no_meaning(text: str, allowed: frozenset[str], message: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(message)}$"):
        options_of(text, allowed)


WINDOWS = {
    ("", None): Window(400),
    ("limit=3&offset=2", None): Window(3, 2),
    ("", 1): Window(20, 0, 1),
    ("perpage=7", 3): Window(7, 14, 3),
    ("limit=1", None): Window(1),
    ("limit=400", None): Window(400),
    ("offset=9223372036854775807", None): Window(400, 2**63 - 1),
    ("perpage=400", 1): Window(400, 0, 1),
    ("perpage=1", 2**63 - 1): Window(1, 2**63 - 2, 2**63 - 1),
    ("orderby=id&_=5", None): Window(400),
}


@pytest.mark.parametrize(("text", "page"), WINDOWS)
def test_windows(text: str, page: int | None) -> None:
    assert window(options_of(text), page, WindowLimits()) == WINDOWS[text, page]


def test_windows_of_other_limits() -> None:
    limits = WindowLimits(max_limit=50, page_size=5)
    assert window(options_of(""), None, limits) == Window(50)
    assert window(options_of(""), 2, limits) == Window(5, 5, 2)
    with pytest.raises(QueryError, match=r"^limit=51 is out of range: it goes from 1 to 50$"):
        window(options_of("limit=51"), None, limits)


BAD_WINDOWS = {
    ("limit=5&perpage=5", 1): "perpage key is incompatible with limit and offset",
    ("limit=0&perpage=5", None): "perpage key is incompatible with limit and offset",
    ("offset=0", 1): "requesting a specific page is incompatible with limit and offset",
    ("limit=9223372036854775807", None): "limit=9223372036854775807 is out of range: it goes from 1 to 400",
    ("perpage=401", 1): "perpage=401 is out of range: it goes from 1 to 400",
    ("perpage=1", 2**63): f"page {2**63} is out of any range",
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
