"""How large can a mean be, among the populations that the trials do not contradict?"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from radhard.stats.continuity import withheld

__all__ = ["Stratum", "largest_mean"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """Trials of one stratum: values, weight in the mean, effective size, and share tried."""

    values: Floats
    weight: float
    size: float
    tried: float


def largest_mean(strata: list[Stratum], top: float, z: float) -> float:
    """The largest weighted mean that Pearson's chi-square leaves possible at ``z**2``.

    Candidates are all populations on the values seen and on ``top``, the worst value there may be,
    seen or not. With trial shares m and population shares p, a stratum of (effective) size n
    contradicts a candidate by ``n (sum(m^2 / p) - 1)``; the strata share one budget ``z**2``.

    For values of 0 and 1 this is Wilson's limit. For others it follows the spread that was seen,
    and keeps ``z^2 / (n + z^2)`` of unseen mass at ``top``, so that a rare disaster that happened
    not to be drawn does not break it. Taking one budget for all strata rather than an interval each
    is what makes many strata with few events behave like one.

    The smallest mean is minus the largest of the negated values.
    """
    fixed, live = 0.0, []
    for stratum in strata:
        if stratum.values.size == 0:
            fixed += stratum.weight * top
        elif math.isinf(stratum.size) or stratum.values.min() == top:
            fixed += stratum.weight * float(stratum.values.mean())
        elif stratum.weight > 0:
            live.append(stratum)
    if not live:
        return fixed
    return fixed + _Budget(live, top, z).spend(z * z)


class _Budget:
    """Every stratum tilted towards the top by one common price, until the budget is spent."""

    def __init__(self, strata: list[Stratum], top: float, z: float) -> None:
        self.top = top
        self.weight = np.array([s.weight for s in strata])
        self.size = _unbiased(strata)
        gaps, masses = [], []
        moved = _moved(strata, top, z)
        at_top = np.zeros(len(strata))
        for i, stratum in enumerate(strata):
            seen, counts = np.unique(stratum.values, return_counts=True)
            gap, mass = top - seen, counts / stratum.values.size
            if moved[i]:
                gap, mass = _lifted(gap, mass, moved[i])
            at_top[i] = mass[gap == 0].sum()
            gaps.append(gap)
            masses.append(mass)
        self.gap = np.concatenate(gaps)
        self.mass = np.concatenate(masses)
        lengths = [gap.size for gap in gaps]
        self.owner = np.repeat(np.arange(len(strata)), lengths)
        self.first = np.cumsum([0, *lengths[:-1]])
        self.floor = at_top**2
        self.pull = (self.weight / self.size)[self.owner] * self.gap
        # Where the price comes to lie if spread and unseen mass are all there is.
        second = self._sum(self.mass * self.gap**2) - self._sum(self.mass * self.gap) ** 2
        self.noise = float(np.sum(self.weight**2 / self.size * (second + 1 / self.size)))

    def spend(self, budget: float) -> float:
        def excess(log_price: float) -> float:
            # The logarithm is nearly straight, which saves steps; the floor keeps it finite at 0.
            return math.log(max(self._tilted(log_price)[0] / budget, 1e-12))

        low = high = math.log(2 * math.sqrt(budget / self.noise))
        step = 0.5
        while excess(high) < 0:
            low, high, step = high, high + step, 2 * step
        while excess(low) > 0:
            low, high, step = low - step, low, 2 * step
        if low == high:
            return self._tilted(low)[1]
        return self._tilted(brentq(excess, low, high, xtol=1e-8, rtol=1e-9))[1]

    def _tilted(self, log_price: float) -> tuple[float, float]:
        """What the best candidate at a price contradicts, and its mean.

        A category that lies ``gap`` below the top gets ``p = m / sqrt(s + price * gap)``; ``s``
        makes the shares sum to one. Where they fall short of one even at s = 0, the rest is unseen
        mass at the top.
        """
        lean = math.exp(log_price) * self.pull
        s = self.floor  # never beyond the root, so that Newton climbs to it
        for _ in range(60):
            x = s[self.owner] + lean
            share = self.mass / np.sqrt(x)
            total = self._sum(share)
            # Newton on total**-2, which is nearly straight in s and concave.
            step = (total**3 - total) / self._sum(share / x)
            climb = np.maximum(step, 0.0)
            s = s + climb
            if (climb <= 1e-15 * (1 + s)).all():
                break
        root = np.sqrt(s[self.owner] + lean)
        spread = self._sum(self.mass * root) - 1
        shortfall = self._sum(self.mass / root * self.gap)
        return float(self.size @ spread), float(self.weight @ (self.top - shortfall))

    def _sum(self, x: Floats) -> Floats:
        summed: Floats = np.add.reduceat(x, self.first)
        return summed


def _unbiased(strata: list[Stratum]) -> Floats:
    """Sizes that make up for the spread inside a stratum being taken around its own mean.

    The factor is (n - 1) / n, as in any sample variance, but only where a stratum is one of many: a
    stratum that decides alone is judged by the candidate's spread, not by its own, and needs none.
    Trials that are all alike have none to make up for. A lone trial among many strata shows no
    spread, so its stratum is as good as unknown.
    """
    size = np.array([s.size for s in strata])
    noise = np.array([s.weight for s in strata]) ** 2 / size
    decides = noise / noise.sum()
    alike = np.array([s.values.size > 1 and np.ptp(s.values) == 0 for s in strata])
    factor = 1 - np.where(alike, 0, 1 - decides) / np.array([s.values.size for s in strata])
    unbiased: Floats = size * np.maximum(factor, 1e-6)  # next to nothing, and divisible
    return unbiased


def _moved(strata: list[Stratum], top: float, z: float) -> list[float]:
    """By stratum the share of its trials that is counted as if at the top (see `withheld`).

    What is counted are the distances from the top, in units of the one most influential trial: a
    limit must not rest on having met that one. The part is the smaller of those of two binomial
    counts, one with the same sum and number of trials, one with the same variance and skewness:
    where values are 0 and 1 both are the count itself, where strata or fractions leave less to
    chance only the second knows. All of it comes from that trial's stratum.
    """
    influence = np.array([s.weight * (top - s.values.min()) / s.values.size for s in strata])
    # Of several that are alike in this, one that does not hang on their order.
    most = np.flatnonzero(influence >= influence.max() * (1 - 1e-9)).tolist()
    chosen = min(most, key=lambda i: (strata[i].tried, strata[i].size, strata[i].values.mean()))
    unit = influence[chosen]
    sums = np.array([s.weight * (top - s.values.mean()) / unit for s in strata])
    counts = [(float(sums.sum()), float(sum(influence * [s.values.size for s in strata]) / unit))]
    second = third = 0.0
    for s in strata:
        lower = (s.values.mean() - s.values) * s.weight / s.values.size / unit
        second += float(np.sum(lower**2))
        third += float(np.sum(lower**3))
    if second > 1e-9:  # else all alike, but for rounding
        share = min(max((1 - third / second) / 2, 1e-6), 1 - 1e-6)
        counts.append((second / (1 - share), second / (1 - share) / share))
    # Below one z the part stays, so that a limit of less confidence never lies farther out.
    parts = [withheld(seen, n, strata[chosen].tried, max(z, 1.0)) for seen, n in counts]
    part = min(parts) / strata[chosen].values.size
    return [part if i == chosen else 0.0 for i in range(len(strata))]


def _lifted(gap: Floats, mass: Floats, moved: float) -> tuple[Floats, Floats]:
    """Categories, the farthest from the top first, once a part has moved from these to the top."""
    left = mass - np.diff(np.minimum(np.cumsum(mass), moved), prepend=0.0)
    kept = left > 0
    return np.append(gap[kept], 0.0), np.append(left[kept], mass.sum() - left.sum())
