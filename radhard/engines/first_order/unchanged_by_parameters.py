"""Which predictions are inferred to be unchanged by a faulty parameter?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radhard.engines.bracket.lines import Flags
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.goals import Goal
from radhard.engines.first_order.gradient_weights import MarginGradients
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_uses import unchanged_by_uses
from radhard.replay.crop import crop
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.propagation import propagate
from radhard.replay.recurrent.recurrent_cell import Side
from radhard.replay.word_change import WordChange, changed_output

__all__ = ["unchanged"]

_ELEMENTS = 2**20
"""Elements evaluated together; beyond a few times the cache, nothing is gained."""


def unchanged(outlook: Outlook, place: int, changes: Sequence[WordChange], bounds: Bounds) -> Flags:
    """Where the prediction is inferred to be unchanged, ``(changes, samples)``.

    The effect of a change is bounded by the sum of its differences times the weights, in absolute
    value, so that differences of opposite sign do not cancel.
    """
    plan, goal = outlook.plan, outlook.goals[place]
    replayer = plan.replayer
    stays = np.zeros((len(changes), len(replayer.golden_outputs)), dtype=bool)
    for piece in replayer.pieces:
        known = outlook.weights(piece)
        if not all((slot, goal.gates) in known for slot in goal.slots):
            continue
        if goal.uses:
            stays[:, piece] = unchanged_by_uses(outlook, place, changes, bounds, piece)
            continue
        weights = known[goal.slot, goal.gates]
        samples = piece.stop - piece.start
        rows = torch.arange(samples, device=replayer.golden_outputs.device)
        # Gates are weighed in all time steps at once, other values by channel.
        each = samples * (
            weights.weight.shape[2] if goal.gates else _spot(replayer.golden(piece), goal)
        )
        size = max(1, _ELEMENTS // each)
        for at in range(0, len(changes), size):
            some = changes[at : at + size]
            if goal.gates:
                moved, length = _at_gates(outlook, goal, weights, place, some)
            else:
                moved, length = _at_values(outlook, goal, weights, place, some, piece)
            held = bounds.hold(moved, length, weights, rows)
            stays[at : at + size, piece] = held.cpu().numpy()
    return stays


def _spot(golden: dict[int, Tensor], goal: Goal) -> int:
    """Approximate number of elements of one channel of a sample."""
    shape = golden[goal.slot].shape
    return max(1, int(np.prod(shape[2:])))


def _at_values(
    outlook: Outlook,
    goal: Goal,
    weights: MarginGradients,
    place: int,
    changes: Sequence[WordChange],
    piece: slice,
) -> tuple[Tensor, Tensor]:
    """The change of each margin as a share of the margin, and the norm of the difference."""
    plan = outlook.plan
    golden = plan.replayer.golden(piece)
    samples, many, device = (
        piece.stop - piece.start,
        len(changes),
        plan.replayer.golden_outputs.device,
    )
    if many > 1:
        rows = torch.arange(samples, device=device).repeat(many)
        owner = torch.arange(many, device=device).repeat_interleave(samples)
        state = FaultyPass(plan.replayer.graph, golden, rows, owner)
        # All golden rows in order, once for each change: differences are added without an index.
        state.tiles = many
    else:
        state = FaultyPass(plan.replayer.graph, golden)
    first = plan.replayer.graph.nodes[goal.steps[0]]
    state.patches[first.slot] = changed_output(
        state, first, plan.replayer.slots[place][0], list(changes)
    )
    if len(goal.steps) > 1:
        propagate(state, goal.steps[1:], goal.slot, drop=False)
    delta = state.delta(goal.slot)
    # Absolute values, so that differences of opposite sign do not cancel in the bound.
    sizes = delta.values.abs()
    length = torch.linalg.vector_norm(sizes.flatten(1), dim=1)
    moved = (sizes * crop(weights.weight, state.rows, delta.starts, sizes)).flatten(1).sum(dim=1)
    return moved.view(many, samples), length.view(many, samples)


def _at_gates(
    outlook: Outlook,
    goal: Goal,
    weights: MarginGradients,
    place: int,
    changes: Sequence[WordChange],
) -> tuple[Tensor, Tensor]:
    """The same for the outputs of the gates of a recurrent layer, in all time steps."""
    plan, gates = outlook.plan, weights.gates
    assert gates is not None
    node = plan.replayer.graph.nodes[goal.steps[0]]
    (slot,) = plan.replayer.slots[place]
    argument = next(n for n, arg in enumerate(node.args) if getattr(arg, "number", None) == slot)
    side: Side = 1 if argument in (2, 4) else 0
    like = weights.weight
    rows = [gates.cell.column(side, change.at[0]) for change in changes]
    columns = torch.tensor(rows, device=like.device)
    by = torch.tensor([change.difference for change in changes], dtype=like.dtype).to(like.device)
    by = by[:, None, None]
    if argument > 2:
        # A bias enters every time step of every sample alike.
        change = by.repeat(1, *like.shape[1:])
    else:
        source = gates.before if side == 1 else gates.inputs
        sources = torch.tensor([change.at[1] for change in changes], device=like.device)
        change = source.index_select(0, sources).mul_(by)
    difference = gates.difference(columns, change)
    length = torch.linalg.vector_norm(difference, dim=2)
    moved = difference.mul_(like.index_select(0, columns)).abs_().sum(dim=2)
    return moved, length
