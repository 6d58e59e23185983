"""How are the measurements presented as text?"""

import statistics
from collections.abc import Sequence

from benchmarks.clock import Span
from benchmarks.document import table
from benchmarks.exhaustive import Exhausted
from benchmarks.measure import Measured
from benchmarks.verdicts import Agreement
from benchmarks.workers import Sped

__all__ = ["Line", "page"]

Line = Measured | Sped | Exhausted | tuple[str, str]
"""What was measured, or the work and why it was not."""

_HEADS = (
    ("work", "ratio (range)", "to reach", "critical or DUE differs", "masked differs", "floor"),
    ("work", "naive", "engine", "set-up", "after set-up", "ratio after set-up", "by the wall"),
)

_FOLDED = '<details markdown="1"><summary>What the runs said of themselves</summary>'


def page(lines: Sequence[Line], machine: Sequence[str]) -> str:
    """The tables as Markdown."""
    campaigns = [line for line in lines if isinstance(line, Measured)]
    first = [_verdict(line) for line in lines]
    parts = [*machine, "", *table(_HEADS[0], first)]
    if campaigns:
        parts += ["", *table(_HEADS[1], [_times(line) for line in campaigns])]
    for line in lines:
        if isinstance(line, Exhausted):
            parts += ["", *_exhausted(line)]
    said: dict[str, list[str]] = {}
    for line in lines:
        if isinstance(line, Measured | Exhausted):
            for note in line.notes:
                said.setdefault(note, []).append(line.name)
    if said:
        # Folded, as they are long; with blank lines, so that what is inside is Markdown.
        parts += ["", _FOLDED, ""]
        parts += [f"- {', '.join(names)}: {note}" for note, names in said.items()]
        parts += ["", "</details>"]
    return "\n".join(parts) + "\n"


def _verdict(line: Line) -> list[str]:
    if isinstance(line, tuple):
        return [line[0], line[1], "", "", "", ""]
    if isinstance(line, Sped):
        same = "none, all figures are identical" if line.identical else "SOME FIGURES DIFFER"
        return [line.words, str(line.ratio), _target(line.reach, line.reached), same, "", ""]
    if isinstance(line, Exhausted):
        ratio = f"{line.naive_seconds / line.whole_seconds:.0f}x"
        return [line.words, ratio, "finishes", *_apart(line.agreement), ""]
    floor = f"{_time(line.floor)}, {line.floor_ratio}"
    words = f"{line.words}: `{line.engine}`, {line.trials:,} trials"
    target = _target(line.reach, line.reached)
    return [words, str(line.ratio), target, *_apart(line.agreement), floor]


def _target(reach: float, reached: bool) -> str:
    return f"{reach:g}x" if reached else f"{reach:g}x, **missed**"


def _apart(agreement: Agreement) -> tuple[str, str]:
    answers = f"{agreement.answers} of {agreement.trials:,} trials"
    if agreement.answers:
        answers += f" ({agreement.samples} of {agreement.judged:,} samples)"
    if agreement.masked is None:
        return answers, "not told"
    return answers, f"{agreement.masked} of {agreement.trials:,}"


def _times(line: Measured) -> list[str]:
    columns = (line.naive, line.whole, line.set_up, line.after)
    return [line.words, *map(_median, columns), str(line.ratio_after), str(line.ratio_wall)]


def _exhausted(line: Exhausted) -> list[str]:
    whole = line.settled == line.faults
    part = "" if whole else f", extrapolated from {line.settled:,} in {_time(line.seconds)}"
    return [
        f"{line.words}: {line.faults:,} faults settled in {_time(line.whole_seconds)}{part}. "
        f"The naive loop would take {_time(line.naive_seconds)} (extrapolated from "
        f"{line.agreement.trials:,} trials at {_time(line.naive * 1e-3)}). "
        f"Critical: {line.rate}."
    ]


def _median(spans: Sequence[Span]) -> str:
    return _time(statistics.median(span.cpu for span in spans))


def _time(seconds: float) -> str:
    """Seconds as people say them.

    >>> [_time(s) for s in (0.0000123, 0.0123, 1.23, 123, 12345)]
    ['12 µs', '12.3 ms', '1.2 s', '2.0 min', '3.4 h']
    """
    if abs(seconds) < 1e-3:
        return f"{seconds * 1e6:.3g} µs" if abs(seconds) < 1e-5 else f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
