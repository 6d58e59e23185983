"""Is the golden prediction still among the top classes under the fault?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column, Harm
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["Sdc"]


@component
class Sdc(SampleMetric):
    """Share of samples whose golden top class is not among the faulty top k (Li et al., SC 2017).

    SDC-1 is ``Sdc(k=1)``, SDC-5 ``Sdc(k=5)``. An output with NaN is not silent and therefore counts
    0 here; `Outcome` counts it as DUE. Of equal logits, the lowest class ranks first.

    >>> import torch
    >>> from radhard.metrics import Panel
    >>> golden = torch.tensor([[3.0, 2.0, 1.0]])
    >>> faulty = torch.tensor([[[2.0, 3.0, 1.0]]])  # one trial; the golden class is second
    >>> Panel([Sdc(k=1), Sdc(k=2)], golden).score(faulty).tolist()
    [[1.0, 0.0]]
    """

    k: int = 1

    @property
    def by_answer(self) -> bool:
        return self.k == 1

    @property
    def by_change(self) -> bool:
        return self.k == 1

    @property
    def columns(self) -> tuple[Column, ...]:
        harm = Harm(f"SDC-{self.k} rate", "predictions corrupted", order=20)
        if self.k == 1:
            harm = Harm("SDC-1 rate", "predictions changed", order=19)
        return (Column("sdc", f"SDC-{self.k}", harm=harm, within_changes=True),)

    def check(self) -> None:
        if self.k < 1:
            raise InputError(f"Sdc: k={self.k} is not allowed; k is a whole number from 1")

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if golden.classes is not None and self.k > golden.classes:
            raise InputError(f"{self!r}: k is above the number of classes, {golden.classes}")

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        if self.k == 1:
            # The same as a rank of 1 or more, without ranking every class.
            return (faulty.changed,)
        return ((faulty.golden_rank >= self.k) & ~faulty.nan,)
