"""The same number of trials for every bit position of every tensor."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from torch import nn

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.notes import Note
from radhard.samplers.base import Sampler, Stratum, Trials, draw_strata
from radhard.samplers.expected_rates import expected_rates
from radhard.samplers.size import check_size, size, stratum_size_in_words
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.stats import percent

__all__ = ["PerBit"]


@component
class PerBit(Sampler):
    """Each bit position of each tensor sampled separately ("data-unaware"): ``PerBit(50)``.

    A bit position is a variant of the fault model; if a tensor has fewer than ``n`` words, all are
    tried. A tensor with several regions (fault models, planes) is sampled by region.
    Arguments as for `PerTensor` (Ruospo et al., DATE 2023).

    ``p="data"`` ("data-aware"): the expected rate of each bit position is in proportion to the mean
    distance by which its flips move the values of the model, 0.5 for the farthest; in run files
    ``p`` is then the rate of each position. Bits with an expected rate of nearly 0 have no trial,
    so that nothing is known of them, and intervals of overall rates are wide.
    """

    n: int | None = None
    margin: float | None = None
    confidence: float = 0.95
    p: float | tuple[float, ...] | Literal["data"] = 0.5

    def check(self) -> None:
        if isinstance(self.p, int | float):
            check_size(self.n, self.margin, self.confidence, self.p)
            return
        check_size(self.n, self.margin, self.confidence, 0.5)
        if self.n is not None:
            raise InputError(f"PerBit: p={self.p!r} is for a margin; give margin=0.01, not n")
        if self.p != "data" and not all(0 <= rate < 1 for rate in self.p):
            raise InputError(f"PerBit: p={self.p} is not allowed; rates from 0, below 1")

    def informed(self, model: nn.Module, space: FaultSpace) -> Sampler:
        return replace(self, p=expected_rates(model, space)) if self.p == "data" else self

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        if not isinstance(self.p, int | float):
            return (
                f"{faults_in_words(faults, planned)}, as many per bit position of every tensor as "
                f"needed for a margin of {percent(self.margin or 0)} at {percent(self.confidence)} "
                "confidence if rates are as expected from the values of the model (data-aware),"
            )
        options = self.n, self.margin, self.confidence, self.p
        return stratum_size_in_words(faults, planned, "bit position of every tensor", *options)

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        if self.p == "data":
            raise InputError(
                f"{self!r} needs the values of the model; take radhard.run, or "
                "sampler.informed(model, space)"
            )
        strata = []
        for place, region in enumerate(space.regions):
            if not region.fault.by_bit:
                raise InputError(
                    f"{self!r} samples every bit position, and {region.fault!r} changes words as a "
                    "whole; take PerTensor"
                )
            rates = (self.p,) * region.variants if isinstance(self.p, int | float) else self.p
            if len(rates) != region.variants:
                raise InputError(
                    f"PerBit: p has rates of {len(rates)} bit positions, and words of "
                    f"{space.name(place)} have {region.variants}"
                )
            name = space.name(place)
            for variant in range(region.variants):
                # Faults are numbered word by word, so that those of one bit are `variants` apart.
                first = int(space.starts[place]) + variant
                part = Stratum(
                    f"{name} bit {region.bit_text(variant)}",
                    first,
                    region.variants,
                    region.words,
                    size(
                        region.words,
                        self.n,
                        self.margin,
                        self.confidence,
                        rates[variant],
                        # By the published rule with rates of the data, most bits have no trial.
                        least=1 if isinstance(self.p, float) else 0,
                    ),
                )
                strata.append(part)
        trials = draw_strata(strata, seed, self.n)
        if untried := [stratum.name for stratum in strata if not stratum.trials]:
            facts = {"strata": len(untried), "of": len(strata)}
            trials.notes = (*trials.notes, Note("untried strata", facts))
        return trials
