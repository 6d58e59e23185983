"""The same care for every bit position of every tensor."""

from radhard.samplers.base import Sampler, Stratum, Trials, draw_strata
from radhard.samplers.size import check_size, size
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["PerBit"]


@component
class PerBit(Sampler):
    """Each bit position of each tensor sampled by itself ("data-unaware"): ``PerBit(50)``.

    Position: variant of the fault model; where a tensor has fewer than ``n`` words, all are tried.
    Arguments as for `PerTensor` (Ruospo et al., DATE 2023).
    """

    n: int | None = None
    margin: float | None = None
    confidence: float = 0.95
    p: float = 0.5

    def check(self) -> None:
        check_size(self.n, self.margin, self.confidence, self.p)

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        strata = []
        for site, start in zip(space.sites, space.starts[:-1].tolist(), strict=True):
            n = size(site.words, self.n, self.margin, self.confidence, self.p)
            for variant in range(space.variants):
                bits = "+".join(map(str, space.fault.struck(variant, space.format)))
                first = start * space.variants + variant
                name = f"{site.name} bit {bits}"
                strata.append(Stratum(name, first, space.variants, site.words, n))
        return draw_strata(strata, seed, self.n)
