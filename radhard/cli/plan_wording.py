"""How are the ways to a margin, and the choice between them, put into words?"""

from typing import Any

from radhard.planning import CampaignPlan, SamplerPlan, duration
from radhard.samplers import Adaptive, Exhaustive
from radhard.stats import percent

__all__ = ["choice_in_words", "chosen_line", "plan_facts"]


def choice_in_words(found: CampaignPlan) -> str:
    """Which way to the margin is the fastest that assumes nothing."""
    sampler = found.choice.sampler
    way = "drawing faults at random"
    if isinstance(sampler, Exhaustive):
        way = "injecting every fault"
    elif isinstance(sampler, Adaptive) and sampler.caps is not None:
        way = "computing first which faults are harmless, then drawing among the others"
    faster = found.rows[0] is not found.choice
    also = f" (faster with an assumption: {found.rows[0].sampler!r})" if faster else ""
    return f"Fastest without assumptions: {way}{also}."


def chosen_line(found: CampaignPlan) -> str:
    """The sampler chosen for a margin, and what the others are expected to cost."""
    asked = found.precision
    of = "" if asked.by is None else f" in every {asked.by}"
    others = [_cost(row) for row in found.rows if row is not found.choice]
    others += [f"{way} does not apply" for way in found.left_out]
    beside = f"; others: {'; '.join(others)}" if others else ""
    return (
        f"fastest sampler for a margin of {percent(asked.margin)}{of} without assumptions: "
        f"{_cost(found.choice)}{beside}"
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


def _cost(row: SamplerPlan) -> str:
    trials = "" if row.trials is None else f"{row.trials:,} trials, "
    stated = ", with an assumption" if row.assumes else ""
    return f"{row.sampler!r} ({trials}{duration(row.seconds)}{stated})"
