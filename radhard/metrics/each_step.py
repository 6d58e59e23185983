"""What if a model gives a score at each time step?"""

from typing import Any

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import Judge, Metric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["EachStep"]


@component
class EachStep(Metric):
    """Another metric over all time steps of all samples, ``EachStep(Auroc(outputs="logits"))``.

    Outputs are ``(samples, steps)``, one score a step, or ``(samples, steps, classes)``; labels, if
    the metric needs them, ``(samples, steps)``. Every step counts as a sample of its own, as in the
    AUROC of a risk that is predicted anew at each visit. The trial is the sampling unit all the
    same, so that steps of one sample need not be independent. Not for faults in one sample at a
    time.
    """

    metric: Metric
    needs_classes = False

    def check(self) -> None:
        if isinstance(self.metric, EachStep) or self.metric.reads_decoding:
            raise InputError(
                f"EachStep: {self.metric!r} is not computed from the outputs of a step; give a "
                "metric of scores, such as Auroc(outputs='logits')"
            )

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.metric.figures

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        return self.metric.ranges(self._by_step(golden))

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        self.metric.admit(self._by_step(golden))

    def check_scores(self, golden: Golden) -> None:
        self.metric.check_scores(self._by_step(golden))

    def against(self, golden: Golden) -> Judge:
        by_step = self._by_step(golden)
        judged = self.metric.against(by_step)

        def judge(faulty: Faulty) -> Tensor:
            return judged(Faulty(faulty.outputs.flatten(1, 2), by_step))

        return judge

    def _by_step(self, golden: Golden) -> Golden:
        shape = tuple(golden.outputs.shape)
        if len(shape) not in (2, 3):
            raise InputError(
                f"{self!r} requires scores of classes at each step, of shape (samples, steps) or "
                f"(samples, steps, classes), but the outputs have the shape {shape}"
            )
        if golden.alone:
            raise InputError(
                f"{self!r} compares the steps of all samples, but each trial has a fault in one "
                'sample; choose sample="every", or faults in weights'
            )
        labels = golden.labels if self.metric.needs_labels else None
        if labels is not None and labels.shape[:2] != shape[:2]:
            raise InputError(
                f"{self!r} requires a label for each of {shape[0]} x {shape[1]} steps, but the "
                f"labels have the shape {tuple(labels.shape)}"
            )
        kind: Any = self.metric.outputs or "logits"
        flat = None if labels is None else labels.flatten(0, 1)
        outputs = golden.outputs.to(golden.dtype).flatten(0, 1)
        return Golden(outputs, flat, kind=kind)
