"""`/archive`: the file of an archive as it is, for whoever wants to import it."""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from stat import S_ISREG
from typing import IO

from flask import Response

from aiida_like.profiles import Backend, Profile
from aiida_like.repository import BLOCK, Blocks
from aiida_like.stamp import stamp_of
from restapi.explorer.ask import ApiRefused
from restapi.explorer.visit import Visit
from restapi.http.encoding import attachment
from restapi.http.headers import check_match, make_conditional
from restapi.http.ranges import RANGE, part_of
from restapi.http.reply import Reply


def view(visit: Visit) -> Reply:
    path = file_of(visit.explorer.profile)
    if path is None:
        raise ApiRefused(HTTPStatus.NOT_FOUND, "this profile is no archive file: `verdi archive create` makes one")
    try:
        file = path.open("rb")
    except OSError as error:
        message = "the archive cannot be read now"
        raise ApiRefused(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": "10"}) from error
    return _answer(visit, file, path.name)


def file_of(profile: Profile) -> Path | None:
    """The file of an archive; None if there is none."""
    path = profile.database
    if profile.backend is not Backend.SQLITE_ZIP or not isinstance(path, Path):
        return None
    try:
        return path if S_ISREG(path.stat().st_mode) else None
    except OSError:
        return None


def _answer(visit: Visit, file: IO[bytes], name: str) -> Reply:
    facts = os.fstat(file.fileno())
    blocks = Blocks(name, file, iter(lambda: file.read(BLOCK), b""), facts.st_size, 0)
    reply = attachment(blocks, facts.st_size, name, "application/zip")
    reply.headers["ETag"] = '"{}"'.format("-".join(f"{part:x}" for part in stamp_of(facts)))
    reply.headers["Cache-Control"] = "no-cache"
    reply = check_match(reply, visit.exchange)
    if isinstance(reply, Response) and make_conditional(reply, visit.exchange).status_code == HTTPStatus.NOT_MODIFIED:
        file.close()
        return reply
    return part_of(reply, visit.exchange) if RANGE in visit.exchange.environ else reply
