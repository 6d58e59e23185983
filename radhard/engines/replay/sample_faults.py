"""Faults in one tensor that flows through the model, of one sample each."""

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.space import Numbers

__all__ = ["SampleFaults"]


@dataclass(frozen=True)
class SampleFaults:
    """Faults in one tensor, state, cache or register, each of which is a row of a pass."""

    plan: ReplayPlan
    place: int
    """Of the tensor in the fault space."""
    golden: dict[int, Tensor]
    """Fault-free values of a piece of the data, by slot."""
    owners: Numbers
    """The number of each row, under which its outputs are kept."""
    samples: Numbers
    """The sample of each, as a position in the piece."""
    words: Numbers
    """The word of each, among those of its sample."""
    variants: Numbers

    def __len__(self) -> int:
        return len(self.owners)

    def part(self, rows: slice) -> Self:
        """Some of the faults."""
        return replace(
            self,
            owners=self.owners[rows],
            samples=self.samples[rows],
            words=self.words[rows],
            variants=self.variants[rows],
        )

    def values(self, before: Tensor, rows: Numbers | slice = slice(None)) -> Tensor:
        """The values of the words with the faults, given those before them."""
        space = self.plan.campaign.space
        return faulty_values(space, self.place, before, self.words[rows], self.variants[rows])
