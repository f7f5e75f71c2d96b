"""Rounds: each server in turns with a few requests of each kind, so that what disturbs one disturbs all alike."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice

from benchmarks.client import Refused, ask_at_once, ask_each, message, seconds_of
from benchmarks.mix import KINDS, Kind, Sample, Upstream
from benchmarks.servers import UPSTREAM, Running

CLIENTS = 4
REPEATED = 4
"""So many requests are asked again and again in the pass that repeats."""
WARMING, WARMING_SECONDS = 32, 1.0
"""So many requests of each kind are asked before any is measured, as far as this time goes.

Both workers have then met it several times: PostgreSQL plans a statement for five times before it keeps a plan.
"""

LEAST = 3
"""So many rounds ask for each kind, however long it takes: one round is about the user with most nodes, say."""


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
    """`repeats`: the same few requests, else each is about something else. `cached`: caches are on."""

    name: str
    repeats: bool
    cached: bool

    def messages(self, kind: Kind, sample: Sample, start: int) -> Iterator[bytes]:
        if self.repeats:
            return cycle(map(message, list(islice(kind.requests(sample), REPEATED))))
        return map(message, kind.requests(sample, start))


PASSES = (
    Pass("varying", repeats=False, cached=False),
    Pass("cached", repeats=False, cached=True),
    Pass("repeating", repeats=True, cached=True),
)


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

    def warm_up(self, sample: Sample) -> Iterator[Kind]:
        """Each kind is yielded when all servers have met it.

        Raises:
            Refused: by ours, or by the limit.
        """
        behind = self.effort.rounds * self.effort.requests
        for kind in KINDS:
            for server in self._those_that_answer(kind):
                wanted = list(islice(self.of.messages(kind, sample, behind), WARMING))
                with self._refusing(server, kind):
                    # At once, so that no worker takes them all.
                    ask_each(server.address, wanted, CLIENTS, WARMING_SECONDS)
            yield kind

    def rounds(self, sample: Sample) -> Iterator[Kind]:
        """Measures; each kind is yielded when a round of it is over.

        Raises:
            Refused: by ours, or by the limit.
        """
        for number in range(self.effort.rounds):
            for kind in KINDS:
                servers = self._those_that_answer(kind)
                # Not always the same one first, when the disk has just been read.
                for place in range(len(servers)):
                    server = servers[(place + number) % len(servers)]
                    with self._refusing(server, kind):
                        self._ask(server, kind, sample, number)
                yield kind

    def _those_that_answer(self, kind: Kind) -> Sequence[Running]:
        fails = kind.upstream is Upstream.FAILS or kind.name in self.refused
        return [server for server in self.servers if not fails or server.name != UPSTREAM]

    @contextmanager
    def _refusing(self, server: Running, kind: Kind) -> Iterator[None]:
        """aiida-core may; then it is not asked again."""
        try:
            yield
        except Refused as error:
            if server.name != UPSTREAM:
                raise
            self.refused[kind.name] = str(error)
            self.figures[kind.name].pop(server.name, None)

    def _ask(self, server: Running, kind: Kind, sample: Sample, number: int) -> None:
        figures = self.figures[kind.name].setdefault(server.name, Figures())
        if len(figures.cpu) >= LEAST and sum(figures.latencies) > self.effort.seconds * self.effort.rounds:
            return
        wanted = list(islice(self.of.messages(kind, sample, number * self.effort.requests), self.effort.requests))
        before = server.cpu()
        latencies = ask_one_by_one(server, wanted, self.effort.seconds)
        figures.cpu.append((server.cpu() - before) / len(latencies))
        figures.latencies += latencies
        if number == self.effort.rounds - 1:
            figures.rate = ask_at_once(server.address, wanted, CLIENTS, self.effort.seconds / 2)


def ask_one_by_one(server: Running, wanted: Sequence[bytes], seconds: float) -> list[float]:
    """As many as there is time for, at least one; how long each took, in seconds."""
    latencies: list[float] = []
    while not latencies or (len(latencies) < len(wanted) and sum(latencies) < seconds):
        latencies.append(seconds_of(server.address, wanted[len(latencies)]))
    return latencies
