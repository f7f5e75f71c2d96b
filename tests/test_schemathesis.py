"""Schemathesis makes requests of the documents, and holds the answers against them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from aiida_like.profiles import find
from restapi.config import Settings
from restapi.dialects import aiida_v2, aiida_v4
from restapi.openapi.document import written
from tests.conftest import Effort, Golden
from tests.golden import computers, graph, groups

CASES = {GenerationMode.POSITIVE: (3, 17), GenerationMode.NEGATIVE: (1, 4)}
"""Of each operation: requests as they are described, the first of them a success, and others; few or many."""

OPERATIONS = [
    (f"v{number}", path, method)
    for number, dialect in ((2, aiida_v2), (4, aiida_v4))
    for path, methods in json.loads(written(dialect.DIALECT, Settings(), ""))["paths"].items()
    for method, operation in methods.items()
    if "parameters" in operation
]

CALCULATIONS = (graph.relax_scf, graph.relax_final, graph.failed)
DATA = (graph.silicon, graph.bands, graph.mesh, graph.folder, graph.oddities, graph.cif, graph.code_pw)
IDS: dict[str, Sequence[Any]] = {
    "computers": astuple(computers),
    "groups": astuple(groups),
    "users": (1, 2, 3, 4),
    "nodes": (*DATA, *CALCULATIONS, graph.relax),
    "data": DATA,
    "structures": (graph.silicon, graph.alloy),
    "processes": (*CALCULATIONS, graph.relax),
    "calculations": CALCULATIONS,
    "calcjobs": CALCULATIONS,
}
"""What there is, by what the path names; `{kind}` is any of them that are nodes."""

KINDS = ("nodes", "data", "structures", "processes", "calculations")

VALUES: dict[str, Sequence[str]] = {
    "filter": (
        'label LIKE "s%" OR id IN (1, 2)',
        "NOT attributes.energy>-3.5 AND ctime>2016-04-23",
        "id<20",
        "(id>3 AND id<5",
        'uuid STARTS WITH "a"',
    ),
    "filename": ("large.txt", "aiida.in", "aiida.out", '"a b.txt"', "folder", "nothing"),
    "full_type": ("data.core.dict.Dict.|", "process.%|%", "%|%", "data.core.cif.CifData.|", "x"),
}
"""Where text at random would rarely mean anything."""


FIRST: dict[str, Any] = {
    "computers": computers.localhost,
    "groups": groups.favourites,
    "users": 1,
    "processes": graph.relax,
    "calcjobs": graph.relax_scf,
}
"""What there is for sure, where it is not `silicon`."""

QUERIES = {"/repo/contents": {"filename": "large.txt"}, "}/download": {"download_format": "xsf"}}
"""What must be said, by how a path ends."""


def no_server_error(_: Any, response: Response, case: Case) -> None:
    """501 is said of what a node cannot give, where it is documented; no other fault is the server's."""
    is_documented = response.status_code == 501 and "501" in case.operation.definition.raw["responses"]
    assert response.status_code < 500 or is_documented, response.text


CHECKS = [
    no_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def app(golden: Golden, serve: Callable[..., Flask]) -> Flask:
    return serve(find(str(golden.archive)), {})


@pytest.fixture(scope="module")
def schemas(app: Flask) -> dict[str, Any]:
    return {name: schemathesis.openapi.from_wsgi(f"/api/{name}/openapi.json", app) for name in ("v2", "v4")}


def test_there_are_enough() -> None:
    assert len(OPERATIONS) * sum(many for _, many in CASES.values()) >= 2000


@pytest.mark.parametrize("mode", CASES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("name", "path", "method"), OPERATIONS)
def test_answers_fit(
    schemas: dict[str, Any], name: str, path: str, method: str, mode: GenerationMode, effort: Effort
) -> None:
    operation = schemas[name][path][method]
    statuses: list[int] = []
    number = effort.either(*CASES[mode])

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Case, data: st.DataObject) -> None:
        if mode is GenerationMode.POSITIVE:
            make_likely(case, data)
            if not statuses:
                make_plain(case)
        answer = case.call()
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    assert len(statuses) >= number
    if mode is GenerationMode.POSITIVE:
        assert statuses[0] == 200, statuses


def make_likely(case: Case, data: st.DataObject) -> None:
    """Of what there is, and of not too many conditions at once."""
    if "id" in case.path_parameters:
        named = case.path.split("/")[1]
        kind = data.draw(st.sampled_from(KINDS)) if named == "{kind}" else named
        ids = (graph.folder,) if "/repo/" in case.path else IDS[kind]
        case.path_parameters |= {"id": data.draw(st.sampled_from(ids))}
        if named == "{kind}":
            case.path_parameters |= {"kind": kind}
    if "page" in case.path_parameters:
        case.path_parameters |= {"page": data.draw(st.sampled_from((1, 2, case.path_parameters["page"])))}
    if case.query:
        kept = data.draw(st.sets(st.sampled_from(sorted(case.query)), max_size=3)) | {"filename", "download_format"}
        case.query = {key: value for key, value in case.query.items() if key in kept}
    for key in VALUES.keys() & set(case.query or ()):
        case.query[key] = data.draw(st.sampled_from(VALUES[key]))


def make_plain(case: Case) -> None:
    """What must be answered: without options, of something that has what is asked for."""
    case.headers = {}
    case.query = next((dict(query) for end, query in QUERIES.items() if case.path.endswith(end)), {})
    if "id" in case.path_parameters:
        named = case.path.split("/")[1]
        id_ = FIRST.get(named, graph.relax if case.path.endswith("/ro-crate") else graph.silicon)
        case.path_parameters |= {"id": graph.folder if "/repo/" in case.path else id_}
