"""Where does an engine spend its time?"""

import cProfile
import pstats
from pathlib import Path

from benchmarks.engine import call
from benchmarks.row import Row

__all__ = ["profiled"]


def profiled(row: Row, *, quick: bool, lines: int = 12) -> str:
    """The functions with the largest own time in one campaign, after a first one to load things."""
    work = row.make(quick)
    trials = row.size(quick).trials
    call(row, work, 1)
    profile = cProfile.Profile()
    profile.runcall(call, row, work, trials)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    order = sorted(stats.items(), key=lambda item: -item[1][2])[:lines]
    found = [f"{row.name}: {total:.1f} s under the profiler", ""]
    found += ["| own time | share | calls | function |", "| ---: | ---: | ---: | --- |"]
    for (file, line, function), (_, calls, own, _, _) in order:
        where = function if file == "~" else f"{Path(file).name}:{line} {function}"
        found.append(f"| {own:.2f} s | {own / total:.0%} | {calls:,} | `{where}` |")
    return "\n".join(found)
