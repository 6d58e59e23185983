"""What does an operation multiply a stored word by?"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.caps.bounded_graph import UnboundedError
from radhard.replay.graph import Graph, Node, stored_slots
from radhard.space import Region

__all__ = ["Part", "WeightUse", "weight_use"]

aten: Any = torch.ops.aten

Part = Literal["channel", "kernel", "word"]


@dataclass(frozen=True)
class WeightUse:
    """The one operation that uses a weight or bias.

    For each sample, a displacement of word ``(o, t)`` changes channel o of the output by the
    displacement times the pattern of tap t: the inputs that the word is multiplied by, at every
    position of the output.
    """

    node: Node
    bias: bool
    shape: tuple[int, ...]
    """Of the stored tensor."""

    @property
    def convolution(self) -> bool:
        """Whether the positions of the output are behind its channels."""
        return self.node.op is aten.conv2d.default

    @property
    def source(self) -> int:
        """The slot of the inputs."""
        found: int = self.node.args[0].number
        return found

    def patterns(self, inputs: Tensor) -> Tensor:
        """``(groups, taps, positions)`` for the inputs ``(1, ...)`` of one sample."""
        if not self.convolution:
            # All positions in front of the features, such as the steps of a sequence, share the
            # weights.
            return inputs.reshape(1, -1, inputs.shape[-1]).mT
        stride, padding, dilation, groups = (
            self.node.args[at] if at < len(self.node.args) else default
            for at, default in ((3, 1), (4, 0), (5, 1), (6, 1))
        )
        columns = nnf.unfold(inputs, self.shape[2:], dilation, padding, stride)
        return columns.reshape(groups, -1, columns.shape[2])

    def ones(self, positions: int) -> Tensor:
        """The pattern of a bias."""
        return torch.ones(1, 1, positions, dtype=torch.float64)

    def by_channel(self, outputs: Tensor) -> Tensor:
        """``(rows, channels, positions)`` of values in the shape of the output."""
        if self.convolution:
            return outputs.flatten(2)
        return outputs.reshape(len(outputs), -1, outputs.shape[-1]).mT

    def like_outputs(self, values: Tensor, outputs: Tensor) -> Tensor:
        """The inverse of `by_channel`."""
        values = values if self.convolution else values.mT
        return values.reshape(len(values), *outputs.shape[1:])

    def part_of(self, part: Part) -> Tensor:
        """For each tap, the number of the part of the channel that it belongs to."""
        taps = 1 if self.bias else int(torch.tensor(self.shape[1:]).prod())
        kernel = int(torch.tensor(self.shape[2:]).prod()) if len(self.shape) > 2 else 1
        each = {"channel": taps, "kernel": kernel, "word": 1}[part]
        return torch.arange(taps) // max(each, 1)


def weight_use(graph: Graph, region: Region) -> WeightUse:
    """The operation that uses the words of a region.

    Raises:
        UnboundedError: a fault in a word does more than change one factor of one operation.
    """
    site = region.site
    if site.role not in ("weight", "bias") or not region.by_word:
        raise UnboundedError("only single words of weights and biases have caps")
    if not region.exposure.always_present:
        raise UnboundedError("its faults are not there in every inference")
    if site.dtype != "float32":
        raise UnboundedError(f"it is computed in {site.dtype}, and only float32 has bounds")
    slots = set(stored_slots(graph, [site])[0])
    nodes = [node for node in graph.nodes if slots.intersection(node.inputs)]
    if len(nodes) != 1 or graph.output in slots:
        raise UnboundedError(f"{len(nodes)} operations use it, and a bound needs exactly one")
    (node,) = nodes
    at = [n for n, arg in enumerate(node.args) if getattr(arg, "number", None) in slots]
    if node.op not in (aten.conv2d.default, aten.linear.default) or at not in ([1], [2]):
        raise UnboundedError("it is not the weight or bias of a convolution or linear layer")
    return WeightUse(node, at == [2], site.shape)
