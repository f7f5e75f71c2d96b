"""What a watchdog and a load balancer ask."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from aiida_like.profiles import find
from tests.conftest import Golden
from tests.servers import postgresql


def answer(response: TestResponse) -> tuple[int, Any, str]:
    return response.status_code, response.json, response.headers["Cache-Control"]


def test_a_storage_that_answers(target: dict[str, Any], serve: Callable[..., Flask]) -> None:
    client = serve(find(**target), {}).test_client()
    assert answer(client.get("/healthz")) == (200, {"status": "ok"}, "no-store")
    assert answer(client.get("/readyz")) == (200, {"status": "ready"}, "no-store")


def test_a_storage_that_is_not_there(
    golden: Golden, serve: Callable[..., Flask], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "gone.aiida"
    shutil.copy(golden.archive, file)
    client = serve(find(str(file)), {"CACHE_FOLDER": str(tmp_path)}).test_client()
    file.unlink()
    with caplog.at_level(logging.WARNING, "restapi.hosting.health"):
        assert answer(client.get("/readyz")) == (503, {"status": "not ready: its archive is missing"}, "no-store")
    assert str(file) in caplog.text
    assert answer(client.get("/healthz")) == (200, {"status": "ok"}, "no-store")
    shutil.copy(golden.archive, file)
    assert answer(client.get("/readyz")) == (200, {"status": "ready"}, "no-store")


def test_a_server_that_goes_away(golden_postgresql: Any, serve: Callable[..., Flask]) -> None:
    with postgresql() as server:
        # Any database will do before the first request: it is looked at then.
        profile = find(server.url("postgres"), str(golden_postgresql.repository))
        client = serve(profile, {}).test_client()
        assert answer(client.get("/readyz"))[0] == 503  # it is none of AiiDA's
    assert answer(client.get("/readyz")) == (503, {"status": "not ready: its database does not answer"}, "no-store")
