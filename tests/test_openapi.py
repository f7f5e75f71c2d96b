"""The documents of OpenAPI: that they are valid, that they are whole, and that they are true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from querylang.graph.path import STEP_KEYS
from querylang.graph.read import KEYS
from querylang.graph.schema import RELATIONS
from restapi.config import Settings
from restapi.dialects import aiida_v2, aiida_v4
from restapi.dialects.aiida_v2.options import OPTIONS as V2_OPTIONS
from restapi.dialects.aiida_v4.options import OPTIONS as V4_OPTIONS
from restapi.dialects.aiida_v4.query_schema import QUERY, VERTEX
from restapi.dialects.resource import Dialect, DialectResource, Route
from restapi.hosting.app import Application
from restapi.openapi.answer import DescribedPath
from restapi.openapi.document import resolved, written
from restapi.openapi.operations import listed_entity
from restapi.openapi.schema import INTEGER, TEXT, Component
from tests import writable
from tests.conftest import Golden
from tests.golden import graph
from tests.manual import TABLE
from tests.urls import URLS, WRONG

DIALECTS = {"v2": aiida_v2, "v4": aiida_v4}


@dataclass(frozen=True)
class Document:
    """`paths` tells which path of the document a URL is."""

    content: Mapping[str, Any]
    paths: MapAdapter

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Document:
        rules = [Rule(_rule(content, path), endpoint=path) for path in content["paths"]]
        return cls(content, Map(rules, strict_slashes=False).bind("localhost"))

    def operation(self, url: str, method: str = "get") -> Any:
        path, _ = self.paths.match(url.partition("?")[0])
        return self.content["paths"][path][method]

    def check(self, operation: Any, answer: TestResponse, *, is_selection: bool = False) -> None:
        """What an answer has is what is said of it."""
        described = self.resolved(operation["responses"][str(answer.status_code)])
        for name, header in described.get("headers", {}).items():
            assert name in answer.headers or not header["required"], name
            if name in answer.headers:
                value = answer.headers[name]
                self.validate(header["schema"], int(value) if header["schema"]["type"] == "integer" else value)
        media = answer.content_type.partition(";")[0]
        content = described["content"][media]
        if "schema" in content:
            self.validate(content["schema"], answer.json if answer.is_json else answer.text, is_selection=is_selection)

    def validate(self, schema: Any, value: Any, *, is_selection: bool = True) -> None:
        """Without `fields=`, rows must be whole."""
        components = self.content["components"]
        if not is_selection:
            whole = {name: each for name, each in components["schemas"].items() if not name.startswith("Some")}
            nothing = {name: False for name in components["schemas"] if name.startswith("Some")}
            components = {**components, "schemas": {**whole, **nothing}}
        validator = Draft202012Validator(
            {**schema, "components": components}, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(value)

    def resolved(self, part: Any) -> Any:
        while "$ref" in part:
            _, *keys = part["$ref"].split("/")
            part = self.content
            for key in keys:
                part = part[key]
        return part


def _rule(content: Mapping[str, Any], path: str) -> str:
    parameters = {each["name"]: each for each in content["paths"][path]["get"].get("parameters", ()) if "name" in each}

    def converter(found: re.Match[str]) -> str:
        schema = parameters[found[1]]["schema"]
        if "enum" in schema:
            return f"<any({','.join(schema['enum'])}):{found[1]}>"
        return f"<{'int:' if found[1] == 'page' else ''}{found[1]}>"

    return re.sub(r"\{(\w+)\}", converter, path)


@pytest.fixture(scope="module")
def client(target: dict[str, Any], serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(**target), {}).test_client()


@pytest.fixture(scope="module")
def archive_client(golden: Golden, serve: Callable[..., Flask]) -> FlaskClient:
    return serve(find(str(golden.archive)), {}).test_client()


@pytest.fixture(scope="module")
def documents(archive_client: FlaskClient) -> dict[str, Document]:
    return {name: Document.of(archive_client.get(f"/api/{name}/openapi.json").json) for name in DIALECTS}


@pytest.fixture(params=DIALECTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(name: str, documents: dict[str, Document]) -> Document:
    return documents[name]


@pytest.fixture
def dialect(name: str) -> Dialect:
    return DIALECTS[name].DIALECT


def paths_of(dialect: Dialect) -> list[DescribedPath]:
    return [described for route in dialect.routes for described in dialect.described(route)]


def test_documents_are_valid(document: Document) -> None:
    OpenAPIV31SpecValidator(document.content).validate()
    for schema in document.content["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_each_route_is_there(document: Document, dialect: Dialect) -> None:
    """And nothing else: each path of the document is that of one route."""
    assert sorted(described.path for described in paths_of(dialect)) == sorted(document.content["paths"])
    assert all(list(dialect.described(route)) for route in dialect.routes)


def test_two_routes_with_one_path_are_refused(dialect: Dialect) -> None:
    twice = replace(dialect, routes=(*dialect.routes, Route("/server", DialectResource)))
    with pytest.raises(ValueError, match=r"^two routes have the path /server$"):
        written(twice, Settings(), "")


def test_two_components_with_one_name_are_refused() -> None:
    components: dict[str, dict[str, Any]] = {}
    parts = [Component("A", {"type": "object", "items": Component("B", TEXT)}), Component("B", dict(TEXT))]
    assert resolved(parts, components) == [
        {"$ref": "#/components/schemas/A"},
        {"$ref": "#/components/schemas/B"},
    ]
    assert components == {
        "schemas": {"A": {"type": "object", "items": {"$ref": "#/components/schemas/B"}}, "B": {"type": "string"}}
    }
    with pytest.raises(ValueError, match=r"^two schemas are called B$"):
        resolved({"": Component("B", INTEGER)}, components)


def test_paths_are_those_of_the_server(name: str, document: Document, archive_client: FlaskClient) -> None:
    """The server finds a resource at each, with the parameters filled in."""
    app = archive_client.application
    assert isinstance(app, Application)
    for path in document.content["paths"]:
        filled = path.replace("{kind}", "structures").replace("{id}", "1").replace("{page}", "1")
        found = app.routes.find(f"/api/{name}{filled}")
        assert found is not None, path
        assert found[0].mounted.dialect.prefix == f"/api/{name}"


def operations(document: Document) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document.content["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_operations_can_be_told(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z][a-z0-9_]*", each) for each in ids)
    assert {"get_nodes_by_id", "get_nodes_page_n", "get_openapi_json"} <= set(ids)
    tags = {tag["name"] for tag in document.content["tags"]}
    assert {tag for _, _, operation in operations(document) for tag in operation["tags"]} == tags
    for _, _, operation in operations(document):
        assert operation["summary"]


def test_each_resource_has_a_summary_of_its_own(dialect: Dialect) -> None:
    """One without a docstring would inherit that of its base."""
    resources = {route.resource for route in dialect.routes}
    summaries = [(getdoc(resource) or "").partition("\n")[0] for resource in resources]
    assert len(summaries) == len(set(summaries))
    assert all(re.match("`.+`: [a-z`A-Z]", each) for each in summaries)


def test_each_option_is_documented(document: Document, dialect: Dialect) -> None:
    named: dict[type, set[str]] = {}
    for described in paths_of(dialect):
        for operation in document.content["paths"][described.path].values():
            parameters = [document.resolved(each) for each in operation.get("parameters", ())]
            names = [each["name"] for each in parameters if each["in"] == "query"]
            assert len(names) == len(set(names))
            named.setdefault(described.resource, set()).update(names)
            entity = listed_entity(described)
            if entity is not None:
                reserved = {*dialect.options, *described.resource.reserved}
                keys = {key for key, field in entity.fields.items() if field.is_filterable}
                assert {*keys, *(each.key for each in entity.relations), "filter"} - reserved <= set(names)
    for resource, names_ in named.items():
        assert resource.allowed <= names_, resource


def test_what_must_be_given(documents: dict[str, Document]) -> None:
    """Of what stands in a query string; all else of it may be left out."""
    required = {
        (version, path, parameter["name"])
        for version, document in documents.items()
        for path, _, operation in operations(document)
        for parameter in map(document.resolved, operation.get("parameters", ()))
        if parameter["in"] == "query" and parameter.get("required")
    }
    assert required == {
        ("v4", "/nodes/{id}/repo/contents", "filename"),
        ("v4", "/nodes/{id}/download", "download_format"),
    }


def test_only_fields_of_json_have_keys_below(document: Document) -> None:
    schemas = document.content["components"]["schemas"].values()
    below = [key for schema in schemas for key in schema.get("patternProperties", ())]
    assert below
    assert all(re.fullmatch(r"\^\(\w+(\|\w+)*\)\\\.", key) for key in below)


def test_how_rows_are_counted_can_be_told_of_all_lists(document: Document, dialect: Dialect) -> None:
    for described in paths_of(dialect):
        (operation, *_) = document.content["paths"][described.path].values()
        names = {each["name"] for each in map(document.resolved, operation.get("parameters", ()))}
        assert ("Prefer" in names) is ("cursor" in described.resource.allowed)


def test_only_what_a_resource_takes_is_documented(name: str, document: Document, archive_client: FlaskClient) -> None:
    """Each option, sent alone, is at least known to the resource."""
    options = {**V2_OPTIONS, **V4_OPTIONS}
    for path, _, operation in operations(document):
        filled = path.replace("{kind}", "nodes").replace("{page}", "1").replace("{id}", "1")
        for parameter in map(document.resolved, operation.get("parameters", ())):
            if parameter["in"] == "query" and parameter["name"] in options:
                answer = archive_client.get(f"/api/{name}{filled}?{parameter['name']}=1", buffered=True)
                assert "has no meaning for this resource" not in answer.text


URLS = [
    *URLS,
    *(f"/api/v2{url}" for url, expected in TABLE.items()),
    *(url for url, _ in WRONG if url not in {"/api/v4/nothing", "/api/v4/querybuilder"}),
    "/api/v2/nodes?fields=uuid,pk,attributes.energy,extras&limit=5",
    "/api/v4/nodes?fields=uuid,pk,attributes.energy,extras&limit=5",
    "/api/v4/computers?fields=metadata.x,id",
    f"/api/v4/nodes/{graph.silicon}?attributes=true&attributes_filter=cell,nothing",
    f"/api/v4/nodes/{graph.silicon}/download?download_format=xsf&download=false",
    f"/api/v4/nodes/{graph.relax}/download?download_format=xsf",
    *(f"/api/v4/nodes/{uuid}/contents/derived_properties" for uuid in (graph.bands, graph.path, graph.mesh)),
    *(f"/api/v4/{name}/projectable_properties" for name in ("computers", "groups", "processes", "users")),
    f"/api/v4/calcjobs/{graph.relax}/output_files",
    "/api/v4/groups/page/1?perpage=2",
    "/api/v4/computers/1",
    *(
        f"/api/{resource}?{query}"
        for resource in ("v2/nodes", "v4/nodes", "v4/users", f"v4/nodes/{graph.relax}/links/outgoing", "v2/structures")
        for query in (
            "facet=user,label&limit=1",
            "cursor=&limit=1",
            "format=csv",
            "format=ndjson&limit=2",
            "format=xml",
        )
    ),
    f"/api/v2/nodes/{graph.relax}/descendants?facet=type,computer",
    f"/api/v2/nodes/{graph.plain}/content/download",
    *(f"/api/v2/nodes/{uuid}/content/visualization" for uuid in (graph.bands, graph.path, graph.mesh, graph.upf)),
]


@pytest.mark.parametrize("url", URLS)
def test_answers_are_as_described(client: FlaskClient, documents: dict[str, Document], url: str) -> None:
    name, path = url.removeprefix("/api/")[:2], url.removeprefix("/api/")[2:]
    answer = client.get(url, buffered=True)
    if answer.status_code == 404 and name == "v2":
        assert answer.content_type == "text/plain; charset=utf-8"
        return
    document = documents[name]
    document.check(document.operation(path or "/"), answer, is_selection="fields=" in url)


LINKS = (
    ("v4", f"/nodes/{graph.relax}/links/tree"),
    ("v4", f"/nodes/{graph.relax}/graph"),
    ("v2", f"/nodes/{graph.relax}/io/tree"),
    ("v2", f"/nodes/{graph.relax}/graph"),
)


def test_links_of_unknown_types_are_as_described(
    golden: Golden, tmp_path: Path, serve: Callable[..., Flask], documents: dict[str, Document]
) -> None:
    profile = writable.sqlite(golden, tmp_path)
    with profile.committing() as commit:
        commit("UPDATE db_dblink SET type = 'cites'")
    client = serve(find(**profile.target), {}).test_client()
    for version, url in LINKS:
        answer = client.get(f"/api/{version}{url}")
        assert '"cites"' in answer.text
        documents[version].check(documents[version].operation(url), answer)


FILES = (
    ("v4", f'/nodes/{graph.relax_scf}/repo/contents?filename="aiida.in"'),
    ("v4", f"/nodes/{graph.silicon}/download?download_format=xyz"),
    ("v2", f"/nodes/{graph.silicon}/content/download?format=xyz"),
)


@pytest.mark.parametrize(("version", "url"), FILES)
def test_parts_of_files(client: FlaskClient, documents: dict[str, Document], version: str, url: str) -> None:
    document = documents[version]
    operation = document.operation(url)
    assert {"Range", "If-Match"} <= {document.resolved(each)["name"] for each in operation["parameters"]}
    for sent, status in (
        ({"Range": "bytes=1-2"}, 206),
        ({"Range": "bytes=99999999-"}, 416),
        ({"If-Match": '"other"'}, 412),
    ):
        answer = client.get(f"/api/{version}{url}", headers=sent, buffered=True)
        assert answer.status_code == status
        document.check(operation, answer)


def test_only_files_have_parts(document: Document) -> None:
    for path, _, operation in operations(document):
        has_parts = {"206", "416"} <= set(operation["responses"])
        assert has_parts is ("application/octet-stream" in operation["responses"].get("200", {}).get("content", {})), (
            path
        )


def test_the_querybuilder(client: FlaskClient, documents: dict[str, Document]) -> None:
    document = documents["v4"]
    operation = document.operation("/querybuilder", "post")
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    (example,) = schema["examples"]
    for body, status in ((example, 200), ({"path": ["node"], "limit": None}, 200), ({"path": ["nothing"]}, 400)):
        document.validate(schema, body)
        answer = client.post("/api/v4/querybuilder", json=body)
        assert answer.status_code == status
        document.check(operation, answer)
    document.check(document.operation("/querybuilder"), client.get("/api/v4/querybuilder"))


def test_bodies_have_the_keys_that_are_read() -> None:
    assert set(QUERY["properties"]) == set(KEYS)
    assert set(VERTEX["properties"]) == {*STEP_KEYS, *(keyword for _, keyword in RELATIONS)}


def test_limits_are_those_of_the_settings(golden: Golden, serve: Callable[..., Flask]) -> None:
    settings = {"MAX_LIMIT": 50, "MAX_GRAPH_NODES": 70}
    client = serve(find(str(golden.archive)), settings).test_client()
    document = Document.of(client.get("/api/v4/openapi.json").json)

    def parameter(path: str, name: str) -> dict[str, Any]:
        parameters = map(document.resolved, document.content["paths"][path]["get"]["parameters"])
        return next(each for each in parameters if each["name"] == name)

    def largest(path: str, name: str) -> int:
        return int(parameter(path, name)["schema"]["maximum"])

    help_ = "At most so many rows; the default is the largest allowed, 50."
    for path in ("/nodes", "/users", "/nodes/{id}/descendants"):
        assert parameter(path, "limit")["description"] == help_
    assert (largest("/nodes", "limit"), largest("/nodes/page", "perpage")) == (50, 50)
    assert largest("/nodes/{id}/graph", "limit") == 70
    assert Settings().max_limit != 50


def numbers(document: Document) -> Iterator[tuple[str, str, int, int]]:
    """For each bound of a number: its name, a URL with a hole for it, the number at the bound and one beyond."""
    for path, _, operation in operations(document):
        for parameter in map(document.resolved, operation.get("parameters", ())):
            name, schema = parameter["name"], parameter["schema"]
            if schema.get("type") == "integer" and name != "id":
                values = {"kind": "nodes", "page": "1", "id": graph.relax_scf} | (
                    {name: "{}"} if parameter["in"] == "path" else {}
                )
                url = re.sub(r"\{(\w+)\}", lambda found, values=values: values[found[1]], path)
                url += f"?{name}={{}}" if parameter["in"] == "query" else ""
                yield from (
                    (name, url, schema[bound], schema[bound] + step) for bound, step in STEPS if bound in schema
                )


STEPS = (("minimum", -1), ("maximum", 1))


def test_numbers_are_taken_as_far_as_they_are_described(
    name: str, document: Document, archive_client: FlaskClient
) -> None:
    """The smallest and the largest of each, and one beyond: page 0, limit 401."""
    tried = set()
    for key, url, *bounds in numbers(document):
        answers = (archive_client.get(f"/api/{name}{url.format(number)}", buffered=True) for number in bounds)
        assert [answer.status_code == 400 for answer in answers] == [False, True], url
        tried.add((key, bounds[0]))
    assert {("page", 1), ("perpage", 1), ("perpage", 400), ("limit", 400), ("limit", 10_000), ("depth", 1)} <= tried


def test_it_is_what_is_installed(document: Document) -> None:
    from aiida_like import __version__

    info = document.content["info"]
    assert (info["version"], info["license"]["identifier"]) == (__version__, "MIT")
    json.dumps(info)
