"""How large does a difference become in a section of the graph?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from radhard.replay.graph.operation_graph import Graph
from radhard.replay.kernel import LARGEST_WINDOW, Kernel
from radhard.replay.patch import Patch

__all__ = ["GraphSection"]

aten: Any = torch.ops.aten


@dataclass(frozen=True)
class GraphSection:
    """Some operations in a row: the largest value, and by how much a window grows."""

    whole: int
    """Elements a sample of the largest value."""
    channels: int
    """Channels of the map that has most."""
    positions: int
    """Positions of the smallest map; 0 where there are values that are no maps."""
    growth: tuple[int, int]
    """What all kernels together add to the height and width of a window."""

    @classmethod
    def of(
        cls, graph: Graph, begin: int, end: int, shapes: Mapping[int, torch.Size]
    ) -> "GraphSection":
        """From the operation at ``begin`` to that at ``end``; ``shapes`` without the samples."""
        nodes = [node for node in graph.nodes[begin : end + 1] if node.slot in shapes]
        found = [shapes[node.slot] for node in nodes]
        maps = [shape for shape in found if len(shape) == 3]
        high = wide = 0
        for node in nodes:
            if node.op is aten.conv2d.default:
                dilation = node.args[5] if len(node.args) > 5 else 1
                size = graph.constants[node.inputs[1]].shape[2:]
            elif node.op in (aten.max_pool2d.default, aten.avg_pool2d.default):
                dilation, size = 1, node.args[1]
            else:
                continue
            # Stride 1, though there may be strides: they make windows smaller, never larger.
            kernel = Kernel(size, 1, 0, dilation)
            high += (kernel.size[0] - 1) * kernel.dilation[0]
            wide += (kernel.size[1] - 1) * kernel.dilation[1]
        return cls(
            whole=max(map(math.prod, found), default=1),
            channels=max((shape[0] for shape in maps), default=1),
            positions=min((math.prod(shape[1:]) for shape in maps), default=0)
            if len(maps) == len(found)
            else 0,
            growth=(high, wide),
        )

    def elements(self, patches: Mapping[int, Patch]) -> int:
        """Elements a row of the largest value, given what differs at the beginning."""
        # One only: at a bottleneck a single value differs.
        for patch in patches.values():
            if patch.values.ndim != 4 or any(start is None for start in patch.starts[1:]):
                return self.whole
            high, wide = patch.values.shape[2:]
            size = (high + self.growth[0]) * (wide + self.growth[1])
            if size > LARGEST_WINDOW * self.positions:  # an estimate: stride 1, smallest map
                return self.whole
            return max(1, min(self.whole, size * self.channels))
        return self.whole
