"""The files of a ROOT: all that one engine owns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiida_like_engine.errors import RootError


@dataclass(frozen=True)
class Root:
    """The names of all files of a ROOT. Nothing says that they exist: see `Root.existing`."""

    path: Path

    @classmethod
    def existing(cls, path: str | Path) -> Root:
        """The ROOT at a path, which `aiida-like engine init` has made.

        Raises:
            RootError: nothing of the kind is there.
        """
        root = cls(Path(path).absolute())
        if not root.settings.is_file():
            raise RootError(f"{root.path} is no engine's folder: aiida-like engine init {root.path}")
        return root

    @property
    def aiida(self) -> Path:
        """AiiDA's own configuration (0700): only processes of the engine read it."""
        return self.path / ".aiida"

    @property
    def store(self) -> Path:
        """The profile's database and files: what web workers serve, as a profile folder."""
        return self.path / "store"

    @property
    def store_database(self) -> Path:
        return self.store / "database.sqlite"

    def loose_object(self, key: str) -> Path:
        """Where the content of a key lies in the container, until it is packed."""
        return self.store / "container" / "loose" / key[:2] / key[2:]

    @property
    def half_contents(self) -> Path:
        """Where contents lie in the container until they are complete."""
        return self.store / "container" / "sandbox"

    @property
    def work(self) -> Path:
        """Where jobs run, each in a folder that AiiDA names by the uuid of the node."""
        return self.path / "work"

    def folder(self, node_uuid: str) -> Path:
        """Where the job of a node runs on this machine; its files are in `work/` there."""
        return self.work / node_uuid[:2] / node_uuid[2:4] / node_uuid[4:]

    def lock_of_job(self, node_uuid: str) -> Path:
        return self.control / f"{node_uuid}.lock"

    def inputs_of_job(self, node_uuid: str) -> Path:
        """Second names of contents that the job's wrapper copies."""
        return self.control / f"{node_uuid}.inputs"

    def stop_of_job(self, node_uuid: str) -> Path:
        """A mark: the job has to stop, or not to begin."""
        return self.control / f"{node_uuid}.stop"

    @property
    def scratch(self) -> Path:
        """Files on their way from jobs into the store (0700), on the same disk as both."""
        return self.path / "scratch"

    @property
    def control(self) -> Path:
        """Locks and stop marks of jobs, by the uuid of the node; outside of all folders of jobs."""
        return self.path / "control"

    @property
    def server_database(self) -> Path:
        return self.path / "server.sqlite"

    @property
    def socket(self) -> Path:
        """Where the gateway listens (0660)."""
        return self.path / "engine.sock"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor that runs, whose process id it holds."""
        return self.path / "engine.lock"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"

    @property
    def analyses(self) -> Path:
        return self.path / "analyses.toml"

    @property
    def settings(self) -> Path:
        return self.path / "engine.toml"

    @property
    def first_key(self) -> Path:
        """The key that was made at the first start (0600)."""
        return self.path / "first-key"

    @property
    def secret(self) -> Path:
        """What signs cookies: 64 hexadecimal digits, readable by engine and web workers alone."""
        return self.path / "secret"
