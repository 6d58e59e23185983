"""How far does a parameter that several operations use move the margins of predictions?"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from radhard.engines.first_order.bounds import share_of
from radhard.engines.first_order.outlook import Outlook
from radhard.replay.repeated_change import RepeatedChange
from radhard.replay.word_change import WordChange

__all__ = ["effects_by_uses"]

_ELEMENTS = 2**17
"""Elements evaluated together: what an operation contributes fits into a processor's cache."""


def effects_by_uses(
    outlook: Outlook, place: int, changes: Sequence[WordChange], piece: slice
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Some of the changes, and the fields ``moved`` and ``reached`` of their `Effects`.

    The difference is the one in the outputs of all operations that use the parameter, side by side,
    each with fault-free inputs: what the differences in the inputs make of it is of second order.
    """
    replayer, goal = outlook.plan.replayer, outlook.goals[place]
    weights, golden = outlook.weights(piece), replayer.golden(piece)
    samples = piece.stop - piece.start
    squares = torch.stack([weights[slot, False].length.square() for slot in goal.uses])
    whole = squares.sum(dim=0).sqrt()
    # By feature, so that what is read together is contiguous.
    by_feature = [weights[slot, False].weight.t().contiguous() for slot in goal.uses]
    inputs = _inputs(outlook, place, golden)
    like = replayer.graph.constants[replayer.slots[place][0]]
    size = max(1, _ELEMENTS // samples)
    for at in range(0, len(changes), size):
        some = slice(at, min(at + size, len(changes)))
        change = RepeatedChange.of(replayer.uses(place), changes[some], like)
        by = change.by[:, None]
        moved, length = (by.new_zeros(len(by), samples) for _ in range(2))
        for weight, seen in zip(by_feature, inputs, strict=True):
            more = by
            if change.source is not None and seen is not None:
                more = by * seen.index_select(0, change.source)
            moved += (weight.index_select(0, change.out) * more).abs_()
            length += more.square()
        yield some, moved, share_of(length.sqrt_(), whole)


def _inputs(outlook: Outlook, place: int, golden: dict[int, Tensor]) -> list[Tensor | None]:
    """The golden inputs of every operation by feature, ``(features, samples)``; None: of biases."""
    replayer = outlook.plan.replayer
    uses = replayer.uses(place)
    return [
        golden[node.args[0].number].t().contiguous() if uses[node.slot] == 1 else None
        for node in replayer.graph.nodes
        if node.slot in uses
    ]
