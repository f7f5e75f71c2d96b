"""Calls of the gateway on uploaded files: they are taken, renamed and deleted."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from aiida_like_engine.errors import Busy, Invalid, NotFound, TooMuch
from aiida_like_engine.graph import orm
from aiida_like_engine.graph.users import Owner
from aiida_like_engine.protocol import Message, StoredFile
from aiida_like_engine.root.layout import Root
from aiida_like_engine.root.settings import Limits
from aiida_like_engine.root.store_lock import adding
from aiida_like_engine.server_db.accounts import is_removed
from aiida_like_engine.server_db.database import ServerDatabase, now, salt
from aiida_like_engine.server_db.ids import Ids
from aiida_like_engine.server_db.tables import ACCOUNTS, FILES
from aiida_like_engine.services.calls import Call
from aiida_like_engine.services.multipart import MultipartBody
from aiida_like_engine.services.request_checks import check_name, check_type
from aiida_like_engine.services.uploads import Counter, Pace, Received, Room, receive


@dataclass
class FileCalls:
    root: Root
    limits: Limits
    database: ServerDatabase
    thread: orm.OrmThread
    uploads: threading.BoundedSemaphore = field(init=False)
    recording: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is told what accounts have."""
    under_way: dict[int, int] = field(default_factory=dict)
    """How many uploads of each account there are now."""
    reserved: dict[int, int] = field(default_factory=dict)
    """Bytes of uploads of each account that have come whole, and are not in the database yet."""

    def __post_init__(self) -> None:
        self.uploads = threading.BoundedSemaphore(self.limits.uploads)

    def post(self, call: Call) -> Message:
        with ExitStack() as reserved:

            def reserve(size: int) -> None:
                reserved.enter_context(self._reserved(call, size))
                # Not before all has come: a purge need not wait for what is slow.
                reserved.enter_context(adding(self.root))

            with self._place(call.account.id):
                received = self._receive(call, reserve)
            public_id = uuid.uuid4().hex
            self.thread.call(
                orm.store_file,
                received.name,
                received.object_key,
                Owner(call.account.name, call.account.email),
                {"md5": received.md5, "size": received.size},
                partial(self._announce, call, received, public_id),
            )
            return self._recorded(call, public_id)

    @contextmanager
    def _place(self, account: int) -> Iterator[None]:
        """One of the places for uploads. Raises Busy: all are taken, or the account has half of them."""
        most = (self.limits.uploads + 1) // 2
        with self.recording:
            if self.under_way.get(account, 0) >= most:
                raise Busy(f"{most} uploads of the account are under way; come again in some seconds")
            if not self.uploads.acquire(blocking=False):
                raise Busy(f"{self.limits.uploads} uploads are under way; come again in some seconds")
            _add(self.under_way, account, 1)
        try:
            yield
        finally:
            with self.recording:
                _add(self.under_way, account, -1)
            self.uploads.release()

    @contextmanager
    def _reserved(self, call: Call, size: int) -> Iterator[None]:
        """Room for a file that came. Raises TooMuch: others of the account's uploads have taken it meanwhile."""
        account = call.account.id
        with self.recording:
            if size > self._left(call) - self.reserved.get(account, 0):
                raise TooMuch(f"the file is larger than {self._limit_of_account}", "file")
            _add(self.reserved, account, size)
        try:
            yield
        finally:
            with self.recording:
                _add(self.reserved, account, -size)

    def check_room(self, call: Call) -> Message:
        size = call.json().get("size")
        if type(size) is not int or size < 0:
            raise Invalid("it has to be a whole number", "size")
        self._room(call).announced(size)
        return Message()

    def _announce(self, call: Call, received: Received, public_id: str, node: str) -> None:
        """Add the row of a file whose node is stored next: if the gateway is killed meanwhile, a purge finds it."""
        began = now()
        values = {**vars(received), "account_id": call.account.id, "node_uuid": node, "public_id": public_id}
        with self.database.writing() as connection:
            connection.execute(FILES.insert().values(**values, uploaded=began, deleted=began))

    def _recorded(self, call: Call, announced: str) -> StoredFile:
        """The row of a file whose node is stored. Raises NotFound: its account was removed meanwhile."""
        with self.database.writing() as connection:
            name = connection.execute(sa.select(ACCOUNTS.c.name).where(ACCOUNTS.c.id == call.account.id)).scalar_one()
            row = connection.execute(sa.select(FILES.c.id).where(FILES.c.public_id == announced)).scalar_one()
            public_id = Ids(salt(connection)).of_file(row)
            # Nobody could delete it any more: a purge removes it.
            deleted = now() if is_removed(name) else None
            values = {"public_id": public_id, "deleted": deleted}
            connection.execute(FILES.update().where(FILES.c.id == row).values(**values))
            stored = self._stored(connection, public_id)
        if deleted is not None:
            raise NotFound("there is no such account")
        return stored

    def _room(self, call: Call) -> Room:
        limits = self.limits
        left = self._left(call)
        if left < limits.upload_bytes:
            return Room(left, self._limit_of_account, self.root.path, limits.free_bytes)
        words = f"the {limits.upload_bytes} bytes that a file may have"
        return Room(limits.upload_bytes, words, self.root.path, limits.free_bytes)

    def _receive(self, call: Call, reserve: Callable[[int], None]) -> Received:
        limits = self.limits
        room = self._room(call)
        room.announced(int(call.environ.get("CONTENT_LENGTH") or 0))
        pace = Pace(call.environ["wsgi.input"], limits.upload_rate, limits.upload_idle_seconds)
        body = MultipartBody.of(pace, call.environ.get("CONTENT_TYPE", ""))
        connection: socket.socket = call.environ["gunicorn.socket"]
        connection.settimeout(limits.upload_idle_seconds)
        try:
            with pace.kept(partial(connection.shutdown, socket.SHUT_RD)), orm.container() as container:
                return receive(body, room, lambda counter: _into(container, counter), reserve)
        except TimeoutError:
            raise Invalid(f"the upload sent nothing for {limits.upload_idle_seconds} s", "file") from None
        except Invalid:
            if pace.is_too_slow:
                raise Invalid(f"the upload sent less than {limits.upload_rate} bytes a second", "file") from None
            raise

    def _left(self, call: Call) -> int:
        """How many bytes more the account may upload."""
        query = sa.select(sa.func.coalesce(sa.func.sum(FILES.c.size), 0))
        mine = (FILES.c.account_id == call.account.id) & FILES.c.deleted.is_(None)
        with self.database.reading() as connection:
            return int(self.limits.account_bytes - connection.execute(query.where(mine)).scalar_one())

    @property
    def _limit_of_account(self) -> str:
        return f"what is left of the account's {self.limits.account_bytes} bytes"

    def patch(self, call: Call) -> Message:
        given = call.json()
        values: dict[str, Any] = {}
        if "name" in given:
            if not isinstance(given["name"], str):
                raise Invalid("it has to be a text", "name")
            check_name(given["name"], "name")
            values["name"] = given["name"]
        if "type_id" in given:
            if type(given["type_id"]) is not int:
                raise Invalid("it has to be a whole number", "type_id")
            check_type(given["type_id"], "type_id")
            values["type_id"] = given["type_id"]
        with self.database.writing() as connection:
            row = call.row(connection, FILES, "file")
            if values:
                connection.execute(FILES.update().where(FILES.c.id == row.id).values(**values))
            return self._stored(connection, call.name)

    def delete(self, call: Call) -> Message:
        with self.database.writing() as connection:
            row = call.row(connection, FILES, "file")
            connection.execute(FILES.update().where(FILES.c.id == row.id).values(deleted=now()))
        return Message()

    def _stored(self, connection: sa.Connection, public_id: str) -> StoredFile:
        row = connection.execute(sa.select(FILES).where(FILES.c.public_id == public_id)).one()
        return StoredFile(row.public_id, row.name, row.type_id, row.size, row.md5, row.sha512, row.uploaded)


def _add(sums: dict[int, int], account: int, more: int) -> None:
    """Change the sum of an account; one that is 0 is forgotten."""
    sums[account] = sums.get(account, 0) + more
    if sums[account] == 0:
        del sums[account]


def _into(container: Any, counter: Counter) -> str:
    return str(container.add_streamed_object(counter))
