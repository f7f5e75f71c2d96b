"""Measured numbers that decide how fast answers are and how much memory they take, never what they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """Values found by measuring; tests choose others. Operators choose `Settings`.

    slow_seconds: a statement that takes this long is worth remembering, even for a few rows.
    cached_results, cached_lists: results that are remembered, and as many older ones, which are forgotten next.
    cached_rows: rows of these results together; a count is one row, the days of the statistics of 15 users and ten
        years are 55 000.
    list_rows, list_characters: the largest part of a list that is remembered.
    statistic_seconds, statistics: how old a number may be that only decides which way to the rows is taken, and how
        many such numbers are kept; if there are more, all are forgotten.
    scanned_rows: if this many rows fulfil the conditions, an index on the order is scanned; fewer are sorted faster.
    deep_offset: a page after this many rows is found from a bookmark; fewer rows are passed faster than one is found.
    bookmarks: kept for one list; if there are more, every second one is forgotten.
    estimated_rows: up to this many rows are counted, even where an estimate would do.
    keys_at_once, rows_at_once, wide_rows_at_once: rows of one statement of a file: keys, which are small and sorted
        anew for each statement; rows; and rows with JSON of nodes, which can be of any size.
    query_rows_at_once, records_at_once: rows of a QueryBuilder query, and records of PROV, that are written as JSON at
        once: they are larger as Python objects than as JSON.
    characters_at_once: text and JSON of the rows that are written at once, if they are several.
    streamed_bytes: a larger answer is sent while it is made.
    answer_bytes, answers_bytes, answers_noted: the largest answer that is cached, all that are cached, and requests
        that are known to have been answered once.
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
    characters_at_once: int = 4_000_000
    streamed_bytes: int = 65_536
    answer_bytes: int = 256_000
    answers_bytes: int = 8_000_000
    answers_noted: int = 10_000
