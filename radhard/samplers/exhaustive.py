"""Every fault of the space."""

from collections.abc import Sequence

from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["Exhaustive"]


@component
class Exhaustive(Sampler):
    """Every fault once, in order, without sampling error."""

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        return f"All {faults_in_words(faults, planned)}"

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        whole = Stratum("the space", 0, 1, len(space), len(space))
        return Trials([whole], seed, shuffled=False)
