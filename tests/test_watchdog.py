"""Servers end with the process that started them, however that ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT
from tests.servers import free_port, require, wait_until

PLAIN = """
import sys
from tests.servers import serving

url = f"http://127.0.0.1:{sys.argv[1]}"
with serving([sys.executable, "-m", "http.server", sys.argv[1], "--bind", "127.0.0.1"], url):
    print("ready", sys.argv[1], flush=True)
    sys.stdin.read()
"""

WITH_A_CHILD = """
import sys
from tests.servers import serving

server = '''
import subprocess, sys
subprocess.run([sys.executable, "-m", "http.server", sys.argv[1], "--bind", "127.0.0.1"])
'''
with serving([sys.executable, "-c", server, sys.argv[1]], f"http://127.0.0.1:{sys.argv[1]}"):
    print("ready", sys.argv[1], flush=True)
    sys.stdin.read()
"""

POSTGRESQL = """
import sys
from tests.servers import postgresql

with postgresql() as server:
    print("ready", server.port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def started(script: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process that started a server, and the port of that."""
    command = [sys.executable, "-c", script, str(free_port())]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready, port = process.stdout.readline().split()
        assert ready == "ready"
        yield process, int(port)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("script", [PLAIN, WITH_A_CHILD, POSTGRESQL], ids=["plain", "with a child", "PostgreSQL"])
def test_a_killed_process_leaves_no_server(script: str) -> None:
    if script is POSTGRESQL:
        require("initdb")
    with started(script) as (process, port):
        assert answers(port)
        process.kill()
        wait_until(lambda: not answers(port))


def test_a_process_that_ends_waits_for_its_server() -> None:
    with started(PLAIN) as (process, port):
        assert answers(port)
        process.communicate(timeout=30)
        assert (process.returncode, answers(port)) == (0, False)
