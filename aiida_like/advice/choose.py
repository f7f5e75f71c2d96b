"""The few indexes that are worth it, of many that were tried."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from aiida_like.advice import on_postgresql, on_sqlite
from aiida_like.advice.candidates import candidates
from aiida_like.advice.catalogue import existing_indexes, without_statistics
from aiida_like.advice.index import Index
from aiida_like.advice.trial import Asked, NotTried, Sample, Tell, Trial
from aiida_like.advice.uses import tables_of
from aiida_like.errors import StorageError
from aiida_like.storage import Storage

LEAST_FACTOR = 2.0
"""Least ratio of the times of a statement without and with an index that is advised."""
LEAST_SECONDS = 0.001
"""Least difference of these times."""

_MOST_CANDIDATES = 30
"""The most indexes that are tried for one statement."""
_SLOWER = 1.5
"""Least ratio of the times with and without indexes of a statement that is reported as slower."""
_CERTAIN_SECONDS = 0.05
"""Least difference that is no accident: whatever else runs on the machine can double a shorter time."""
_TURNS = 3
"""How often shorter differences are seen, without and with the indexes in turns; the shortest times count."""
_AS_GOOD = 0.9
"""Least share of the greatest gain: of the indexes that reach it, the smallest is chosen."""


@dataclass(frozen=True)
class Effect:
    """Seconds of a statement without the indexes and with all of them."""

    asked: Asked
    before: float
    after: float

    @property
    def factor(self) -> float:
        return self.before / max(self.after, 1e-6)


@dataclass(frozen=True)
class Advised:
    """An index worth making. `size`: bytes, None if not measured; `helps`: statements it makes faster, or might."""

    index: Index
    size: int | None
    helps: tuple[Effect, ...]


@dataclass(frozen=True)
class Advice:
    """`slower`: statements that the advised indexes make slower. `not_measured`: why nothing was tried."""

    advised: tuple[Advised, ...] = ()
    slower: tuple[Effect, ...] = ()
    samples: Mapping[str, Sample] = field(default_factory=dict)
    without_statistics: Sequence[str] = ()
    not_measured: str | None = None


def advise(storage: Storage, asked: Collection[Asked], most_rows: int, tell: Tell) -> Advice:
    """The advice on indexes for statements. Raises StatementTimeout, StorageError."""
    unknown = tuple(without_statistics(storage))
    slow = [each for each in asked if each.seconds > LEAST_SECONDS]
    wanted = _lacking(storage, slow)
    if not wanted:
        return Advice(without_statistics=unknown)
    tables = sorted({table for each in asked for table in tables_of(each.select)}, key=lambda table: table.name)
    is_postgresql = storage.database.engine.dialect.name == "postgresql"
    open_trial = on_postgresql.trial if is_postgresql else on_sqlite.trial
    try:
        with open_trial(storage, tables, most_rows, tell) as trial:
            return _tried(trial, asked, wanted, unknown, tell)
    except (NotTried, StorageError) as error:
        return Advice(tuple(_untried(slow, wanted)), (), {}, unknown, str(error).strip().partition("\n")[0])


def _lacking(storage: Storage, slow: Iterable[Asked]) -> dict[Index, list[Asked]]:
    """Missing indexes, each with the statements that it might help."""
    existing = existing_indexes(storage)
    found: dict[Index, list[Asked]] = {}
    for asked in slow:
        named = islice(candidates(asked.select, storage.database.engine.dialect), _MOST_CANDIDATES)
        for index in named:
            if not any(each.serves_as(index) for each in existing):
                found.setdefault(index, []).append(asked)
    return found


def _untried(slow: Iterable[Asked], wanted: Mapping[Index, Sequence[Asked]]) -> Iterator[Advised]:
    """The most promising index for each statement, unmeasured."""
    first: dict[Index, list[Effect]] = {}
    for asked in slow:
        index = next((index for index, helped in wanted.items() if asked in helped), None)
        if index is not None:
            first.setdefault(index, []).append(Effect(asked, asked.seconds, math.nan))
    return (Advised(index, None, _of_queries(helps)) for index, helps in first.items())


@dataclass(frozen=True)
class _Tried:
    index: Index
    size: int
    seconds: Mapping[Asked, float]

    def gain(self, times: Mapping[Asked, float]) -> float:
        """Seconds that the index saves of `times`, of the statements for which it is worth it."""
        return sum(times[asked] - taken for asked, taken in self.seconds.items() if _is_worth_it(times[asked], taken))


def _is_worth_it(before: float, after: float) -> bool:
    return before - after >= LEAST_SECONDS and before >= LEAST_FACTOR * after


def _tried(
    trial: Trial, asked: Collection[Asked], wanted: Collection[Index], unknown: Sequence[str], tell: Tell
) -> Advice:
    without = _timed(trial, asked, "timing as it is", tell)
    # The shorter of the times on the database and on the copy: PostgreSQL reads no temporary table in parallel.
    before = {each: min(each.seconds, seconds) for each, seconds in without.items()}
    tried = []
    for number, index in enumerate(wanted, 1):
        with trial.having(index) as size:
            if size is not None:
                tried.append(_Tried(index, size, dict(_times(trial, index, before))))
        tell("trying indexes", number / len(wanted))
    chosen = list(_chosen(tried, before))
    kept = [each for each in chosen if trial.build(each.index) is not None]
    after = _timed(trial, asked, "timing with all", tell)
    for _ in range(_TURNS - 1):
        doubtful = [each for each in asked if _is_doubtful(Effect(each, without[each], after[each]))]
        if not kept or not doubtful:
            break
        for each in kept:
            trial.drop(each.index)
        without |= _shorter(without, _timed(trial, doubtful, "timing again as it is", tell))
        for each in kept:
            trial.build(each.index)
        after |= _shorter(after, _timed(trial, doubtful, "timing again with all", tell))
    gains = [Effect(each, min(before[each], without[each]), after[each]) for each in asked]
    return Advice(
        tuple(_advised(trial, kept, gains)),
        _of_queries(filter(_is_slower, (Effect(each, without[each], after[each]) for each in asked))),
        trial.samples,
        unknown,
    )


def _is_doubtful(effect: Effect) -> bool:
    """Whether a difference would count, and might be an accident."""
    counts = _is_worth_it(effect.before, effect.after) or _is_slower(effect)
    return counts and abs(effect.before - effect.after) < _CERTAIN_SECONDS


def _shorter(one: Mapping[Asked, float], other: Mapping[Asked, float]) -> dict[Asked, float]:
    return {asked: min(one[asked], seconds) for asked, seconds in other.items()}


def _timed(trial: Trial, asked: Collection[Asked], what: str, tell: Tell) -> dict[Asked, float]:
    taken = {}
    for number, each in enumerate(asked, 1):
        taken[each] = trial.seconds(each)
        tell(what, number / len(asked))
    return taken


def _times(trial: Trial, index: Index, before: Mapping[Asked, float]) -> Iterator[tuple[Asked, float]]:
    """The times of the slow statements for which the database takes the index."""
    for asked, seconds in before.items():
        if seconds > LEAST_SECONDS and trial.uses(asked, index):
            yield asked, trial.seconds(asked)


def _chosen(tried: Collection[_Tried], before: Mapping[Asked, float]) -> Iterator[_Tried]:
    """A greedy choice: the index that gains most beside those chosen before it, until none gains."""
    times = dict(before)
    while True:
        gains = {each.index: each.gain(times) for each in tried}
        most = max(gains.values(), default=0.0)
        if most <= 0:
            return
        best = min((each for each in tried if gains[each.index] >= _AS_GOOD * most), key=lambda each: each.size)
        yield best
        times |= {asked: min(times[asked], taken) for asked, taken in best.seconds.items()}


def _advised(trial: Trial, chosen: Sequence[_Tried], effects: Iterable[Effect]) -> Iterator[Advised]:
    """The chosen indexes, each with the statements it makes faster beside the others; without unused ones."""
    helps: dict[Index, list[Effect]] = {each.index: [] for each in chosen}
    for effect in effects:
        if _is_worth_it(effect.before, effect.after):
            plan = trial.plan(effect.asked)
            used = [each for each in chosen if each.index.name in plan]
            if used:
                best = min(used, key=lambda each: each.seconds.get(effect.asked, math.inf))
                helps[best.index].append(effect)
    for each in chosen:
        if helps[each.index]:
            yield Advised(each.index, each.size, _of_queries(helps[each.index]))


def _of_queries(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """One effect a query, the sum of its statements: it can have one for the rows and one for their number."""
    together: dict[str, Effect] = {}
    for effect in effects:
        query = effect.asked.query
        known = together.get(query, Effect(effect.asked, 0.0, 0.0))
        together[query] = Effect(effect.asked, known.before + effect.before, known.after + effect.after)
    return tuple(together.values())


def _is_slower(effect: Effect) -> bool:
    return effect.after - effect.before >= LEAST_SECONDS and effect.after >= _SLOWER * effect.before
