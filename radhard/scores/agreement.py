"""How well do predicted scores agree with a campaign?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from radhard.errors import InputError
from radhard.results import Results
from radhard.scores.trial_parts import Level, Values, trial_parts
from radhard.stats import Estimate, clopper_pearson, percent

__all__ = [
    "Agreement",
    "Unit",
    "agreement",
    "measured_rates",
    "rank_correlation",
]

Unit = Literal["share", "relative"]
"""``share``: predicted share of critical faults; ``relative``: only order and proportions count."""

_TOP = 0.1


@final
@dataclass(frozen=True, repr=False)
class Agreement:
    """How well scores agree with the rates measured by a campaign, over the same parts.

    ``rank``: Spearman's correlation (unit "") with its interval (Bonett and Wright, Psychometrika
    2000). ``error``: mean absolute difference between score and rate, for scores that are shares;
    it includes the sampling error of the campaign. ``overlap``: the share of the worst tenth by
    the campaign that is also in the worst tenth by score.
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
    """The expected overlap of random scores."""
    worst: int
    """How many parts are a tenth of them, at least one."""
    matched: str
    """``"tensor"``: scores and rates of the same tensor; ``"layer"``: of two tensors of a layer."""

    @property
    def overlap_limits(self) -> tuple[float, float]:
        """Exact limits of the overlap, at the confidence of the rank correlation.

        As for that one, the parts are a sample of all parts that might have been.
        """
        return clopper_pearson(round(self.overlap * self.worst), self.worst, self.rank.confidence)

    @property
    def overlap_texts(self) -> tuple[str, str]:
        """The overlap and its interval, in percent."""
        low, high = (percent(round(limit, 2)) for limit in self.overlap_limits)
        return percent(round(self.overlap, 2)), f"[{low}, {high}]"

    def __repr__(self) -> str:
        return f"<Agreement {self}>"

    def __str__(self) -> str:
        error = "" if self.error is None else f", mean |difference| {100 * self.error:.3g} points"
        return (
            f"{self.by} against {self.column}: rank correlation {self.rank.value:.2f} "
            f"[{self.rank.low:.2f}, {self.rank.high:.2f}] over {self.parts:,} "
            f"{self.level}s with {self.trials:,} trials{error}, overlap of the worst tenths "
            f"{' '.join(self.overlap_texts)} "
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
        by: the analysis that produced the scores.
        level: what a score refers to.
        unit: whether scores are shares; only then are differences to rates meaningful.
        values: the scores.
        results: the campaign.
        column: the figure of the campaign; by default critical silent data corruption.
        confidence: of the interval.
        least: minimum number of trials of a part to be compared.
        axes: the output-channel axis of each weight for which it is not the first.

    Raises:
        InputError: a campaign at error rates, fewer than four common parts, or constant values.
    """
    results = results.with_known(results.column(column))
    table, matched = measured_rates(level, values, results, results.values(column), axes=axes)
    # The rate of a part with few trials is mostly chance, which lowers a correlation.
    table = table[table["trials"] >= least]
    if len(table) < 4:
        raise InputError(
            f"{by} and the campaign have {len(table)} {level}s in common, but a rank correlation "
            "needs at least 4; use a coarser level, more trials, or a campaign on the same tensors"
        )
    score, rate = (table[name].to_numpy(dtype=float) for name in ("score", "rate"))
    count = max(1, round(_TOP * len(table)))
    # Stable, so that ties are broken in the same way for scores and rates, and on every machine.
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
        worst=count,
        matched=matched,
    )


def rank_correlation(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], confidence: float
) -> Estimate:
    """Spearman's correlation and its interval.

    Raises:
        InputError: fewer than four pairs, or one of the arguments is constant.
    """
    # Here, as scipy.stats takes as long to import as a page takes to write.
    from scipy.stats import spearmanr

    if len(x) < 4:
        raise InputError(f"a rank correlation needs at least 4 parts; there are {len(x)}")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise InputError(
            "the rank correlation is undefined because all scores or all rates are equal"
        )
    rho = float(spearmanr(x, y).statistic)
    # Bonett and Wright's variance for Spearman's correlation, which grows with its size; n - 3
    # alone is that of Pearson's.
    half = ndtri(0.5 + confidence / 2) * math.sqrt((1 + rho**2 / 2) / (len(x) - 3))
    # Fisher's transformation is infinite at 1. A correlation of 1 in so many pairs is compatible
    # with a true value slightly below 1, so it is replaced by one that depends on their number.
    most = 1 - 1 / len(x) ** 2
    centre = math.atanh(max(-most, min(most, rho)))
    low, high = math.tanh(centre - half), math.tanh(centre + half)
    return Estimate(rho, min(low, rho), max(high, rho), confidence, len(x), unit="")


def measured_rates(
    level: Level,
    scores: Values,
    results: Results,
    values: npt.NDArray[np.float64],
    *,
    axes: Mapping[str, int] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Score and rate of every part that has both, and whether tensors or only layers match.

    ``axes``: as for `trial_parts`. Trials are weighted by the number of faults that they
    represent, so strata may have different sampling fractions.
    """
    weights = _weights(results)
    matched = "layer"
    # A part that several regions have trials of (fault models, formats, planes, the weight and the
    # bias of a layer) is one part: counted once for each, it would narrow every interval.
    sums: dict[str, npt.NDArray[np.float64]] = {}
    for trials in trial_parts(level, scores, results, axes=axes):
        matched = trials.matched
        here, size = trials.rows, scores[trials.scored].size
        known = sums.setdefault(trials.scored, np.zeros((3, size)))
        columns = np.ones(len(here)), weights[here], weights[here] * values[here]
        for known_of, column in zip(known, columns, strict=True):
            known_of += np.bincount(trials.parts, weights=column, minlength=size)
    rows = []
    for name, (total, mass, harm) in sums.items():
        flat = scores[name].ravel()
        # Parts that both know: with trials, and with a score.
        for part in np.flatnonzero((total > 0) & ~np.isnan(flat)).tolist():
            rows.append((name, part, flat[part], harm[part] / mass[part], int(total[part])))
    frame = pd.DataFrame(rows, columns=["tensor", "part", "score", "rate", "trials"])
    return frame, matched


def _weights(results: Results) -> npt.NDArray[np.float64]:
    """The number of faults that each executed trial represents."""
    strata = results.trials.strata
    ends = np.cumsum([stratum.trials for stratum in strata])
    stratum_of = np.searchsorted(ends, results.numbers, side="right")
    # By what was executed and not by what was planned, as a run may be unfinished.
    executed = np.bincount(stratum_of, minlength=len(strata))
    # Strata without a known population count each trial the same.
    population = np.array([stratum.population or 1 for stratum in strata], dtype=float)
    return population[stratum_of] / np.maximum(executed, 1)[stratum_of]
