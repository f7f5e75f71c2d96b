"""Numbers that decide how fast answers are and what they take, never what they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """What was found by measuring, in one place; tests choose others. Operators choose `Settings`.

    slow_seconds: statements that take so long are worth remembering, even for a few rows only.
    cached_results, cached_lists: results that are remembered, and as many again that are forgotten next.
    cached_rows: of all these results together; a count is one row, the days of the statistics of 15 users and ten
        years are 55 000.
    list_rows, list_characters: the largest part of a list that is remembered.
    statistic_seconds, statistics: how old a number may be that only decides the way to rows, and how many are kept.
    scanned_rows: how many rows must fulfil conditions; fewer are sorted faster than an index on the order is scanned.
    deep_offset: pages after so many rows begin at a bookmark; fewer rows are passed faster than a place is looked for.
    bookmarks: of one list; of more, every second one is forgotten.
    estimated_rows: up to so many rows are counted even where an estimate would do.
    keys_at_once, rows_at_once, wide_rows_at_once: rows of one statement of a file, of which keys are small and sorted
        anew for each statement, and rows with JSON of nodes can be of any size.
    query_rows_at_once, records_at_once: rows of a dictionary, and records of PROV; both are larger while written.
    streamed_bytes: from this size on an answer is sent while it is made.
    answer_bytes, answers_bytes, answers_noted: the largest answer that is kept, all that are kept, and requests that
        are known to have been answered once.
    """

    slow_seconds: float = 0.002
    cached_results: int = 500
    cached_lists: int = 100
    cached_rows: int = 60_000
    list_rows: int = 50
    list_characters: int = 16_000
    statistic_seconds: float = 60.0
    statistics: int = 1000
    scanned_rows: int = 1000
    deep_offset: int = 1000
    bookmarks: int = 500
    estimated_rows: int = 10_000
    keys_at_once: int = 20_000
    rows_at_once: int = 500
    wide_rows_at_once: int = 20
    query_rows_at_once: int = 200
    records_at_once: int = 100
    streamed_bytes: int = 1 << 16
    answer_bytes: int = 256_000
    answers_bytes: int = 8_000_000
    answers_noted: int = 10_000
