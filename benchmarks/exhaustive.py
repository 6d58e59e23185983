"""How long does an exhaustive campaign take?"""

from dataclasses import dataclass

import numpy as np

from benchmarks.engine import call
from benchmarks.measure import Loop
from benchmarks.row import Row
from benchmarks.verdicts import Agreement, compared
from radhard.samplers import SAMPLERS, Exhaustive

__all__ = ["Exhausted", "exhausted"]


@dataclass(frozen=True)
class Exhausted:
    """Every fault settled, or a part of them from which the whole is extrapolated."""

    name: str
    words: str
    faults: int
    """In the space."""
    settled: int
    seconds: float
    """Of processor time."""
    naive: float
    """Milliseconds a trial of the naive loop, by which its hours are extrapolated."""
    agreement: Agreement
    rate: str
    notes: list[str]

    @property
    def whole_seconds(self) -> float:
        """For all faults of the space."""
        return self.seconds * self.faults / self.settled

    @property
    def naive_seconds(self) -> float:
        """For all faults of the space."""
        return 1e-3 * self.naive * self.faults


def exhausted(row: Row, *, quick: bool) -> Exhausted:
    """The whole campaign once, and a part of it by the naive loop before and after."""
    size, work = row.size(quick), row.make(quick)
    sampler = SAMPLERS.parse(row.sampler(size.trials))
    loop = Loop(work, sampler.draw(work.space, 1))
    planned = len(loop.trials)
    rng = np.random.default_rng(0)
    drawn = rng.choice(planned, size.naive, replace=False)
    before = loop.run(sorted(drawn[::2].tolist()))
    done = call(row, work, size.trials)
    after = loop.run(sorted(drawn[1::2].tolist()))
    numbers = sorted(loop.figures)
    beside = np.stack([loop.figures[number] for number in numbers])
    return Exhausted(
        row.name,
        row.words,
        faults=len(Exhaustive().draw(work.space, 1)),
        settled=planned,
        seconds=done.span.cpu,
        naive=1e3 * (before.cpu + after.cpu) / 2,
        agreement=compared(done.results, numbers, beside, loop.samples),
        rate=str(done.results.rate("critical")),
        notes=[str(note) for note in done.results.manifest["notes"]],
    )
