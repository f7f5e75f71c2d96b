"""Files of nodes as bodies of answers: whatever the client does, none stays open."""

from __future__ import annotations

import gc
import warnings

import pytest
from flask import Flask
from werkzeug.test import create_environ

from tests.golden import graph

URLS = [
    f"/api/v2/calculations/{graph.relax_scf}/io/retrieved_inputs?filename=aiida.in",
    f"/api/v4/nodes/{graph.folder}/repo/contents?filename=large.txt",
]
REQUESTS = {
    "no body is asked for": ("HEAD", {}, "200 OK"),
    "the client has it": ("GET", {"If-None-Match": "*"}, "304 NOT MODIFIED"),
    "the client goes away": ("GET", {}, "200 OK"),
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("case", REQUESTS)
def test_a_body_that_nobody_reads(app: Flask, url: str, case: str) -> None:
    """As a server does it. Python warns of a file that only the garbage collector closes."""
    method, headers, expected = REQUESTS[case]
    statuses = []
    gc.collect()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        body = app(create_environ(url, method=method, headers=headers), lambda status, _: statuses.append(status))
        body.close()
        del body
        gc.collect()
    assert (statuses, [str(warning.message) for warning in warned]) == ([expected], [])
