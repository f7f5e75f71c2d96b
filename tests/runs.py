"""An engine that works, and a server beside it, both as processes: what clients of the run-APIs talk to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from aiida_like_engine.server_db import accounts
from aiida_like_engine.server_db.database import open_to_write
from tests.conftest import COMMAND
from tests.engine_fixture import RunningEngine, an_engine
from tests.servers import free_port, serving

NAMES = ("ada", "bob", "zoe")


@dataclass(frozen=True)
class Runs:
    """`url` is the root of the server; `keys` are those of accounts, by name."""

    engine: RunningEngine
    url: str
    keys: Mapping[str, str]

    def header(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Token {self.keys[name]}"}


@contextmanager
def running(catalogue: str | None = None, *targets: str) -> Iterator[Runs]:
    """An engine with ada, bob and zoe, who is a superuser, and a server of its runs and of other targets.

    Without a catalogue it offers what each new engine does.
    """
    with an_engine(cores=4) as engine:
        if catalogue is not None:
            engine.root.analyses.write_text(catalogue)
        keys = _with_keys(engine)
        engine.start(workers=2)
        url = f"http://127.0.0.1:{free_port()}"
        port = url.rpartition(":")[2]
        server = [*COMMAND, "serve", *targets, "--engine", str(engine.root.path), "--port", port, "--workers", "1"]
        with serving(server, f"{url}/healthz"):
            yield Runs(engine, url, keys)
        engine.stop()


def _with_keys(engine: RunningEngine) -> dict[str, str]:
    """The keys of accounts, of which ada's is there already."""
    for name in NAMES[1:]:
        engine.add_account(name, is_superuser=name == "zoe")
    database = open_to_write(engine.root.server_database)
    try:
        with database.writing() as connection:
            return {name: accounts.add_key(connection, name, "of tests") for name in NAMES}
    finally:
        database.close()
