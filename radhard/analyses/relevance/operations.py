"""Which operations lie between the layers of a model and its output?"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.layers import torch_layers
from radhard.errors import InputError
from radhard.replay.graph import Graph, Node, NoGraphError, exported_graph, fold_batch_norms
from radhard.tree import tree_leaves
from radhard.workload import Workload
from radhard.workload.geometry import repeated

__all__ = ["Operations", "UnfollowedError"]

aten: Any = torch.ops.aten

LAYERS = (
    aten.conv1d.default,
    aten.conv2d.default,
    aten.conv3d.default,
    aten.conv1d.padding,
    aten.conv2d.padding,
    aten.conv3d.padding,
    aten.linear.default,
)
"""The operations of convolution and linear layers, with the weight as the second argument."""


class UnfollowedError(InputError):
    """An operation on the path to the output is not supported by a rule."""

    def __init__(self, by: str, node: Node) -> None:
        where = f" in {node.modules[-1]!r}" if node.modules and node.modules[-1] else ""
        super().__init__(
            f"{by} cannot follow the operation {str(node.op).removeprefix('aten.')!r}{where} back; "
            "it follows convolutions, linear layers, batch norms, pooling, sums, reshapes and "
            "activations of one input; for other models take a gradient"
        )


@dataclass(frozen=True)
class Operations:
    """A model as a graph, with batch norms folded into the preceding convolutions."""

    graph: Graph
    layers: dict[int, Layer]
    """The layer whose output is the value of a slot (after its batch norm, if that is folded).

    Outputs are left out if the samples are not on their first axis.
    """
    behind: frozenset[int]
    """Slots that depend on the output of some layer, including that output."""

    @classmethod
    def of(cls, workload: Workload, by: str) -> "Operations":
        """The operations of a model.

        Raises:
            InputError: torch cannot export the model, or not for batches of any size.
        """
        try:
            batch = repeated(workload.data.rows(slice(0, 1)), 3)
            graph, _ = fold_batch_norms(exported_graph(workload.model, workload.call, batch), ())
            if not graph.by_sample:
                raise NoGraphError("the model takes batches of one size only")
        except NoGraphError as error:
            raise InputError(
                f"{by} requires the graph of the model's operations, which is not available "
                f"({error}); use an analysis that requires gradients only, such as "
                "VulnerabilityGain()"
            ) from None
        weights = {
            graph.tensors[layer.weight_site]: layer
            for layer in torch_layers(workload)
            if layer.weight_site in graph.tensors
        }
        layers = {
            node.slot: weights[node.inputs[1]]
            for node in graph.nodes
            if node.op in LAYERS and node.slot in graph.by_sample and node.inputs[1] in weights
        }
        if not layers:
            raise InputError(
                f"{by}: no convolution or linear layer of this model has the samples on the first "
                "axis of its output"
            )
        # Nodes are in the order of execution, so that one pass finds all that depends on a layer.
        behind = set(layers)
        for node in graph.nodes:
            if behind.intersection(node.inputs):
                behind.add(node.slot)
        return cls(graph, layers, frozenset(behind))

    def values(self, workload: Workload, batch: Any) -> dict[int, Any]:
        """The value of every slot for a batch, whose samples are counted."""
        with torch.no_grad():
            # Copies, as tensors created in inference mode cannot be differentiated.
            values = self.graph.values([tensor.clone() for tensor in tree_leaves(batch)])
        logits: Tensor = values[self.graph.output]
        workload.samples += len(logits)
        return values

    def check_same_logits(self, values: dict[int, Any], logits: Tensor) -> None:
        """Raise `InputError` unless the graph has the outputs of the model."""
        outputs = values[self.graph.output]
        # Relative to the largest logit too: logits near zero have no relative accuracy, and folded
        # norms round differently.
        near = 1e-3 * float(logits.abs().max())
        if outputs.shape != logits.shape or not torch.allclose(
            outputs, logits, rtol=1e-3, atol=near
        ):
            raise InputError(
                "the outputs of the exported graph differ from those of the model; use an "
                "analysis that requires gradients only, such as VulnerabilityGain()"
            )
