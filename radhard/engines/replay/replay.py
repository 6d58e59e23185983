"""How are trials executed from the fault on, with many trials in one pass?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, Session, TrialResults, UnsuitableError
from radhard.engines.replay.activation_faults import flowing, in_every_sample
from radhard.engines.replay.crashes import parts_of_shared_passes
from radhard.engines.replay.graph_notes import graph_notes
from radhard.engines.replay.modules import ModulesSession
from radhard.engines.replay.parameter_faults import stored
from radhard.engines.replay.plain import Plain
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.replay.register_faults import in_registers
from radhard.engines.replay.trial_groups import apart, by_sample, by_site, place_of
from radhard.engines.serial import SerialSession
from radhard.notes import Note
from radhard.replay.graph import Graph, NoGraphError, graph_of, site_slots
from radhard.replay.recurrent import separate_recurrent_layers
from radhard.replay.replayer import ELEMENTS
from radhard.space import Numbers
from radhard.spec import component
from radhard.tree import tree_leaves
from radhard.workload.geometry import repeated

__all__ = ["Replay", "ReplaySession"]

_TRIALS = 1024
"""Number of trials whose outputs are collected before the metrics are computed."""

_LEAST = 32
"""Minimum number of trials in a chunk, if there are as many."""

_PASSES = 16
"""Number of passes that the trials of a chunk should fill."""


@component
class Replay(Engine):
    """Starts at the fault and propagates the difference until it vanishes or reaches the output.

    The golden value of every operation is kept, in at most ``memory`` bytes; if more are needed,
    the samples are processed in pieces. A difference propagates through the model's graph as one
    channel, then a growing window, then the whole value. Linear operations are computed from the
    difference alone; rows without a difference are dropped; up to ``rows`` rows of several trials
    share a pass. Batch normalisation is folded unless it contains the fault. `Serial` executes
    faults that the graph does not represent.

    The graph holds the operations that one pass carries out; where these may differ in another
    pass, it is created by ``torch.export`` or, if that fails, by ``torch.fx``. If all fail,
    modules that are called before the fault return their fault-free outputs, and all others run.
    """

    memory: int = 2 * 1024**3
    rows: int = 6400

    def prepare(self, campaign: Campaign) -> "ReplaySession | ModulesSession":
        try:
            return self.prepare_graph(campaign)
        except NoGraphError as error:
            return self.prepare_modules(campaign, str(error))

    def prepare_modules(self, campaign: Campaign, why: str) -> ModulesSession:
        """A session that leaves out the modules before the fault; ``why``: there is no graph.

        Raises:
            UnsuitableError: the modules cannot be left out either.
        """
        try:
            return ModulesSession(campaign, self.memory, why)
        except NoGraphError as more:
            raise UnsuitableError(
                f"Replay needs the model's graph ({why}; {more}); use Serial()"
            ) from None

    def prepare_graph(self, campaign: Campaign, graph: Graph | None = None) -> "ReplaySession":
        """A session with a plan for every site of the space; ``graph`` is the model's, if known.

        Raises:
            NoGraphError: the model has no graph.
            UnsuitableError: the engine does not support this campaign.
        """
        if not campaign.trials.single:
            raise UnsuitableError(
                "Replay takes trials of one fault each; at error rates use Serial()"
            )
        workload = campaign.workload
        batch = repeated(workload.data.rows(slice(0, 1)), 3)
        plans: dict[int, ReplayPlan] = {}
        original = graph
        if original is None:
            original = graph_of(workload.model, workload.call, workload.data)
        graph = separate_recurrent_layers(original)
        with torch.inference_mode():
            plain = self._plain(campaign, original, batch)
        # All sites, with trials or not: folding must not depend on the trials that remain, or the
        # figures of a continued run might differ in their last bits.
        for places in apart(campaign, list(range(len(campaign.space.sites)))):
            with torch.inference_mode():
                plan = ReplayPlan.of(campaign, graph, places, self.memory, plain=plain)
            plans.update(dict.fromkeys(places, plan))
        return ReplaySession(campaign, plans, graph_notes(campaign, graph, plans), self.rows)

    def _plain(self, campaign: Campaign, graph: Graph, batch: Any) -> Plain | None:
        """The model's own operations, if stored tensors are targets and the golden values fit."""
        if all(site.flows for site in campaign.space.sites):
            return None
        workload = campaign.workload
        one = graph.values(tree_leaves(batch))
        each = sum(one[slot].nbytes // 3 for slot in graph.by_sample if slot in one)
        if each * len(workload.data) > self.memory:
            return None
        slots = site_slots(graph, workload.model, workload.call, campaign.space.sites, batch)
        plain = Plain(campaign, graph, slots)
        return plain if plain.faithful else None


class ReplaySession(Session):
    """Executes trials through the graph, by the plan of the site of each fault."""

    def __init__(
        self, campaign: Campaign, plans: dict[int, ReplayPlan], notes: Sequence[Note], rows: int
    ) -> None:
        super().__init__(campaign, notes)
        self.plans = plans
        """The plan for every site of the space, by its place."""
        self.rows = rows
        self._serial = SerialSession(campaign)
        # The golden values of the first plan exist before workers are forked, which share them.
        self.hold_only(plans[min(plans)])

    def chunks(self) -> Iterator[Sequence[int]]:
        for plan in {id(plan): plan for plan in self.plans.values()}.values():
            mine = [place for place, own in self.plans.items() if own is plan]
            flowing = {place for place in mine if _is_of_samples(plan, place)}
            for chunk in super().chunks():
                place = place_of(self.campaign, chunk)
                if place in mine and place not in flowing:
                    size = _chunk_size(plan, place)
                    for at in range(0, len(chunk), size):
                        yield chunk[at : at + size]
            # Trials of single samples are ordered by sample, so that the golden values of each
            # piece of the samples are computed once.
            yield from by_sample(self.campaign, plan, flowing)

    def run(self, trials: Sequence[int]) -> Iterator[TrialResults]:
        flows: dict[int, list[Numbers]] = {}
        by_id = {id(plan): plan for plan in self.plans.values()}
        for place, mine in by_site(self.campaign, trials).items():
            plan = self.plans[place]
            if _is_of_samples(plan, place):
                flows.setdefault(id(plan), []).append(mine)
            elif plan.replayer.flows_in_every_sample(place):
                self.hold_only(plan)
                execute = partial(in_every_sample, plan, rows=self.rows)
                size = max(1, plan.together // len(plan.replayer.golden_outputs))
                for at in range(0, len(mine), size):
                    yield from self.shared(plan, mine[at : at + size], execute)
            elif plan.replayer.takes(place):
                self.hold_only(plan)
                executor = in_registers if plan.replayer.has_registers(place) else stored
                execute = partial(executor, plan, place, most=self.rows)
                for at in range(0, len(mine), _TRIALS):
                    yield from self.shared(plan, mine[at : at + _TRIALS], execute)
            else:
                yield from self._serial.run(mine.tolist())
        for number, several in flows.items():
            self.hold_only(by_id[number])
            plan, mine = by_id[number], np.concatenate(several)
            execute = partial(flowing, plan, rows=self.rows)
            for at in range(0, len(mine), plan.together):
                yield from self.shared(plan, mine[at : at + plan.together], execute)

    def continued(self, campaign: Campaign) -> Session:
        plans: dict[int, ReplayPlan] = {}
        for plan in {id(plan): plan for plan in self.plans.values()}.values():
            again = replace(plan, campaign=campaign)
            plans.update({place: again for place, own in self.plans.items() if own is plan})
        session = ReplaySession(campaign, plans, self.notes, self.rows)
        session.engine = self.engine
        return session

    def hold_only(self, plan: ReplayPlan) -> None:
        """Discard the golden values of other plans, since ``memory`` is for one plan."""
        for other in self.plans.values():
            if other is not plan:
                other.replayer.forget()

    def shared(
        self, plan: ReplayPlan, trials: Numbers, execute: Callable[[Numbers], Figures]
    ) -> Iterator[TrialResults]:
        """The results of trials of a plan, which ``execute`` computes in shared passes.

        `Serial` executes trials that crash a pass.
        """
        for part in parts_of_shared_passes(trials, execute, self._serial.run):
            crashes = {**part.crashes, **plan.reference.take_crashes()}
            yield replace(part, crashes=crashes)


def _is_of_samples(plan: ReplayPlan, place: int) -> bool:
    """Whether trials of single samples, with faults in a site, share passes."""
    if plan.replayer.has_registers(place) or plan.replayer.has_cache(place):
        return plan.campaign.space.sites[place].samples is not None
    return plan.replayer.flows(place) or plan.replayer.has_states(place)


def _chunk_size(plan: ReplayPlan, place: int) -> int:
    """Trials in a chunk: no more than benefit from sharing passes, so that workers end together."""
    piece = plan.replayer.pieces[0]
    each: int = (piece.stop - piece.start) * plan.replayer.largest(place)
    return max(_LEAST, _PASSES * (ELEMENTS // each))
