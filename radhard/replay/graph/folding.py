"""What can be computed once because it is the same in every trial?"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["fold_batch_norms"]

aten: Any = torch.ops.aten


def fold_batch_norms(graph: Graph, kept: Collection[int]) -> tuple[Graph, dict[int, Tensor]]:
    """The graph with batch normalisation folded into the convolution before it.

    Nothing is folded whose slot is in ``kept``: where faults may be. Also returns, for the slots
    of convolution weights and biases, the factor of each output channel by which a change of the
    stored value now counts.
    """
    users = graph.users()
    by_slot = {node.slot: node for node in graph.nodes}
    constants = dict(graph.constants)
    replaced: dict[int, Node] = {}
    gone: set[int] = set()
    factors: dict[int, Tensor] = {}
    fresh = max([graph.output, *constants, *by_slot]) + 1
    for norm in graph.nodes:
        convolution = _foldable(norm, by_slot, users, kept)
        if convolution is None:
            continue
        own = convolution.inputs[1:]
        # A convolution without bias gets one, as normalisation shifts.
        bias_slot = own[1] if len(own) > 1 else fresh
        fresh += 1
        factor, offset = _affine(norm, constants, own)
        weight = constants[own[0]]
        constants[own[0]] = (weight * factor.reshape(-1, 1, 1, 1)).to(weight.dtype)
        constants[bias_slot] = offset.to(weight.dtype)
        factors[own[0]] = factors[bias_slot] = factor
        args = list(convolution.args) + [None] * (3 - len(convolution.args))
        args[2] = Slot(bias_slot)
        # The convolution takes the slot of the norm, so that what follows finds its input.
        replaced[norm.slot] = dataclasses.replace(convolution, slot=norm.slot, args=tuple(args))
        gone.add(convolution.slot)
    nodes = [replaced.get(n.slot, n) for n in graph.nodes if n.slot not in gone]
    return dataclasses.replace(graph, nodes=nodes, constants=constants), factors


def _foldable(
    norm: Node,
    by_slot: Mapping[int, Node],
    users: Mapping[int, Sequence[int]],
    kept: Collection[int],
) -> Node | None:
    """The convolution into which a node is folded; None if it is no norm, or cannot be."""
    # In training mode the statistics are those of the batch, which every fault changes.
    if norm.op is not aten.batch_norm.default or norm.args[5]:
        return None
    convolution = by_slot.get(norm.args[0].number)
    if convolution is None or convolution.op is not aten.conv2d.default:
        return None
    if convolution.slot in kept or kept_any(norm.inputs[1:], kept):
        return None
    # Another user would see the outputs before normalisation, or share the weights.
    if any(len(users[slot]) > 1 for slot in (convolution.slot, *convolution.inputs[1:])):
        return None
    return convolution


def _affine(
    norm: Node, constants: Mapping[int, Tensor], own: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Factor and offset by channel of a norm behind a convolution; ``own``: its weight and bias."""
    scale, shift, mean, variance = (
        None if slot is None else constants[slot.number] for slot in norm.args[1:5]
    )
    assert mean is not None
    assert variance is not None
    # In double precision, so that folding rounds once, to the dtype of the weight.
    factor = torch.rsqrt(variance.double() + norm.args[7])
    factor = factor if scale is None else factor * scale
    bias = constants[own[1]].double() if len(own) > 1 else torch.zeros_like(factor)
    return factor, (bias - mean) * factor + (0 if shift is None else shift)


def kept_any(slots: Collection[int], kept: Collection[int]) -> bool:
    """Whether any of the slots is to be kept."""
    return any(slot in kept for slot in slots)
