"""Rows -> the JSON of version 4."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

COLUMNS = ("ctime", "id", "label", "mtime", "node_type", "process_type", "user_id", "uuid")


@lru_cache(maxsize=4096)
def _day(text: str) -> str:
    return date.fromisoformat(text).strftime("%a, %d %b %Y")


def http_date(text: str) -> str:
    return f"{_day(text[:10])} {text[11:19]} GMT"


def node(row: Sequence[Any]) -> dict[str, Any]:
    """Of the columns above; further ones are not looked at."""
    ctime, pk, label, mtime, node_type, process_type, user, uuid, *_ = row
    return {
        "ctime": http_date(ctime),
        "full_type": f"{node_type}|{process_type or ''}",
        "id": pk,
        "label": label,
        "mtime": http_date(mtime),
        "node_type": node_type,
        "process_type": process_type,
        "user_id": user,
        "uuid": uuid,
    }


DRAWN = ("id", "uuid", "node_type", "label", "ctime", "mtime")


def drawn(row: Sequence[Any]) -> dict[str, Any]:
    """A node of the tree: the columns above, attributes where they describe it, the label of its computer."""
    pk, uuid, node_type, label, ctime, mtime, attributes, computer, *_ = row
    if node_type.startswith("data.core.code."):
        description = f"{label}@{computer}"
    else:
        describe = DESCRIPTIONS.get(node_type)
        description = describe(orjson.loads(attributes)) if describe else ""
    return {
        "id": pk,
        "uuid": uuid,
        "node_type": node_type,
        "node_label": label,
        "ctime": http_date(ctime),
        "mtime": http_date(mtime),
        "description": description,
    }


def _formula(attributes: Mapping[str, Any]) -> str:
    """Of the smallest unit, C and H first where there is C; the kinds of the profile are single elements."""
    counts = Counter(site["kind_name"] for site in attributes["sites"])
    unit = math.gcd(*counts.values())
    first = {"C": "0", "H": "1"} if "C" in counts else {}
    symbols = sorted(counts, key=lambda symbol: first.get(symbol, symbol))
    return "".join(f"{symbol}{counts[symbol] // unit}" if counts[symbol] > unit else symbol for symbol in symbols)


def _mesh(attributes: Mapping[str, Any]) -> str:
    counts, shifts = "x".join(map(str, attributes["mesh"])), ",".join(f"{each:.1f}" for each in attributes["offset"])
    return f"Kpoints mesh: {counts} (+{shifts})"


DESCRIPTIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    # Jobs have none any more when they are over.
    "data.core.structure.StructureData.": _formula,
    "data.core.array.kpoints.KpointsData.": _mesh,
    "data.core.array.bands.BandsData.": lambda attributes: f"(Path of {attributes['array|kpoints'][0]} kpts)",
}


def listing(stored: str) -> list[dict[str, str]]:
    content = orjson.loads(stored).get("o", {})
    return [{"name": name, "type": "DIRECTORY" if "o" in content[name] else "FILE"} for name in sorted(content)]
