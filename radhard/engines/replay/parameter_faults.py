"""How are faults in single words of parameters executed, several in one pass?"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.engines.base import Figures
from radhard.engines.replay.faulty_values import value_changes
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.replayer import ELEMENTS, Replayer
from radhard.replay.word_change import (
    WordChange,
    changed_output,
    computes_rows,
    coordinates,
)
from radhard.space import Numbers

__all__ = ["stored"]

Flags = npt.NDArray[np.bool_]


def stored(plan: ReplayPlan, place: int, trials: Numbers, most: int) -> Figures:
    """The figures of trials with one faulty word of a parameter each, for all samples.

    Up to ``most`` rows share a pass, one row for every sample of every trial.
    """
    replayer = plan.replayer
    campaign, original = plan.campaign, replayer.original[place]
    assert original is not None
    site = campaign.space.sites[place]
    faults = campaign.trials.at(trials)
    absent = campaign.absent(faults)
    _, words, variants = campaign.space.locate(faults)
    change = value_changes(campaign.space, place, original, words, variants)
    where = coordinates(site.shape, change.positions)
    golden, faulty = change.golden, change.faulty
    moved = np.flatnonzero((faulty != golden).cpu().numpy())
    held = _differences(replayer, place, where, golden, faulty)
    sizes, news = held.tolist(), faulty.tolist()
    folded = replayer.slots[place][0] in replayer.factors
    known = np.zeros(len(trials), dtype=bool)
    if not replayer.exact:
        known = replayer.by_order(place, faulty, held).cpu().numpy()

    def changes(which: Numbers) -> list[WordChange]:
        return [WordChange(where[n], sizes[n], None if folded else news[n]) for n in which]

    # Of trials that are executed in the order of the model in any case, it is enough to know
    # whether anything differs at all.
    apart = moved[known[moved]] if _shows_at_once(replayer, place) else moved[:0]
    left = np.setdiff1d(moved, apart)
    outputs, touched, rounded = _outputs(replayer, place, changes(left), left, len(trials), most)
    touched[apart] = _differs(replayer, place, changes(apart), most)
    figures = np.tile(plan.unharmed, (len(trials), 1))
    for number in np.flatnonzero(change.several).tolist():
        figures[number] = plan.reference.figures(int(trials[number]))[0]
    if not replayer.exact:
        # Overflow of a sum depends on the order of summation, and so does a sum whose terms cancel:
        # these trials are executed with the model's own operations.
        by_order = np.flatnonzero(touched & (known | rounded))
        touched[by_order] = False
        for number in by_order.tolist():
            if plan.plain is not None and replayer.slots[place] and absent is None:
                figures[number] = plan.plain.figures(place, where[number], news[number])[0]
            else:
                figures[number] = plan.reference.figures(int(trials[number]))[0]
    outputs = plan.golden_where(absent, outputs)
    if touched.any():
        figures[touched] = plan.panel.score(outputs[torch.from_numpy(touched).to(outputs.device)])
    return figures


def _outputs(
    replayer: Replayer,
    place: int,
    changes: list[WordChange],
    moved: Numbers,
    trials: int,
    most: int,
) -> tuple[Tensor, Flags, Flags]:
    """The outputs of all trials, and which trials changed some, and depend on rounding.

    ``moved`` are the trials of the changes; outputs of the others are golden.
    """
    outputs = replayer.golden_outputs.expand(trials, *replayer.golden_outputs.shape).clone()
    touched, device = np.zeros(trials, dtype=bool), replayer.golden_outputs.device
    rounded = np.zeros(trials, dtype=bool)
    together = replayer.shares_passes(place)
    for piece in replayer.pieces:
        values = replayer.golden(piece)
        samples = piece.stop - piece.start
        fit = min(most // samples, ELEMENTS // (samples * replayer.largest(place)))
        size = max(1, fit) if together else 1
        concerned = replayer.concerned(place, values, changes) if together and changes else None
        for which in _groups(len(changes), concerned, size, samples):
            some = [changes[number] for number in which]
            state = FaultyPass(replayer.graph, values, exact=replayer.exact)
            if concerned is not None:
                state.owner, state.rows = concerned[which].nonzero().unbind(1)
                state.tiles = 0
            elif len(some) > 1:
                state.rows = torch.arange(samples, device=device).repeat(len(some))
                trials_here = torch.arange(len(some), device=device)
                state.owner = trials_here.repeat_interleave(samples)
                state.tiles = len(some)
            end = replayer.carry(state, place, some, drop=together)
            rounded[moved[which[list(state.rounded)]]] = True
            if end is None:
                continue
            rows = torch.arange(samples, device=device) if state.rows is None else state.rows
            owner = torch.zeros_like(rows) if state.owner is None else state.owner
            trial = torch.from_numpy(moved[which]).to(device)[owner]
            outputs[trial, rows + piece.start] = state.whole(replayer.graph.output)
            touched[trial.cpu().numpy()] = True
    return outputs, touched, rounded


def _shows_at_once(replayer: Replayer, place: int) -> bool:
    """Whether the first output that a change affects is a channel, which costs little."""
    steps = replayer.steps(place)
    return replayer.direct(place) and not computes_rows(replayer.graph.nodes[steps[0]])


def _differs(replayer: Replayer, place: int, changes: list[WordChange], most: int) -> Flags:
    """Which changes, of a site that `_shows_at_once`, affect the output of the first operation."""
    found = np.zeros(len(changes), dtype=bool)
    if not changes:
        return found
    node, slot = replayer.graph.nodes[replayer.steps(place)[0]], replayer.slots[place][0]
    for piece in replayer.pieces:
        samples, golden = piece.stop - piece.start, replayer.golden(piece)
        size = max(1, most // samples)
        for at in range(0, len(changes), size):
            some = changes[at : at + size]
            state = FaultyPass(replayer.graph, golden)
            if len(some) > 1:
                device = replayer.golden_outputs.device
                state.rows = torch.arange(samples, device=device).repeat(len(some))
                state.owner = torch.arange(len(some), device=device).repeat_interleave(samples)
                state.tiles = len(some)
            state.patches[node.slot] = changed_output(state, node, slot, some)
            # NaN differs from 0.
            moved = (state.delta(node.slot).values != 0).view(len(some), -1).any(dim=1)
            found[at : at + size] |= moved.cpu().numpy()
    return found


def _groups(count: int, concerned: Tensor | None, size: int, samples: int) -> Iterator[Numbers]:
    """The changes of each pass: ``size`` of all samples, or more if few samples are concerned."""
    numbers = np.arange(count)
    rows = np.full(count, samples)
    if concerned is not None:
        rows = concerned.sum(dim=1).cpu().numpy()
        numbers = numbers[rows > 0]
        rows = rows[rows > 0]
    # A pass ends before the change with which it would have too many rows.
    passes, begin = rows.cumsum(), 0
    while begin < len(numbers):
        before = passes[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(passes, before + size * samples, side="right")))
        yield numbers[begin:end]
        begin = end


def _differences(
    replayer: Replayer, place: int, where: list[tuple[int, ...]], golden: Tensor, faulty: Tensor
) -> Tensor:
    """By how much words of the graph's parameter change; overflow of the dtype is infinite."""
    by = faulty.double() - golden.double()
    factor = replayer.factors.get(replayer.slots[place][0])
    if factor is not None:
        outs = torch.tensor([at[0] for at in where], device=factor.device)
        by = by * factor[outs]
    return by.to(golden.dtype)
