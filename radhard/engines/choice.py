"""Which engine is suitable for a campaign?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radhard.engines.base import Campaign, Engine, Session, UnsuitableError
from radhard.engines.campaign_cost import AUDITED, CampaignCost
from radhard.engines.first_order import FirstOrder
from radhard.engines.first_order.goals import goal_of
from radhard.engines.folded import Folded
from radhard.engines.folded.folded import FoldedSession
from radhard.engines.replay import Replay, ReplaySession
from radhard.engines.replay.modules import ModulesSession
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.serial import Serial
from radhard.notes import Note
from radhard.replay.graph import Graph, NoGraphError, graph_of
from radhard.samplers import StagedTrials

__all__ = ["Choice", "chosen"]

_GAIN = 0.1
"""Minimum share of all work that skipping modules before the fault must save."""

_SETTLED = 0.5
"""Minimum share of trials with a gradient for `FirstOrder` to be chosen."""

_LARGE, _TRIALS, _SAMPLES = 2e8, 100, 16
"""Minimum cost of a trial with complete passes, in multiplications, number of trials and number of
samples for `FirstOrder` to be chosen: `Replay` saves most of a small network's passes, too, the
gradients cost about as much as ten trials, and one sample of each trial is executed in any case."""

_LARGE_SAMPLE, _TRIALS_PER_SAMPLE = 1e7, 20
"""The same for trials that affect one sample each. The gradients are those of all samples."""

_SETTLED_MANY, _SPARED = 0.25, 40
"""The same for trials of many faults: minimum share of the verdicts that are inferred, and of the
trials' passes that this spares, in trials."""

_LOOKED_AT = 32
"""Trials of many faults of which this share is found."""

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


def chosen(
    campaign: Campaign, *, deterministic: bool = True, always: bool = False, exact: bool = False
) -> Choice:
    """The engine for ``engine="auto"``, with its session.

    The choice depends on the campaign only, not on measured times: the same campaign always gets
    the same engine. ``deterministic``: whether two fault-free passes have the same outputs.
    ``always``: choose a faster engine even if it is not expected to pay off. ``exact``: none that
    infers verdicts.
    """

    def serial(why: str) -> Choice:
        return Choice(Serial(), why, Serial().open(campaign))

    if not deterministic:
        return serial("fault-free passes may differ, so none can replace another")
    # So few trials would all be repeated with complete passes; not even counting a pass pays off.
    cost = None if len(campaign.trials) <= AUDITED else CampaignCost.of(campaign)
    graph = None
    if not (always or _pays(cost)):
        # An export takes seconds: where that is too much, only a graph that is recorded will do.
        graph = _recorded(campaign) if cost is not None and cost.pays else None
        if graph is None:
            return serial("a faster one takes longer to prepare than it would save")
    lines = all(region.fault.span > 1 for region in campaign.space.regions)
    single = campaign.trials.single and not lines
    if not single and all(site.flows and site.samples is None for site in campaign.space.sites):
        return serial("many faults in activations of all samples leave nothing to reuse")
    engine = Replay() if single else Folded()
    inferable = not exact and _is_inferable(campaign) and not lines
    try:
        # As `FirstOrder` has one: preparing a graph takes long.
        if single:
            replay = FirstOrder().replay if inferable else Replay()
            session = _replaying(campaign, replay, graph)
        else:
            session = (FirstOrder().folded if inferable else engine).open(campaign)
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
    if inferable and isinstance(session, ReplaySession):
        if reason := _inference_pays(campaign, session.plans, cost):
            return Choice(FirstOrder(), reason, _opened(FirstOrder(), session))
        why += "; inferring verdicts would take about as long"
        if not _is_of_any_memory(session):
            session = engine.open(campaign)
    if inferable and isinstance(session, FoldedSession):
        if (inferring := _inferring_many(session, cost)) is not None:
            why = "most verdicts follow from gradients, and a share of these is audited"
            return Choice(FirstOrder(), why, inferring)
        if len(session.plan.replayer.pieces) > 1:
            session = engine.open(campaign)
    session.engine = engine
    return Choice(engine, why, session)


def _pays(cost: CampaignCost | None) -> bool:
    """Whether a faster engine is expected to save time, even if the graph has to be exported."""
    return cost is not None and cost.pays_exported


def _recorded(campaign: Campaign) -> Graph | None:
    """The graph of a recorded pass, if there is one."""
    workload = campaign.workload
    try:
        return graph_of(workload.model, workload.call, workload.data, recorded_only=True)
    except NoGraphError:
        return None
    finally:
        workload.state.restore()


def _is_inferable(campaign: Campaign) -> bool:
    """Whether `FirstOrder` supports the metrics and trials, and these are a sample of many."""
    trials, beyond = campaign.trials, campaign.panel.beyond_answer
    # A list of faults is there for what each of them does.
    # A mean over words or strata of stages needs all of their trials, and where trials affect one
    # sample each only a share of them is measured.
    alone = any(site.samples is not None for site in campaign.space.sites)
    together = trials.together > 1 or isinstance(trials, StagedTrials)
    apart = together and alone and bool(beyond)
    if not trials.single:
        # Trials at several rates are there for what each of them shows: at which rate an error is
        # tolerable follows from all of them together.
        stored = not any(site.flows for site in campaign.space.sites)
        return beyond is not None and stored and not trials.histories and len(trials.strata) == 1
    return beyond is not None and trials.listed is None and not apart


def _replaying(campaign: Campaign, engine: Replay, graph: Graph | None) -> Session:
    """A session of `Replay` by a graph, which may be known already, or by modules.

    Raises:
        UnsuitableError: neither a graph nor modules can be used.
    """
    engine.check_state(campaign)
    try:
        return engine.prepare_graph(campaign, graph)
    except NoGraphError as error:
        session = Replay().prepare_modules(campaign, str(error))
        session.engine = Replay()
        return session
    finally:
        campaign.workload.state.restore()


def _opened(engine: FirstOrder, replay: ReplaySession) -> Session:
    try:
        session = engine.beside(replay)
    finally:
        replay.campaign.workload.state.restore()
    session.engine = engine
    return session


def _inferring_many(folded: FoldedSession, cost: CampaignCost | None) -> Session | None:
    """The session of `FirstOrder` for trials of many faults; None if it is not expected to pay."""
    campaign = folded.campaign
    trials, samples = campaign.trials, len(campaign.workload.data)
    if cost is None or cost.whole / len(trials) < _LARGE or samples < _SAMPLES:
        return None
    some = np.unique(np.linspace(0, len(trials) - 1, _LOOKED_AT).astype(int))

    def pays(share: float) -> bool:
        """Whether it does with this share of the verdicts inferred."""
        return share >= _SETTLED_MANY and share * len(trials) >= _SPARED

    # First without gradients, which cost about as much as ten trials.
    if not folded.sample_passes.possible or not pays(1 - folded.large(some).mean()):
        return None
    try:
        engine = FirstOrder()
        session = engine.beside_folded(folded)
        found = pays(session.settled(some).mean())
    finally:
        campaign.workload.state.restore()
    session.engine = engine
    return session if found else None


def _is_of_any_memory(session: ReplaySession) -> bool:
    """Whether more memory would make no difference, as a run may be continued by `Replay` alone."""
    flows = all(site.flows for site in session.campaign.space.sites)
    return all(
        len(plan.replayer.pieces) == 1 and (flows or plan.plain is not None)
        for plan in session.plans.values()
    )


def _inference_pays(
    campaign: Campaign, plans: Mapping[int, ReplayPlan], cost: CampaignCost | None
) -> str:
    """Why `FirstOrder` is expected to take less time than `Replay`; empty if it is not."""
    users = {id(plan): plan.replayer.graph.users() for plan in plans.values()}
    goals = {place: goal_of(plan, place, users[id(plan)]) for place, plan in plans.items()}
    known = {place: goal for place, goal in goals.items() if goal is not None}
    places, _, _ = campaign.space.locate(campaign.trials.at(np.arange(len(campaign.trials))))
    steps = [place for place, goal in known.items() if goal.gates or goal.uses]
    if np.isin(places, steps).mean() >= _RECURRENT:
        return "a fault in a recurrent layer changes all steps, and most need not be executed"
    if np.isin(places, list(known)).mean() < _SETTLED or cost is None:
        return ""
    each, samples = cost.whole / len(campaign.trials), len(campaign.workload.data)
    if all(site.samples is not None for site in campaign.space.sites):
        large = each >= _LARGE_SAMPLE and len(campaign.trials) >= _TRIALS_PER_SAMPLE * samples
    else:
        large = each >= _LARGE and len(campaign.trials) >= _TRIALS and samples >= _SAMPLES
    return "most verdicts follow from gradients, and a share of these is audited" if large else ""
