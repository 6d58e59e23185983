"""Every fault of the space."""

from collections.abc import Sequence

from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["Exhaustive"]


@component
class Exhaustive(Sampler):
    """Every fault of the space once, in order: rates are exact, and printed as such.

    For spaces that can be tried as a whole: LeNet-5 has two million flips, which take half a minute
    with `Bracket` and two hours in a plain loop.

    >>> from torch import nn
    >>> from radhard import FaultSpace
    >>> space = FaultSpace.of(nn.Linear(2, 1), "Weights('*')", "BitFlip()", "Float32()")
    >>> len(Exhaustive().draw(space, seed=0)), len(space)
    (64, 64)
    """

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        return f"All {faults_in_words(faults, planned)}"

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        whole = Stratum("the space", 0, 1, len(space), len(space))
        return Trials([whole], seed, shuffled=False)
