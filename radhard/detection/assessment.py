"""Which score on the logits catches most of the critical faults?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import pandas as pd
from torch import nn

from radhard.campaign import run
from radhard.datasets.data import Data
from radhard.detection.alarm_thresholds import calibrated, false_alarm_rate
from radhard.detection.detection_rate import caught
from radhard.errors import InputError
from radhard.forward import plain
from radhard.metrics import Detected, Outcome
from radhard.metrics.open_set import SCORES, OpenSetScore
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace
from radhard.stats import Estimate, percent
from radhard.targets import Forward

__all__ = ["Detection", "Watch", "assess"]


@final
@dataclass(frozen=True)
class Watch:
    """An alarm on the logits, how often it is false, and which share of critical faults it catches.

    ``caught`` speaks of all critical faults, ``false_alarms`` of samples that the thresholds were
    not made from.
    """

    detected: Detected
    false_alarms: Estimate
    caught: Estimate

    def __str__(self) -> str:
        return (
            f"{self.detected!r}: catches {_in_words(self.caught)} of critical faults, false alarms "
            f"{_in_words(self.false_alarms)}"
        )


@final
@dataclass(frozen=True)
class Detection:
    """What alarms of several kinds catch in one campaign; the best first."""

    watches: tuple[Watch, ...]
    results: Results
    """The campaign, with `Outcome` and every `Detected` as metrics."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.watches))

    def to_frame(self) -> pd.DataFrame:
        """One row an alarm: score, thresholds, and both shares with their intervals."""
        rows = []
        for watch in self.watches:
            row: dict[str, Any] = {"score": watch.detected.score, "least": watch.detected.least}
            row["most"] = watch.detected.most
            for name, share in (("caught", watch.caught), ("false_alarms", watch.false_alarms)):
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
    """Set thresholds on fault-free data, then count what they catch and cry out at on other data.

    Args:
        model: a classifier; it comes back bit for bit.
        validation: fault-free inputs that the thresholds are made from, see `calibrated`.
        data: other inputs: for the campaign, and for false alarms.
        space: which faults there are.
        sampler: which of them are tried.
        scores: which scores are to be compared, in the same trials.
        false_alarms: the share that thresholds are made for.
        two_sided: alarm also where the score is higher than usual, see `calibrated`.
        seed: of all chance.
        call: for models that do not return one tensor.
        batch: samples a forward pass.
        progress: show a progress bar; by default where there is a terminal.
        workers: processes that execute trials.

    Raises:
        InputError: both data are the same, too few samples for the share, or no trial is critical.
    """
    validation, data = Data.of(validation), Data.of(data)
    if validation.fingerprint() == data.fingerprint():
        raise InputError(
            "thresholds were made to raise few alarms on these very samples, so that their false "
            "alarms say nothing; give other data"
        )
    alarms = [
        calibrated(
            model,
            validation,
            score=score,
            false_alarms=false_alarms,
            two_sided=two_sided,
            call=call,
            batch=batch,
        )
        for score in scores
    ]
    results = run(
        model,
        data,
        space,
        sampler,
        metrics=[Outcome(), *alarms],
        seed=seed,
        call=call,
        batch=batch,
        progress=progress,
        workers=workers,
    )
    watches = [
        Watch(
            alarm,
            false_alarm_rate(alarm, model, data, call=call, batch=batch),
            caught(results, alarm),
        )
        for alarm in alarms
    ]
    return Detection(tuple(sorted(watches, key=lambda w: -w.caught.value)), results)


def _in_words(share: Estimate) -> str:
    return f"{percent(share.value)} [{percent(share.low)}, {percent(share.high)}]"
