"""How many trials does a stratum have?"""

import math
from collections.abc import Sequence

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.stats import percent, sample_size

__all__ = ["check_size", "size", "stratum_size_in_words"]


def check_size(n: int | None, margin: float | None, confidence: float, p: float) -> None:
    """Raise `InputError` unless exactly one of ``n`` and ``margin`` is given, and all are valid."""
    if (n is None) == (margin is None):
        raise InputError("give the number of trials (n=400) or the margin (margin=0.01), not both")
    if n is not None and n < 1:
        raise InputError(f"n={n} is not allowed; at least 1 trial")
    if margin is not None and not 0 < margin < 1:
        raise InputError(f"margin={margin} is not allowed; a share between 0 and 1, such as 0.01")
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence} is not allowed; between 0 and 1, such as 0.95")
    if not 0 < p < 1:
        raise InputError(f"p={p} is not allowed; the expected rate, between 0 and 1")


def size(
    population: int,
    n: int | None,
    margin: float | None,
    confidence: float,
    p: float,
    *,
    least: int = 1,
) -> int:
    """Trials for a stratum: ``n``, or the sample size for a margin (Leveugle et al., DATE 2009).

    Never more than the population. Where half a trial would be too many, ``least``.
    """
    if n is not None:
        return min(population, n)
    assert margin is not None
    wanted = sample_size(population, margin, confidence, p) if p > 0 else 0.0
    return min(population, math.ceil(wanted) if wanted >= 0.5 else least)


def stratum_size_in_words(
    faults: Sequence[FaultModel],
    planned: int,
    part: str,
    n: int | None,
    margin: float | None,
    confidence: float,
    p: float,
) -> str:
    """The number of faults drawn from each ``part``, as the beginning of a sentence."""
    if n is not None:
        return f"{faults_in_words(faults, n)} per {part}"
    assert margin is not None
    return (
        f"{faults_in_words(faults, planned)}, as many per {part} as needed for a margin of "
        f"{percent(margin)} at {percent(confidence)} confidence and an expected rate of "
        f"{percent(p)},"
    )
