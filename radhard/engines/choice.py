"""Which engine suits a campaign?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radhard.engines.base import Campaign, Engine, UnsuitableError
from radhard.engines.estimate import AUDITED, Estimate
from radhard.engines.first_order.goals import goal_of
from radhard.engines.folded import Folded
from radhard.engines.replay import Replay
from radhard.engines.replay.modules import Modules
from radhard.engines.replay.plan import Plan
from radhard.engines.serial import Serial

__all__ = ["Choice", "chosen"]

_GAIN = 0.1
"""Share of all work that beginning at the fault has to save where modules are left out."""

_SETTLED = 0.5
"""Share of the trials that a gradient has to reach for an engine to be recommended."""


@dataclass(frozen=True)
class Choice:
    """An engine, and why this one."""

    engine: Engine
    why: str

    def __str__(self) -> str:
        return f"engine='auto' chose {self.engine!r}: {self.why}."


def chosen(campaign: Campaign, *, deterministic: bool = True, always: bool = False) -> Choice:
    """The engine for ``engine="auto"``, prepared.

    It follows from the campaign, never from a clock: the same campaign gets the same engine.
    ``deterministic``: whether two fault-free passes are the same. ``always``: take a faster engine
    also where it is not expected to pay.
    """
    if not deterministic:
        return Choice(Serial(), "fault-free passes may differ, so that none can stand for another")
    if not (always or _pays(campaign)):
        return Choice(Serial(), "a faster one takes longer to prepare than it would save")
    single = campaign.trials.single
    if not single and all(site.flows for site in campaign.space.sites):
        return Choice(Serial(), "trials of many faults in values that flow leave nothing to spare")
    engine = Replay() if single else Folded()
    noted = len(campaign.notes)
    try:
        engine.ready(campaign)
    except UnsuitableError as error:
        return Choice(Serial(), str(error).rpartition("; use ")[0] or str(error))
    kept = campaign.kept[repr(engine)]
    if isinstance(kept, Modules):
        gains = [kept.gain(place) for place in range(len(campaign.space.sites))]
        if not always and sum(gain for gain in gains if gain > 0) < _GAIN * kept.cost():
            del campaign.notes[noted:], campaign.kept[repr(engine)]
            return Choice(Serial(), "too little comes before the faults to be left out")
        return Choice(engine, "each trial strikes one word, before which modules need not run")
    strikes = "one word" if single else "many words"
    why = f"the model's graph is known, and each trial strikes {strikes}"
    by_answer = all(metric.by_answer for metric in campaign.panel.metrics)
    if single and by_answer and _reached(campaign, kept) >= _SETTLED:
        why += "; FirstOrder() could settle most trials without executing them, and check a share"
    return Choice(engine, why)


def _pays(campaign: Campaign) -> bool:
    # So few trials would all be repeated by whole passes: not even counting one pass would pay.
    return len(campaign.trials) > AUDITED and Estimate.of(campaign).pays


def _reached(campaign: Campaign, plans: Mapping[int, Plan]) -> float:
    """Share of the trials whose faults a gradient reaches, as FirstOrder needs it."""
    users = {id(plan): plan.graph.users() for plan in plans.values()}
    known = [
        place for place, plan in plans.items() if goal_of(plan, place, users[id(plan)]) is not None
    ]
    places, _, _ = campaign.space.locate(campaign.trials.at(np.arange(len(campaign.trials))))
    return float(np.isin(places, known).mean())
