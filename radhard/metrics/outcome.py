"""Was the fault masked, or did it change scores, the prediction, or the output's validity?"""

from typing import Literal

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import CRITICAL, Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["Outcome"]


@component
class Outcome(SampleMetric):
    """Shares of samples that are masked, non-critical SDC, critical SDC, or DUE; they sum to 1.

    - ``masked``: every logit has its golden value.
    - ``noncritical``: silent data corruption (SDC) that leaves the top class as it was.
    - ``critical``: the top class differs from the *golden* one, whether that is correct or not.
    - ``due``: detectable unrecoverable error: the output contains NaN, whatever its other values.

    ``infinite`` determines how an output with infinities but without NaN is counted: ``"sdc"``
    judges it like any other, ``"due"`` counts it as DUE. Of equal logits, the lowest class is the
    top class. For one output per sample, ``outputs`` is required: ``"logits"`` (class 1 above 0)
    or ``"probabilities"`` (class 1 above 0.5).
    """

    infinite: Literal["sdc", "due"] = "sdc"

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("masked", "masked", role="masked"),
            Column("noncritical", "non-critical SDC", role="noncritical"),
            Column("critical", "critical SDC", harm=CRITICAL, role="critical", within_changes=True),
            # An infinity need not change the prediction.
            Column("due", "DUE", role="due", within_changes=self.infinite == "sdc"),
        )

    @property
    def beyond_answer(self) -> tuple[str, ...] | None:
        # An infinity need not change the prediction.
        return ("masked", "noncritical") if self.infinite == "sdc" else None

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        # Every trial would be a detected error, also one without any effect.
        if self.infinite == "due" and bool(golden.logits.isinf().any()):
            raise InputError(
                f"{self!r} counts infinities as errors, but the golden outputs contain some; use "
                "Outcome(), or the outputs of an earlier layer"
            )

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        masked, critical, due = faulty.identical, faulty.changed, faulty.nan
        if self.infinite == "due":
            due = due | faulty.infinite
            critical = critical & ~due
        # What is left over: the four shares add up to 1 in whatever way infinities are counted.
        return masked, ~(masked | critical | due), critical, due
