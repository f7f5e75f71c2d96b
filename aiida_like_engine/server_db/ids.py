"""Public ids: six or more letters and digits, which say nothing of how many others there are."""

from __future__ import annotations

import string
from dataclasses import dataclass
from random import Random

from sqids import Sqids

SHORTEST = 6
_FILE, _JOB, _OUTPUT = range(3)


@dataclass(frozen=True)
class Ids:
    """Makes public ids of the numbers of rows. Files and outputs share a room of names, so no two of all are equal.

    `salt` is a ROOT's own: it decides the order of the letters.
    """

    salt: str

    def of_file(self, row: int) -> str:
        return self._encoded(_FILE, row)

    def of_job(self, row: int) -> str:
        return self._encoded(_JOB, row)

    def of_output(self, run: int, position: int) -> str:
        """The id of an output, by the row of its run and its place in the run's record: always the same."""
        return self._encoded(_OUTPUT, run, position)

    def _encoded(self, *numbers: int) -> str:
        letters = list(string.ascii_letters + string.digits)
        Random(self.salt).shuffle(letters)  # noqa: S311 - the salt is the secret, and no row is guarded by its id alone
        return Sqids("".join(letters), min_length=SHORTEST).encode(numbers)
