"""How many trials would tell what these do not?"""

from radhard.report.blocks import Verdict
from radhard.report.odds import odds
from radhard.stats import Estimate, LimitCheck

__all__ = ["trials_to_judge", "trials_to_keep_a_limit"]

_HALF = 0.5
"""A rate is known well enough if the upper limit is at most half of it away."""

_RARE = 0.01
"""Without any harm seen, a campaign that excludes higher rates than this is called too small."""


def trials_to_judge(
    rate: Estimate, faults: int | None, *, limit_kept: bool = False
) -> Verdict | None:
    """That a campaign is too small to judge by it, and how many trials would do; None if it is not.

    ``faults``: how many there are to be tried; None if there is no end to them. ``limit_kept``: a
    campaign that shows that the rate is within a limit is large enough for that.
    """
    if rate.low == rate.high or not rate.trials:
        return None
    answer = "Enough for the limit, not for the rate." if limit_kept else "Too small to judge."
    if rate.value <= 0:
        if rate.high <= _RARE:
            return None
        needed = _rounded(rate.trials * rate.high / _RARE, faults)
        reason = (
            f"No harm was seen, but up to {odds(rate.high)} is possible; about {needed} trials "
            f"without harm would exclude more than {odds(_RARE)}."
        )
        return Verdict(answer, "open", reason)
    if rate.high - rate.value <= rate.value:
        return None
    # Intervals shrink with the square root of the number of trials, or faster.
    needed = _rounded(rate.trials * ((rate.high - rate.value) / (_HALF * rate.value)) ** 2, faults)
    reason = (
        "The rate may be more than twice as high as it seems; about "
        f"{needed} trials would bring the upper limit down to one and a half times the rate."
    )
    return Verdict(answer, "open", reason)


def trials_to_keep_a_limit(check: LimitCheck) -> str:
    """How many trials would show that a limit is kept, if the rate is what it seems; or nothing.

    >>> rate = Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800)
    >>> trials_to_keep_a_limit(LimitCheck("critical SDC rate", "", 0.015, rate))
    'If the rate is what it seems, about 3,200 trials would tell that the limit is kept.'
    """
    rate, limit = check.estimate, check.limit
    if check.passed or rate.value >= limit:
        return ""
    needed = _rounded(rate.trials * ((rate.high - rate.value) / (limit - rate.value)) ** 2, None)
    return f"If the rate is what it seems, about {needed} trials would tell that the limit is kept."


def _rounded(trials: float, faults: int | None) -> str:
    if faults is not None and trials >= faults:
        return f"all {faults:,}"
    return f"{float(f'{trials:.2g}'):,.0f}"
