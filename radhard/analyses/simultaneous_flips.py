"""What happens if one bit position is flipped in all words of some tensors at once?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radhard.engines import Campaign, Serial
from radhard.metrics import Accuracy, Metric, Outcome, Panel
from radhard.metrics.column import Role
from radhard.metrics.run_columns import RunColumns
from radhard.samplers import Stratum, Trials
from radhard.space import FaultSpace, Numbers
from radhard.workload import Workload

__all__ = ["FlipEffects", "simultaneous_flips"]

_ROLES: dict[str, Role] = {"critical": "critical", "due": "due", "accuracy": "score"}
"""The figures, and their roles among those of the metrics."""


@dataclass(frozen=True)
class FlipEffects:
    """The effects of flips, one entry of each array for each of them."""

    figures: dict[str, np.ndarray]
    """The share of changed predictions (``"critical"``), of outputs with NaN (``"due"``) and, if
    the data have labels, the accuracy (``"accuracy"``)."""

    @property
    def harm(self) -> np.ndarray:
        """The share of samples whose prediction changes or whose output has NaN."""
        # No sample is both (`Outcome`), so the shares add up.
        total: np.ndarray = self.figures["critical"] + self.figures["due"]
        return total

    def lists(self, start: int, stop: int) -> dict[str, list[float]]:
        """The figures of some of the flips, as plain values."""
        return {name: values[start:stop].tolist() for name, values in self.figures.items()}


def simultaneous_flips(
    workload: Workload, space: FaultSpace, flips: Sequence[tuple[Sequence[int], int]]
) -> FlipEffects:
    """The effects of flips of one bit in all words of some regions, one pass over the data each.

    Args:
        workload: opened.
        space: its faults are flips of one bit.
        flips: the numbers of the regions, and the bit.
    """
    metrics: list[Metric] = [Outcome()]
    if workload.data.labels is not None:
        metrics.append(Accuracy())
    panel = Panel(metrics, workload.golden, workload.data.labels)
    trials = _FlipTrials(space, flips)
    session = Serial().open(Campaign(workload, space, trials, panel))
    figures = np.zeros((len(trials), len(panel.columns)))
    for at in range(len(trials)):
        (part,) = session.run([at])
        figures[at] = part.figures[0]
        workload.samples += len(workload.data)
        workload.bar.step(at + 1, len(trials))
    columns = RunColumns(dict(zip(panel.columns, panel.ranges, strict=True)), foreign=True)
    return FlipEffects(
        {
            name: figures[:, panel.columns.index(full)]
            for name, role in _ROLES.items()
            if (full := columns.with_role(role)) is not None
        }
    )


class _FlipTrials(Trials):
    """One bit of all words of some regions."""

    single = False

    def __init__(self, space: FaultSpace, flips: Sequence[tuple[Sequence[int], int]]) -> None:
        self._space, self._flips = space, flips
        n = len(flips)
        # In order, as the figures are read by position afterwards.
        super().__init__([Stratum("bits", 0, 1, n, n)], 0, shuffled=False)

    def __getitem__(self, trial: int) -> Numbers:
        places, variant = self._flips[trial]
        return np.concatenate([self._all_words(place, variant) for place in places])

    def _all_words(self, place: int, variant: int) -> Numbers:
        space = self._space
        words: Numbers = np.arange(space.words[place], dtype=np.int64)
        # Faults are numbered word by word, and within a word by variant.
        numbers: Numbers = space.starts[place] + words * space.variants[place] + variant
        return numbers
