"""Which values does a graph compute without a fault, and in which memory order?"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from radhard.replay.graph.operation_graph import Graph
from radhard.tree import tree_leaves
from radhard.workload import Workload

__all__ = ["golden_values", "laid_out", "model_inputs", "rounds"]

aten: Any = torch.ops.aten


def golden_values(
    workload: Workload, graph: Graph, piece: slice, channels_last: bool
) -> dict[int, Any]:
    """The values of a graph for some samples."""
    data = workload.data
    if not rounds(graph):
        return graph.values(model_inputs(data.rows(piece), channels_last))
    # In the batches of the model's own golden outputs, as kernels may add in another order in a
    # batch of another size.
    starts = range(piece.start, piece.stop, workload.batch)
    rows = [data.rows(slice(at, min(at + workload.batch, piece.stop))) for at in starts]
    each = [graph.values(model_inputs(batch, channels_last)) for batch in rows]
    parts = {slot: [values[slot] for values in each] for slot in graph.by_sample if slot in each[0]}
    return {**each[0], **{slot: torch.cat(values) for slot, values in parts.items()}}


def rounds(graph: Graph) -> bool:
    """Whether values are rounded to steps on the way, as in a quantized model.

    Then a last bit may become a whole step, so that golden values have to be the model's own: from
    the same operations in the same order, on batches of the same size.
    """
    by_sample = all(node.slot in graph.by_sample for node in graph.nodes)
    narrow = (torch.float16, torch.bfloat16)
    return by_sample and any(
        node.op is aten.round.default or (node.op is aten.to.dtype and node.args[1] in narrow)
        for node in graph.nodes
    )


def laid_out(graph: Graph) -> tuple[Graph, bool]:
    """The graph with its weights in channels-last memory, where there are convolutions.

    It is the faster order for them, and windows are cut out of it in whole pixels. It is not
    measured: a clock must not decide on the last bits of a run that is continued later.
    """
    if all(node.op is not aten.conv2d.default for node in graph.nodes):
        return graph, False
    constants = {slot: _ordered(tensor) for slot, tensor in graph.constants.items()}
    return replace(graph, constants=constants), True


def model_inputs(batch: Any, channels_last: bool) -> list[Tensor]:
    """The tensors of a batch, in the memory order of the graph's weights."""
    tensors = tree_leaves(batch)
    return [_ordered(tensor) if channels_last else tensor for tensor in tensors]


def _ordered(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
