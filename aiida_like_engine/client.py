"""The client of the gateway: what web workers call. It loads no AiiDA and writes nothing itself."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from pathlib import Path
from typing import Any

from aiida_like_engine.errors import EngineAway
from aiida_like_engine.protocol import (
    ACCOUNT_HEADER,
    Health,
    NewKey,
    RunRequest,
    StoredFile,
    StoredJob,
    StoredRun,
    refusal_from_json,
)

CONNECT_SECONDS = 1.0
READ_SECONDS = 10.0
ASK_FIRST_BYTES = 1_000_000
"""A body that is longer is announced, and sent if there is room for it."""
UPLOAD_SECONDS = 90.0
"""Longer than the gateway waits for what comes of an upload, and for its own disk."""


@dataclass(frozen=True)
class Client:
    """Asks the gateway at a unix socket. Threads and forked processes may share it: each call connects anew.

    Methods raise `EngineAway` if the gateway does not answer, and a `Refused` if it says no. `account` is the number of
    the caller's row in `accounts`; a superuser reaches what is others'.
    """

    socket: Path

    def health(self) -> Health:
        return Health.from_json(self._asked("GET", "/health"))

    def upload(
        self, account: int, body: Iterable[bytes], content_type: str, content_length: int | None = None
    ) -> StoredFile:
        """Hand a multipart body through as it comes; one of its parts is `file`. An error of `body` ends the upload."""
        headers = {"Content-Type": content_type}
        if content_length is not None and content_length > ASK_FIRST_BYTES:
            # The answer must not wait for what comes of the body.
            self._asked("POST", "/room", account, json={"size": content_length})
        if content_length is not None:
            headers["Content-Length"] = str(content_length)
        return StoredFile.from_json(
            self._asked("POST", "/files", account, content=body, headers=headers, seconds=UPLOAD_SECONDS)
        )

    def change_file(
        self, account: int, file: str, *, name: str | None = None, type_id: int | None = None
    ) -> StoredFile:
        changes = {"name": name, "type_id": type_id}
        given = {key: value for key, value in changes.items() if value is not None}
        return StoredFile.from_json(self._asked("PATCH", f"/files/{file}", account, json=given))

    def delete_file(self, account: int, file: str) -> None:
        self._asked("DELETE", f"/files/{file}", account)

    def create_job(self, account: int, name: str, document: Any, api: str = "jobs") -> StoredJob:
        body = {"name": name, "document": document, "api": api}
        return StoredJob.from_json(self._asked("POST", "/jobs", account, json=body))

    def change_job(self, account: int, job: str, name: str, document: Any) -> StoredJob:
        """Replace the document of a job that was not submitted."""
        return StoredJob.from_json(
            self._asked("PATCH", f"/jobs/{job}", account, json={"name": name, "document": document})
        )

    def delete_job(self, account: int, job: str, files: Sequence[str] = ()) -> None:
        """Delete a job that does not run, and with it those of these files that its account has uploaded."""
        self._asked("DELETE", f"/jobs/{job}", account, json={"files": list(files)})

    def submit(self, account: int, job: str, request: RunRequest, token: str) -> StoredRun:
        """Submit a job once. `token` is a uuid of this call: said twice, the answer is the same run."""
        body = {"request": request.as_json(), "token": token}
        return StoredRun.from_json(self._asked("POST", f"/jobs/{job}/submit", account, json=body))

    def stop(self, account: int, job: str) -> StoredRun:
        """Ask the newest run of a job to stop; it has not stopped yet when this returns. Harmless after its end."""
        return StoredRun.from_json(self._asked("POST", f"/jobs/{job}/stop", account))

    def raise_generation(self, account: int) -> None:
        """End all sessions of an account."""
        self._asked("POST", f"/accounts/{account}/generation", account)

    def set_password(self, account: int, password_hash: str) -> None:
        """Replace the password of an account, and end its sessions."""
        self._asked("POST", f"/accounts/{account}/password", account, json={"hash": password_hash})

    def add_key(self, account: int, label: str, days: int | None = None) -> str:
        """A new key of an account, which is valid for so many days; None: until it is revoked."""
        given = {"label": label} | ({} if days is None else {"days": days})
        return NewKey.from_json(self._asked("POST", "/keys", account, json=given)).key

    def revoke_key(self, account: int, key: int) -> None:
        """Revoke a key of the account, by its number."""
        self._asked("DELETE", f"/keys/{key}", account)

    def _asked(
        self,
        method: str,
        path: str,
        account: int | None = None,
        *,
        json: Any = None,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> dict[str, Any]:
        sent = {**(headers or {}), **({} if account is None else {ACCOUNT_HEADER: str(account)})}
        body = content if json is None else dumps(json).encode()
        connection = _Connection(self.socket, seconds)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # it has answered before it read all, and says why
                connection.request(method, path, body, sent)
            response = connection.getresponse()
            status, answer = response.status, loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise EngineAway(f"the gateway at {self.socket} does not answer: {type(error).__name__} {error}") from error
        finally:
            connection.close()
        if status < HTTPStatus.BAD_REQUEST:
            return dict(answer)
        if "kind" not in answer:
            raise EngineAway(f"the gateway at {self.socket} answered {status}: {answer}")
        raise refusal_from_json(answer)


class _Connection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("engine", timeout=seconds)
        self._path = str(path)
        self._seconds = seconds

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self._path)
        self.sock.settimeout(self._seconds)
