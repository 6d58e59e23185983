"""Every fault with the same probability."""

from collections.abc import Sequence

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["Uniform"]


@component
class Uniform(Sampler):
    """``n`` distinct faults, every fault of the space with the same probability: ``Uniform(2000)``.

    For one rate of the whole space, and any figure and grouping afterwards. Large tensors get most
    of the trials: use `PerTensor` for the rate of each tensor, and `Adaptive` for a margin.

    Raises:
        InputError: ``n`` below 1; on `draw`, ``n`` above the number of faults.

    >>> from torch import nn
    >>> from radhard import FaultSpace
    >>> space = FaultSpace.of(nn.Linear(2, 1), "Weights('*')", "BitFlip()", "Float32()")
    >>> trials = Uniform(3).draw(space, seed=1)
    >>> len(trials), len({fault.item() for fault in trials})
    (3, 3)
    """

    n: int

    def check(self) -> None:
        if self.n < 1:
            raise InputError(f"Uniform: n={self.n} is not allowed; at least 1 trial")

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        return f"{faults_in_words(faults, planned)}, drawn uniformly from all faults"

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        if self.n > len(space):
            raise InputError(
                f"{self!r} asks for {self.n:,} distinct faults, and there are {len(space):,}; ask "
                "for fewer, or for all: Exhaustive()"
            )
        return Trials([Stratum("the space", 0, 1, len(space), self.n)], seed)
