"""The table of markers names tests that there are, and setup.cfg says what each marker means."""

from __future__ import annotations

from configparser import ConfigParser

import pytest

from tests.conftest import MARKED, NOT_REPEATED, ROOT, Effort

ROWS = sorted({name for names in (*MARKED.values(), *NOT_REPEATED.values()) for name in names})


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
