"""How does a difference pass a linear layer, and a norm with fixed statistics?"""

from typing import Any

import torch
from torch import Tensor

from radhard.internals import product
from radhard.replay.faulty_pass import FaultyPass, runs
from radhard.replay.graph.operation_graph import Node
from radhard.replay.patch import Patch, positions

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def linear(state: FaultyPass, node: Node) -> Patch | None:
    """A linear layer on ``(samples, ..., features)``: only the changed features are multiplied."""
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]):
        return None
    weight = state.whole(node.args[1].number)
    delta = state.delta(source)
    # With further axes, rows at different features have no common slice of the weight: made whole.
    if delta.values.ndim > 2 and isinstance(delta.starts[-1], Tensor):
        delta = state.spread(delta, state.golden[source].shape[1:], (delta.values.ndim - 1,))
    start, values = delta.starts[-1], delta.values
    width = values.shape[-1]
    if start is None:
        change = product(values, weight)
    elif isinstance(start, int):
        change = product(values, weight.narrow(1, start, width))
    elif state.grouped:  # rows of one trial share their features
        parts = [
            product(values[rows], weight.narrow(1, int(start[rows.start]), width))
            for rows in runs(state)
        ]
        change = torch.cat(parts)
    else:
        index = positions(start, width, len(values), values.device)
        # A slice of the weight for each row, and one product for all of them.
        change = torch.bmm(values.unsqueeze(1), weight.t()[index]).squeeze(1)
    return state.plus(node.slot, change, (*delta.starts[:-1], None))


def batch_norm(state: FaultyPass, node: Node) -> Patch | None:
    """Batch normalisation with fixed statistics: a factor for each channel."""
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]) or node.args[5]:
        return None
    # On whole maps torch's own kernel is one pass over memory; differences would take three.
    if state.patches[source].whole and state.golden[source].ndim == 4:
        return Patch(node(state.whole), (None, None, None), own=True)
    scale, variance = (
        None if node.args[at] is None else state.whole(node.args[at].number) for at in (1, 4)
    )
    factor = torch.rsqrt(variance + node.args[7])
    factor = factor if scale is None else factor * scale
    delta = state.delta(source)
    start = delta.starts[0]
    tail = (1,) * (delta.values.ndim - 2)
    if start is None:
        each = factor.reshape(1, -1, *tail)
    else:
        index = positions(start, delta.values.shape[1], len(delta.values), factor.device)
        each = factor[index].reshape(*index.shape, *tail)
    return state.plus(node.slot, delta.values * each, delta.starts)


RULES = {aten.linear.default: linear, aten.batch_norm.default: batch_norm}
