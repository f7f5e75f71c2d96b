"""Which tests have which marker, how many cases `make test` takes of many, and which files go first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

T = TypeVar("T")


def _names(text: str) -> tuple[str, ...]:
    """The words of a text but its comments."""
    return tuple(" ".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).split())


MARKED = {
    "server": _names(
        """
        test_apache.py test_gunicorn.py test_manual.py test_peer.py test_watchdog.py test_wheel.py
        test_away.py test_docs_page.py test_benchmarks.py test_bare.py test_accounts_served.py
        test_jobs_apache.py test_load.py test_streams.py test_cli.py::test_serve test_cli.py::test_flask_run
        test_cli.py::test_a_port_that_is_taken test_access_log.py::test_as_users_see_it
        test_row_batches.py::test_a_large_list_comes_in_chunks
        test_export.py::test_a_file_that_breaks_off_is_seen
        """
    ),
    "browser": _names(
        """
        test_docs_page.py test_accounts_served.py::test_a_browser
        test_accounts_served.py::test_a_key_in_the_fragment test_accounts_served.py::test_without_javascript
        test_runs_served.py::test_a_browser test_runs_served.py::test_a_log
        test_runs_served.py::test_each_page
        """
    ),
    "engine": _names(
        """
        test_engine.py test_engine_uploads.py test_engine_hostile.py test_engine_stop.py
        test_engine_killed.py test_engine_commands.py test_accounts_engine.py test_jobs_runs.py
        test_runs_served.py test_engine_faults.py test_engine_idle.py test_engine_purge.py
        test_engine_marks.py test_engine_told.py test_engine_watching.py::test_a_short_job
        test_engine_disk.py test_engine_graph.py
        """
    ),
    "oracle": _names(
        """
        test_peer.py test_v2_aiida.py test_graph_aiida.py test_full_types.py test_formats_derived.py
        test_lineage.py::test_the_querybuilder_of_aiida test_lineage.py::test_the_traversal_of_aiida
        test_answers.py::test_aiida test_conditional.py::test_aiida
        """
    ),
    "long": _names(
        """
        test_bare.py test_site.py::test_a_hundred_archives
        test_engine_faults.py::test_what_is_lost_again_and_again
        test_engine_faults.py::test_what_aiida_cannot_give_up
        test_benchmarks.py::test_the_commands_have_help test_row_sizes.py::test_cursors_stay_short[50000--
        test_row_sizes.py::test_cursors_stay_short[50000-description,
        """
    ),
    "slow": _names(
        """
        # Whatever can be wrong with values, and all pages.
        test_explorer_crawl.py test_explorer_hostile.py test_explorer_odd_nodes.py test_hostile.py
        test_odd_values.py test_schemathesis.py test_cache_keys.py test_row_sizes.py test_deep_pages.py
        # A process for each.
        test_accounts_commands.py test_query.py::test_a_full_disk test_query.py::test_a_disk_that
        test_query.py::test_a_reader_who test_query.py::test_a_terminal test_query.py::test_a_file
        test_query.py::test_characters_that test_cli.py::test_headers_of_proxies
        test_cli.py::test_a_server_behind
        # They take their time.
        test_database.py::test_slow_statements_at_once test_database.py::test_a_server_that_is_gone
        test_archive.py::test_a_broken_archive_that test_archive.py::test_several_processes
        test_conditional.py::test_eight_threads test_conditional.py::test_aiida_commits
        test_export.py::test_memory test_circles.py::test_the_clock
        test_explorer_structures.py::test_cell_lists test_advise.py
        test_explorer_lineage_page.py::test_odd_archives test_explorer_node.py::test_pages_take_little_time
        test_grammar.py::test_the_first_queries test_spellings.py::test_what_a_plugin
        test_accounts_password.py test_container.py::test_packed_while
        test_data_version.py::test_each_process
        """
    ),
    "bare": ("test_bare.py",),
    "repeat": _names(
        """
        test_peer.py::test_the_same_answer[sqlite test_peer.py::test_the_same_rows[sqlite
        test_peer.py::test_faults_of_theirs[sqlite test_peer.py::test_faults_of_their_querybuilder[sqlite
        test_peer.py::test_every_difference_is_one[sqlite
        test_database.py::test_slow_statements_at_once[sqlite
        """
    ),
}
"""Which tests have which marker, by how their names begin; setup.cfg says what the markers mean.

A test of PostgreSQL is `server`, one of the whole `effort` is `long`, one more storage is `repeat`: see `_markers`.
"""

OF_CONTAINERS = ("test_files.py", "test_golden.py", "test_storage.py")
OF_PROFILES = ("test_answers.py", "test_conditional.py", "test_data_version.py", "test_database.py", "test_slow.py")
NOT_REPEATED = {"packed": OF_CONTAINERS, "sqlite": (*OF_CONTAINERS, *OF_PROFILES)}
"""Where these storages are other than an archive; elsewhere the archive shows the same."""

SQL_AS_TEXT = ("test_compile.py",)
"""Where PostgreSQL is only a way to write SQL."""


LONGEST = _names(
    """
    test_engine_commands.py test_engine.py test_engine_hostile.py test_jobs_runs.py test_engine_killed.py
    test_engine_purge.py test_engine_disk.py test_engine_graph.py
    test_engine_uploads.py test_explorer_browser.py test_runs_served.py test_gunicorn.py
    test_engine_faults.py test_engine_stop.py test_lineage.py test_conditional.py
    test_explorer_viewers_browser.py test_advise.py test_apache.py test_load.py test_away.py
    test_explorer_crawl.py test_jobs_apache.py test_accounts_engine.py test_explorer_odd_nodes.py
    test_accounts_commands.py test_benchmarks.py test_docs_page.py test_engine_told.py test_query.py
    test_engine_marks.py test_explorer_tables_browser.py test_explorer_lineage_browser.py test_row_sizes.py
    test_accounts_served.py test_cache_keys.py test_circles.py test_spellings.py test_wheel.py
    """
)
"""The files that take longest, the longest first: one that begins last keeps one process waiting for another."""

PROCESS_MARKERS = {"server", "browser", "engine", "oracle"}
MEASURED_ELSEWHERE = _names(
    """
    test_answers.py test_apache.py test_away.py test_benchmarks.py test_conditional.py test_deep_pages.py
    test_engine.py test_engine_commands.py test_engine_faults.py test_engine_hostile.py
    test_engine_killed.py test_engine_stop.py test_explorer_browser.py test_full_types.py
    test_graph_aiida.py test_gunicorn.py test_index_scan.py test_json.py test_lineage.py test_odd_values.py
    test_openapi.py test_peer.py test_plans.py test_v2.py test_v2_aiida.py test_v4.py
    """
)
"""Files whose tests of processes run no line that tests without one do not run."""

WITHOUT_COVERAGE = ("test_explorer_crawl.py", "test_explorer_odd_nodes.py", "test_schemathesis.py")
"""Files whose tests run again and again what others run too."""


def mark(items: Iterable[pytest.Item], *, is_measured: bool) -> None:
    """Give all tests their markers, and where coverage is measured those whose lines others run `no_cover`."""
    items = list(items)
    names = {item.nodeid for item in items}
    for item in items:
        found = _markers(item, names)
        for marker in sorted(found):
            item.add_marker(marker)
        file = item.path.name
        if is_measured and (file in WITHOUT_COVERAGE or (found & PROCESS_MARKERS and file in MEASURED_ELSEWHERE)):
            item.add_marker("no_cover")


def put_longest_first(items: list[pytest.Item]) -> None:
    """Sort by file, and keep the order in each."""
    number = Counter(item.path.name for item in items)
    place = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (place.get(item.path.name, len(place)), -number[item.path.name], item.path.name))


def _markers(item: pytest.Item, names: Container[str]) -> set[str]:
    """`names` are all that there are."""
    name = f"{item.path.name}::{item.name}"
    found = {marker for marker, beginnings in MARKED.items() if name.startswith(beginnings)}
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    words = {value for value in parameters.values() if isinstance(value, str)}
    if "postgresql" in {*words, *getattr(item, "fixturenames", ())} and not name.startswith(SQL_AS_TEXT):
        found.add("server")
    target = parameters.get("target", "")
    if not name.startswith(NOT_REPEATED.get(target, ("",))) and item.nodeid.replace(target, "archive") in names:
        found.add("repeat")
    if parameters.get("effort") == "whole":
        found.add("long")
    if item.path.name.endswith("_browser.py"):
        found |= {"browser", "server"}
    if (parameters.get("scheme"), parameters.get("width")) in (("light", 400), ("dark", 1280)):
        # Wide and light, narrow and dark show nearly all that can be wrong with colours and widths.
        found.add("repeat")
    return found


@dataclass(frozen=True)
class Effort:
    """How much of what could be tested is: all of it at `make test-all` alone."""

    is_whole: bool

    def of(self, cases: Sequence[T], number: int) -> Sequence[T]:
        """So many cases, always the same ones, or all."""
        return cases if self.is_whole else Random(0).sample(cases, min(number, len(cases)))

    def either(self, sample: T, whole: T) -> T:
        return whole if self.is_whole else sample


def sampled(cases: Iterable[Any], number: int) -> list[ParameterSet]:
    """All cases for `parametrize`: so many, always the same ones, and the rest `long`; a tuple is of many names."""
    every = list(cases)
    chosen = Random(0).sample(range(len(every)), number)
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if at in chosen else pytest.mark.long)
        for at, case in enumerate(every)
    ]
