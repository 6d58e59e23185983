"""What does a metric provide?"""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.column import Column, Harm
from radhard.metrics.logits import Kind
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import Component, Family, component

__all__ = ["METRICS", "Judge", "Metric", "SampleMetric", "drop_ranges", "kind_of", "score_columns"]

Judge = Callable[[Faulty], Tensor]
"""Maps the outputs of some trials to one figure per trial and column, float64."""


@component
class Metric(Component):
    """How much harm a fault causes, from the outputs of all samples of one trial.

    The golden outputs are the same for all trials of a campaign: `against` computes once what
    depends only on them. A user-defined metric that judges every sample separately should be a
    `SampleMetric`.

    ``outputs``: how a metric of classes interprets the outputs, as ``"logits"`` or
    ``"probabilities"``. By default logits ``(samples, classes)``; required if there is one output
    per sample, which could also be an amount such as a price, and if all outputs are integers,
    which could also be token ids.
    """

    outputs: Kind | None = dataclasses.field(default=None, kw_only=True)

    needs_labels: ClassVar[bool] = False
    needs_classes: ClassVar[bool] = True
    """Whether the outputs must be scores of classes."""

    @property
    def reads_decoding(self) -> bool:
        """Whether the figures depend on what the decoders of protected words report."""
        return False

    @property
    def by_answer(self) -> bool:
        """Whether the figures depend only on the top class of every sample, and on NaN.

        If so, they must be means over the samples of numbers that differ by at most 1.
        """
        return False

    @property
    def beyond_answer(self) -> tuple[str, ...] | None:
        """The columns that depend on more than that, if the others do not; None: all may.

        Engines that infer predictions measure such columns by executing a share of the verdicts.
        Only a `SampleMetric` may name some.
        """
        return () if self.by_answer else None

    @property
    def by_change(self) -> bool:
        """Whether the figures depend only on whether the top class of a sample changes, and on NaN.

        It does not matter then to which class it changes.
        """
        return False

    @property
    @abstractmethod
    def columns(self) -> tuple[Column | str, ...]:
        """The figures, in order; one column each in the run file.

        A string stands for a share of which only the name is known.
        """

    @property
    def figures(self) -> tuple[Column, ...]:
        """The columns, each as a `Column`."""
        return tuple(Column(c, c) if isinstance(c, str) else c for c in self.columns)

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:  # noqa: ARG002
        """The minimum and maximum of every column, given these golden outputs.

        By default the bounds of the columns. A column from 0 to 1 is a share.
        """
        return tuple(column.bounds for column in self.figures)

    def admit(self, golden: Golden) -> None:
        """Raise `InputError` if this metric cannot judge these outputs."""
        if self.needs_classes and golden.classes is None:
            raise InputError(
                f"{self!r} requires scores of classes, of shape (samples, classes) or (samples,), "
                f"but the outputs have the shape {tuple(golden.outputs.shape)}; use Mismatch() or "
                "Distance() for outputs of any shape"
            )
        if not self.needs_classes and self.outputs is not None:
            raise InputError(f"{self!r} is not computed from scores of classes; leave out outputs=")
        if self.needs_labels:
            if golden.labels is None:
                raise InputError(
                    f"{self!r} compares with labels, but the data have none; give labels, or use a "
                    "metric that compares with the golden outputs, such as Outcome()"
                )
            if self.needs_classes:
                _ = golden.truth  # speaks up here about labels that are no classes

    def check_scores(self, golden: Golden) -> None:
        """Raise `InputError` if the outputs may not be scores and ``outputs`` is not given."""
        if not self.needs_classes or self.outputs is not None:
            return
        if golden.whole:
            kind = str(golden.dtype).removeprefix("torch.")
            raise InputError(
                f"{self!r} requires scores of classes, but all outputs are integers ({kind}), as "
                "token ids, class numbers and counts are; use Mismatch() for such numbers, "
                f"Distance() for amounts, or, if they are scores, {self._taking('logits')}"
            )
        if golden.single:
            raise InputError(
                f"{self!r} judges classes, but there is one output a sample, which may be any "
                "number; the metric for amounts, such as a price, is Mismatch(0.1) (off by more "
                f"than 10 %) or Distance(); if it tells two classes apart, give "
                + " or ".join(
                    f"{text} (class 1 above {limit})"
                    for text, limit in (
                        (self._taking("logits"), 0),
                        (self._taking("probabilities"), 0.5),
                    )
                    if text
                )
            )

    def _taking(self, outputs: Kind) -> str:
        """This metric with ``outputs``, as text; empty if it does not support them."""
        try:
            return repr(dataclasses.replace(self, outputs=outputs))
        except InputError:
            return ""

    def with_decoding(self, figures: np.ndarray, decoding: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The figures of trials, given what the decoders of protected words report.

        Only called if `reads_decoding`. ``figures``, ``(trials, columns)``, are those that the
        outputs determine; ``decoding``, ``(trials, 4)``, are the shares of the code words with
        faults that were corrected, miscorrected, detected, and silently wrong.
        """
        return figures

    @abstractmethod
    def against(self, golden: Golden) -> Judge:
        """The judge of faulty outputs, given these golden ones, which `admit` has accepted.

        The judge returns float64 ``(trials, columns)``.
        """


METRICS: Family[Metric] = Family(Metric)
"""The metrics of radhard, and how one is read from text."""


class SampleMetric(Metric):
    """A metric that judges every sample separately; a trial's figure is the mean over them."""

    @abstractmethod
    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        """One tensor per column, each ``(trials, samples)``: verdicts (bool) or numbers."""

    def against(self, golden: Golden) -> Judge:  # noqa: ARG002
        def judge(faulty: Faulty) -> Tensor:
            # ``(trials, columns, samples)``.
            verdicts = torch.stack(self.per_sample(faulty), dim=1)
            return verdicts.mean(dim=-1, dtype=torch.float64)

        return judge


def score_columns(name: str, meaning: str) -> tuple[Column, Column]:
    """The columns of a score that is best at 1, and of its drop under a fault."""
    harm = Harm(f"{meaning} drop", f"points of {meaning} lost", order=40, predictions=False)
    return (
        Column(name, f"{meaning} under a fault", role="score"),
        Column("drop", f"{meaning} drop, in points", bounds=(-1.0, 1.0), harm=harm, role="drop"),
    )


def kind_of(metrics: Iterable[Metric]) -> Kind:
    """How all these metrics interpret the outputs.

    Raises:
        InputError: one takes them as logits and another as probabilities.
    """
    kinds = {metric.outputs or "logits": metric for metric in metrics if metric.needs_classes}
    if len(kinds) > 1:
        first, second = kinds.values()
        raise InputError(
            f"{first!r} and {second!r} interpret the same outputs differently; give all metrics of "
            "classes the same outputs="
        )
    return next(iter(kinds), "logits")


def drop_ranges(metric: Metric, golden: Golden) -> tuple[tuple[float, float], ...]:
    """Ranges of a score from 0 to 1 and of its drop from the golden score."""
    if golden.alone:
        # A trial of one sample gains or loses a whole point, whatever the share of all samples is.
        return ((0.0, 1.0), (-1.0, 1.0))
    fault_free = float(metric.against(golden)(Faulty(golden.outputs[None], golden))[0, 0])
    return ((0.0, 1.0), (fault_free - 1.0, fault_free))
