"""Which engine is suitable for a campaign?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radhard.engines.base import Campaign, Engine, Session, UnsuitableError
from radhard.engines.campaign_cost import AUDITED, CampaignCost
from radhard.engines.first_order import FirstOrder
from radhard.engines.first_order.goals import goal_of
from radhard.engines.folded import Folded
from radhard.engines.replay import Replay, ReplaySession
from radhard.engines.replay.modules import ModulesSession
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.serial import Serial
from radhard.notes import Note

__all__ = ["Choice", "chosen"]

_GAIN = 0.1
"""Minimum share of all work that skipping modules before the fault must save."""

_SETTLED = 0.5
"""Minimum share of trials with a gradient for `FirstOrder` to be recommended."""

_RECURRENT = 0.01
"""Minimum share of trials in recurrent layers for `FirstOrder` to be chosen: each costs as much as
a complete pass, a hundred times as much as a trial elsewhere."""


@dataclass(frozen=True)
class Choice:
    """An engine, the reason for choosing it, and its session."""

    engine: Engine
    why: str
    session: Session

    @property
    def note(self) -> Note:
        """The choice, for readers of the results."""
        return Note("engine", {"engine": repr(self.engine), "why": self.why})


def chosen(campaign: Campaign, *, deterministic: bool = True, always: bool = False) -> Choice:
    """The engine for ``engine="auto"``, with its session.

    The choice depends on the campaign only, not on measured times: the same campaign always gets
    the same engine. ``deterministic``: whether two fault-free passes have the same outputs.
    ``always``: choose a faster engine even if it is not expected to pay off.
    """

    def serial(why: str) -> Choice:
        return Choice(Serial(), why, Serial().open(campaign))

    if not deterministic:
        return serial("fault-free passes may differ, so none can replace another")
    if not (always or _pays(campaign)):
        return serial("a faster one takes longer to prepare than it would save")
    lines = all(region.fault.span > 1 for region in campaign.space.regions)
    single = campaign.trials.single and not lines
    if not single and all(site.flows and site.samples is None for site in campaign.space.sites):
        return serial("many faults in activations of all samples leave nothing to reuse")
    engine = Replay() if single else Folded()
    try:
        session = engine.open(campaign)
    except UnsuitableError as error:
        return serial(str(error).rpartition("; use ")[0] or str(error))
    if isinstance(session, ModulesSession):
        gains = [session.gain(place) for place in range(len(campaign.space.sites))]
        # Sites at which nothing is saved run as complete passes, and lose nothing.
        if not always and sum(gain for gain in gains if gain > 0) < _GAIN * session.cost():
            return serial("too few modules come before the faults to be left out")
        why = "each trial has a fault in one word, before which modules need not run"
        return Choice(engine, why, session)
    words = "one word" if single else "many words"
    why = f"the model's graph is known, and each trial has faults in {words}"
    by_answer = all(metric.by_answer for metric in campaign.panel.metrics)
    if isinstance(session, ReplaySession) and by_answer:
        if _in_recurrent_layers(campaign, session.plans) >= _RECURRENT:
            why = "a fault in a recurrent layer changes all steps, and most need not be executed"
            return Choice(FirstOrder(), why, FirstOrder().open(campaign))
        if _reached(campaign, session.plans) >= _SETTLED:
            why += "; FirstOrder() could infer most trials without executing them, and check some"
    return Choice(engine, why, session)


def _pays(campaign: Campaign) -> bool:
    # So few trials would all be repeated with complete passes; not even counting a pass pays off.
    return len(campaign.trials) > AUDITED and CampaignCost.of(campaign).pays


def _in_recurrent_layers(campaign: Campaign, plans: Mapping[int, ReplayPlan]) -> float:
    """Share of the trials in parameters of which `FirstOrder` knows the effect on many steps."""
    users = {id(plan): plan.replayer.graph.users() for plan in plans.values()}
    goals = {place: goal_of(plan, place, users[id(plan)]) for place, plan in plans.items()}
    known = [
        place for place, goal in goals.items() if goal is not None and (goal.gates or goal.uses)
    ]
    places, _, _ = campaign.space.locate(campaign.trials.at(np.arange(len(campaign.trials))))
    return float(np.isin(places, known).mean())


def _reached(campaign: Campaign, plans: Mapping[int, ReplayPlan]) -> float:
    """Share of the trials whose faults have a gradient, as `FirstOrder` requires."""
    users = {id(plan): plan.replayer.graph.users() for plan in plans.values()}
    known = [
        place for place, plan in plans.items() if goal_of(plan, place, users[id(plan)]) is not None
    ]
    places, _, _ = campaign.space.locate(campaign.trials.at(np.arange(len(campaign.trials))))
    return float(np.isin(places, known).mean())
