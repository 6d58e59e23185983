"""Predictions of which samples change?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import Judge, SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["SampleHarm"]

_MOST = 1000


@component
class SampleHarm(SampleMetric):
    """Which samples change their prediction: ``SampleHarm(100)`` of the first 100 samples.

    The figure ``sample_3`` is that of the sample at position 3 of the data, from 0: a share of all
    samples, either 0 or one sample, so that the figures of all samples sum to the critical SDC
    rate. Pages multiply by the number of samples, which gives the share of the faults that change
    the prediction of this sample. An output with NaN is no changed prediction.

    Give it beside a metric of all samples: ``--metric "Outcome()" --metric "SampleHarm(100)"``.
    Every verdict is executed: engines infer none of a campaign with this metric. ``samples``: how
    many, at most 1,000, as the run file has a column for each.

    Raises:
        InputError: more samples than the data have, or more than 1,000.

    >>> from radhard.metrics import Panel
    >>> golden = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    >>> Panel([SampleHarm(2)], golden).score(torch.tensor([[[2.0, 1.0], [4.0, 3.0]]]))
    array([[0. , 0.5]])
    """

    samples: int

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(
            Column(
                f"sample_{at}", f"critical SDC of sample {at}", higher_is_better=False,
                within_changes=True, part="sample",
            )
            for at in range(self.samples)
        )  # fmt: skip

    def check(self) -> None:
        if not 1 <= self.samples <= _MOST:
            raise InputError(f"{self!r}: samples is a whole number from 1 to {_MOST:,}")

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if golden.samples < self.samples:
            raise InputError(
                f"{self!r}: the data have {golden.samples} samples; give at most as many"
            )

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        # A trial of one sample has this one or another one.
        return ((0.0, 1.0 if golden.alone else 1 / golden.samples),) * self.samples

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        here = faulty.of_golden(torch.arange(faulty.golden.samples, device=faulty.outputs.device))
        return tuple(faulty.changed & (here == at) for at in range(self.samples))

    def against(self, golden: Golden) -> Judge:
        """As the means of `per_sample`, without a tensor of samples times samples."""

        def judge(faulty: Faulty) -> Tensor:
            changed = faulty.changed.double()
            if faulty.rows is None:
                return changed[:, : self.samples] / golden.samples
            rates = changed.new_zeros(len(changed), golden.samples)
            return rates.scatter_(1, faulty.rows[:, None], changed)[:, : self.samples]

        return judge
