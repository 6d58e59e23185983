"""Which score detects most of the critical faults?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import pandas as pd
from torch import nn

from radhard.campaign import run
from radhard.datasets.data import Data
from radhard.detection.alarm_thresholds import calibrate, false_alarm_rate
from radhard.detection.detection_rate import detection_rate
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.metrics import Detected, Outcome
from radhard.metrics.open_set import SCORES, OpenSetScore
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace
from radhard.stats import Estimate, percent

__all__ = ["Alarm", "Detection", "assess"]


@final
@dataclass(frozen=True)
class Alarm:
    """An alarm on the logits with its false-alarm rate and its detection rate.

    ``caught`` is the share of critical faults that raise the alarm. ``false_alarms`` is measured on
    samples that were not used for the thresholds.
    """

    detected: Detected
    false_alarms: Estimate
    caught: Estimate

    def __str__(self) -> str:
        return (
            f"{self.detected!r}: detects {_in_words(self.caught)} of critical faults, false alarms "
            f"{_in_words(self.false_alarms)}"
        )


@final
@dataclass(frozen=True)
class Detection:
    """How well alarms on the logits detect critical faults, all measured in one campaign.

    The alarm with the highest detection rate comes first. ``print(found)`` shows the detection rate
    and the false-alarm rate of each, with intervals.
    """

    alarms: tuple[Alarm, ...]
    results: Results
    """The campaign, with `Outcome` and every `Detected` as metrics."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.alarms))

    def to_frame(self) -> pd.DataFrame:
        """One row per alarm: score, thresholds, and both rates with their intervals."""
        rows = []
        for alarm in self.alarms:
            row: dict[str, Any] = {"score": alarm.detected.score, "least": alarm.detected.least}
            row["most"] = alarm.detected.most
            for name, share in (
                ("caught", alarm.caught),
                ("false_alarms", alarm.false_alarms),
            ):
                row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
            rows.append(row)
        return pd.DataFrame(rows)


def assess(
    model: nn.Module,
    validation: Any,
    data: Any,
    space: FaultSpace,
    sampler: Sampler,
    *,
    scores: Sequence[OpenSetScore] = tuple(SCORES),
    false_alarms: float = 0.01,
    two_sided: bool = True,
    seed: int = 0,
    call: Forward = plain,
    batch: int = 100,
    progress: bool | None = None,
    workers: int = 1,
) -> Detection:
    """Compute thresholds on fault-free data, then measure detection and false alarms on other data.

    Args:
        model: a classifier; it is restored bit for bit.
        validation: fault-free inputs for the thresholds, see `calibrate`.
        data: other inputs, for the campaign and for the false-alarm rate.
        space: the possible faults.
        sampler: determines which of them are tried.
        scores: the scores to compare, in the same trials.
        false_alarms: the share of false alarms for which thresholds are computed.
        two_sided: also raise an alarm for scores that are too high, see `calibrate`.
        seed: of all random draws.
        call: for models that do not return one tensor.
        batch: samples per forward pass.
        progress: show a progress bar; by default only in a terminal.
        workers: processes that execute trials.

    Raises:
        InputError: equal data sets, too few samples for the share, or no critical fault.
    """
    validation, data = Data.of(validation), Data.of(data)
    if validation.fingerprint() == data.fingerprint():
        raise InputError(
            "validation and data are the same samples; false alarms must be measured on samples "
            "that were not used for the thresholds: give other data"
        )
    calibrated = partial(calibrate, false_alarms=false_alarms, two_sided=two_sided)
    alarms = [calibrated(model, validation, score=s, call=call, batch=batch) for s in scores]
    results = run(
        model,
        data,
        space,
        sampler,
        # All alarms in one campaign: they are compared on the same faults.
        metrics=[Outcome(), *alarms],
        seed=seed,
        call=call,
        batch=batch,
        progress=progress,
        workers=workers,
    )
    rates = [
        Alarm(
            alarm,
            false_alarm_rate(alarm, model, data, call=call, batch=batch),
            detection_rate(results, alarm),
        )
        for alarm in alarms
    ]
    # Stable: alarms that catch equally many stay in the order of ``scores``.
    return Detection(tuple(sorted(rates, key=lambda alarm: -alarm.caught.value)), results)


def _in_words(share: Estimate) -> str:
    return f"{percent(share.value)} [{percent(share.low)}, {percent(share.high)}]"
