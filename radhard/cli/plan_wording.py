"""How are the ways to a margin, and the choice between them, put into words?"""

from typing import Any

from radhard.planning import CampaignPlan, SamplerPlan, duration
from radhard.samplers import Adaptive, Exhaustive
from radhard.stats import percent

__all__ = ["choice_in_words", "chosen_line", "plan_facts"]


def choice_in_words(found: CampaignPlan) -> str:
    """Which way to the margin is the fastest that assumes nothing."""
    sampler = found.choice.sampler
    way = "to draw faults"
    if isinstance(sampler, Exhaustive):
        way = "to try every fault"
    elif isinstance(sampler, Adaptive) and sampler.caps is not None:
        way = "to compute which faults cannot do harm, and to draw among the others,"
    faster = found.rows[0] is not found.choice
    also = f"; faster still, under an assumption: {found.rows[0].sampler!r}" if faster else ""
    return f"{way} is the fastest way that assumes nothing{also}"


def chosen_line(found: CampaignPlan) -> str:
    """The sampler chosen for a margin, with what it and the others are expected to cost."""
    asked = found.precision
    of = "" if asked.by is None else f" of every {asked.by}"
    others = [_cost(row) for row in found.rows if row is not found.choice]
    others += [f"{way} (does not apply)" for way in found.left_out]
    beside = f"; beside {'; '.join(others)}" if others else ""
    return (
        f"chosen for a margin of {percent(asked.margin)}{of}: {_cost(found.choice)}, the fastest "
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


def _cost(row: SamplerPlan) -> str:
    trials = "" if row.trials is None else f"{row.trials:,} trials, "
    stated = ", under an assumption" if row.assumes else ""
    return f"{row.sampler!r} ({trials}{duration(row.seconds)}{stated})"
