"""Predictions of which classes change?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["ClassHarm"]


@component
class ClassHarm(SampleMetric):
    """Shares of samples of each class whose prediction changes: ``ClassHarm(10)``.

    The class of a sample is its *golden* prediction, and its figure ``class_3`` is a share of all
    samples, so that the figures sum to the critical SDC rate. The range of a figure is from 0 to
    the share of the samples that are of this class; pages divide by it. An output with NaN is no
    changed prediction. ``classes``: how many there are.

    Raises:
        InputError: fewer classes than the model has.
    """

    classes: int
    by_answer = True
    by_change = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(
            Column(
                f"class_{at}", f"critical SDC of class {at}", higher_is_better=False,
                within_changes=True, part="class",
            )
            for at in range(self.classes)
        )  # fmt: skip

    def check(self) -> None:
        if self.classes < 2:
            raise InputError(f"{self!r}: classes is a whole number from 2")

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if golden.classes is not None and self.classes < golden.classes:
            raise InputError(f"{self!r}: the model has {golden.classes} classes; give as many")

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        if golden.alone:
            # A trial has one sample, of whatever class.
            return tuple((0.0, 1.0) for _ in range(self.classes))
        counts = golden.top1.bincount(minlength=self.classes).tolist()
        # Of a class without samples, half a sample: a range must not be empty.
        return tuple((0.0, max(count, 0.5) / golden.samples) for count in counts)

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        of_class = faulty.of_golden(faulty.golden.top1)
        return tuple(faulty.changed & (of_class == at) for at in range(self.classes))
