"""Is a rate lower or higher in the second of two runs, or can it not be told?"""

from dataclasses import dataclass
from typing import Literal

from radhard.stats import Estimate, p_text

__all__ = [
    "CHANGES",
    "Change",
    "Direction",
    "as_sentence",
    "chance_of",
    "change_of",
    "trials_that_would_tell",
]

Direction = Literal["better", "worse", "open"]
"""What a change means for a rate of harm; also the name of its colour in the style sheet."""


@dataclass(frozen=True)
class Change:
    """What the interval of a difference between two rates of harm says."""

    direction: Direction
    word: str
    """Of the second rate beside the first one, for legends and cells of tables."""

    def sentence(self, where: str) -> str:
        """The same as a sentence; ``where`` is the second rate, as in "in the hardened model".

        >>> difference = Estimate(-0.01, -0.03, 0.01, confidence=0.95, trials=100)
        >>> change_of(difference).sentence("in the second run")
        'Whether the rate is lower or higher in the second run cannot be told from these trials.'
        """
        if self.direction == "open":
            return f"Whether the rate is lower or higher {where} {self.word} from these trials."
        return f"The rate is {self.word} {where}."


_LOWER = Change("better", "lower")
_HIGHER = Change("worse", "higher")
_OPEN = Change("open", "cannot be told")

CHANGES = (_LOWER, _HIGHER, _OPEN)
"""All of them, in the order of legends."""


def change_of(difference: Estimate) -> Change:
    """What the difference "second rate minus first" says, by whether its interval excludes 0.

    >>> change_of(Estimate(-0.02, -0.03, -0.01, confidence=0.95, trials=9)).word
    'lower'
    >>> change_of(Estimate(0.02, 0.01, 0.03, confidence=0.95, trials=9)).word
    'higher'
    >>> change_of(Estimate(-0.01, -0.03, 0.01, confidence=0.95, trials=9)).word
    'cannot be told'
    """
    if difference.high < 0:
        return _LOWER
    return _HIGHER if difference.low > 0 else _OPEN


def trials_that_would_tell(difference: Estimate) -> str:
    """How many trials would tell, if the difference is as large as it seems; empty if it is 0.

    >>> trials_that_would_tell(Estimate(-0.01, -0.03, 0.01, confidence=0.95, trials=100))
    'If the difference is as large as it seems, about 400 trials would tell.'
    """
    value = difference.value
    if not value:
        return ""
    # Intervals shrink with the square root of the number of trials, or faster.
    over = (difference.high if value < 0 else difference.low) - value
    needed = float(f"{difference.trials * (over / value) ** 2:.2g}")
    return f"If the difference is as large as it seems, about {needed:,.0f} trials would tell."


def as_sentence(clause: str) -> str:
    """A clause as a sentence that another one follows; nothing of nothing.

    >>> as_sentence("the rate falls"), as_sentence("")
    ('The rate falls. ', '')
    """
    return f"{clause[0].upper()}{clause[1:]}. " if clause else ""


def chance_of(p_value: float) -> str:
    """What a p-value says, in a sentence.

    >>> chance_of(0.0011)
    'If the two did not differ, chance would make as large a difference with probability 0.0011.'
    """
    return (
        "If the two did not differ, chance would make as large a difference with probability "
        f"{p_text(p_value)}."
    )
