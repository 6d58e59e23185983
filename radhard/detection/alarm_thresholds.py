"""From which score on is there an alarm, if it must be false so seldom?"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import plain
from radhard.metrics import Detected, open_set_score
from radhard.metrics.open_set import SCORES, OpenSetScore
from radhard.metrics.outputs import Golden
from radhard.module import usable_module
from radhard.stats import Estimate, mean_share
from radhard.targets import Forward
from radhard.workload import device_of, golden_outputs

__all__ = ["calibrated", "false_alarm_rate", "golden_logits", "thresholds"]


def calibrated(
    model: nn.Module,
    validation: Any,
    *,
    score: OpenSetScore = "energy",
    false_alarms: float = 0.01,
    two_sided: bool = True,
    call: Forward = plain,
    batch: int = 100,
) -> Detected:
    """The alarm on a model's logits that is false for a share of fault-free samples at most.

    Give the metric to `radhard.run` to see what it catches, and `caught` to read it.

    Args:
        model: a classifier; it is put in evaluation mode meanwhile.
        validation: fault-free inputs, of which as many as possible: thresholds are scores of these.
        score: see `radhard.metrics.open_set_score`.
        false_alarms: the share, on average over validation sets; see `thresholds`.
        two_sided: alarm also where the score is higher than usual, half of the share on each side.
            Open-set recognition looks below only; but a flip of an exponent makes logits huge.
        call: for models that do not return one tensor.
        batch: samples a forward pass.

    Raises:
        InputError: an unknown score, or too few samples for the share.
    """
    if score not in SCORES:
        raise InputError(f"score={score!r} is not one of {', '.join(SCORES)}")
    scores = open_set_score(golden_logits(model, validation, call, batch), score).cpu().numpy()
    least, most = thresholds(scores, false_alarms, two_sided=two_sided)
    return Detected(score, least, most)


def thresholds(
    scores: npt.NDArray[np.float64], false_alarms: float, *, two_sided: bool = False
) -> tuple[float, float | None]:
    """Below, and where asked for above, which score there is an alarm.

    The threshold is the *j*-th smallest of ``n`` scores, *j* the whole part of
    ``false_alarms * (n + 1)``: a further sample of the same kind falls below it with probability
    ``j / (n + 1)``, taken over validation sets, whatever the distribution.

    Raises:
        InputError: a share that is none, or too few scores for it.

    >>> thresholds(np.arange(1.0, 100.0), 0.05)
    (5.0, None)
    >>> thresholds(np.arange(1.0, 100.0), 0.05, two_sided=True)
    (2.0, 98.0)
    """
    if not 0 < false_alarms < 1:
        raise InputError(
            f"false_alarms={false_alarms!r} is not allowed; a share between 0 and 1, such as 0.01"
        )
    side = false_alarms / 2 if two_sided else false_alarms
    place = math.floor(side * (len(scores) + 1) + 1e-9)
    if place < 1:
        raise InputError(
            f"{len(scores):,} samples cannot tell false alarms as seldom as {side:g} a side; give "
            f"at least {math.ceil(1 / side - 1e-9) - 1:,}, or allow for more false alarms"
        )
    ordered = np.sort(scores)
    return float(ordered[place - 1]), float(ordered[-place]) if two_sided else None


def false_alarm_rate(
    detected: Detected,
    model: nn.Module,
    data: Any,
    *,
    call: Forward = plain,
    batch: int = 100,
    confidence: float = 0.95,
) -> Estimate:
    """How often there is an alarm without a fault; ``data`` are not those of the thresholds."""
    logits = golden_logits(model, data, call, batch)
    return mean_share(detected.alarms(logits).double().cpu().numpy(), confidence=confidence)


def golden_logits(model: nn.Module, data: Any, call: Forward, batch: int) -> Tensor:
    """What a fault-free model says, ``(samples, classes)``.

    Raises:
        InputError: the outputs are not logits of classes.
    """
    model = usable_module(model)
    data = Data.of(data)
    device = device_of(model)
    data = data if device is None else data.to(device)
    with evaluating(model):
        golden = Golden(golden_outputs(model, data, call, min(batch, len(data))))
    if golden.classes is None or not golden.dtype.is_floating_point:
        raise InputError(
            "alarms are raised on logits of classes, (samples, classes); this model gives "
            f"{tuple(golden.outputs.shape)} of {golden.dtype}"
        )
    return golden.logits
