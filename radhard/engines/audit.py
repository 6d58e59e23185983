"""Do the results of a faster engine agree with those of the reference?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from radhard.engines.base import Figures
from radhard.engines.sampled_audit import SampledAudit
from radhard.errors import InputError
from radhard.samplers.permutation import Permutation
from radhard.space import Numbers
from radhard.stats import clopper_pearson

__all__ = ["audit_result", "audit_trials"]

_FEWEST = 20
"""Minimum number of trials that are repeated, for any share above 0."""

_PURPOSE = 0x617564  # "aud": makes the choice independent of the draw of the faults


def audit_trials(trials: int, share: float, seed: int, *, more: int = 1) -> Numbers:
    """Which of ``trials`` trials are repeated by the reference, in order of their numbers.

    At least 20, unless there are fewer; none with ``share=0``. ``more`` times as many if each is
    repeated on some of its samples only.

    Raises:
        InputError: a share outside [0, 1].

    >>> audit_trials(1000, 0.005, seed=1).size
    20
    """
    if not 0 <= share <= 1:
        raise InputError(f"audit={share!r} is not allowed; a share of the trials, from 0 to 1")
    if share == 0 or trials == 0:
        return np.zeros(0, np.int64)
    # A permutation and not a draw: no trial twice, and the same ones whatever was executed before.
    number = min(trials, more * max(_FEWEST, round(share * trials)))
    return np.sort(Permutation(trials, (seed, _PURPOSE))(np.arange(number)))


def audit_result(
    columns: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    found: Figures,
    reference: Figures,
    of: int,
    confidence: float = 0.95,
    *,
    sampled: SampledAudit | None = None,
    few: int = 0,
) -> dict[str, Any]:
    """How often figures ``(trials, columns)`` differ from the reference's, for the manifest.

    ``of``: how many trials these were drawn from. For each column: ``differing`` trials, the share
    of all trials that differs ``at_most`` (upper limit of the Clopper-Pearson interval; the exact
    share if all trials were repeated), and the ``mean_difference`` of the figures, found minus
    reference. A figure without bounds, such as a distance, counts as differing if its relative
    difference exceeds a thousandth.

    With ``sampled``, ``few`` of the trials were repeated on some samples only, drawn at random. A
    trial that differs in a share of its samples is then found with at least about this
    probability, so that the limit is one of the share of all pairs of a trial and a sample.
    """
    said: dict[str, Any] = {"trials": len(found), "of": of, "confidence": confidence}
    if sampled is not None:
        said.update(sampled.facts(few))
    said["columns"] = {}
    for at, (column, bounds) in enumerate(zip(columns, ranges, strict=True)):
        a, b = found[:, at], reference[:, at]
        bounded = bool(np.isfinite(bounds).all())
        close = np.isclose(a, b, rtol=0 if bounded else 1e-3, atol=0, equal_nan=True)
        differing = int((~close).sum())
        high = clopper_pearson(differing, len(found), confidence)[1]
        if sampled is not None:
            high = min(1.0, high * sampled.widening)
        whole = sampled is None
        said["columns"][column] = {
            "differing": differing,
            "at_most": differing / of if whole and len(found) == of else high,
            # Of trials on some samples only those that were found to differ are known.
            # NaN in either figure counts as 0 here; `differing` counts NaN in only one of them.
            "mean_difference": float(np.nan_to_num(a - b).mean()) if bounded and whole else None,
        }
    return said
