"""How far do predicted scores agree with a campaign?"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats as scipy_stats

from radhard.errors import InputError
from radhard.results import Results
from radhard.space import FaultSpace
from radhard.stats import Estimate

__all__ = [
    "Agreement",
    "Level",
    "Struck",
    "Unit",
    "Values",
    "agreement",
    "measured",
    "rank_correlation",
    "struck_parts",
]

Level = Literal["tensor", "channel", "element", "bit"]
"""What has a score: a whole tensor, a channel (neuron of a linear layer), a single word, a bit."""

Unit = Literal["share", "relative"]
"""``share``: predicted share of faults that are critical; ``relative``: order and proportion."""

Values = Mapping[str, npt.NDArray[np.float64]]
"""Scores by tensor; NaN where the analysis did not look."""

_TOP = 0.1


@final
@dataclass(frozen=True)
class Agreement:
    """How far scores agree with the rates that a campaign measured, over the same parts.

    ``rank``: Spearman's correlation (unit "") with its interval (Bonett and Wright, Psychometrika
    2000). ``error``: mean absolute difference of score and rate, where scores are shares; the
    campaign's own chance is part of it. ``overlap``: the share of the worst tenth by the campaign
    that is in the worst tenth by score.
    """

    by: str
    column: str
    level: Level
    parts: int
    trials: int
    rank: Estimate
    error: float | None
    overlap: float
    overlap_by_chance: float
    """What scores without any knowledge would come to."""
    matched: str
    """``"tensor"``: scores and rates of one tensor; ``"layer"``: of two in a layer."""

    def __str__(self) -> str:
        error = "" if self.error is None else f", mean |difference| {100 * self.error:.3g} points"
        return (
            f"{self.by} against {self.column}: rank correlation {self.rank.value:.2f} "
            f"[{self.rank.low:.2f}, {self.rank.high:.2f}] over {self.parts:,} "
            f"{self.level}s{error}, worst tenth shared {100 * self.overlap:.0f} % "
            f"({100 * self.overlap_by_chance:.0f} % by chance)"
        )


def agreement(
    by: str,
    level: Level,
    unit: Unit,
    values: Values,
    results: Results,
    *,
    column: str | None = None,
    confidence: float = 0.95,
    least: int = 1,
    axes: Mapping[str, int] | None = None,
) -> Agreement:
    """Compare scores with a campaign's rates, part by part.

    Args:
        by: what made the scores.
        level: what has a score.
        unit: whether scores are shares, so that differences mean something.
        values: the scores.
        results: the campaign.
        column: the figure of the campaign; by default critical silent data corruption.
        confidence: of the interval.
        least: trials that a part must have to be compared.
        axes: by weight the axis that counts its output channels, where that is not the first.

    Raises:
        InputError: a campaign at error rates, fewer than four parts in common, or all alike.
    """
    table, matched = measured(level, values, results, results.values(column), axes=axes)
    table = table[table["trials"] >= least]
    if len(table) < 4:
        raise InputError(
            f"{by} and the campaign have {len(table)} {level}s in common; a rank "
            "correlation takes at least 4 (a coarser level, more trials, or the same tensors?)"
        )
    score, rate = (table[name].to_numpy(dtype=float) for name in ("score", "rate"))
    count = max(1, round(_TOP * len(table)))
    worst = [set(np.argsort(-x, kind="stable")[:count].tolist()) for x in (score, rate)]
    return Agreement(
        by=by,
        column=results.column(column),
        level=level,
        parts=len(table),
        trials=int(table["trials"].sum()),
        rank=rank_correlation(score, rate, confidence),
        error=float(np.abs(score - rate).mean()) if unit == "share" else None,
        overlap=len(worst[0] & worst[1]) / count,
        overlap_by_chance=count / len(table),
        matched=matched,
    )


def rank_correlation(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64], confidence: float
) -> Estimate:
    """Spearman's correlation and its interval.

    Raises:
        InputError: fewer than four pairs, or all values of one are alike.
    """
    if len(one) < 4:
        raise InputError(f"a rank correlation takes at least 4 parts; there are {len(one)}")
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise InputError("no rank correlation: all scores, or all rates, are the same")
    found = float(scipy_stats.spearmanr(one, other).statistic)
    half = scipy_stats.norm.ppf(0.5 + confidence / 2) * math.sqrt(
        (1 + found**2 / 2) / (len(one) - 3)
    )
    # Fisher's transform has no end at 1; so many pairs in order could be a little less than that.
    most = 1 - 1 / len(one) ** 2
    at = math.atanh(max(-most, min(most, found)))
    low, high = math.tanh(at - half), math.tanh(at + half)
    return Estimate(found, min(low, found), max(high, found), confidence, len(one), unit="")


def measured(
    level: Level,
    scores: Values,
    results: Results,
    values: npt.NDArray[np.float64],
    *,
    axes: Mapping[str, int] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Score and rate of every part that has both; and whether tensors or only layers match.

    ``axes``: as for `struck_parts`.
    Trials weigh by the faults they stand for, so that strata may be unequal.
    """
    weights = _weights(results)
    matched = "layer"
    rows = []
    for struck in struck_parts(level, scores, results, axes=axes):
        matched = struck.matched
        flat = scores[struck.scored].ravel()
        parts, here = struck.parts, struck.rows
        total = np.bincount(parts, minlength=flat.size)
        mass = np.bincount(parts, weights=weights[here], minlength=flat.size)
        harm = np.bincount(parts, weights=weights[here] * values[here], minlength=flat.size)
        for part in np.flatnonzero((total > 0) & ~np.isnan(flat)).tolist():
            rate = harm[part] / mass[part]
            rows.append((struck.tensor, part, flat[part], rate, int(total[part])))
    frame = pd.DataFrame(rows, columns=["tensor", "part", "score", "rate", "trials"])
    return frame, matched


@final
@dataclass(frozen=True)
class Struck:
    """The executed trials in one tensor, each with the part that it struck."""

    tensor: str
    scored: str
    """The name under which the tensor, or its layer, has scores."""
    matched: str
    rows: npt.NDArray[np.int64]
    """Which of the executed trials."""
    parts: npt.NDArray[np.int64]
    """The number of the part, in the flattened scores, for each of them."""


def struck_parts(
    level: Level, scores: Values, results: Results, *, axes: Mapping[str, int] | None = None
) -> Iterator[Struck]:
    """Which scored part each trial struck, tensor by tensor; tensors without scores left out.

    ``axes``: by weight the axis that counts its output channels, where that is not the first.

    Raises:
        InputError: a campaign at error rates.
    """
    if results.by_rate:
        raise InputError("trials at error rates strike everywhere; compare with one fault a trial")
    space = results.space
    places, words, variants = space.locate(results.trials.at(results.numbers))
    by_tensor = {site.name for site in space.sites} & set(scores)
    for place in np.unique(places).tolist():
        site = space.sites[place]
        name = site.name if by_tensor else _of_layer(site.layer, scores)
        if name is None or name not in scores:
            continue
        rows = np.flatnonzero(places == place)
        within = words[rows] % max(int(np.prod(site.shape)), 1)
        axis = (axes or {}).get(site.name)
        parts = _part(level, scores[name], within, variants[rows], site.shape, space, axis)
        yield Struck(site.name, name, "tensor" if by_tensor else "layer", rows, parts)


def _part(
    level: Level,
    of_part: npt.NDArray[np.float64],
    words: npt.NDArray[np.int64],
    variants: npt.NDArray[np.int64],
    shape: tuple[int, ...],
    space: FaultSpace,
    axis: int | None,
) -> npt.NDArray[np.int64]:
    """Which of a tensor's scores each trial belongs to."""
    if level == "tensor":
        return np.zeros_like(words)
    if level == "bit":
        struck = [space.fault.struck(v, space.format) for v in range(space.variants)]
        if any(len(bits) != 1 or bits[0] >= len(of_part) for bits in struck):
            raise InputError(
                "scores by bit compare with faults that strike one bit each, of words of "
                f"{len(of_part)} bits; take BitFlip() and the same format"
            )
        return np.array([bits[0] for bits in struck])[variants]
    if level == "element":
        if of_part.shape != shape:
            raise InputError(f"scores of shape {of_part.shape} for a tensor of shape {shape}")
        return words
    if axis is not None and axis < len(shape) and len(of_part) == shape[axis]:
        return words // max(int(np.prod(shape[axis + 1 :])), 1) % shape[axis]
    if shape and len(of_part) == shape[0]:
        return words // max(int(np.prod(shape[1:])), 1)
    if shape and len(of_part) == shape[-1]:
        return words % shape[-1]
    raise InputError(f"{len(of_part)} channels are scored in a tensor of shape {shape}")


def _of_layer(layer: str, scores: Values) -> str | None:
    return next((name for name in (f"{layer}.weight", layer) if name in scores), None)


def _weights(results: Results) -> npt.NDArray[np.float64]:
    """How many faults each executed trial stands for."""
    strata = results.trials.strata
    ends = np.cumsum([stratum.trials for stratum in strata])
    which = np.searchsorted(ends, results.numbers, side="right")
    executed = np.bincount(which, minlength=len(strata))
    population = np.array([stratum.population or 1 for stratum in strata], dtype=float)
    return population[which] / np.maximum(executed, 1)[which]
