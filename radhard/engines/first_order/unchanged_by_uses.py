"""Which predictions are inferred to be unchanged by a parameter that several operations use?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radhard.engines.bracket.lines import Flags
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.gradient_weights import MarginGradients
from radhard.engines.first_order.outlook import Outlook
from radhard.replay.repeated_change import RepeatedChange
from radhard.replay.word_change import WordChange

__all__ = ["unchanged_by_uses"]

_ELEMENTS = 2**17
"""Elements evaluated together: what an operation contributes fits into a processor's cache."""


def unchanged_by_uses(
    outlook: Outlook, place: int, changes: Sequence[WordChange], bounds: Bounds, piece: slice
) -> Flags:
    """Where the prediction is inferred to be unchanged, ``(changes, samples)`` of a piece.

    The difference is the one in the outputs of all operations that use the parameter, side by side,
    each with fault-free inputs: what the differences in the inputs make of it is of second order.
    """
    replayer, goal = outlook.plan.replayer, outlook.goals[place]
    weights, golden = outlook.weights(piece), replayer.golden(piece)
    samples = piece.stop - piece.start
    squares = torch.stack([weights[slot, False].length.square() for slot in goal.uses])
    whole = MarginGradients(weights[goal.slot, False].weight, squares.sum(dim=0).sqrt())
    rows = torch.arange(samples, device=squares.device)
    # By feature, so that what is read together is contiguous.
    by_feature = [weights[slot, False].weight.t().contiguous() for slot in goal.uses]
    inputs = _inputs(outlook, place, golden)
    like = replayer.graph.constants[replayer.slots[place][0]]
    found = np.zeros((len(changes), samples), dtype=bool)
    size = max(1, _ELEMENTS // samples)
    for at in range(0, len(changes), size):
        change = RepeatedChange.of(replayer.uses(place), changes[at : at + size], like)
        by = change.by[:, None]
        moved, length = (by.new_zeros(len(by), samples) for _ in range(2))
        for weight, seen in zip(by_feature, inputs, strict=True):
            more = by
            if change.source is not None and seen is not None:
                more = by * seen.index_select(0, change.source)
            moved += (weight.index_select(0, change.out) * more).abs_()
            length += more.square()
        held = bounds.hold(moved, length.sqrt_(), whole, rows)
        found[at : at + size] = held.cpu().numpy()
    return found


def _inputs(outlook: Outlook, place: int, golden: dict[int, Tensor]) -> list[Tensor | None]:
    """The golden inputs of every operation by feature, ``(features, samples)``; None: of biases."""
    replayer = outlook.plan.replayer
    uses = replayer.uses(place)
    return [
        golden[node.args[0].number].t().contiguous() if uses[node.slot] == 1 else None
        for node in replayer.graph.nodes
        if node.slot in uses
    ]
