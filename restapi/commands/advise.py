"""`aiida-like advise`: which indexes a profile lacks, with what each would gain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import orjson
from rich.progress import TimeElapsedColumn

from aiida_like.advice.choose import LEAST_FACTOR, LEAST_SECONDS, Advice, Advised, Effect
from aiida_like.profiles import Backend, Profile, find
from aiida_like.storage.archives.archive import default_cache_folder, unpacked
from restapi.commands.recording import advise_profile
from restapi.commands.terminal import open_visibly, progress_bar, repository_option, told_in_one_line
from restapi.config import Settings, settings_of_environment

MOST_ROWS = 1_000_000


@click.command()
@click.argument("target", metavar="PROFILE")
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option(
    "--rows", type=click.IntRange(1), default=MOST_ROWS, show_default=True, help="Copy at most so many rows of a table."
)
@click.option("--json", "as_json", is_flag=True, help="Print the advice as JSON.")
@repository_option
def advise(
    target: str,
    queries: tuple[str, ...],
    rows: int,
    as_json: bool,  # noqa: FBT001 (click passes a flag so)
    repository: str | None,
) -> None:
    """Says which indexes would make queries of a PROFILE faster, and how much. Makes none of them.

    PROFILE is what `aiida-like serve` takes as a TARGET, a QUERY what `aiida-like query` takes; without one it is about
    queries that every server is asked. Each index is tried on a copy: SQLite tables are copied into the folder for
    temporary files (TMPDIR), those of PostgreSQL into temporary tables of a session, which needs the right TEMPORARY.
    What gains less than a factor of 2, or less than a millisecond, is not advised.

    \b
    Examples:
      aiida-like advise my-profile
      aiida-like advise my-profile 'nodes?attributes.energy<-3&orderby=-ctime' 'nodes?user=1&facet=node_type'
      aiida-like advise my-profile --rows 100000 --json
      aiida-like advise postgresql://me@db/aiida --repository /data/aiida/repository
    """  # noqa: D301 (click knows a backspace)
    with told_in_one_line():
        settings = settings_of_environment()
        profile = find(target, repository)
        open_visibly(profile, settings)
        with progress_bar("asking", TimeElapsedColumn(), total=1.0) as change:
            advice = advise_profile(
                profile, settings, queries, rows, lambda what, part: change(description=what, completed=part)
            )
    if as_json:
        click.echo(orjson.dumps(_as_json(advice), option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(_report(profile, advice, _file_of(profile, settings))))


def _report(profile: Profile, advice: Advice, file: Path | None) -> Iterator[str]:
    """Lines of SQL that can be pasted as they are: all else is a comment."""
    yield from (f"-- {note}" for note in _notes(advice))
    if not advice.advised:
        yield (
            f"-- Nothing to advise: no index that is missing would make a query {LEAST_FACTOR:g} times faster, "
            f"and by {LEAST_SECONDS * 1000:g} ms."
        )
    for advised in advice.advised:
        yield ""
        yield from (f"-- {line}" for line in _gains(advised))
        yield advised.index.statement
    if advice.slower:
        yield "\n-- Slower with all of these:"
        yield from (f"-- {line}" for line in _lines(advice.slower))
    if advice.advised:
        yield ""
        yield from (f"-- {line.format(file=file)}" for line in HOW[profile.backend])
    if advice.without_statistics and profile.backend is Backend.PSQL_DOS:
        yield "\n-- The planner knows nothing of these tables, and guesses:"
        yield from (f"ANALYZE {table};" for table in advice.without_statistics)


def _notes(advice: Advice) -> Iterator[str]:
    for table, sample in advice.samples.items():
        if not sample.is_whole:
            yield f"Measured on {sample.copied} of {sample.rows} rows of {table}."
    if advice.not_measured is not None:
        yield f"Not measured: {advice.not_measured}"
        yield "These are the indexes that the queries look made for; try them on a copy of the database first."


def _gains(advised: Advised) -> Iterator[str]:
    if advised.size is None:
        yield "Perhaps, for:"
    else:
        yield f"{advised.size / 1e6:.1f} MB, for:"
    yield from _lines(advised.helps)


def _lines(effects: Iterable[Effect]) -> Iterator[str]:
    for effect in effects:
        gain = "" if math.isnan(effect.after) else f" -> {effect.after * 1000:9.2f} ms {effect.factor:7.1f} times"
        # A query may hold text of the profile, which can come from anybody.
        query = "".join(each if each.isprintable() else " " for each in effect.asked.query)
        yield f"{effect.before * 1000:9.1f} ms{gain}  {query}"


_UNKNOWN = (
    "AiiDA does not know such indexes and goes on as before; each takes room, and time whenever a node is stored."
)

HOW: Mapping[Backend, Sequence[str]] = {
    Backend.SQLITE_DOS: (
        _UNKNOWN,
        "Make them with sqlite3 in {file} while nobody writes to it; drop them before `verdi storage migrate`.",
    ),
    Backend.SQLITE_ZIP: (
        "An archive stays as it is. Make them with sqlite3 in {file} while nobody serves it;",
        "they are gone when the archive is unpacked anew.",
    ),
    Backend.PSQL_DOS: (
        _UNKNOWN,
        "Make them with psql, as the owner of the tables, then run VACUUM ANALYZE; drop them before",
        "`verdi storage migrate`.",
    ),
}


def _file_of(profile: Profile, settings: Settings) -> Path | None:
    """The SQLite file of a profile; None for PostgreSQL."""
    match profile.backend, profile.database:
        case Backend.SQLITE_ZIP, Path() as path:
            return unpacked(path, settings.cache_path or default_cache_folder()).file
        case _, Path() as path:
            return path
    return None


def _as_json(advice: Advice) -> Mapping[str, Any]:
    return {
        "indexes": [
            {
                "statement": advised.index.statement,
                "table": advised.index.table,
                "bytes": advised.size,
                "queries": [_effect(effect) for effect in advised.helps],
            }
            for advised in advice.advised
        ],
        "slower": [_effect(effect) for effect in advice.slower],
        "samples": {table: {"copied": sample.copied, "rows": sample.rows} for table, sample in advice.samples.items()},
        "without_statistics": list(advice.without_statistics),
        "not_measured": advice.not_measured,
    }


def _effect(effect: Effect) -> Mapping[str, Any]:
    """An effect as JSON; `milliseconds_after` and `factor` are null if nothing was measured."""
    measured = not math.isnan(effect.after)
    return {
        "query": effect.asked.query,
        "milliseconds_before": round(effect.before * 1000, 3),
        "milliseconds_after": round(effect.after * 1000, 3) if measured else None,
        "factor": round(effect.factor, 1) if measured else None,
    }
