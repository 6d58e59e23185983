"""The same sample size, or margin, for every tensor."""

from collections.abc import Sequence

from radhard.faults import FaultModel
from radhard.samplers.base import Sampler, Stratum, Trials, draw_strata
from radhard.samplers.size import check_size, size, stratum_size_in_words
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["PerTensor"]


@component
class PerTensor(Sampler):
    """Each tensor sampled separately (layer-wise): ``PerTensor(400)``, ``PerTensor(margin=0.01)``.

    Either ``n`` distinct faults per tensor (all if it has fewer), or as many as are needed for the
    margin of error at a confidence level and an expected rate ``p`` (worst case 0.5; Leveugle et
    al., DATE 2009). Overall rates weight the tensors by their number of faults. A tensor with
    several regions (fault models, planes) is sampled by region.
    """

    n: int | None = None
    margin: float | None = None
    confidence: float = 0.95
    p: float = 0.5

    def check(self) -> None:
        check_size(self.n, self.margin, self.confidence, self.p)

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        options = self.n, self.margin, self.confidence, self.p
        return stratum_size_in_words(faults, planned, "tensor", *options)

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        strata = []
        for place, start in enumerate(space.starts[:-1].tolist()):
            faults = int(space.starts[place + 1]) - start
            n = size(faults, self.n, self.margin, self.confidence, self.p)
            strata.append(Stratum(space.name(place), start, 1, faults, n))
        return draw_strata(strata, seed, self.n)
