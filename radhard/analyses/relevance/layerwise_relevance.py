"""How much does each neuron contribute to the prediction?"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.layer import Layer
from radhard.analyses.relevance.backward import carried_back
from radhard.analyses.relevance.operations import Operations
from radhard.analyses.relevance.relevance_rules import AlphaBeta, Epsilon, Sharing
from radhard.errors import InputError
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Relevance"]


@component
class Relevance(Analysis):
    """Layer-wise relevance: the contribution of a neuron or channel to the predicted logit.

    The logit has relevance 1, which every operation distributes over its inputs (Bach et al., PLoS
    ONE 2015). The score is the mean contribution over the samples: the reciprocal of the resilience
    of Schorn et al. (DATE 2018), so that the most critical ones come first. Relevance is propagated
    through convolutions, linear layers, batch norms (folded if they follow a convolution), pooling,
    residual sums and activations.

    - ``rule``: ``"alpha-beta"`` distributes ``alpha`` times the relevance over the positive
      products and subtracts ``alpha - 1`` times from the negative ones; with ``alpha=1.0`` no
      contribution is negative and those of a layer sum to 1, minus those of biases. ``"epsilon"``
      distributes over all products, whose sum is kept from zero by ``epsilon``. The score is the
      magnitude.
    - ``level``: ``"element"`` for single neurons, ``"channel"`` for the sum over each channel.
    - ``of``: the class of the logit, the golden prediction (``"answer"``) or the label.
    - ``merge``: the mean over all samples, or the maximum of the means of the classes.

    Cost: 1 forward, 1 backward through the model's graph.
    """

    rule: Literal["alpha-beta", "epsilon"] = "alpha-beta"
    alpha: float = 1.0
    epsilon: float = 1e-6
    level: Literal["channel", "element"] = "channel"
    of: Literal["answer", "label"] = "answer"
    merge: Literal["mean", "max"] = "mean"

    def check(self) -> None:
        if not 1 <= self.alpha < float("inf"):
            raise InputError(
                f"Relevance: alpha={self.alpha!r} is not allowed; give a number from 1"
            )
        if not 0 <= self.epsilon < float("inf"):
            raise InputError(
                f"Relevance: epsilon={self.epsilon!r} is not allowed; give a number from 0"
            )

    def find(self, workload: Workload) -> AnalysisResult:
        classes = workload.logits.shape[1]
        answers = workload.predictions if self.of == "answer" else workload.label_classes
        with workload.gradients():
            operations = Operations.of(workload, repr(self))
            totals: dict[Layer, npt.NDArray[np.float64]] = {}
            for rows, batch in workload.batches():
                values = operations.values(workload, batch)
                operations.check_same_logits(values, workload.logits[rows])
                start = functional.one_hot(answers[rows], classes).to(workload.logits.dtype)
                relevance = carried_back(operations, values, start, self._sharing())
                for layer, each in self._by_layer(operations, relevance).items():
                    summed = _by_class(each, answers[rows], classes)
                    totals[layer] = totals[layer] + summed if layer in totals else summed
                workload.bar.step(rows.stop, len(workload.data))
        counts = np.bincount(answers.cpu().numpy(), minlength=classes)
        scores = {layer.output_site: self._merged(totals[layer], counts) for layer in totals}
        return AnalysisResult(self.level, scores, facts={"samples by answer": counts.tolist()})

    def _sharing(self) -> Sharing:
        if self.rule == "epsilon":
            return Epsilon(repr(self), self.epsilon)
        return AlphaBeta(repr(self), self.alpha)

    def _by_layer(
        self, operations: Operations, relevance: dict[int, Tensor]
    ) -> dict[Layer, Tensor]:
        """Contributions of every sample, ``(samples, ...)``, summed over a layer's calls."""
        sums: dict[Layer, Tensor] = {}
        for slot, share in sorted(relevance.items()):
            layer = operations.layers[slot]
            # The magnitude of each element: within a channel, contributions of opposite sign must
            # not cancel.
            each = share.abs()
            if self.level == "channel":
                each = layer.by_channel(each).sum(2)
            if layer in sums and sums[layer].shape != each.shape:
                raise InputError(
                    f"{self!r}: {layer.name!r} is called with inputs of several sizes, so it has "
                    "no fixed neurons; use level='channel'"
                )
            sums[layer] = sums[layer] + each if layer in sums else each
        return sums

    def _merged(
        self, totals: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        if self.merge == "mean":
            mean: npt.NDArray[np.float64] = totals.sum(0) / counts.sum()
            return mean
        seen = counts > 0
        per_class = counts[seen].reshape(-1, *(1,) * (totals.ndim - 1))
        # Classes without samples have no mean.
        largest: npt.NDArray[np.float64] = (totals[seen] / per_class).max(0)
        return largest


def _by_class(each: Tensor, answers: Tensor, classes: int) -> npt.NDArray[np.float64]:
    """Sums over the samples of every class, ``(classes, ...)``."""
    sums = torch.zeros(classes, *each.shape[1:], dtype=torch.float64, device=each.device)
    return sums.index_add_(0, answers, each.double()).cpu().numpy()
