"""Start at the fault, stop when it is gone, fold many trials into one pass."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from radhard.engines.base import Campaign, Engine, Figures
from radhard.engines.replay.graph import NoGraphError, traced
from radhard.engines.replay.patch import Patch
from radhard.engines.replay.plan import Plan
from radhard.engines.replay.rules import advance
from radhard.engines.replay.state import Pass
from radhard.engines.replay.strike import Change, struck
from radhard.engines.replay.values import coordinates, faulty_values
from radhard.engines.serial import Serial
from radhard.errors import InputError
from radhard.space import Numbers
from radhard.spec import component
from radhard.targets.geometry import repeated

__all__ = ["Replay"]

_TRIALS = 1024
"""Trials whose outputs are collected before they are judged."""

_ELEMENTS = 2**20
"""Elements of the largest value in one pass: more than a few caches full makes nothing faster."""


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

    def run(
        self, campaign: Campaign, todo: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        if not campaign.trials.single:
            raise InputError("Replay takes trials of one fault each; at error rates use Serial()")
        trials_of = _by_site(campaign, todo)
        batch = repeated(campaign.data.rows(slice(0, 1)), 3)
        try:
            graph = traced(campaign.model, campaign.call, batch)
            for places in _apart(campaign, list(trials_of)):
                with torch.inference_mode():
                    plan = Plan.of(campaign, graph, places, self.memory)
                for place in places:
                    yield from self._site(plan, place, trials_of[place])
        except NoGraphError as error:
            raise InputError(f"Replay needs the model's graph ({error}); use Serial()") from None

    def _site(
        self, plan: Plan, place: int, trials: Numbers
    ) -> Iterator[tuple[Sequence[int], Figures]]:
        campaign = plan.campaign
        if not plan.takes(place):
            yield from Serial().run(campaign, trials.tolist())
            return
        for at in range(0, len(trials), _TRIALS):
            chunk = trials[at : at + _TRIALS]
            with torch.inference_mode():
                if campaign.space.sites[place].flows:
                    figures = self._flowing(plan, place, chunk)
                else:
                    figures = self._stored(plan, place, chunk)
            yield chunk.tolist(), figures

    def _stored(self, plan: Plan, place: int, trials: Numbers) -> Figures:
        """Trials that strike one word of a parameter each, judged by all samples."""
        campaign, original = plan.campaign, plan.original[place]
        assert original is not None
        site = campaign.space.sites[place]
        _, words, variants = campaign.space.locate(campaign.trials.at(trials))
        where = coordinates(site.shape, words)
        golden = torch.stack([original[at] for at in where])
        faulty = faulty_values(campaign.space, place, golden, words, variants)
        differences = faulty.double() - golden.double()
        factor = plan.factors.get(plan.slots[place][0])
        if factor is not None:
            differences = differences * factor[torch.tensor([at[0] for at in where])]
        moved = np.flatnonzero((faulty != golden).cpu().numpy())
        # As the dtype holds it, so that what is too large is infinite.
        sizes = differences.to(original.dtype).tolist()
        news = faulty.tolist()
        changes = [
            Change(where[n], sizes[n], None if factor is not None else news[n]) for n in moved
        ]
        outputs = plan.outputs.expand(len(trials), *plan.outputs.shape).clone()
        touched = np.zeros(len(trials), dtype=bool)
        together = plan.direct(place) and plan.orderly(place)
        for piece in plan.pieces:
            values = plan.golden(piece)
            samples = piece.stop - piece.start
            most = min(self.rows // samples, _ELEMENTS // (samples * plan.largest(place)))
            size = max(1, most) if together else 1
            for at in range(0, len(changes), size):
                some = changes[at : at + size]
                state = Pass(plan.graph, values, exact=plan.exact)
                if len(some) > 1:
                    state.rows = torch.arange(samples).repeat(len(some))
                    state.owner = torch.arange(len(some)).repeat_interleave(samples)
                end = self._from_parameter(plan, state, place, some, together)
                if end is None:
                    continue
                rows = torch.arange(samples) if state.rows is None else state.rows
                owner = torch.zeros_like(rows) if state.owner is None else state.owner
                trial = torch.from_numpy(moved[at : at + size])[owner]
                outputs[trial, rows + piece.start] = state.whole(plan.graph.output)
                touched[trial.numpy()] = True
        figures = np.tile(plan.unharmed, (len(trials), 1))
        if touched.any():
            figures[touched] = plan.panel.score(outputs[torch.from_numpy(touched)])
        return figures

    def _from_parameter(
        self, plan: Plan, state: Pass, place: int, changes: list[Change], together: bool
    ) -> Patch | None:
        steps = plan.steps(place)
        if not steps:
            return None
        if plan.direct(place):
            first = plan.graph.nodes[steps[0]]
            state.patches[first.slot] = struck(state, first, plan.slots[place][0], changes)
            return advance(state, steps, drop=together)
        (change,) = changes
        for slot in plan.slots[place]:
            changed = state.golden[slot].clone()
            changed[change.at] = change.value_from(changed[change.at])
            state.others[slot] = changed
        return advance(state, steps, drop=False)

    def _flowing(self, plan: Plan, place: int, trials: Numbers) -> Figures:
        """Trials that strike one word of one sample's value each, judged by that sample."""
        campaign, (slot,) = plan.campaign, plan.slots[place]
        site = campaign.space.sites[place]
        _, words, variants = campaign.space.locate(campaign.trials.at(trials))
        samples, inner = np.divmod(words, math.prod(site.shape))
        rows = torch.from_numpy(samples)
        outputs = plan.outputs[rows]
        for piece in plan.pieces:
            values = plan.golden(piece)
            here = np.flatnonzero((samples >= piece.start) & (samples < piece.stop))
            size = max(1, min(self.rows, _ELEMENTS // plan.largest(place)))
            for at in range(0, len(here), size):
                some = here[at : at + size]
                local = rows[some] - piece.start
                where = np.unravel_index(inner[some], site.shape)
                starts = tuple(torch.from_numpy(axis) for axis in where)
                golden = values[slot][(local, *starts)]
                faulty = faulty_values(campaign.space, place, golden, inner[some], variants[some])
                moved = (faulty != golden).nonzero().squeeze(1)
                if not len(moved):
                    continue
                state = Pass(plan.graph, values, local[moved], moved, grouped=False)
                struck_values = faulty[moved].reshape(-1, *[1] * len(site.shape))
                state.patches[slot] = Patch(struck_values, tuple(s[moved] for s in starts))
                if advance(state, plan.steps(place), drop=True) is not None:
                    assert state.owner is not None
                    trial = torch.from_numpy(some)[state.owner]
                    outputs[trial] = state.whole(plan.graph.output)
        return plan.panel.score_samples(outputs, rows)


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
