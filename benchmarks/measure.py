"""How fast is an engine, compared with the naive loop on the same faults?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.clock import Span
from benchmarks.drawn import flips, sample_flips
from benchmarks.engine import call
from benchmarks.floor import downstream, machine_rates
from benchmarks.naive import Done, flowing, stored
from benchmarks.pairs import Ratio
from benchmarks.row import Row, Size, Work
from benchmarks.verdicts import Agreement, compared, figures
from radhard.metrics.logits import Kind
from radhard.samplers import SAMPLERS, Trials

__all__ = ["Loop", "Measured", "measured"]

_RATE_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """A line of the table."""

    name: str
    words: str
    reach: float
    engine: str
    trials: int
    naive: list[Span] = field(repr=False)
    """Of a trial."""
    whole: list[Span] = field(repr=False)
    """Of the whole call, divided by its trials."""
    set_up: list[Span] = field(repr=False)
    """Of the same call with one trial (or one word)."""
    after: list[Span] = field(repr=False)
    """Of a trial beyond the set-up."""
    ratio: Ratio
    """Of processor time, the whole call."""
    ratio_wall: Ratio
    ratio_after: Ratio
    floor: float
    """Seconds that the arithmetic downstream of a trial takes at the machine's best rate."""
    floor_ratio: Ratio
    """Of the naive loop to that, with the rate measured beside it each time."""
    agreement: Agreement
    notes: list[str]

    @property
    def reached(self) -> bool:
        """Whether the ratio of the whole call is what it has to be."""
        return self.ratio.median >= self.reach


class Loop:
    """The naive loop on the trials of a row, and what they cost at least."""

    def __init__(self, work: Work, trials: Trials, *, read: Kind | None = None) -> None:
        self.work, self.trials, self.read = work, trials, read
        self.single = any(site.samples is not None for site in work.space.sites)
        inputs = work.data.inputs
        assert isinstance(inputs, Tensor)
        self.inputs = inputs
        with torch.inference_mode():
            parts = [row.unsqueeze(0) for row in inputs] if self.single else [inputs]
            self.golden = torch.cat([work.model(part) for part in parts])
        self.figures: dict[int, np.ndarray] = {}

    @property
    def samples(self) -> int:
        """Samples that a trial concerns."""
        return 1 if self.single else len(self.inputs)

    def run(self, numbers: Sequence[int]) -> Span:
        """Time a trial; the verdicts are kept, formed after the clock has stopped."""
        work = self.work
        if self.single:
            drawn = sample_flips(work.model, work.space, self.trials, numbers)
            passes: Done = flowing(work.model, self.inputs, drawn)
            verdicts = figures(self.golden, passes.outputs, [flip.sample for flip in drawn])
        else:
            faults = flips(work.model, work.space, self.trials, numbers)
            passes = stored(work.model, self.inputs, faults)
            verdicts = figures(self.golden, passes.outputs, None, self.read)
        self.figures.update(zip(numbers, verdicts, strict=True))
        return passes.span / len(numbers)

    def work_left(self) -> float:
        """Multiply-accumulates a trial that no order of work can save, averaged over those run.

        What is behind the fault, for the samples whose output is not the golden one to the bit.
        """
        space = self.work.space
        places = {n: np.unique(space.locate(self.trials[n])[0]).tolist() for n in self.figures}
        wanted = {place for some in places.values() for place in some}
        costs = downstream(self.work.model, self.inputs, space, wanted)
        masked = {number: found[0] for number, found in self.figures.items()}
        total = [
            max((costs[p] for p in places[n]), default=0) * (1 - masked[n]) for n in self.figures
        ]
        return self.samples * statistics.fmean(total)


def measured(row: Row, *, quick: bool) -> Measured:
    """Naive loop and engine in turn, several times; the verdicts of both side by side."""
    size, work = row.size(quick), row.make(quick)
    sampler = SAMPLERS.parse(row.sampler(size.trials))
    loop = Loop(work, sampler.draw(work.space, 1), read=row.outputs)
    planned = len(loop.trials)
    # What is loaded on first use is no part of a campaign; one of a single trial loads other parts.
    call(row, work, size.trials)
    naive: list[Span] = []
    whole: list[Span] = []
    rates: list[float] = []
    first: list[Span] = []
    for repeat in range(size.repeats):
        mine = _numbers(size, planned, repeat)
        rates.append(machine_rates(_RATE_SECONDS).best)
        if repeat % 2 == 0:
            naive.append(loop.run(mine))
        one = call(row, work, 1)
        first.append(one.span)
        done = call(row, work, size.trials)
        whole.append(done.span / planned)
        one_trial = len(one.results)
        if repeat % 2 == 1:
            naive.append(loop.run(mine))
    # Of the median, as the set-up is a small difference of noisy times.
    start = Span(statistics.median(_cpu(first)), statistics.median(s.wall for s in first))
    after = [(span * planned - start) / (planned - one_trial) for span in whole]
    left = loop.work_left()
    floors = [left / rate for rate in rates]
    numbers = sorted(loop.figures)
    beside = np.stack([loop.figures[number] for number in numbers])
    return Measured(
        name=row.name,
        words=row.words,
        reach=row.reach,
        engine=str(done.results.manifest["engine"]),
        trials=planned,
        naive=naive,
        whole=whole,
        set_up=first,
        after=after,
        ratio=Ratio.of(_cpu(naive), _cpu(whole)),
        ratio_wall=Ratio.of([span.wall for span in naive], [span.wall for span in whole]),
        ratio_after=Ratio.of(_cpu(naive), _cpu(after)),
        floor=min(floors),
        floor_ratio=Ratio.of(_cpu(naive), floors),
        agreement=compared(done.results, numbers, beside, loop.samples),
        notes=[str(note) for note in done.results.manifest["notes"]] + _checked(row, work, size),
    )


def _checked(row: Row, work: Work, size: Size) -> list[str]:
    """What the same campaign says when it checks itself, outside the clock."""
    if not row.checked:
        return []
    results = call(replace(row, engine=row.checked), work, size.trials).results
    notes = [str(note) for note in results.manifest["notes"]]
    return [f"With {row.checked}: {note}" for note in notes if "tried" in note]


def _cpu(spans: Sequence[Span]) -> list[float]:
    return [span.cpu for span in spans]


def _numbers(size: Size, planned: int, repeat: int) -> list[int]:
    """Trials of one repeat, drawn anew: a stride would meet the same bits over and over."""
    rng = np.random.default_rng(repeat)
    drawn: list[int] = rng.choice(planned, min(size.naive, planned), replace=False).tolist()
    return sorted(drawn)
