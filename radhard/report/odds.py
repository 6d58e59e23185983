"""How is a share expressed as odds?"""

from radhard.stats import Estimate, percent

__all__ = ["between", "odds"]


def odds(share: float, thing: str = "") -> str:
    """A share as odds with two digits, for readers who do not think in percentages.

    >>> odds(0.0147), odds(0.36, "answer"), odds(0.00588, "answer"), odds(1.0, "answer")
    ('one in 68', '36 answers in 100', 'one answer in 170', 'all answers')
    """
    singular, plural = (f" {thing}", f" {thing}s") if thing else ("", "")
    if share in (0.0, 1.0):
        return f"all{plural}" if share else f"none{plural and ' of the' + plural}"
    each = 1 / share
    if each < 5:
        return f"{round(100 * share)}{plural} in 100" if share < 0.995 else f"nearly all{plural}"
    digits = len(str(int(each)))
    return f"one{singular} in {int(round(each, 2 - digits) if digits > 2 else round(each)):,}"


def between(estimate: Estimate) -> str:
    """The interval of a share in words, for the end of a sentence.

    >>> between(Estimate(0.0, 0.0, 0.002, confidence=0.95, trials=2000))
    'and at 95 % confidence not more than one in 500'
    """
    level = percent(estimate.confidence)
    if estimate.low == estimate.high:
        return "and this is exact, since every fault was tried"
    high = odds(estimate.high)
    if estimate.low == 0:
        return f"and at {level} confidence not more than {high}"
    return f"and at {level} confidence between {odds(estimate.low)} and {high}"
