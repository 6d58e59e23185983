"""Which actions became slower from one revision to another?"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click

from benchmarks.actions import ACTIONS, Action
from benchmarks.document import table
from benchmarks.pairs import Ratio

__all__ = ["Line", "main"]

ROOT = Path(__file__).resolve().parent.parent

CONFIDENCE = 0.95

SECONDS, MOST = 6.0, 61
"""A row whose turns are short has more of them: about as many as fit in this time."""


class Problem(click.ClickException):
    """A revision that cannot be measured."""


class ActionError(Exception):
    """An action that raised an error."""


@dataclass(frozen=True)
class Turn:
    """Seconds of processor time of a call, and a digest of the values that it returned."""

    seconds: float
    digest: str | None


@dataclass(frozen=True)
class Line:
    """An action in both revisions."""

    action: Action
    old: float
    """Seconds of processor time, the median of the turns."""
    new: float
    turns: int
    """Of each."""
    ratio: Ratio
    """New over old, with a confidence interval of the median."""
    same: bool | None
    """Whether every value returned is the same; None if none is returned."""

    def slower(self, limit: float) -> str:
        """Whether the ratio is above the limit: surely, possibly or not."""
        if self.ratio.low > limit:
            return "surely"
        return "possibly" if self.ratio.high > limit else ""

    def cells(self, limit: float) -> list[str]:
        """As a row of the table."""
        ratio = f"{self.ratio.median:.3f} [{self.ratio.low:.3f}, {self.ratio.high:.3f}]"
        values = {True: "same", False: "**differ**", None: ""}[self.same]
        times = [f"{1e3 * seconds:,.4g} ms" for seconds in (self.old, self.new)]
        name = f"{self.action.name} ({self.action.words})"
        return [name, *times, str(self.turns), ratio, self.slower(limit), values]


class Process:
    """A process that runs actions with the radhard of a tree."""

    def __init__(self, revision: str, tree: Path, place: Path) -> None:
        # The actions are those of this tree in both processes: its benchmarks lie where they
        # start, which Python searches first, and radhard comes from the tree that is measured.
        self.revision = revision
        environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.revision_process"],
            cwd=place,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        if Path(self._answer()["radhard"]).resolve().parent.parent != tree.resolve():
            raise Problem(f"{revision} was not what was imported")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def turn(self, action: str, *, quick: bool) -> Turn:
        """One call of an action, which is made ready when it is not the one of the turn before."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"action": action, "quick": quick}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "problem" in answer:
            raise ActionError(f"in {self.revision}: {answer['problem']}")
        return Turn(**answer)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Problem(f"the process of {self.revision} ended; its errors are above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--rows", multiple=True, metavar="GLOB", help="Actions by name, as 'set-up-*'.")
@click.option("--full", is_flag=True, help="The sizes of docs/performance.md; takes hours.")
@click.option(
    "--turns",
    type=click.IntRange(6),
    default=9,
    show_default=True,
    help="At least so many of each revision; rows that are soon done have more.",
)
@click.option("--limit", type=float, help="Exit 1 if a ratio is surely above this.")
def main(
    old: str, new: str | None, rows: Sequence[str], full: bool, turns: int, limit: float | None
) -> None:
    """Time revision NEW (this working tree if left out) beside revision OLD, in turn."""
    actions = _chosen(rows, full)
    above = 1.05 if limit is None else limit
    lines: list[Line] = []
    failed: list[str] = []
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (place / "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
        trees = [stack.enter_context(_checkout(old, place / "old"))]
        trees.append(stack.enter_context(_checkout(new, place / "new")) if new else ROOT)
        names = (old, new or "this tree")
        pair = [
            stack.enter_context(Process(name, tree, place))
            for name, tree in zip(names, trees, strict=True)
        ]
        for action in actions:
            try:
                lines.append(_beside(action, pair, turns, quick=not full))
            except ActionError as error:
                failed.append(f"{action.name}: {error}")
            else:
                click.echo(" | ".join(lines[-1].cells(above)), err=True)
    click.echo(_page(lines, names, above))
    for problem in failed:
        click.echo(f"Not measured: {problem}")
    slower = [line.action.name for line in lines if line.slower(above) == "surely"]
    if failed or (limit is not None and slower):
        sys.exit(1)


def _chosen(globs: Sequence[str], full: bool) -> list[Action]:
    if unknown := [glob for glob in globs if not any(fnmatch(name, glob) for name in ACTIONS)]:
        raise click.UsageError(f"no row {unknown[0]!r}; one of {', '.join(ACTIONS)}")
    return [
        action
        for name, action in ACTIONS.items()
        if (any(fnmatch(name, glob) for glob in globs) if globs else full or not action.full_only)
    ]


@contextmanager
def _checkout(revision: str, tree: Path) -> Iterator[Path]:
    """A worktree of the revision, removed afterwards."""
    git = ["git", "-C", str(ROOT)]
    added = subprocess.run(
        [*git, "worktree", "add", "--detach", str(tree), revision], capture_output=True, text=True
    )
    if added.returncode:
        raise Problem(added.stderr.strip().splitlines()[-1])
    try:
        yield tree
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


def _beside(action: Action, pair: Sequence[Process], least: int, *, quick: bool) -> Line:
    """Both in turn, so that what slows the machine slows both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    first = [process.turn(action.name, quick=quick) for process in pair]
    # Fixed before anything is measured: to stop once the figures please would bias them.
    turns = max(least, min(MOST, int(SECONDS / sum(answer.seconds for answer in first))))
    for turn in range(turns):
        # Old new, new old, old new: what drifts meets both alike.
        for which in (1, 0) if turn % 2 else (0, 1):
            seconds[which].append(pair[which].turn(action.name, quick=quick).seconds)
    digests = [answer.digest for answer in first]
    same = None if None in digests else digests[0] == digests[1]
    ratio = Ratio.of(seconds[1], seconds[0], confidence=CONFIDENCE)
    old, new = map(statistics.median, seconds)
    return Line(action, old, new, turns, ratio, same)


def _page(lines: Sequence[Line], names: Sequence[str], limit: float) -> str:
    heads = ["row", *names, "turns", f"ratio [{CONFIDENCE:.0%}]", f"above {limit:g}", "values"]
    body = table(heads, [line.cells(limit) for line in lines])
    parts = ["Processor time.", "", *body, ""]
    for kind in ("surely", "possibly"):
        slower = [line.action.name for line in lines if line.slower(limit) == kind]
        parts.append(f"{kind.capitalize()} above {limit:g}: {', '.join(slower) or 'none'}.")
    return "\n".join(parts)


if __name__ == "__main__":
    # So that the worktrees are removed when it is terminated too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
