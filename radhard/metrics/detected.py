"""Do the outputs themselves give a critical fault away?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import SampleMetric
from radhard.metrics.column import Column
from radhard.metrics.open_set import OpenSetScore, open_set_score
from radhard.metrics.outputs import Faulty
from radhard.spec import component

__all__ = ["Detected"]


@component
class Detected(SampleMetric):
    """Shares of samples with a critical fault that an alarm on the logits catches, or misses.

    An alarm is raised where the open-set score (`radhard.metrics.open_set_score`; Gavarini et al.,
    2022) is below ``least`` or, where that is given, above ``most``: huge logits look familiar to
    a threshold from below. `radhard.detection.calibrate` finds thresholds for a rate of false
    alarms.

    - ``caught``: the top class is not the golden one, and there is an alarm.
    - ``missed``: the top class is not the golden one, and there is none.
    - ``needless``: an alarm at a fault that left the top class as it was, where the golden output
      raises none.

    Outputs with NaN count nowhere: they give themselves away (`Outcome`'s DUE).
    """

    score: OpenSetScore
    least: float
    most: float | None = None

    def check(self) -> None:
        if self.outputs == "probabilities":
            raise InputError("Detected: alarms are raised on logits, not on probabilities")
        if self.most is not None and self.most < self.least:
            raise InputError(
                f"Detected: most={self.most!r} is below least={self.least!r}, so that everything "
                "raises an alarm"
            )

    @property
    def columns(self) -> tuple[Column, ...]:
        return (
            Column("caught", "critical SDC with an alarm"),
            Column("missed", "critical SDC without an alarm"),
            Column("needless", "needless alarms"),
        )

    def alarms(self, logits: Tensor) -> Tensor:
        """Whether the outputs raise an alarm, ``(..., classes)`` to ``(...)``; NaN always does."""
        score = open_set_score(logits, self.score)
        within = score >= self.least
        return ~within if self.most is None else ~(within & (score <= self.most))

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        alarm = self.alarms(faulty.logits)
        before = faulty.of_golden(self.alarms(faulty.golden.logits))
        needless = alarm & ~faulty.changed & ~faulty.nan & ~before
        return faulty.changed & alarm, faulty.changed & ~alarm, needless
