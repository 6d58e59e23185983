"""What is the largest mean of a population that is compatible with the trials?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radhard.stats.bracketed_root import bracketed_root
from radhard.stats.continuity import continuity_correction

__all__ = ["StratumSample", "largest_mean"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StratumSample:
    """Trials of one stratum.

    ``weight`` is the weight of the stratum in the mean, ``size`` the effective number of trials
    (see `effective_size`), and ``fraction`` the sampling fraction.
    """

    values: Floats
    weight: float
    size: float
    fraction: float


def largest_mean(strata: list[StratumSample], top: float, z: float) -> float:
    """The largest weighted mean of a population that Pearson's chi-square test does not reject.

    Candidates are all populations on the observed values and on ``top``, the largest possible
    value, observed or not. With sample shares m and population shares p, a stratum of (effective)
    size n contributes ``n (sum(m^2 / p) - 1)`` to the statistic; the sum over all strata is
    limited to ``z**2``.

    For values of 0 and 1 this is Wilson's limit. For other values the limit depends on the sample
    variance, and ``z^2 / (n + z^2)`` of the mass is assumed at ``top``, so the limit allows for a
    rare large value that was not drawn. One statistic for all strata, instead of one interval per
    stratum, makes many strata with few events behave like a single one.

    The smallest mean is minus the largest mean of the negated values.
    """
    fixed, live = 0.0, []
    for stratum in strata:
        # Without trials every population is compatible, so all of it may be at the top.
        if stratum.values.size == 0:
            fixed += stratum.weight * top
        # Nothing is left to chance: all faults were tried, or no value can be larger.
        elif math.isinf(stratum.size) or stratum.values.min() == top:
            fixed += stratum.weight * float(stratum.values.mean())
        elif stratum.weight > 0:
            live.append(stratum)
    if not live:
        return fixed
    return fixed + _Budget(live, top, z).spend(z * z)


class _Budget:
    """Strata tilted towards the top by one Lagrange multiplier, the price, up to the budget."""

    def __init__(self, strata: list[StratumSample], top: float, z: float) -> None:
        self.top = top
        self.weight = np.array([s.weight for s in strata])
        self.size = _sizes(strata)
        gaps, masses = [], []
        moves = _moves(strata, top, z)
        at_top = np.zeros(len(strata))
        for i, stratum in enumerate(strata):
            observed, counts = np.unique(stratum.values, return_counts=True)
            gap, mass = top - observed, counts / stratum.values.size
            if moves[i]:
                gap, mass = _move_to_top(gap, mass, moves[i])
            at_top[i] = mass[gap == 0].sum()
            gaps.append(gap)
            masses.append(mass)
        self.gap = np.concatenate(gaps)
        self.mass = np.concatenate(masses)
        lengths = [gap.size for gap in gaps]
        self.owner = np.repeat(np.arange(len(strata)), lengths)
        self.first = np.cumsum([0, *lengths[:-1]])
        # A category at the top has the share m / sqrt(s), which must not exceed 1, so that the root
        # is at least m**2.
        self.floor = at_top**2
        # Where the Lagrangian is stationary, m**2 / p**2 is s + price * weight / size * gap: strata
        # differ in what a step towards the top adds to their mean per unit of the statistic.
        self.pull = (self.weight / self.size)[self.owner] * self.gap
        # Variance of the mean from the sample variance and from the unobserved mass at the top. It
        # determines the price to first order, and so the start of the search.
        second = self._sum(self.mass * self.gap**2) - self._sum(self.mass * self.gap) ** 2
        self.noise = float(np.sum(self.weight**2 / self.size * (second + 1 / self.size)))

    def spend(self, budget: float) -> float:
        def excess(log_price: float) -> float:
            # In log-log form the function is nearly linear, so its root takes few steps. The floor
            # avoids the logarithm of 0.
            return math.log(max(self._tilted(log_price)[0] / budget, 1e-12))

        # To first order, a share falls by half the price times the distance of its pull from the
        # mean pull, which makes the statistic noise * price**2 / 4.
        low = high = math.log(2 * math.sqrt(budget / self.noise))
        step = 0.5
        # The bracket grows in doubling steps: the first-order start is off by orders of magnitude
        # where hardly any event was seen.
        while excess(high) < 0:
            low, high, step = high, high + step, 2 * step
        while excess(low) > 0:
            low, high, step = low - step, low, 2 * step
        # The start was the root itself, and the others need a change of sign.
        if low == high:
            return self._tilted(low)[1]
        return self._tilted(bracketed_root(excess, low, high, close=1e-8))[1]

    def _tilted(self, log_price: float) -> tuple[float, float]:
        """The chi-square statistic of the best candidate at a price, and its mean.

        A category ``gap`` below the top has the share ``p = m / sqrt(s + price * gap)``, where
        ``s`` normalizes the shares to a sum of one. If the sum is below one even at s = 0, the
        remainder is unobserved mass at the top.
        """
        lean = math.exp(log_price) * self.pull
        s = self.floor  # not above the root, so Newton's method converges from below
        for _ in range(60):
            x = s[self.owner] + lean
            share = self.mass / np.sqrt(x)
            total = self._sum(share)
            # Newton's method on total**-2, which is concave and nearly linear in s.
            step = (total**3 - total) / self._sum(share / x)
            increase = np.maximum(step, 0.0)
            s = s + increase
            if (increase <= 1e-15 * (1 + s)).all():
                break
        root = np.sqrt(s[self.owner] + lean)
        # m**2 / p is m * root. Mass at the top that was not observed has m = 0 and adds nothing.
        spread = self._sum(self.mass * root) - 1
        shortfall = self._sum(self.mass / root * self.gap)
        return float(self.size @ spread), float(self.weight @ (self.top - shortfall))

    def _sum(self, x: Floats) -> Floats:
        # Strata differ in their number of distinct values. One flat array and sums of its segments
        # are faster than a padded matrix or a loop over thousands of strata.
        sums: Floats = np.add.reduceat(x, self.first)
        return sums


def _sizes(strata: list[StratumSample]) -> Floats:
    """Effective sizes, corrected because the variance in a stratum is taken around its sample mean.

    The factor is (n - 1) / n, as for any sample variance, but only where a stratum is one of many:
    the limit of a stratum that dominates the variance depends on the variance of the candidate, not
    of the sample, and needs no correction. Identical values need none either. A single trial in one
    of many strata has no sample variance, so its stratum counts as almost unobserved.
    """
    size = np.array([s.size for s in strata])
    noise = np.array([s.weight for s in strata]) ** 2 / size
    dominance = noise / noise.sum()
    identical = np.array([s.values.size > 1 and np.ptp(s.values) == 0 for s in strata])
    factor = 1 - np.where(identical, 0, 1 - dominance) / np.array([s.values.size for s in strata])
    sizes: Floats = size * np.maximum(factor, 1e-6)  # almost 0, but a valid divisor
    return sizes


def _moves(strata: list[StratumSample], top: float, z: float) -> list[float]:
    """The share of the trials of each stratum to count as at the top (see `continuity_correction`).

    The continuity correction needs a count. Here the count is the sum of the distances from the
    top, in units of the most influential trial, because the limit must not depend on whether that
    trial was drawn. The result is the smaller of the corrections of two binomial counts: one with
    the same sum and number of trials, one with the same variance and skewness. For values of 0 and
    1 both are the count itself; only the second accounts for the smaller variance of stratified
    samples and of fractions. The correction applies to the stratum of that trial only.
    """
    influence = np.array([s.weight * (top - s.values.min()) / s.values.size for s in strata])
    # Break ties by the contents of the strata, so the result does not depend on their order.
    most = np.flatnonzero(influence >= influence.max() * (1 - 1e-9)).tolist()
    chosen = min(most, key=lambda i: (strata[i].fraction, strata[i].size, strata[i].values.mean()))
    unit = influence[chosen]
    sums = np.array([s.weight * (top - s.values.mean()) / unit for s in strata])
    counts = [(float(sums.sum()), float(sum(influence * [s.values.size for s in strata]) / unit))]
    second = third = 0.0
    for s in strata:
        lower = (s.values.mean() - s.values) * s.weight / s.values.size / unit
        second += float(np.sum(lower**2))
        third += float(np.sum(lower**3))
    if second > 1e-9:  # otherwise all values are equal up to rounding
        # A binomial count has the variance n p (1 - p) and the third moment 1 - 2 p times that,
        # from which p, the events n p, and n follow.
        share = min(max((1 - third / second) / 2, 1e-6), 1 - 1e-6)
        counts.append((second / (1 - share), second / (1 - share) / share))
    # Constant below z = 1, so that a lower confidence never gives a wider interval.
    parts = [
        continuity_correction(events, n, strata[chosen].fraction, max(z, 1.0))
        for events, n in counts
    ]
    part = min(parts) / strata[chosen].values.size
    return [part if i == chosen else 0.0 for i in range(len(strata))]


def _move_to_top(gap: Floats, mass: Floats, part: float) -> tuple[Floats, Floats]:
    """Categories after ``part`` of the mass, the farthest from the top first, moved to the top."""
    # The cumulated mass, cut off at `part`, grows only in the categories that are moved; its
    # differences are what each of them loses.
    left = mass - np.diff(np.minimum(np.cumsum(mass), part), prepend=0.0)
    kept = left > 0
    return np.append(gap[kept], 0.0), np.append(left[kept], mass.sum() - left.sum())
