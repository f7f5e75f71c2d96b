"""What docs/deploy.md says of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
from flask import Flask

from aiida_like.profiles import find
from tests.conftest import ROOT, GoldenPostgreSQL
from tests.golden import graph
from tests.manual import TABLE
from tests.peer_requests import GET, POST
from tests.servers import PostgreSQL, free_port

DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()
(GRANTS,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL, golden_postgresql: GoldenPostgreSQL) -> Iterator[str]:
    """A copy of the golden graph that only the role of the document may read."""
    import psycopg

    url = postgresql.copy("golden", "aiida")
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("REVOKE ALL ON DATABASE aiida FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute(GRANTS)
        yield f"postgresql://aiida_reader:{quote('choose one')}@{postgresql.host}:{postgresql.port}/aiida"
        connection.execute("DROP OWNED BY aiida_reader; DROP ROLE aiida_reader")


def test_the_role(database: str, golden_postgresql: GoldenPostgreSQL, serve: Callable[..., Flask]) -> None:
    """It may do all that is asked of the server, and no more."""
    import psycopg

    repository = str(golden_postgresql.repository)
    reader = serve(find(database, repository), {}).test_client()
    owner = serve(find(golden_postgresql.url, repository), {}).test_client()
    urls = [*(f"/api/v2{url}" for url in TABLE), *(f"/api/v4{url}" for url in GET)]
    urls += [f"/api/v2/calculations/{graph.relax_scf}/io/retrieved_outputs", "/readyz", "/"]
    assert len(urls) > 200
    for url in urls:
        expected, answer = owner.get(url, buffered=True), reader.get(url, buffered=True)
        assert answer.status_code == expected.status_code, (url, answer.text)
        assert answer.status_code != 500
        if answer.is_json and answer.status_code == 200 and url != "/":
            assert answer.json == expected.json, url
    for body in POST:
        assert reader.post("/api/v4/querybuilder", json=body).json == (
            owner.post("/api/v4/querybuilder", json=body).json
        )
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        for statement in (
            "SELECT email FROM db_dbuser",
            "SELECT auth_params FROM db_dbauthinfo",
            "UPDATE db_dbnode SET label = ''",
            "DELETE FROM db_dblink",
            "CREATE TABLE more (id int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.mark.parametrize("more", ["", "&load_balance_hosts=random", "&target_session_attrs=prefer-standby"])
def test_several_servers(
    more: str, golden_postgresql: GoldenPostgreSQL, postgresql: PostgreSQL, serve: Callable[..., Flask]
) -> None:
    """One of them is away."""
    password = quote(postgresql.password, safe="")
    hosts = f"host=127.0.0.1:{free_port()}&host=127.0.0.1:{postgresql.port}"
    url = f"postgresql://{postgresql.user}:{password}@/golden?{hosts}{more}"
    client = serve(find(url, str(golden_postgresql.repository)), {}).test_client()
    assert client.get("/api/v4/nodes?limit=1").headers["X-Total-Count"] == "81"
