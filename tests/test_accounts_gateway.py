"""Headers of a gateway, forged and true; and a desktop, where only its own user asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client

from aiida_like.errors import TargetError
from restapi import create_site
from restapi.accounts.caller import NOBODY, Caller, caller_of
from restapi.accounts.loopback import is_loopback
from tests.conftest import Golden
from tests.people import People, make_people

SECRET = "a-secret-of-the-gateway"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def people(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("engine") / "root", golden)


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gateway") / "secret"
    file.touch(mode=0o600)
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture(scope="module")
def behind(people: People, secret_file: Path) -> Client:
    return Client(create_site([], {"ENGINE": str(people.root.path), "GATEWAY_SECRET_FILE": str(secret_file)}))


TRUE = {"X-Gateway-Secret": SECRET, "X-Consumer-Username": "ada", "X-Consumer-ID": "6f0c1f0e-0000-4000"}

HEADERS: dict[str, tuple[dict[str, str], int]] = {
    "true": (TRUE, 200),
    "the gateway alone": ({"X-Gateway-Secret": SECRET}, 401),
    "no secret": ({"X-Consumer-Username": "ada"}, 401),
    "another secret": ({**TRUE, "X-Gateway-Secret": "a-secret-of-the-gatewaY"}, 401),
    "an empty secret": ({**TRUE, "X-Gateway-Secret": ""}, 401),
    "a beginning": ({**TRUE, "X-Gateway-Secret": SECRET[:-1]}, 401),
    "the secret twice": ({**TRUE, "X-Gateway-Secret": f"{SECRET},{SECRET}"}, 401),
    "not in ASCII": ({**TRUE, "X-Gateway-Secret": "ä\xff"}, 401),
    "two consumers": ({**TRUE, "X-Consumer-Username": "bob,ada"}, 401),
    "a consumer twice": ({**TRUE, "X-Consumer-Username": "ada,ada"}, 401),
    "a comma": ({**TRUE, "X-Consumer-Username": "ada,"}, 401),
    "an empty consumer": ({**TRUE, "X-Consumer-Username": ""}, 401),
    "no account": ({**TRUE, "X-Consumer-Username": "mallory"}, 401),
    "another case": ({**TRUE, "X-Consumer-Username": "ADA"}, 401),
    "a blank": ({**TRUE, "X-Consumer-Username": "ada x"}, 401),
    "disabled": ({**TRUE, "X-Consumer-Username": "carl"}, 401),
    "anonymous": ({**TRUE, "X-Anonymous-Consumer": "true"}, 401),
    "anonymous, empty": ({**TRUE, "X-Anonymous-Consumer": ""}, 401),
    "an id alone": ({"X-Consumer-ID": "6f0c1f0e"}, 401),
    "a credential alone": ({"X-Credential-Identifier": "c-ada-1"}, 401),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers(behind: Client, case: str) -> None:
    """Thrice, the last times from the cache and with a tag that is known."""
    headers, expected = HEADERS[case]
    statuses = []
    for more in ({}, {}, {"If-None-Match": behind.get("/api/v4/users", headers=TRUE).headers["ETag"]}):
        answer = behind.get("/api/v4/users", headers={**headers, **more})
        statuses.append(answer.status_code)
        assert SECRET not in answer.text
    assert statuses == ([200, 200, 304] if expected == 200 else [401, 401, 401])


PREFIXES = {"/ada": 200, "": 200, "/bob": 404, "/zoe": 404, "/mallory": 404}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_prefix_is_that_of_the_consumer(behind: Client, prefix: str) -> None:
    """The account in the path is the one that the gateway names, or there is nothing: not even that there is one."""
    answer = behind.get(f"{prefix}/api/v2/users/me/", headers=TRUE)
    told = {"detail": "Not found."} if PREFIXES[prefix] == 404 else answer.json
    assert (answer.status_code, answer.json) == (PREFIXES[prefix], told)
    if PREFIXES[prefix] == 200:
        assert answer.json["email"] == "ada@example.org"
    forged = {"X-Consumer-Username": "ada"}
    assert behind.get(f"{prefix}/api/v2/users/me/", headers=forged).status_code == 401


def test_forged_headers_beside_a_key(behind: Client, people: People) -> None:
    """Who claims to be the gateway and is not is refused, whatever else comes along."""
    forged = {"X-Consumer-Username": "zoe", **people.header("ada")}
    assert behind.get("/api/v4/users", headers=forged).status_code == 401
    assert behind.get("/api/v4/users", headers=people.header("ada")).status_code == 200
    both = {**TRUE, **people.header("revoked")}
    assert behind.get("/api/v4/users", headers=both).status_code == 200, "the gateway says it first"


def test_without_the_setting_they_say_nothing(people: People) -> None:
    client = Client(create_site([], {"ENGINE": str(people.root.path)}))
    assert client.get("/api/v4/users", headers=TRUE).status_code == 401
    assert client.get("/api/v4/users", headers={**TRUE, **people.header("bob")}).status_code == 200


def test_the_caller_is_handed_on(people: People, secret_file: Path) -> None:
    """To dialects that show each their own."""
    app = create_site([], {"ENGINE": str(people.root.path), "GATEWAY_SECRET_FILE": str(secret_file)})
    seen: list[Caller] = []
    app.before_request(lambda: seen.append(caller_of(__import__("flask").request.environ)))  # type: ignore[attr-defined]
    client = Client(app)
    for headers in (TRUE, people.header("zoe"), {}):
        client.get("/api/v4/users", headers=headers)
    assert [(caller.name, caller.is_superuser, caller.carrier.name) for caller in seen] == [
        ("ada", False, "GATEWAY"),
        ("zoe", True, "KEY"),
    ]
    assert (seen[0].owns_prefix("ada"), seen[0].owns_prefix("zoe"), seen[1].owns_prefix("ada")) == (True, False, False)
    assert (NOBODY.owns_prefix("ada"), caller_of({}), NOBODY.is_superuser) == (False, NOBODY, False)


FILES: dict[str, tuple[str, int, str]] = {
    "for all to read": (
        SECRET,
        0o644,
        "others can read or change the secret of the gateway in {file}: chmod 600 {file}",
    ),
    "for the group to write": (SECRET, 0o660, "others can read or change the secret of the gateway in {file}: "),
    "short": ("short", 0o600, "{file} holds no secret of at least 16 characters without a comma"),
    "a comma": ("x" * 20 + ",", 0o600, "{file} holds no secret of at least 16 characters without a comma"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_secrets(people: People, tmp_path: Path, case: str) -> None:
    content, mode, message = FILES[case]
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(TargetError) as refused:
        create_site([], {"ENGINE": str(people.root.path), "GATEWAY_SECRET_FILE": str(file)})
    assert str(refused.value).startswith(message.format(file=file))
    file.chmod(0o640)
    file.write_text(SECRET)
    create_site([], {"ENGINE": str(people.root.path), "GATEWAY_SECRET_FILE": str(file)})


@pytest.fixture(scope="module")
def desktop(people: People) -> Client:
    return Client(create_site(["demo"], {"ENGINE": str(people.root.path), "ACCOUNTS": False}))


HOSTS = {
    "localhost": 200,
    "localhost:5000": 200,
    "127.0.0.1:5000": 200,
    "[::1]:5000": 200,
    "127.8.9.1": 200,
    "LOCALHOST": 200,
    "evil.example": 403,
    "localhost.evil.example": 403,
    "127.0.0.1.evil.example:5000": 403,
    "192.168.1.7": 403,
    "[::ffff:10.0.0.1]": 403,
    "0.0.0.0": 403,
    "[": 403,
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_desktop_is_asked_by_its_own_name(desktop: Client, people: People, host: str) -> None:
    """Else a page of somebody else, whose name they give this address, could read it."""
    answer = desktop.get("/api/v4/users", headers={"Host": host, **people.header("ada")})
    assert answer.status_code == HOSTS[host]


def test_what_is_refused_in_front_of_the_jobs_api(desktop: Client, people: People) -> None:
    """It is told as this API tells all that is wrong."""
    foreign = {"Host": "evil.example", **people.header("ada")}
    said = "this server is asked as localhost or 127.0.0.1 alone"
    for path, key in (("/api/v2/jobs/", "detail"), ("/ada/api/v2/jobs/", "detail"), ("/api/v4/users", "message")):
        answer = desktop.get(path, headers=foreign)
        assert (answer.status_code, answer.json) == (403, {key: said})
    crossing = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", **people.header("ada")}
    answer = desktop.post("/api/v2/jobs/", json={}, headers=crossing)
    assert (answer.status_code, answer.json) == (403, {"detail": "pages of other sites may not ask this server"})


def test_a_desktop_wants_the_key(desktop: Client, people: People) -> None:
    assert desktop.get("/api/v4/users").status_code == 401
    page = desktop.get("/", headers=HTML)
    assert (page.status_code, 'name="password"' in page.text, 'name="key"' in page.text) == (401, False, True)
    assert 'type="password" autocomplete="off"' in page.text
    form = {"token": page.text.partition('name="token" value="')[2].partition('"')[0], "next": "/demo/"}
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = desktop.post("/login", data={**form, "name": "ada", "password": "correct horse battery"}, headers=same)
    assert answer.status_code == 401, "there are no passwords"
    answer = desktop.post("/login", data={**form, "key": people.keys["ada"]}, headers=same)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/demo/")
    assert desktop.get("/demo/api/v4/users").status_code == 200
    assert desktop.get("/healthz", headers={"Host": "x"}).status_code == 200


def test_a_desktop_and_other_pages(desktop: Client, people: People) -> None:
    """They may lead here, and do nothing else."""
    key = people.header("ada")
    allowed: list[dict[str, str]] = [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ]
    refused = [{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode} for mode in ("cors", "no-cors", "")]
    refused += [{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}]
    assert [desktop.get("/api/v4/users", headers={**key, **each}).status_code for each in allowed] == [200] * 4
    assert [desktop.get("/api/v4/users", headers={**key, **each}).status_code for each in refused] == [403] * 4
    sent = {**key, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert desktop.post("/api/v4/querybuilder", json={}, headers=sent).status_code == 403


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "example.org", "", None)] == [False] * 5
