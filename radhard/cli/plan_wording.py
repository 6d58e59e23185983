"""How are the ways to a margin, and the choice between them, put into words?"""

from typing import Any

from radhard.planning import CampaignPlan, SamplerPlan
from radhard.samplers import Adaptive, Exhaustive
from radhard.stats import percent

__all__ = ["choice_in_words", "chosen_line", "duration", "plan_facts"]


def choice_in_words(found: CampaignPlan) -> str:
    """Which way to the margin is the fastest that assumes nothing."""
    sampler = found.choice.sampler
    way = "to draw faults"
    if isinstance(sampler, Exhaustive):
        way = "to try every fault"
    elif isinstance(sampler, Adaptive) and sampler.caps is not None:
        way = "to prove what faults can do at most, and then to draw,"
    faster = found.rows[0] is not found.choice
    also = f"; faster still, under an assumption: {found.rows[0].sampler!r}" if faster else ""
    return f"{way} is the fastest way that assumes nothing{also}"


def chosen_line(found: CampaignPlan) -> str:
    """The sampler chosen for a margin, with what it and the others are expected to cost."""
    of = "" if found.by is None else f" of every {found.by}"
    others = [_cost(row) for row in found.rows if row is not found.choice]
    others += [f"{way} (does not apply)" for way in found.left_out]
    beside = f"; beside {'; '.join(others)}" if others else ""
    return (
        f"chosen for a margin of {percent(found.margin)}{of}: {_cost(found.choice)}, the fastest "
        f"expected way that assumes nothing{beside}"
    )


def plan_facts(found: CampaignPlan) -> list[dict[str, Any]]:
    """The rows of a plan as plain values, the fastest first."""
    return [
        {
            "sampler": repr(row.sampler),
            "trials": row.trials,
            "seconds": row.seconds,
            "basis": row.basis,
        }
        for row in found.rows
    ]


def duration(seconds: float) -> str:
    """A time with two digits, in the unit that reads best.

    >>> duration(0.123), duration(110.0), duration(9000.0), duration(400 * 86400.0)
    ('0.12 s', '110 s', '2.5 h', '400 d')
    """
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds)} s"


def _cost(row: SamplerPlan) -> str:
    trials = "" if row.trials is None else f"{row.trials:,} trials, "
    stated = ", under an assumption" if row.assumes else ""
    return f"{row.sampler!r} ({trials}{duration(row.seconds)}{stated})"


def _two_digits(value: float) -> str:
    """Two digits, and more only where an exponent would stand instead."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
