"""Several servers are asked one kind of requests in turns, so what else the machine does is the same for all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import islice

from benchmarks.client import ask_each, message
from benchmarks.measure import CLIENTS, WARMING, WARMING_SECONDS, ask_one_by_one
from benchmarks.mix import Kind, Sample
from benchmarks.servers import Running

ROUNDS, REQUESTS, SECONDS = 7, 40, 0.3


def measured(kind: Kind, servers: Sequence[tuple[Running, Sample]], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of CPU of a request to each server, the median of the rounds.

    Raises:
        Refused: one was not answered.
    """
    return list(map(statistics.median, zip(*each_round(kind, servers, rounds), strict=True)))


def each_round(kind: Kind, servers: Sequence[tuple[Running, Sample]], rounds: int = ROUNDS) -> list[list[float]]:
    """As `measured`, for each round the milliseconds of each server. Every other round begins with the last one."""
    for server, about in servers:
        wanted = list(map(message, islice(kind.requests(about, rounds * REQUESTS), WARMING)))
        ask_each(server.address, wanted, CLIENTS, WARMING_SECONDS)
    return [
        [_cpu(kind, server, about, number) for server, about in servers]
        if number % 2 == 0
        else [_cpu(kind, server, about, number) for server, about in reversed(servers)][::-1]
        for number in range(rounds)
    ]


def _cpu(kind: Kind, server: Running, about: Sample, number: int) -> float:
    wanted = list(map(message, islice(kind.requests(about, number * REQUESTS), REQUESTS)))
    before = server.cpu()
    asked = len(ask_one_by_one(server, wanted, SECONDS))
    return (server.cpu() - before) / asked * 1000
