"""Rounds: each server in turns with a few requests of each kind, so that what disturbs one disturbs all alike."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from benchmarks.client import Refused, ask_at_once, message, seconds_of
from benchmarks.mix import KINDS, Kind, Sample, Upstream
from benchmarks.servers import UPSTREAM, Running

CLIENTS = 4
REPEATED = 4
"""So many requests are asked again and again in the pass that repeats."""


@dataclass(frozen=True)
class Effort:
    """`requests` of each kind to each server in a round, as far as `seconds` go."""

    rounds: int
    requests: int
    seconds: float


@dataclass
class Figures:
    """Of one kind of requests to one server. `cpu` is the mean of each round; all in seconds."""

    cpu: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    rate: float | None = None

    def shown(self) -> dict[str, float | list[float] | None]:
        return {
            "cpu_ms": _milliseconds(statistics.median(self.cpu)),
            "p50_ms": _milliseconds(statistics.median(self.latencies)),
            "rate": self.rate and round(self.rate, 1),
            "requests": len(self.latencies),
            "cpu_ms_of_rounds": list(map(_milliseconds, self.cpu)),
        }


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 4)


@dataclass(frozen=True)
class Pass:
    """`repeats`: the same few requests, and caches are on; else each is about something else, and they are off."""

    name: str
    repeats: bool

    def messages(self, kind: Kind, sample: Sample, start: int) -> Iterator[bytes]:
        if self.repeats:
            return cycle(map(message, list(islice(kind.requests(sample), REPEATED))))
        return map(message, kind.requests(sample, start))


PASSES = (Pass("varying", repeats=False), Pass("repeating", repeats=True))


@dataclass(frozen=True)
class Measurement:
    """All kinds to all servers, by the names of both. aiida-core has `refused` some."""

    servers: Sequence[Running]
    effort: Effort
    of: Pass
    figures: Mapping[str, dict[str, Figures]] = field(
        default_factory=lambda: {kind.name: {} for kind in KINDS}, repr=False
    )
    refused: dict[str, str] = field(default_factory=dict)

    def rounds(self, sample: Sample) -> Iterator[Kind]:
        """Measures; each kind is yielded when a round of it is over.

        Raises:
            Refused: by ours, or by the limit.
        """
        for number in range(self.effort.rounds):
            for kind in KINDS:
                # Not always the same one first, when the disk has just been read.
                for place in range(len(self.servers)):
                    server = self.servers[(place + number) % len(self.servers)]
                    if server.name != UPSTREAM:
                        self._ask(server, kind, sample, number)
                    elif kind.upstream is not Upstream.FAILS and kind.name not in self.refused:
                        self._ask_upstream(server, kind, sample, number)
                yield kind

    def _ask_upstream(self, server: Running, kind: Kind, sample: Sample, number: int) -> None:
        try:
            self._ask(server, kind, sample, number)
        except Refused as error:
            self.refused[kind.name] = str(error)
            del self.figures[kind.name][server.name]

    def _ask(self, server: Running, kind: Kind, sample: Sample, number: int) -> None:
        figures = self.figures[kind.name].setdefault(server.name, Figures())
        if sum(figures.latencies) > self.effort.seconds * self.effort.rounds:
            return
        wanted = list(islice(self.of.messages(kind, sample, number * self.effort.requests), self.effort.requests))
        ask_one_by_one(server, wanted, self.effort.seconds, figures)
        if number == self.effort.rounds - 1:
            figures.rate = ask_at_once(server.address, wanted, CLIENTS, self.effort.seconds / 2)


def ask_one_by_one(server: Running, wanted: Sequence[bytes], seconds: float, figures: Figures) -> None:
    """As many as there is time for, at least one."""
    before, left, asked = server.cpu(), seconds, 0
    while left > 0 and asked < len(wanted):
        figures.latencies.append(seconds_of(server.address, wanted[asked]))
        left -= figures.latencies[-1]
        asked += 1
    figures.cpu.append((server.cpu() - before) / asked)
