"""Which facts do metrics share about the outputs of faulty trials and the golden ones?"""

from functools import cached_property

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.logits import Kind, are_whole, rank, real, softmax, two_classes

__all__ = ["Faulty", "Golden"]


class Golden:
    """The outputs of the fault-free model for every sample, and the labels.

    ``outputs`` is ``(samples, ...)``; for metrics of classes scores ``(samples, classes)``, or one
    score per sample, ``(samples,)`` or ``(samples, 1)``, whose class is 1 if a logit is above 0 or
    a probability above 0.5 (``kind``). ``labels`` is ``(samples, ...)`` or None. With ``alone``
    every trial affects only one sample, and its figures are those of that sample.

    Every fact is computed on first access and kept for all trials.

    Raises:
        InputError: no samples, NaN in the outputs, or labels for another number of samples.
    """

    def __init__(
        self,
        outputs: Tensor,
        labels: Tensor | None = None,
        *,
        alone: bool = False,
        kind: Kind = "logits",
    ) -> None:
        self.alone = alone
        self.kind = kind
        self.dtype = outputs.dtype
        """The data type of the model's outputs."""
        self.outputs = real(outputs)
        self.labels = None if labels is None else labels.detach().to(outputs.device)
        if self.outputs.ndim == 0 or self.outputs.numel() == 0:
            raise InputError(
                f"golden outputs of shape {tuple(outputs.shape)} contain no sample; give outputs "
                "of shape (samples, ...)"
            )
        bad = int(self.outputs.isnan().reshape(self.samples, -1).any(dim=-1).sum())
        if bad:
            raise InputError(
                f"the golden outputs contain NaN in {bad} of {self.samples} samples, so faulty "
                "outputs cannot be compared with them; leave out these samples or correct the "
                "model"
            )
        if self.labels is not None and (self.labels.ndim == 0 or len(self.labels) != self.samples):
            raise InputError(
                f"labels of shape {tuple(self.labels.shape)} do not match {self.samples} samples; "
                "give one label per sample"
            )

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.outputs)

    @property
    def single(self) -> bool:
        """Whether there is one output per sample."""
        return self.outputs.ndim == 1 or (self.outputs.ndim == 2 and self.outputs.shape[1] == 1)

    @property
    def classes(self) -> int | None:
        """The number of classes; None if the outputs are not scores of classes."""
        if self.single:
            return 2
        return self.outputs.shape[1] if self.outputs.ndim == 2 else None

    @cached_property
    def whole(self) -> bool:
        """Whether all outputs are integers, such as token ids, classes and counts."""
        return not self.dtype.is_floating_point or are_whole(self.outputs)

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores ``(..., samples, classes)`` from outputs of this kind, ``(..., samples, ...)``.

        A single logit ``z`` becomes the two classes ``(0, z)``, a single probability ``p``
        ``(1 - p, p)``.
        """
        return two_classes(outputs, self.outputs.ndim == 1, self.kind) if self.single else outputs

    def probabilities(self, scores: Tensor) -> Tensor:
        """Probabilities, float64 ``(..., classes)``: the softmax of logits.

        If a sample has NaN in one class, it has NaN in all of them.
        """
        if self.kind == "logits":
            return softmax(scores)
        # The softmax spreads NaN to all classes by its sum; probabilities are used as they are.
        probabilities = scores.double()
        return probabilities.masked_fill(probabilities.isnan().any(dim=-1, keepdim=True), torch.nan)

    @cached_property
    def logits(self) -> Tensor:
        """``(samples, classes)``; a single output per sample is converted by `scores`."""
        return self.scores(self.outputs)

    @cached_property
    def top1(self) -> Tensor:
        """The golden prediction: the class with the largest logit, int64 ``(samples,)``."""
        return self.logits.max(dim=-1).indices

    @cached_property
    def confidence(self) -> Tensor:
        """Probability of the top class, float64 ``(samples,)``."""
        return self.probabilities(self.logits).amax(dim=-1)

    @cached_property
    def truth(self) -> Tensor:
        """The labels as classes, int64 ``(samples,)``."""
        if self.labels is None:
            raise InputError("no labels were given")
        labels = self.labels[:, 0] if self.labels.shape[1:] == (1,) else self.labels
        truth = labels.long()
        # Fractions and NaN do not survive the conversion to integers.
        if labels.ndim != 1 or bool((truth != labels).any()):
            raise InputError(
                f"labels of shape {tuple(self.labels.shape)} and {self.labels.dtype} are not class "
                "numbers; give one integer per sample"
            )
        if self.classes is not None and bool(((truth < 0) | (truth >= self.classes)).any()):
            raise InputError(
                f"labels run from {int(truth.min())} to {int(truth.max())}, but the outputs have "
                f"the classes 0 to {self.classes - 1}"
            )
        return truth

    @cached_property
    def right(self) -> Tensor:
        """Whether the top class is the label, ``(samples,)``."""
        return self.top1 == self.truth

    @cached_property
    def label_rank(self) -> Tensor:
        """Number of classes that rank above the label, ``(samples,)``."""
        return rank(self.logits, self.truth)


class Faulty:
    """The outputs of the model under the faults of some trials, together with the golden ones.

    ``outputs`` is ``(trials, samples, ...)``. If every trial affects only one sample, ``rows``
    ``(trials,)`` are these samples, and ``outputs`` is ``(trials, 1, ...)``. Facts have the shape
    ``(trials, samples)``; those of the golden outputs broadcast with it. Each is computed once,
    however many metrics use it.

    Of classes with equal logits, the lowest index ranks first, as in ``argmax``.
    """

    def __init__(self, outputs: Tensor, golden: Golden, rows: Tensor | None = None) -> None:
        self.outputs = outputs
        self.golden = golden
        self.rows = rows

    def of_golden(self, fact: Tensor) -> Tensor:
        """A fact of the golden outputs, ``(samples, ...)``, for the samples of these trials."""
        return fact if self.rows is None else fact[self.rows].unsqueeze(1)

    @cached_property
    def logits(self) -> Tensor:
        """``(trials, samples, classes)``."""
        return self.golden.scores(self.outputs)

    @cached_property
    def _top(self) -> tuple[Tensor, Tensor]:
        # One reduction for two facts: max returns the value too, which is NaN if any logit is.
        values, indices = self.logits.max(dim=-1)
        return values.isnan(), indices

    @property
    def nan(self) -> Tensor:
        """Whether the output contains NaN, and therefore predicts no class."""
        return self._top[0]

    @property
    def top1(self) -> Tensor:
        """The top class; meaningless if the output contains NaN."""
        return self._top[1]

    @cached_property
    def infinite(self) -> Tensor:
        """Whether the output contains an infinity."""
        return self.logits.isinf().any(dim=-1)

    @cached_property
    def identical(self) -> Tensor:
        """Whether every logit has its golden value (0.0 and -0.0 are equal)."""
        return (self.logits == self.of_golden(self.golden.logits)).all(dim=-1)

    @cached_property
    def changed(self) -> Tensor:
        """Whether the top class is not the golden one; False if the output contains NaN."""
        return (self.top1 != self.of_golden(self.golden.top1)) & ~self.nan

    @cached_property
    def right(self) -> Tensor:
        """Whether the top class is the label; False if the output contains NaN."""
        return (self.top1 == self.of_golden(self.golden.truth)) & ~self.nan

    @cached_property
    def golden_rank(self) -> Tensor:
        """Number of classes that rank above the golden top class; meaningless with NaN."""
        return rank(self.logits, self.of_golden(self.golden.top1))

    @cached_property
    def label_rank(self) -> Tensor:
        """Number of classes that rank above the label; meaningless if the output contains NaN."""
        return rank(self.logits, self.of_golden(self.golden.truth))

    @cached_property
    def confidence(self) -> Tensor:
        """Probability of the *golden* top class, float64; NaN if the output contains NaN."""
        # gather does not broadcast, and the golden class has no axis of trials.
        top = self.of_golden(self.golden.top1).expand(self.logits.shape[:-1])
        return self.golden.probabilities(self.logits).gather(-1, top.unsqueeze(-1)).squeeze(-1)
