"""Can critical faults be detected from the outputs?"""

import numpy as np
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
    """Shares of samples with critical SDC that an alarm on the logits detects, or misses.

    An alarm is raised if the open-set score (`radhard.metrics.open_set_score`; Gavarini et al.,
    2022) is below ``least`` or, if that is given, above ``most``: a lower threshold alone does not
    detect huge logits. `radhard.detection.calibrate` determines thresholds for a rate of false
    alarms. With ``decoders``, the decoder of a protected word that reports an error which it cannot
    correct raises an alarm too, for every sample of the trial.

    - ``caught``: the top class is not the golden one, and there is an alarm.
    - ``missed``: the top class is not the golden one, and there is no alarm.
    - ``needless``: the top class is unchanged, and there is an alarm, but none for the golden
      output.
    - ``quiet``, only with ``decoders``: the top class is unchanged, and there is no alarm.

    Outputs with NaN count in none of these: they are visibly invalid (DUE in `Outcome`).
    """

    score: OpenSetScore
    least: float
    most: float | None = None
    decoders: bool = False

    def check(self) -> None:
        if self.outputs == "probabilities":
            raise InputError(
                "Detected: alarms are computed from logits; outputs='probabilities' is not "
                "supported"
            )
        if self.most is not None and self.most < self.least:
            raise InputError(
                f"Detected: most={self.most!r} is below least={self.least!r}, so that everything "
                "raises an alarm"
            )

    @property
    def columns(self) -> tuple[Column, ...]:
        logits = (
            Column("caught", "critical SDC with an alarm"),
            Column("missed", "critical SDC without an alarm", higher_is_better=False),
            Column("needless", "needless alarms", higher_is_better=False),
        )
        return (
            (*logits, Column("quiet", "unchanged, no alarm", higher_is_better=True))
            if self.decoders
            else logits
        )

    @property
    def reads_decoding(self) -> bool:
        """Whether alarms of decoders count as well."""
        return self.decoders

    def with_decoding(self, figures: np.ndarray, decoding: np.ndarray) -> np.ndarray:
        caught, missed, needless, quiet = figures.T
        # One alarm for all samples of a trial: what was missed is caught, and what was quiet had a
        # needless alarm.
        alarm = decoding[:, 2] > 0
        none = np.zeros_like(caught)
        moved = (caught + missed, none, needless + quiet, none)
        return np.where(alarm[:, None], np.stack(moved, axis=1), figures)

    def alarms(self, logits: Tensor) -> Tensor:
        """Whether the outputs raise an alarm, ``(..., classes)`` to ``(...)``; always for NaN."""
        score = open_set_score(logits, self.score)
        within = score >= self.least
        # Negated, as a comparison with NaN is False and NaN raises an alarm.
        return ~within if self.most is None else ~(within & (score <= self.most))

    def per_sample(self, faulty: Faulty) -> tuple[Tensor, ...]:
        alarm = self.alarms(faulty.logits)
        before = faulty.of_golden(self.alarms(faulty.golden.logits))
        valid = ~faulty.changed & ~faulty.nan
        needless = valid & alarm & ~before
        logits = (faulty.changed & alarm, faulty.changed & ~alarm, needless)
        return (*logits, valid & ~alarm) if self.decoders else logits
