"""The table of markers names tests that there are, and setup.cfg says what each marker means."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.markers import (
    LONGEST,
    MARKED,
    MEASURED_ELSEWHERE,
    NOT_REPEATED,
    WITHOUT_COVERAGE,
    Effort,
    put_longest_first,
    sampled,
)

ROWS = sorted(
    {
        name
        for names in (*MARKED.values(), *NOT_REPEATED.values(), LONGEST, MEASURED_ELSEWHERE, WITHOUT_COVERAGE)
        for name in names
    }
)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_of_a_test(row: str) -> None:
    file, _, name = row.partition("::")
    assert f"def {name.partition('[')[0] or 'test_'}" in (ROOT / "tests" / file).read_text()


def test_all_are_explained() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["tool:pytest"]["markers"].strip().splitlines()
    assert {line.partition(": ")[0] for line in lines} == set(MARKED)


def test_a_sample_is_always_the_same() -> None:
    sample, whole = Effort(is_whole=False), Effort(is_whole=True)
    assert sample.of(range(100), 3) == sample.of(range(100), 3)
    assert (len(sample.of(range(2), 3)), whole.of(range(100), 3)) == (2, range(100))
    assert (sample.either(2, 10), whole.either(2, 10)) == (2, 10)


def test_what_is_no_sample_is_long() -> None:
    cases = sampled([(number, str(number)) for number in range(10)], 3)
    assert [case.values for case in cases] == [(number, str(number)) for number in range(10)]
    assert [[mark.name for mark in case.marks] for case in cases].count(["long"]) == 7
    assert [bool(case.marks) for case in cases] == [bool(case.marks) for case in sampled(range(10), 3)]


def test_the_longest_go_first_and_then_the_largest() -> None:
    names = ["test_a.py", LONGEST[1], "test_b.py", "test_b.py", LONGEST[0], "test_a.py", "test_b.py"]
    items: list[Any] = [SimpleNamespace(path=Path(name), number=at) for at, name in enumerate(names)]
    put_longest_first(items)
    assert [item.number for item in items] == [4, 1, 2, 3, 6, 0, 5]
