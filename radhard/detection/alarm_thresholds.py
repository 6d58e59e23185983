"""Which alarm thresholds correspond to a given false-alarm rate?"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.metrics import Detected, open_set_score
from radhard.metrics.open_set import SCORES, OpenSetScore
from radhard.metrics.outputs import Golden
from radhard.stats import Estimate, mean_share
from radhard.workload import fault_free_outputs

__all__ = ["calibrate", "false_alarm_rate", "golden_logits", "thresholds"]


def calibrate(
    model: nn.Module,
    validation: Any,
    *,
    score: OpenSetScore = "energy",
    false_alarms: float = 0.01,
    two_sided: bool = True,
    call: Forward = plain,
    batch: int = 100,
) -> Detected:
    """An alarm on the logits with at most the given share of false alarms on fault-free samples.

    Pass the metric to `radhard.run`, and its results to `detection_rate`.

    Args:
        model: a classifier; evaluated in evaluation mode.
        validation: fault-free inputs, as many as possible, since the thresholds are scores of them.
        score: see `radhard.metrics.open_set_score`.
        false_alarms: the share of false alarms, on average over validation sets; see `thresholds`.
        two_sided: also raise an alarm for scores that are too high, with half of the false alarms
            on each side. Open-set recognition has only a lower threshold, but a flip in an exponent
            makes logits very large.
        call: for models that do not return one tensor.
        batch: samples per forward pass.

    Raises:
        InputError: an unknown score, or too few samples for this share of false alarms.
    """
    if score not in SCORES:
        raise InputError(f"score={score!r} is not one of {', '.join(SCORES)}")
    scores = open_set_score(golden_logits(model, validation, call, batch), score).cpu().numpy()
    least, most = thresholds(scores, false_alarms, two_sided=two_sided)
    return Detected(score, least, most)


def thresholds(
    scores: npt.NDArray[np.float64], false_alarms: float, *, two_sided: bool = False
) -> tuple[float, float | None]:
    """The lower threshold of the score and, if ``two_sided``, the upper one.

    The threshold is the *j*-th smallest of ``n`` scores, where *j* is the integer part of
    ``false_alarms * (n + 1)``: a new sample of the same distribution is below it with probability
    ``j / (n + 1)``, on average over validation sets, for any distribution of the scores.

    Raises:
        InputError: a share outside (0, 1), or too few scores for it.

    >>> thresholds(np.arange(1.0, 100.0), 0.05)
    (5.0, None)
    >>> thresholds(np.arange(1.0, 100.0), 0.05, two_sided=True)
    (2.0, 98.0)
    """
    if not 0 < false_alarms < 1:
        raise InputError(
            f"false_alarms={false_alarms!r} is not allowed; it must be a share between 0 and 1, "
            "such as 0.01"
        )
    side = false_alarms / 2 if two_sided else false_alarms
    # With a tolerance, as products are rounded: 0.29 * 100 is 28.999999999999996.
    rank = math.floor(side * (len(scores) + 1) + 1e-9)
    if rank < 1:
        raise InputError(
            f"{len(scores):,} samples are too few for a false-alarm rate of {side:g} per "
            f"threshold; give at least {math.ceil(1 / side - 1e-9) - 1:,}, or allow more false "
            "alarms"
        )
    ordered = np.sort(scores)
    # Scores equal to a threshold raise no alarm, so that ties make alarms rarer, not more frequent.
    return float(ordered[rank - 1]), float(ordered[-rank]) if two_sided else None


def false_alarm_rate(
    detected: Detected,
    model: nn.Module,
    data: Any,
    *,
    call: Forward = plain,
    batch: int = 100,
    confidence: float = 0.95,
) -> Estimate:
    """The share of fault-free samples that raise the alarm, with its interval.

    ``data``: samples that were not used to choose the thresholds, on which the rate would be too
    low.

    Raises:
        InputError: the outputs of the model are not logits of classes.
    """
    logits = golden_logits(model, data, call, batch)
    return mean_share(detected.alarms(logits).double().cpu().numpy(), confidence=confidence)


def golden_logits(model: nn.Module, data: Any, call: Forward, batch: int) -> Tensor:
    """The logits of the fault-free model, ``(samples, classes)``.

    Raises:
        InputError: the outputs are not logits of classes.
    """
    golden = Golden(fault_free_outputs(model, data, call=call, batch=batch))
    if golden.classes is None or not golden.dtype.is_floating_point:
        raise InputError(
            "alarms require logits of shape (samples, classes); the outputs of this model are "
            f"{tuple(golden.outputs.shape)} of {golden.dtype}"
        )
    return golden.logits
