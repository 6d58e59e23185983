"""What does an engine promise?"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.datasets.data import Data
from radhard.metrics import Panel
from radhard.samplers import Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component
from radhard.targets import Forward

__all__ = ["Campaign", "Engine", "Figures"]

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Campaign:
    """All that an engine needs to know to execute trials.

    The model is in evaluation mode, on one device with the data; ``panel`` holds the golden
    outputs, computed with batches of ``batch`` samples.
    """

    model: nn.Module
    data: Data
    space: FaultSpace
    trials: Trials
    panel: Panel
    call: Forward
    batch: int
    notes: list[str] = field(default_factory=list)
    """What a reader of the results should know of how the trials were executed; engines add."""

    def sample(self, faults: Numbers) -> int | None:
        """The one sample that a trial concerns, or None if it concerns all."""
        if not self.trials.single:
            return None
        place, word, _ = self.space.locate(faults)
        site = self.space.sites[int(place[0])]
        if site.samples is None:
            return None
        return int(word[0]) // (site.words // site.samples)


class Engine(Component):
    """How trials are executed: the same verdicts as `Serial`, sooner."""

    @abstractmethod
    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        """Execute trials in any order; yields their numbers and figures ``(trials, columns)``.

        Whatever happens, the model is left as it was.
        """
