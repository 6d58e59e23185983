"""How many predictions are correct under the fault, and how many fewer than without it?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric, drop_ranges, score_columns
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["Accuracy", "TopK"]


@component
class Accuracy(SampleMetric):
    """Share of samples whose top class is the label, and its drop from the golden share.

    Columns ``accuracy`` and ``drop``, both from 0 to 1. The drop is negative if the fault is
    beneficial. An output with NaN is a wrong prediction; of equal logits, the lowest class is the
    top class. It needs labels.

    >>> import torch
    >>> from radhard.metrics import Panel
    >>> golden, labels = torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 1])
    >>> faulty = torch.tensor([[[0.0, 1.0], [0.0, 3.0]]])  # one trial; the first answer changed
    >>> Panel([Accuracy()], golden, labels).score(faulty).tolist()
    [[0.5, 0.5]]
    """

    needs_labels = True
    by_answer = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return score_columns("accuracy", "accuracy")

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        return drop_ranges(self, golden)

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        return _with_drop(faulty.right, faulty.of_golden(faulty.golden.right))


@component
class TopK(SampleMetric):
    """Share of samples whose label is among the top k, and its drop from the golden share.

    Columns ``accuracy`` and ``drop``, both from 0 to 1. An output with NaN is a wrong prediction;
    of equal logits, the lowest class ranks first. It needs labels.

    >>> import torch
    >>> from radhard.metrics import Panel
    >>> golden, labels = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([0])
    >>> faulty = torch.tensor([[[1.0, 3.0, 2.0]]])  # one trial; the label is third
    >>> Panel([TopK(k=2)], golden, labels).score(faulty).tolist()
    [[0.0, 1.0]]
    """

    k: int = 5
    needs_labels = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return score_columns("accuracy", f"top-{self.k} accuracy")

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        return drop_ranges(self, golden)

    def check(self) -> None:
        if self.k < 1:
            raise InputError(f"TopK: k={self.k} is not allowed; k is a whole number from 1")

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if golden.classes is not None and self.k > golden.classes:
            raise InputError(f"{self!r}: k is above the number of classes, {golden.classes}")

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        right = (faulty.label_rank < self.k) & ~faulty.nan
        return _with_drop(right, faulty.of_golden(faulty.golden.label_rank) < self.k)


def _with_drop(right: Tensor, golden_right: Tensor) -> tuple[Tensor, Tensor]:
    # Booleans cannot be subtracted; int8 takes no more memory.
    numbers = right.char()
    return numbers, golden_right.char() - numbers
