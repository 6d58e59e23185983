"""Does the output differ from the golden one?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column, Harm
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Mismatch"]


@component
class Mismatch(SampleMetric):
    """Share of samples whose output differs from the golden one, in any of its values.

    For outputs that are not scores of classes: token ids, sequences, counts, regression. Outputs
    may have any shape ``(samples, ...)``. ``Mismatch()`` counts every difference; ``Mismatch(0.1)``
    only changes of a value by more than 10 % of its golden magnitude, up or down, and not by
    exactly 10 %. An output with NaN, or with an infinity that the golden one does not have,
    differs.

    >>> import torch
    >>> from radhard.metrics import Panel
    >>> golden = torch.tensor([[10.0, 20.0], [10.0, 20.0]])
    >>> faulty = torch.tensor([[[10.0, 20.5], [10.0, 25.0]]])
    >>> Panel([Mismatch(), Mismatch(0.1)], golden).score(faulty)
    array([[1. , 0.5]])
    """

    tolerance: float = 0.0
    needs_classes = False

    @property
    def columns(self) -> tuple[Column, ...]:
        harm = Harm("mismatch rate", "predictions changed", order=30)
        return (Column("mismatch", "mismatch", harm=harm),)

    def check(self) -> None:
        if self.tolerance < 0:
            raise InputError(
                f"Mismatch: tolerance={self.tolerance!r} is not allowed; give a share of the "
                "golden magnitude from 0, as 0.1"
            )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        golden = faulty.of_golden(faulty.golden.outputs).double()
        values = faulty.outputs.double()
        # Equality first, as the difference of equal infinities is NaN, and comparisons with NaN are
        # False.
        near = (values == golden) | ((values - golden).abs() <= self.tolerance * golden.abs())
        return (~near.unsqueeze(-1).flatten(start_dim=2).all(dim=-1),)
