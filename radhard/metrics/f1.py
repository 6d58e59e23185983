"""What are precision and recall, in one score, under the fault?"""

from typing import Literal

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import Judge, Metric, drop_ranges, score_columns
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["F1"]


@component
class F1(Metric):
    """The F1 score of the top classes against the labels, and its drop from the golden score.

    ``average`` over the classes that occur in the labels: ``"macro"`` weights them equally,
    ``"weighted"`` by their number of labels; ``"binary"`` is the score of class 1 of two. The same
    classes count in every trial, whatever is predicted. An output with NaN predicts no class, which
    lowers the recall of its label. The drop is negative if the fault is beneficial.
    """

    average: Literal["macro", "weighted", "binary"] = "macro"
    needs_labels = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return score_columns("f1", f"{self.average} F1")

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        return drop_ranges(self, golden)

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if self.average == "binary":
            if golden.classes != 2:
                raise InputError(
                    f"{self!r} requires two classes, but the model has {golden.classes}; use F1()"
                )
            if not bool(golden.truth.any()):
                raise InputError(f"{self!r} requires samples of class 1, but all labels are 0")

    def against(self, golden: Golden) -> Judge:
        truth, classes = golden.truth, golden.logits.shape[-1]
        support = torch.bincount(truth, minlength=classes).double()
        weights = self._weights(support)

        def f1(predicted: Tensor, answered: Tensor) -> Tensor:
            # One bincount counts for all trials: each trial has its own range of class numbers.
            trial = torch.arange(len(predicted), device=truth.device).unsqueeze(1) * classes

            def count(chosen: Tensor) -> Tensor:
                counts = torch.bincount(
                    (predicted + trial)[chosen], minlength=len(predicted) * classes
                )
                return counts.reshape(len(predicted), classes).double()

            hits = count(answered & (predicted == truth))
            # A class without labels has weight 0; the clamp keeps its 0 / 0 from becoming NaN.
            shares = 2 * hits / (count(answered) + support).clamp(min=1)
            return (shares * weights).sum(dim=-1)

        fault_free = f1(golden.top1[None], torch.ones_like(truth, dtype=torch.bool)[None])

        def judge(faulty: Faulty) -> Tensor:
            score = f1(faulty.top1, ~faulty.nan)
            return torch.stack((score, fault_free - score), dim=-1)

        return judge

    def _weights(self, support: Tensor) -> Tensor:
        if self.average == "binary":
            return torch.tensor([0.0, 1.0], dtype=torch.float64, device=support.device)
        parts = support if self.average == "weighted" else (support > 0).double()
        return parts / parts.sum()
