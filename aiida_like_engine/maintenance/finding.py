"""Something that is wrong with a ROOT, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    what: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.what}: {self.what_to_do}"
