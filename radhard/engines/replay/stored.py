"""How are faults in single words of parameters carried out, several in one pass?"""

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Figures
from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.flowing import ELEMENTS
from radhard.engines.replay.plan import Plan
from radhard.replay.patch import Patch
from radhard.replay.rules import advance
from radhard.replay.state import Pass
from radhard.replay.strike import Change, by_rows, struck
from radhard.replay.values import coordinates
from radhard.space import Numbers

__all__ = ["followed", "stored"]


def stored(plan: Plan, place: int, trials: Numbers, most: int) -> Figures:
    """Trials that strike one word of a parameter each, judged by all samples.

    Up to ``most`` rows share a pass, a row for every sample of every trial.
    """
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
        outs = torch.tensor([at[0] for at in where], device=factor.device)
        differences = differences * factor[outs]
    moved = np.flatnonzero((faulty != golden).cpu().numpy())
    # As the dtype holds it, so that what is too large is infinite.
    held = differences.to(original.dtype)
    sizes = held.tolist()
    news = faulty.tolist()
    changes = [Change(where[n], sizes[n], None if factor is not None else news[n]) for n in moved]
    outputs = plan.outputs.expand(len(trials), *plan.outputs.shape).clone()
    touched, device = np.zeros(len(trials), dtype=bool), plan.outputs.device
    together = plan.direct(place) and plan.orderly(place)
    for piece in plan.pieces:
        values = plan.golden(piece)
        samples = piece.stop - piece.start
        fit = min(most // samples, ELEMENTS // (samples * plan.largest(place)))
        size = max(1, fit) if together else 1
        for at in range(0, len(changes), size):
            some = changes[at : at + size]
            state = Pass(plan.graph, values, exact=plan.exact)
            if len(some) > 1:
                state.rows = torch.arange(samples, device=device).repeat(len(some))
                trials_here = torch.arange(len(some), device=device)
                state.owner = trials_here.repeat_interleave(samples)
                state.tiles = len(some)
            end = followed(plan, state, place, some, drop=together)
            if end is None:
                continue
            rows = torch.arange(samples, device=device) if state.rows is None else state.rows
            owner = torch.zeros_like(rows) if state.owner is None else state.owner
            trial = torch.from_numpy(moved[at : at + size]).to(device)[owner]
            outputs[trial, rows + piece.start] = state.whole(plan.graph.output)
            touched[trial.cpu().numpy()] = True
    figures = np.tile(plan.unharmed, (len(trials), 1))
    if not plan.exact:
        # Where sums become infinite hangs on their order: these go through the model's own.
        by_order = np.flatnonzero(touched & plan.by_order(place, faulty, held).cpu().numpy())
        touched[by_order] = False
        for number in by_order.tolist():
            if plan.plain is not None and plan.slots[place]:
                figures[number] = plan.plain.figures(place, where[number], news[number])[0]
            else:
                figures[number] = plan.reference.figures(int(trials[number]))[0]
    if touched.any():
        figures[touched] = plan.panel.score(outputs[torch.from_numpy(touched).to(device)])
    return figures


def followed(
    plan: Plan,
    state: Pass,
    place: int,
    changes: list[Change],
    *,
    drop: bool,
    only: Tensor | None = None,
) -> Patch | None:
    """Strike a parameter, one change a trial, and carry the differences to the output.

    ``drop``: rows that do not differ any more leave; ``only``: which rows are asked for at all.
    """
    steps = plan.steps(place)
    if not steps:
        return None
    if plan.direct(place):
        first = plan.graph.nodes[steps[0]]
        some = only if drop and only is not None and not bool(only.all()) else None
        early = some is not None and by_rows(first)
        if some is not None and early:
            state.drop(some)
        state.patches[first.slot] = struck(state, first, plan.slots[place][0], changes)
        if some is not None and not early:
            state.drop(some)
        return advance(state, steps, drop=drop)
    (change,) = changes
    for slot in plan.slots[place]:
        changed = state.golden[slot].clone()
        changed[change.at] = change.value_from(changed[change.at])
        state.others[slot] = changed
    return advance(state, steps, drop=False)
