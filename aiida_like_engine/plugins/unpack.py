"""Unpacks an archive into this folder: `unpack.py ARCHIVE MOST_BYTES`. It runs inside the sandbox of the job.

A program of its own, of Python's standard library alone: it is copied into the job's folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

MOST_MEMBERS = 200_000
_LOG, _OTHER_LOG = "process_output.log", "process_output-1.log"
"""A member that is called as the log of the job is has another name."""


class Refusal(Exception):
    pass


def main(archive: str, most_bytes: int) -> None:
    if zipfile.is_zipfile(archive):
        unzip(archive, most_bytes)
    elif tarfile.is_tarfile(archive):
        untar(archive, most_bytes)
    else:
        raise Refusal("it is neither a zip nor a tar file")


def unzip(archive: str, left: int) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        _few(len(members))
        for member in members:
            if stat.S_ISLNK(member.external_attr >> 16):
                continue
            target = _inside(member.filename)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open(member) as source, target.open("wb") as copy:
                while block := source.read(1 << 20):
                    left -= len(block)
                    _enough(left)
                    copy.write(block)
            if member.external_attr >> 16 & stat.S_IXUSR:
                target.chmod(0o755)


def untar(archive: str, left: int) -> None:
    with tarfile.open(archive) as file:
        for number, member in enumerate(file):
            _few(number)
            target = _inside(member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                left -= member.size
                _enough(left)
                target.parent.mkdir(parents=True, exist_ok=True)
                source = file.extractfile(member)
                assert source is not None
                with source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                if member.mode & stat.S_IXUSR:
                    target.chmod(0o755)
            elif member.issym() and _leads_inside(target, member.linkname):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                target.symlink_to(member.linkname)


def _inside(name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Refusal(f"its member {name!r} lies outside of the folder")
    target = Path(_OTHER_LOG if path == PurePosixPath(_LOG) else path)
    for parent in target.parents:
        if parent.is_symlink():
            raise Refusal(f"its member {name!r} lies behind a link")
    if target.is_symlink():
        target.unlink()
    return target


def _leads_inside(link: Path, to: str) -> bool:
    here = os.path.realpath(".")
    return not to.startswith("/") and os.path.commonpath([here, os.path.realpath(link.parent / to)]) == here


def _few(number: int) -> None:
    if number > MOST_MEMBERS:
        raise Refusal(f"it has more than {MOST_MEMBERS} members")


def _enough(left: int) -> None:
    if left < 0:
        raise Refusal("what is in it is larger than a job's files may be")


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (Refusal, OSError, EOFError, RuntimeError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        print(f"{Path(sys.argv[1]).name} cannot be unpacked: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
