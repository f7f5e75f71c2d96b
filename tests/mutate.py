"""Asks the tests what they would notice: each mutant is a small fault, and one that no test kills shows a gap.

python -m tests.mutate [--number 120] [--seed 1] [--only FOLDER] [--quick] [--tests FILE ...]

All happens in a copy of the tree. Which tests run a line is learned once, with coverage, and kept in `build/`.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from coverage import CoverageData
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.mutants import PACKAGES, Mutant, mutants

ROOT = Path(__file__).parent.parent

WHOLE = ("-m", "not server and not browser and not oracle and not long and not repeat")
"""The tests that are run against a mutant: those of `make fast`, and slow ones."""

OPTIONS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=repeatable")
_LIKELY, _OF_A_FUNCTION = 60, 4
"""How many tests of a line are run before all others, and how many of them differ only in their parameters."""

USAGE_ERROR = int(pytest.ExitCode.USAGE_ERROR)

_FILES = "files"
Tests = Mapping[str, Mapping[str, Sequence[str]]]
"""By file and line those of the fewest lines first; and by `_FILES` the files of tests that are most about a file."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Make small faults in the code, and show those that no test notices.")
    parser.add_argument("--number", type=int, default=120, help="how many mutants (120)")
    parser.add_argument("--seed", type=int, default=1, help="other mutants for each number (1)")
    parser.add_argument("--only", default="", metavar="FOLDER", help="a folder or a file of the product")
    parser.add_argument("--quick", action="store_true", help="only the likely tests: some faults may survive")
    parser.add_argument("--tests", nargs="+", default=[], metavar="FILE", help="only these tests, in this order")
    asked = parser.parse_args()
    packages = [package for package in PACKAGES if package.startswith(asked.only.partition("/")[0])]
    random = Random(asked.seed)
    made = [
        mutant
        for package in packages
        for mutant in mutants(ROOT, package, asked.only, -(-asked.number // len(packages)), random)
    ]
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="aiida-like-mutants-") as folder:
        tree = Path(folder) / "tree"
        _copy(tree)
        if asked.tests and not _passes(tree, asked.tests, 3600):
            sys.exit("these tests fail without a fault")
        tests, seconds = ({}, 60.0) if asked.tests else _learned(tree, console)
        _judge(made, _Judge(tree, tests, seconds, asked.quick, tuple(asked.tests)), console)


def _judge(made: Sequence[Mutant], judge: _Judge, console: Console) -> None:
    killed: Counter[str] = Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("mutants", total=len(made))
        for mutant in made:
            progress.update(task, description=f"{mutant.file}:{mutant.line}")
            if judge.kills(mutant):
                killed[_package(mutant)] += 1
            else:
                line = (ROOT / mutant.file).read_text().splitlines()[mutant.line - 1].strip()
                told = f"{mutant.file}:{mutant.line}  {line}\n    {mutant.before}\n    {mutant.after}"
                console.print(told, markup=False, highlight=False)
            progress.advance(task)
    table = Table("package", "mutants", "killed", "survived")
    of_packages = [(package, number, killed[package]) for package, number in Counter(map(_package, made)).items()]
    for package, number, dead in [*of_packages, ("all", len(made), killed.total())]:
        table.add_row(package, str(number), str(dead), str(number - dead))
    console.print(table)


def _package(mutant: Mutant) -> str:
    """With the folder in it, as the weak rooms are what is looked for."""
    return mutant.file.rpartition("/")[0]


@dataclass(frozen=True)
class _Judge:
    """`seconds` is how long all tests take without a fault; `named` are those that the user wants instead of them."""

    tree: Path
    tests: Tests
    seconds: float
    is_quick: bool
    named: tuple[str, ...]

    def kills(self, mutant: Mutant) -> bool:
        """What runs for ever is killed, too."""
        file = self.tree / mutant.file
        original, times = file.read_text(), (file.stat().st_atime, file.stat().st_mtime)
        file.write_text(mutant.text)
        try:
            return not all(self._passes(tests) for tests in self._in_turn(mutant))
        finally:
            file.write_text(original)
            os.utime(file, times)  # so that what Python has compiled is valid again

    def _in_turn(self, mutant: Mutant) -> Iterator[Sequence[str]]:
        """First those that are likely to notice it."""
        if self.named:
            yield self.named
            return
        of_file = self.tests.get(mutant.file, {})
        yield from filter(None, (of_file.get(str(mutant.line)), of_file.get(_FILES)))
        if not self.is_quick:
            yield WHOLE

    def _passes(self, tests: Sequence[str]) -> bool:
        return _passes(self.tree, tests, 60 + 3 * self.seconds)


def _passes(tree: Path, arguments: Sequence[str], seconds: float) -> bool:
    """Whether no test fails, and all end in that time."""
    # Compiled mutants could be taken for the original. Where others run tests too, both would tidy up the same folder,
    # which fails now and then.
    own = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DEBUG_TEMPROOT": str(tree.parent)}
    command = [sys.executable, "-m", "pytest", *OPTIONS, *arguments]
    with subprocess.Popen(
        command,
        cwd=tree,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                _end(process)
    # A test of that name may be there no more.
    return process.returncode == 0 or (process.returncode == USAGE_ERROR and b"not found: " in said)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupted first, so that it ends the servers that it started."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _copy(tree: Path) -> None:
    """Of the files that git knows, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    compileall.compile_dir(tree, quiet=1)


def _learned(tree: Path, console: Console) -> tuple[Tests, float]:
    """Which tests run a line, and how many seconds all take."""
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (tree / package).rglob("*.py")):
        digest.update(path.read_bytes())
    kept = ROOT / "build" / f"mutants-{digest.hexdigest()[:12]}.json"
    if not kept.exists():
        started = time.monotonic()
        with console.status("all tests without a fault, to learn what runs what (once)"):
            passes = _passes(tree, (*WHOLE, "--cov", "--cov-context=test", "--cov-report="), 3600)
        if not passes:
            sys.exit(f"the tests fail without a fault: python -m pytest {' '.join(WHOLE)}")
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({"tests": _tests(tree), "seconds": time.monotonic() - started}))
    learned = json.loads(kept.read_text())
    return learned["tests"], learned["seconds"]


def _tests(tree: Path) -> Tests:
    data = CoverageData(tree / ".coverage")
    data.read()
    runs = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    lines = Counter(
        context for of_file in runs.values() for contexts in of_file.values() for context in contexts if context
    )
    found: dict[str, dict[str, list[str]]] = {}
    for file, of_file in runs.items():
        shares: Counter[str] = Counter()
        by_line = found[Path(file).relative_to(tree.resolve()).as_posix()] = {}
        for line, contexts in of_file.items():
            known = sorted((each for each in contexts if each), key=lambda each: lines[each])
            by_line[str(line)] = list(islice(_few_of_each(known), _LIKELY))
            for context in known:
                shares[context.partition("::")[0]] += 1 / lines[context]
        by_line[_FILES] = [name for name, _ in shares.most_common(3)]
    return found


def _few_of_each(contexts: Iterable[str]) -> Iterator[str]:
    """Of each test function some, whatever its parameters."""
    seen: Counter[str] = Counter()
    for name in dict.fromkeys(context.rpartition("|")[0] for context in contexts):
        seen[name.partition("[")[0]] += 1
        if seen[name.partition("[")[0]] <= _OF_A_FUNCTION:
            yield name


if __name__ == "__main__":
    main()
