"""Every error that is raised on purpose.

AiidaLikeError
├── TargetError             what is to be served cannot be found or opened, or a setting is wrong
│   ├── TargetMissing       ... it is not there, or may not be looked at, and may come later
│   └── BeingOpened         ... it takes longer to open, and may be open when it is asked for again
├── RequestError            the request is at fault, and its message says how to mend it
│   ├── QuerySyntaxError    the text of the query cannot be read; knows the column
│   ├── QueryError          the query can be read, but this resource cannot answer it
│   │   └── RowsTooLarge    ... as its rows have more text than may be read at once
│   ├── NotFound            no such entity
│   ├── AmbiguousUuid       a uuid prefix that fits several entities
│   └── FileNotFound        no such file in the repository of a node
├── FeatureUnavailable      this node, or this installation, cannot give what was asked
│   ├── MissingExtra        ... until an optional package is installed
│   └── DamagedNode         ... as what is stored of the node is damaged or lost
│       └── DamagedObject   ... namely an object of the repository, which its key names
├── StatementTimeout        the database took longer than a request may
├── StatementCancelled      the database ended a statement before its time
├── TooManySlowQueries      a statement was slow while as many others were as may be
└── StorageError            the storage is damaged
    ├── StorageAway         ... or does not answer now
    └── OddValue            ... or holds a value that the database can make nothing of
"""

from __future__ import annotations

import errno

_EXCERPT = 40
"""Characters of a text that are shown on each side of an error."""


class AiidaLikeError(Exception):
    """The root; `str(error)` may be shown to a client, except for `TargetError` and `StorageError`."""


class TargetError(AiidaLikeError):
    """A message for the operator, on one line: what was looked for, where, and what to do about it.

    `reason` is what clients may know of it, without paths and addresses.
    """

    def __init__(self, message: str, reason: str = "it cannot be opened") -> None:
        self.reason = reason
        super().__init__(message)


class TargetMissing(TargetError):
    pass


class BeingOpened(TargetError):
    pass


class RequestError(AiidaLikeError):
    pass


class QuerySyntaxError(RequestError):
    """`column` counts characters of the decoded text from 1; the end of the text is one column after it.

    The message shows the text around it, with a caret below.
    """

    def __init__(self, text: str, column: int, expected: str) -> None:
        self.text = text
        self.column = column
        self.expected = expected
        seen = f"{text[column - 1 : column + 19]!r}" if column <= len(text) else "the end"
        super().__init__(
            f"syntax error in the query string at column {column}: expected {expected}, found {seen}\n"
            + _pointed_at(text, column - 1)
        )


def _pointed_at(text: str, place: int) -> str:
    start = max(0, place - _EXCERPT)
    shown = "".join(each if each.isprintable() else " " for each in text[start : place + _EXCERPT])
    return f"  {shown}\n  {' ' * (place - start)}^"


class QueryError(RequestError):
    pass


class RowsTooLarge(QueryError):
    """`most` counts characters."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the rows have more than {most} characters of text and JSON: ask for fewer rows with limit, for fewer "
            "keys with fields or project, or for parts of the JSON"
        )


class NotFound(RequestError):
    pass


class AmbiguousUuid(RequestError):
    pass


class FileNotFound(RequestError):
    pass


class FeatureUnavailable(AiidaLikeError):
    pass


class MissingExtra(FeatureUnavailable):
    def __init__(self, extra: str, wanted_for: str) -> None:
        super().__init__(
            f"{wanted_for} needs the optional part {extra!r} on the server: pip install 'aiida-like[{extra}]'"
        )


class DamagedNode(FeatureUnavailable):
    pass


class DamagedObject(DamagedNode):
    """`reason` says what is wrong with the object of the repository that has this key."""

    def __init__(self, key: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the object {key} of the repository {reason}")


class StatementTimeout(AiidaLikeError):
    """`way_out` says how to ask for less."""

    def __init__(
        self,
        seconds: float,
        way_out: str = "narrow it with more filters, or order by an indexed key (id, uuid, ctime, mtime)",
    ) -> None:
        self.seconds = seconds
        super().__init__(f"the query took longer than {seconds:g} s and was stopped: {way_out}")


class StatementCancelled(AiidaLikeError):
    def __init__(self) -> None:
        super().__init__(
            "the database ended the query, though its time was not over: its administrator did so, or it has a shorter "
            "limit of its own"
        )


class TooManySlowQueries(AiidaLikeError):
    def __init__(self, most: int) -> None:
        super().__init__(
            f"the query is slow, and not more than {most} slow ones run at once: ask again in some seconds, or narrow "
            "it with more filters"
        )


class StorageError(AiidaLikeError):
    """A message for the log of the server; clients get a generic one."""


NO_ANSWER = "its database does not answer"
MISSING = "its database is missing"
DATABASE_DAMAGED = "its database is damaged"
NOT_AIIDAS = "its database is not one of AiiDA 2"
TOO_SLOW = "its database takes too long to read"
TOO_MANY_LINKS = "its links are too many to look for circles"
NO_SQLITE = "its file is no database of SQLite"
NO_ARCHIVE = "its file is not an AiiDA archive"
CANNOT_UNPACK = "its archive cannot be unpacked"
ARCHIVE_UNREADABLE = "its archive cannot be read"
ARCHIVE_MISSING = "its archive is missing"
TOO_MANY_ENTRIES = "its archive holds too many files to be read packed: unpacked to a folder it can be served"
ARCHIVE_DAMAGED = "its archive is damaged"
ARCHIVE_REPLACED = "its archive has been replaced: ask again in some seconds"
NO_REPOSITORY = "its repository is missing or damaged"
NOT_READABLE = "its files may not be read by the user that the server runs as"
TOO_MANY_OPEN = "the server has too many open files: ask again in some seconds"
"""What clients may know of a storage that cannot be served: reasons of `TargetError` and `StorageAway`."""


def reason_of(error: OSError) -> str:
    """Why an archive cannot be read."""
    return _OF_SYSTEM.get(error.errno or 0, ARCHIVE_UNREADABLE)


_OF_SYSTEM = {
    errno.ENOENT: ARCHIVE_MISSING,
    errno.EACCES: NOT_READABLE,
    errno.EPERM: NOT_READABLE,
    errno.EMFILE: TOO_MANY_OPEN,
    errno.ENFILE: TOO_MANY_OPEN,
}
"""Reasons, by numbers of errors of the operating system."""

LOST = "is lost"
NO_FILE = "is no regular file"
ENDS_EARLY = "ends early"
TOO_LONG = "is longer than it should be"
NOT_ITS_KEY = "is damaged: its checksum is another"
CANNOT_INFLATE = "is damaged: it cannot be unpacked"
ENCRYPTED = "is encrypted"
UNKNOWN_METHOD = "is compressed by an unknown method"
NO_PLACE = "has a place that is none"
"""What is wrong with an object of a repository: reasons of `DamagedObject`."""


class StorageAway(StorageError):
    """`reason` is what clients may know of it, without paths and addresses."""

    def __init__(self, message: str, reason: str = NO_ANSWER) -> None:
        self.reason = reason
        super().__init__(message)


class OddValue(StorageError):
    pass
