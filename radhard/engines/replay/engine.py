"""Start at the fault, stop when it is gone, fold many trials into one pass."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, UnsuitableError
from radhard.engines.replay.crashes import tried
from radhard.engines.replay.entries import entries
from radhard.engines.replay.flowing import ELEMENTS, flowing
from radhard.engines.replay.graph import Graph, NoGraphError
from radhard.engines.replay.modules import Modules
from radhard.engines.replay.noting import noted
from radhard.engines.replay.parts import apart, by_sample, by_site, place_of
from radhard.engines.replay.plain import Plain
from radhard.engines.replay.plan import Plan
from radhard.engines.replay.sequences import stepwise
from radhard.engines.replay.stored import stored
from radhard.engines.replay.tracing import graph_of
from radhard.engines.serial import Serial
from radhard.space import Numbers
from radhard.spec import component
from radhard.targets.geometry import repeated
from radhard.tree import tree_leaves

__all__ = ["Replay"]

_TRIALS = 1024
"""Trials whose outputs are collected before they are judged."""

_LEAST = 32
"""Trials in a chunk, at least, if there are so many."""

_PASSES = 16
"""Passes that the trials of a chunk should fill."""


@component
class Replay(Engine):
    """Starts at the fault and follows the difference until it vanishes or reaches the output.

    The golden value of every operation is kept (at most ``memory`` bytes; more samples are taken
    in pieces). A difference travels through the model's graph as one channel, a growing window,
    then everything; what is linear is computed from the difference alone; rows that do not differ
    any more leave; up to ``rows`` rows of several trials share a pass. Batch normalisation is
    folded where it is not struck. What the graph cannot tell goes through `Serial`.

    The graph is from ``torch.export``, or else from ``torch.fx``. Where neither can make one,
    modules that are called before the fault return what they gave without it, and all others run.
    """

    memory: int = 2 * 1024**3
    rows: int = 6400

    def prepare(self, campaign: Campaign) -> None:
        try:
            self.prepare_graph(campaign)
        except NoGraphError as error:
            try:
                modules = Modules(campaign, self.memory)
            except NoGraphError as more:
                raise UnsuitableError(
                    f"Replay needs the model's graph ({error}; {more}); use Serial()"
                ) from None
            campaign.kept[repr(self)] = modules
            campaign.notes.append(
                f"There is no graph of the model ({error}); Replay had the modules that are called "
                "before the fault return what they gave without it, and ran all others."
            )
            if names := modules.worthless():
                rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
                campaign.notes.append(
                    f"Faults in {', '.join(names[:5])}{rest} went through Serial(), as leaving "
                    "modules out would save less than it costs there."
                )

    def prepare_graph(self, campaign: Campaign) -> dict[int, Plan]:
        """Prepare, and give the plan for every site of the space.

        Raises:
            NoGraphError: the model has no graph.
            UnsuitableError: the engine cannot take this campaign.
        """
        if not campaign.trials.single:
            raise UnsuitableError(
                "Replay takes trials of one fault each; at error rates use Serial()"
            )
        batch = repeated(campaign.data.rows(slice(0, 1)), 3)
        plans: dict[int, Plan] = {}
        own = graph_of(campaign.model, campaign.call, campaign.data)
        graph = stepwise(own)
        with torch.inference_mode():
            plain = self._plain(campaign, own, batch)
        # Every site, struck or not: what is folded must not depend on which trials are left.
        for places in apart(campaign, list(range(len(campaign.space.sites)))):
            with torch.inference_mode():
                plan = Plan.of(campaign, graph, places, self.memory, plain=plain)
            plans.update(dict.fromkeys(places, plan))
        campaign.kept[repr(self)] = plans
        campaign.notes.extend(
            note for note in noted(campaign, graph, plans) if note not in campaign.notes
        )
        # Its golden values are there before there are workers, so that these share them.
        self._alone(plans, plans[min(plans)])
        return plans

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        plans = self._plans(campaign)
        if isinstance(plans, Modules):
            yield from super().chunks(campaign)
            return
        for plan in {id(plan): plan for plan in plans.values()}.values():
            mine = [place for place, own in plans.items() if own is plan]
            flowing = {place for place in mine if plan.flows(place)}
            for chunk in super().chunks(campaign):
                place = place_of(campaign, chunk)
                if place in mine and place not in flowing:
                    size = self._chunk(plan, place)
                    for at in range(0, len(chunk), size):
                        yield chunk[at : at + size]
            # Trials of single samples go together, sample after sample: so that the golden values
            # of some samples are computed once.
            yield from by_sample(campaign, plan, flowing)

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        plans = self._plans(campaign)
        if isinstance(plans, Modules):
            yield from _by_modules(plans, campaign, todo)
            return
        flows: dict[int, list[Numbers]] = {}
        by_id = {id(plan): plan for plan in plans.values()}
        for place, trials in by_site(campaign, todo).items():
            plan = plans[place]
            if plan.flows(place):
                flows.setdefault(id(plan), []).append(trials)
            elif plan.takes(place):
                self._alone(plans, plan)
                execute = partial(self._stored, plan, place)
                for at in range(0, len(trials), _TRIALS):
                    yield from tried(campaign, trials[at : at + _TRIALS], execute)
            else:
                yield from Serial().run(campaign, trials.tolist())
        for number, parts in flows.items():
            self._alone(plans, by_id[number])
            plan, trials = by_id[number], np.concatenate(parts)
            for at in range(0, len(trials), plan.together):
                chunk = trials[at : at + plan.together]
                yield from tried(campaign, chunk, partial(self._flowing, plan))

    def _chunk(self, plan: Plan, place: int) -> int:
        """Trials in a chunk: no more than share passes to some avail, so that workers end alike."""
        piece = plan.pieces[0]
        each: int = (piece.stop - piece.start) * plan.largest(place)
        return max(_LEAST, _PASSES * (ELEMENTS // each))

    def _stored(self, plan: Plan, place: int, trials: Numbers) -> Figures:
        return stored(plan, place, trials, self.rows)

    def _flowing(self, plan: Plan, trials: Numbers) -> Figures:
        return flowing(plan, trials, self.rows)

    def _plain(self, campaign: Campaign, graph: Graph, batch: Any) -> Plain | None:
        """The model's own operations, if weights are struck and their golden values fit too."""
        if all(site.flows for site in campaign.space.sites):
            return None
        one = graph.values(tree_leaves(batch))
        each = sum(one[slot].nbytes // 3 for slot in graph.by_sample if slot in one)
        if each * len(campaign.data) > self.memory:
            return None
        slots = entries(graph, campaign.model, campaign.call, campaign.space.regions, batch)
        plain = Plain(campaign, graph, slots)
        return plain if plain.faithful else None

    def _alone(self, plans: dict[int, Plan], plan: Plan) -> None:
        """Golden values of one plan at a time are what ``memory`` allows."""
        for other in plans.values():
            if other is not plan:
                other.forget()

    def _plans(self, campaign: Campaign) -> dict[int, Plan] | Modules:
        """The plan for every site; or the modules, where there is no graph."""
        if repr(self) not in campaign.kept:
            self.prepare(campaign)
        plans: dict[int, Plan] | Modules = campaign.kept[repr(self)]
        return plans


def _by_modules(
    modules: Modules, campaign: Campaign, todo: Sequence[int]
) -> Iterator[tuple[Sequence[int], Figures]]:
    for place, trials in by_site(campaign, todo).items():
        if modules.takes(place):
            for trial in trials.tolist():
                yield [trial], modules.figures(trial, place)
        else:
            yield from Serial().run(campaign, trials.tolist())
