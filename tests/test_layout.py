"""What all pages have: static files under their version, a policy, a way back, and the requests behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Client

from aiida_like.profiles import demo
from restapi import create_app, create_site
from restapi.http.exchange import Exchange
from restapi.http.reply import as_response
from restapi.layout.page import answer_picture, environment
from restapi.layout.static_files import static_files, url_of

HTML = {"Accept": "text/html"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = create_app(demo(), {})
    yield made
    made.extensions["aiida_like_storage"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("odd", ["\x0b", "\x00", "\ufffe", "\ud800"])
def test_a_picture_is_xml(odd: str) -> None:
    """Whatever names of nodes hold."""
    exchange = Exchange({"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost", "wsgi.url_scheme": "http"})
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" aria-label="a{odd}b\t\n"/>'
    answer = as_response(answer_picture(svg, "plot.svg", exchange))
    label = ET.fromstring(answer.get_data()).attrib["aria-label"]
    assert label[0] + label[2] == "ab"
    assert label[1] in "?\N{REPLACEMENT CHARACTER}"


def test_all_static_files_are_served(client: FlaskClient) -> None:
    known = static_files()
    assert {"base.css", "base.js", "icon.svg"} <= set(known.contents)
    for name, content in known.contents.items():
        answer = client.get(url_of("", name))
        assert (answer.status_code, answer.data) == (200, content)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type.split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}
        old = client.get(f"/static/0123/{name}")
        assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["x/base.py", "x/../page.py", "base.css", "x/y/base.css", "x/nothing.js"])
def test_other_files_are_not(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_static_files_are_read_alone(client: FlaskClient) -> None:
    answer = client.post(url_of("", "base.css"))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    with pytest.raises(KeyError):
        url_of("", "nothing.css")


def test_pages_have_a_policy_and_a_tag(client: FlaskClient) -> None:
    page = client.get("/", headers=HTML)
    assert page.headers["Content-Security-Policy"] == POLICY
    assert (page.headers["Cache-Control"], page.headers["Vary"]) == ("no-cache", "Accept")
    assert "style=" not in page.text
    assert "<style" not in page.text
    assert all(match.startswith(' type="module" src="/static/') for match in re.findall(r"<script([^>]*)>", page.text))
    again = client.get("/", headers={**HTML, "If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/", headers=HTML).data == page.data
    assert client.get("/nodes/statistics").status_code == 404


def test_the_requests_behind_a_page(client: FlaskClient) -> None:
    page = client.get("/", headers=HTML)
    links = re.findall(r'<code><a href="(/api/v4/[^"]*)"', page.text)
    assert links[0] == "/api/v4/nodes/statistics"
    assert len(links) == 3
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200
    assert "curl 'http://localhost/api/v4/nodes/statistics'" in page.text


def test_paths_that_lead_nowhere(client: FlaskClient) -> None:
    page = client.get("/nowhere<b>", headers=HTML)
    assert (page.status_code, page.content_type) == (404, "text/html; charset=utf-8")
    assert "No page has the path /nowhere&lt;b&gt;" in page.text
    assert client.get("/nowhere").text == "No resource has this URL. GET /api/v2 lists all endpoints.\n"
    assert client.get("/api/v4/nowhere", headers=HTML).content_type == "application/json"


WRONG = {
    "/nowhere": 404,
    "/nodes/99999": 404,
    "/nodes/64/files/nothing": 404,
    "/groups/999": 404,
    "/nodes?label=": 400,
    "/nodes/b": 400,
    "/nodes/parts/facet?label=": 400,
    "/compare?a=64&b=nothing": 404,
}


@pytest.mark.parametrize("path", WRONG)
def test_pages_that_say_what_is_wrong_have_ways_out_below_a_mount(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=HTML, environ_overrides={"SCRIPT_NAME": "/a b"})
    assert (page.status_code, page.content_type) == (WRONG[path], "text/html; charset=utf-8")
    found = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    assert '<a class="home" href="/a%20b/"' in page.text
    assert '<form action="/a%20b/search" role="search">' in page.text
    assert [each for each in found if not each.startswith(("/a%20b/", "#"))] == []


@pytest.mark.parametrize("mount", ["", "/a b"])
def test_a_profile_that_there_is_not(mount: str) -> None:
    """Its page names those that there are, and leads to the list of them."""
    client = Client(create_site(["demo", "größe=demo"], {}))
    for path in ("/nope", "/nope/nodes/5", "/nope/<b>"):
        page = client.get(path, headers=HTML, environ_overrides={"SCRIPT_NAME": mount})
        assert (page.status_code, page.content_type) == (404, "text/html; charset=utf-8")
        assert page.headers["Content-Security-Policy"] == POLICY
        assert "No profile is called &#39;nope&#39;." in page.text
        assert "There are: demo, größe" in page.text
        root = mount.replace(" ", "%20")
        assert f'<a href="{root}/">All profiles</a>' in page.text
        assert [
            each for each in re.findall(r'(?:href|src)="([^"]*)"', page.text) if not each.startswith(f"{root}/")
        ] == ["#content"]
        listing = client.get("/", headers=HTML, environ_overrides={"SCRIPT_NAME": mount}).text
        assert f'<a href="{root}/demo/">' in listing
    assert client.get("/nope/api/v4/nodes").content_type == "application/json"


def test_the_explorer_can_be_switched_off() -> None:
    app = create_app(demo(), {"EXPLORER": False})
    client = app.test_client()
    assert client.get("/", headers=HTML).json["profile"] == "demo"
    assert client.get("/nowhere", headers=HTML).content_type == "text/plain; charset=utf-8"
    assert client.get("/archive").status_code == 404
    app.extensions["aiida_like_storage"].close()


def test_several_profiles_have_a_way_back() -> None:
    site = create_site(["demo", "größe=demo"], {})
    client = Client(site)
    listing = client.get("/", headers=HTML)
    assert listing.headers["Content-Security-Policy"] == POLICY
    assert '<a href="/gr%C3%B6%C3%9Fe/">' in listing.text
    assert "Silicon, its bands, and what went wrong" in listing.text
    page = client.get("/größe/", headers=HTML)
    assert '<a class="up" href="/">Profiles</a>' in page.text
    assert 'href="/gr%C3%B6%C3%9Fe/api/v4/nodes/statistics"' in page.text
    for found in re.findall(r'(?:href|src)="(/[^"]*\.(?:css|js|svg))"', page.text + listing.text):
        assert client.get(found).status_code == 200, found
    mounted = client.get("/demo/", headers=HTML, environ_overrides={"SCRIPT_NAME": "/a b"})
    assert '<a class="up" href="/a%20b/">Profiles</a>' in mounted.text


def test_templates_are_compiled_once_for_all() -> None:
    assert environment() is environment()
    assert environment().autoescape
