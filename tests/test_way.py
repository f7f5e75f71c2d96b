"""How few of our files and functions a request passes: who reads one follows it from the socket to the database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from flask import Flask

from tests.conftest import ROOT, Golden

PACKAGES = tuple(f"{ROOT / name}/" for name in ("aiida_like", "querylang", "restapi"))


@pytest.mark.parametrize(
    ("url", "files", "functions"),
    [
        ("/api/v4/nodes?id>3&limit=20", 18, 60),
        ('/api/v4/nodes?limit=20&orderby=-id&label="x"', 18, 60),
        ("/api/v4/nodes/5", 14, 35),
    ],
)
def test_the_way_is_short(golden: Golden, serve: Callable[..., Flask], url: str, files: int, functions: int) -> None:
    client = serve(str(golden.archive), {"CACHE": "no"}).test_client()
    assert client.get(url).status_code == 200  # statements are compiled once
    passed: set[tuple[str, str, int]] = set()

    def enter(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGES):
            passed.add((frame.f_code.co_filename, frame.f_code.co_name, frame.f_code.co_firstlineno))

    profiler = sys.getprofile()
    sys.setprofile(enter)
    try:
        _ = client.get(url).data
    finally:
        sys.setprofile(profiler)
    assert 5 < len({file for file, *_ in passed}) <= files
    assert 10 < len(passed) <= functions, sorted(passed)
