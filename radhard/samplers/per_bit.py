"""The same number of trials for every bit position of every tensor."""

from collections.abc import Sequence

from radhard.errors import InputError
from radhard.faults import FaultModel
from radhard.samplers.base import Sampler, Stratum, Trials, draw_strata
from radhard.samplers.size import check_size, size, stratum_size_in_words
from radhard.space import FaultSpace
from radhard.spec import component

__all__ = ["PerBit"]


@component
class PerBit(Sampler):
    """Each bit position of each tensor sampled separately ("data-unaware"): ``PerBit(50)``.

    A bit position is a variant of the fault model; if a tensor has fewer than ``n`` words, all are
    tried. A tensor with several regions (fault models, planes) is sampled by region.
    Arguments as for `PerTensor` (Ruospo et al., DATE 2023).
    """

    n: int | None = None
    margin: float | None = None
    confidence: float = 0.95
    p: float = 0.5

    def check(self) -> None:
        check_size(self.n, self.margin, self.confidence, self.p)

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        options = self.n, self.margin, self.confidence, self.p
        return stratum_size_in_words(faults, planned, "bit position of every tensor", *options)

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        strata = []
        for place, region in enumerate(space.regions):
            if not region.fault.by_bit:
                raise InputError(
                    f"{self!r} samples every bit position, and {region.fault!r} changes words as a "
                    "whole; take PerTensor"
                )
            n = size(region.words, self.n, self.margin, self.confidence, self.p)
            name = space.name(place)
            for variant in range(region.variants):
                # Faults are numbered word by word, so that those of one bit are `variants` apart.
                first = int(space.starts[place]) + variant
                part = Stratum(
                    f"{name} bit {region.bit_text(variant)}",
                    first,
                    region.variants,
                    region.words,
                    n,
                )
                strata.append(part)
        return draw_strata(strata, seed, self.n)
