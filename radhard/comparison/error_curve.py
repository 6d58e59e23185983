"""What is the mean error of a model at each error rate, from trials at all rates?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp, xlog1py, xlogy

from radhard.arguments import whole
from radhard.errors import InputError
from radhard.results import Results
from radhard.samplers.error_rate import ErrorRate, ErrorRateTrials

__all__ = ["ROUNDING", "ErrorCurve", "crossings", "fault_free_error"]

Reals = NDArray[np.float64]

ROUNDING = 1e-12
"""For rounding errors in means of equal accuracies."""

_TOGETHER = 100
"""Resamples computed at once, to limit memory."""


@final
@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Errors of trials at several error rates, and what each trial contributes to each mean.

    If faults are drawn independently (``count="binomial"``), the trials with n faults are alike at
    all rates: any n faults are equally likely. The mean error at a rate p is therefore estimated
    from the trials at all rates, each weighted by the probability of its number of faults at p,
    divided by that in the mixture of all trials (the balance heuristic; Veach and Guibas, SIGGRAPH
    1995). Where the numbers of faults of two rates do not overlap, this is the mean of the trials
    at p. Where a trial contains less than one fault on average, it is far more precise: the error
    at low rates follows from the trials with one fault.
    """

    rates: list[float]
    """Rates above 0, in ascending order."""
    errors: Reals
    """Of each trial, rate after rate."""
    sizes: list[int]
    """Number of trials at each rate."""
    weights: Reals
    """``(trials, rates)``; each column adds up to 1."""
    per: Literal["bit", "word"]
    free: float
    """The error without faults."""

    @classmethod
    def of(cls, campaigns: Results | Sequence[Results]) -> "ErrorCurve":
        """The curve of one campaign, or of several of the same model with the same faults.

        Raises:
            InputError: not `ErrorRate` trials with a score, or campaigns that differ in more than
                rates and number of trials.
        """
        runs = [campaigns] if isinstance(campaigns, Results) else list(campaigns)
        if not runs:
            raise InputError("no campaign is given; give Results of at least one")
        samplers = [_sampler(run) for run in runs]
        _check_alike(runs, samplers)
        found = [_trials(run, sampler) for run, sampler in zip(runs, samplers, strict=True)]
        rate, errors, faults = (np.concatenate(part) for part in zip(*found, strict=True))
        if not len(rate):
            raise InputError("no trial at an error rate above 0 has been executed")
        # Stable, so that trials of a rate stay in the order of their numbers, in which resampled
        # curves are paired.
        order = np.argsort(rate, kind="stable")
        rates, of_rate = np.unique(rate[order], return_inverse=True)
        sizes = np.bincount(of_rate)
        if samplers[0].count == "binomial":
            space = runs[0].space
            # Of as many words or faults as `ErrorRateTrials` draws from with one binomial number.
            starts = space.word_starts if samplers[0].per == "word" else space.starts
            weights = _weights(faults[order], rates, sizes, int(starts[-1]))
        else:
            # The number of faults is not drawn but follows from the rate, so that trials at other
            # rates say nothing.
            weights = np.eye(len(rates))[of_rate]
        return cls(
            rates.tolist(),
            errors[order],
            sizes.tolist(),
            weights / weights.sum(axis=0),
            samplers[0].per,
            fault_free_error(runs[0]),
        )

    @property
    def means(self) -> Reals:
        """The mean error at each rate."""
        means: Reals = self.errors @ self.weights
        return means

    @property
    def effective(self) -> Reals:
        """To how many trials of equal weight the trials at all rates amount, at each rate."""
        effective: Reals = 1 / (self.weights**2).sum(axis=0)
        return effective

    def resampled(self, number: int, seed: int) -> Reals:
        """Means ``(number, rates)`` of trials that are drawn again, with replacement, at each rate.

        Two curves with equally many trials at a rate draw the same ones there, so that differences
        of campaigns with the same faults are paired.
        """
        rngs = [
            np.random.default_rng([whole(seed, "seed", least=0), int(bits), size])
            for bits, size in zip(np.array(self.rates).view(np.uint64), self.sizes, strict=True)
        ]
        means = np.empty((number, len(self.rates)))
        weighted = self.errors[:, None] * self.weights
        for start in range(0, number, _TOGETHER):
            rows = min(_TOGETHER, number - start)
            # How often each trial is drawn, not which ones: then all means are one product of
            # matrices.
            drawn = np.concatenate(
                [
                    rng.multinomial(size, np.full(size, 1 / size), rows)
                    for rng, size in zip(rngs, self.sizes, strict=True)
                ],
                axis=1,
            ).astype(float)
            # The weights of what was drawn no longer add up to 1.
            means[start : start + rows] = (drawn @ weighted) / (drawn @ self.weights)
        return means

    def above(self, limit: float, up_to: int) -> int:
        """How many trials with a larger error the means at the first ``up_to`` rates rest on.

        A trial that contributes little counts little: this is an effective number.
        """
        shares = self.weights[:, :up_to] @ self.effective[:up_to]
        shares = shares[self.errors > limit]
        if not shares.any():
            return 0
        # The number of trials of equal weight whose mean has the same variance.
        return max(1, round(float(shares.sum() ** 2 / (shares**2).sum())))


def crossings(
    rates: list[float], means: np.ndarray, sizes: np.ndarray, limit: float
) -> list[float]:
    """The rate at which each monotonic curve exceeds the limit: 0 if always, infinity if never."""
    # Here, as scipy.optimize takes as long to import as the intervals of a page take to compute.
    from scipy.optimize import isotonic_regression

    found = []
    logs = np.log(rates)
    for row in means:
        curve = isotonic_regression(row, weights=sizes).x
        above = np.flatnonzero(curve > limit + ROUNDING)
        if not len(above):
            found.append(math.inf)
        elif above[0] == 0:
            found.append(0.0)
        else:
            first = int(above[0])
            step, width = curve[first] - curve[first - 1], logs[first] - logs[first - 1]
            # The point before may be above the limit too, by less than the tolerance.
            share = np.clip((limit - curve[first - 1]) / step, 0, 1)
            found.append(math.exp(logs[first - 1] + share * width))
    return found


def fault_free_error(results: Results) -> float:
    """One minus the accuracy (or another score) of the model without faults.

    Raises:
        InputError: the campaign has no such score, or no trial has been executed.
    """
    score, drop = _scores(results)
    # In every trial, the score under faults and its drop add up to the fault-free score.
    return 1 - float(results.values(score)[0] + results.values(drop)[0])


def _scores(results: Results) -> tuple[str, str]:
    if not isinstance(results, Results):
        raise InputError(
            f"the run is {type(results).__name__}; give Results, as returned by run or "
            "Results.open(...)"
        )
    scores = results.details.scores()
    if scores is None:
        raise InputError(
            "a tolerable error rate requires a score such as Accuracy() among the metrics, and "
            "data with labels"
        )
    if not len(results):
        raise InputError("no trial has been executed yet; continue the campaign")
    return scores


def _sampler(results: Results) -> ErrorRate:
    if not isinstance(results, Results):
        _scores(results)  # raises
    if not isinstance(results.sampler, ErrorRate):
        raise InputError(
            "a tolerable error rate requires trials at error rates: ErrorRate((1e-6, ..))"
        )
    return results.sampler


def _check_alike(runs: Sequence[Results], samplers: Sequence[ErrorRate]) -> None:
    """Refuse campaigns whose trials cannot be pooled."""
    for what, of_run in (
        ("space", [repr(run.manifest.get("space")) for run in runs]),
        ("model", [run.manifest.get("model fingerprint") for run in runs]),
        ("data", [run.manifest.get("data fingerprint") for run in runs]),
        ("way of drawing faults", [(each.per, each.count) for each in samplers]),
    ):
        if any(each != of_run[0] for each in of_run):
            raise InputError(
                f"the campaigns differ in their {what}; only campaigns of one model with the same "
                "space and data have one curve"
            )
    if len({run.seed for run in runs}) < len(runs):
        raise InputError(
            "two campaigns have the same seed, so that their trials are not independent; give each "
            "a seed of its own"
        )


def _trials(results: Results, sampler: ErrorRate) -> tuple[Reals, Reals, NDArray[np.int64]]:
    """Rate, error and number of faults of each trial at a rate above 0."""
    errors = 1 - results.values(_scores(results)[0])
    if results.inferences:
        raise InputError(
            "a tolerable error rate follows from the scores of single trials, and in this run some "
            "verdicts were inferred; repeat it with exact=True (radhard run --exact)"
        )
    trials = results.trials
    assert isinstance(trials, ErrorRateTrials)
    numbers = results.numbers.tolist()
    rates = np.array([sampler.each[trials.stratum(n)] for n in numbers])
    faults = np.array([trials.amount(n) for n in numbers], dtype=np.int64)
    some = rates > 0
    return rates[some], errors[some], faults[some]


def _weights(faults: NDArray[np.int64], rates: Reals, sizes: NDArray[np.int64], all_: int) -> Reals:
    """Probability of each number of faults at each rate, divided by that in all trials together."""
    numbers, of_trial = np.unique(faults, return_inverse=True)
    # In logarithms, as most probabilities underflow where rates lie far apart.
    n, p = numbers[:, None], rates[None, :]
    ways = gammaln(all_ + 1) - gammaln(n + 1) - gammaln(all_ - n + 1)
    logs = ways + xlogy(n, p) + xlog1py(all_ - n, -p)
    mixture = logsumexp(logs + np.log(sizes), axis=1)
    weights: Reals = np.exp(logs - mixture[:, None])[of_trial]
    return weights
