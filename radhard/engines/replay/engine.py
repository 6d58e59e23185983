"""Start at the fault, stop when it is gone, fold many trials into one pass."""

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures, UnsuitableError
from radhard.engines.replay.entries import entries
from radhard.engines.replay.flowing import flowing
from radhard.engines.replay.graph import Graph, NoGraphError, traced
from radhard.engines.replay.noting import noted
from radhard.engines.replay.plain import Plain
from radhard.engines.replay.plan import Plan
from radhard.engines.replay.sequences import stepwise
from radhard.engines.replay.stored import stored
from radhard.engines.serial import Serial
from radhard.errors import InputError
from radhard.leaves import leaves
from radhard.space import Numbers
from radhard.spec import component
from radhard.targets.geometry import repeated

__all__ = ["Replay"]

_TRIALS = 1024
"""Trials whose outputs are collected before they are judged."""


@component
class Replay(Engine):
    """Starts at the fault and follows the difference until it vanishes or reaches the output.

    The golden value of every operation is kept (at most ``memory`` bytes; more samples are taken
    in pieces). A difference travels through the model's graph as one channel, a growing window,
    then everything; what is linear is computed from the difference alone; rows that do not differ
    any more leave; up to ``rows`` rows of several trials share a pass. Batch normalisation is
    folded where it is not struck. What the graph cannot tell goes through `Serial`.
    """

    memory: int = 2 * 1024**3
    rows: int = 6400

    def prepare(self, campaign: Campaign) -> None:
        if not campaign.trials.single:
            raise UnsuitableError(
                "Replay takes trials of one fault each; at error rates use Serial()"
            )
        batch = repeated(campaign.data.rows(slice(0, 1)), 3)
        plans = {}
        try:
            own = traced(campaign.model, campaign.call, batch)
            graph = stepwise(own)
            with torch.inference_mode():
                plain = self._plain(campaign, own, batch)
            # Every site, struck or not: what is folded must not depend on which trials are left.
            for places in _apart(campaign, list(range(len(campaign.space.sites)))):
                with torch.inference_mode():
                    plan = Plan.of(campaign, graph, places, self.memory, plain=plain)
                plans.update(dict.fromkeys(places, plan))
        except NoGraphError as error:
            raise UnsuitableError(
                f"Replay needs the model's graph ({error}); use Serial()"
            ) from None
        campaign.kept[repr(self)] = plans
        campaign.notes.extend(
            note for note in noted(campaign, graph, plans) if note not in campaign.notes
        )
        first = plans[min(plans)]
        if len(first.pieces) == 1:
            with torch.inference_mode():
                first.golden(first.pieces[0])  # now, so that workers share it

    def chunks(self, campaign: Campaign) -> Iterator[Sequence[int]]:
        plans = self._plans(campaign)
        for plan in {id(plan): plan for plan in plans.values()}.values():
            mine = [place for place, own in plans.items() if own is plan]
            flowing = {place for place in mine if plan.flows(place)}
            for chunk in super().chunks(campaign):
                place = _place(campaign, chunk)
                if place in mine and place not in flowing:
                    yield chunk
            # Trials of single samples go together, sample after sample: so that the golden values
            # of some samples are computed once.
            yield from _by_sample(campaign, plan, flowing)

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        plans = self._plans(campaign)
        flows: dict[int, list[Numbers]] = {}
        by_id = {id(plan): plan for plan in plans.values()}
        for place, trials in _by_site(campaign, todo).items():
            plan = plans[place]
            if plan.flows(place):
                flows.setdefault(id(plan), []).append(trials)
            elif plan.takes(place):
                self._alone(plans, plan)
                for at in range(0, len(trials), _TRIALS):
                    chunk = trials[at : at + _TRIALS]
                    try:
                        with torch.inference_mode():
                            figures = stored(plan, place, chunk, self.rows)
                    except (InputError, MemoryError, torch.OutOfMemoryError):
                        raise
                    except Exception as error:  # a fault crashed a pass: the reference says which
                        _crashed(campaign, error)
                        yield from Serial().run(campaign, chunk.tolist())
                        continue
                    yield chunk.tolist(), figures
            else:
                yield from Serial().run(campaign, trials.tolist())
        for number, parts in flows.items():
            self._alone(plans, by_id[number])
            trials = np.concatenate(parts)
            for at in range(0, len(trials), _TRIALS):
                chunk = trials[at : at + _TRIALS]
                with torch.inference_mode():
                    figures = flowing(by_id[number], chunk, self.rows)
                yield chunk.tolist(), figures

    def _plain(self, campaign: Campaign, graph: Graph, batch: Any) -> Plain | None:
        """The model's own operations, if weights are struck and their golden values fit too."""
        if all(site.flows for site in campaign.space.sites):
            return None
        one = graph.values([tensor for _, tensor in leaves(batch)])
        each = sum(one[slot].nbytes // 3 for slot in graph.by_sample if slot in one)
        if each * len(campaign.data) > self.memory:
            return None
        slots = entries(graph, campaign.model, campaign.call, campaign.space.sites, batch)
        plain = Plain(campaign, graph, slots)
        return plain if plain.faithful else None

    def _alone(self, plans: dict[int, Plan], plan: Plan) -> None:
        """Golden values of one plan at a time are what ``memory`` allows."""
        for other in plans.values():
            if other is not plan:
                other.forget()

    def _plans(self, campaign: Campaign) -> dict[int, Plan]:
        """The plan for every site."""
        if repr(self) not in campaign.kept:
            self.prepare(campaign)
        plans: dict[int, Plan] = campaign.kept[repr(self)]
        return plans


def _crashed(campaign: Campaign, error: Exception) -> None:
    kind = type(error).__name__
    note = f"Trials sharing a pass with one that crashed ({kind}) went through Serial()."
    if note not in campaign.notes:
        campaign.notes.append(note)


def _place(campaign: Campaign, chunk: Sequence[int]) -> int:
    """The site of a chunk, whose trials are all of one."""
    return int(campaign.space.locate(campaign.trials[chunk[0]])[0][0])


def _by_site(campaign: Campaign, todo: Sequence[int]) -> dict[int, Numbers]:
    """The trials of each site."""
    trials = np.asarray(todo, dtype=np.int64)
    places, _, _ = campaign.space.locate(campaign.trials.at(trials))
    return {place: trials[places == place] for place in np.unique(places).tolist()}


def _apart(campaign: Campaign, places: list[int]) -> list[list[int]]:
    """Sites whose batch normalisation may be folded away, and those that need it as it is."""
    norms = [p for p in places if "Norm" in campaign.space.sites[p].kind]
    others = [p for p in places if p not in norms]
    return [group for group in (others, norms) if group]


def _by_sample(campaign: Campaign, plan: Plan, places: Collection[int]) -> Iterator[Sequence[int]]:
    """Trials of single samples: those of one piece of the samples, then those of the next."""
    trials = np.arange(len(campaign.trials))
    faults = campaign.trials.at(trials)
    found, words, _ = campaign.space.locate(faults)
    mine = np.isin(found, list(places))
    trials, faults, found, words = (part[mine] for part in (trials, faults, found, words))
    if not len(trials):
        return
    inner = np.array([math.prod(site.shape) for site in campaign.space.sites])[found]
    pieces = np.searchsorted([piece.stop for piece in plan.pieces], words // inner, side="right")
    for piece in np.unique(pieces).tolist():
        own = trials[pieces == piece]
        # All kinds of tensors in each chunk: their rows come together on the way.
        for at in range(0, len(own), plan.together):
            yield own[at : at + plan.together].tolist()
