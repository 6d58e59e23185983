"""How far is the faulty output from the golden one?"""

from typing import Literal

import torch
from torch import Tensor

from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Distance"]


@component
class Distance(SampleMetric):
    """Distance of the faulty output from the golden one, the mean over the samples.

    ``norm`` is 2 for the Euclidean distance, 1 for the sum and ``"inf"`` for the maximum of the
    absolute differences. Outputs may have any shape ``(samples, ...)``. The distance has no upper
    bound: it is infinite for an infinite output and NaN for one with NaN, and so is the mean.
    Equal infinities do not differ.
    """

    norm: Literal[1, 2, "inf"] = 2
    needs_classes = False

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column(
                "distance",
                f"distance (norm {self.norm})",
                bounds=(0.0, float("inf")),
                higher_is_better=False,
            ),
        )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        golden = faulty.of_golden(faulty.golden.outputs).double()
        # The difference of equal infinities would be NaN.
        moved = torch.where(faulty.outputs == golden, 0.0, faulty.outputs - golden)
        # The added axis is for outputs with one value for each sample, which have none to flatten.
        each = moved.unsqueeze(-1).flatten(start_dim=2)
        return (torch.linalg.vector_norm(each, ord=float(self.norm), dim=-1),)
