"""Which words have caps, and what are the caps of their faults?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.caps.bounded_graph import UnboundedError
from radhard.caps.cap_table import CapTable
from radhard.caps.displaced_words import harmed_samples
from radhard.caps.weight_use import WeightUse, weight_use
from radhard.caps.word_limits import WordLimits
from radhard.replay.graph import Graph
from radhard.space import FaultSpace

__all__ = ["CappedWords"]


@dataclass
class CappedWords:
    """The regions whose words have caps, with the safe displacements that are found of them."""

    space: FaultSpace
    graph: Graph
    uses: dict[int, WeightUse] = field(default_factory=dict)
    """By region: the operation that uses its words."""
    left_out: dict[str, str] = field(default_factory=dict)
    """The names of the other regions, with the reason."""
    _limits: dict[int, list[WordLimits]] = field(default_factory=dict)

    @classmethod
    def of(cls, space: FaultSpace, graph: Graph) -> "CappedWords":
        """The regions of a space whose words are used once, by a convolution or linear layer."""
        found = cls(space, graph)
        for place, region in enumerate(space.regions):
            try:
                found.uses[place] = weight_use(graph, region)
            except UnboundedError as error:
                found.leave_out(place, str(error))
        return found

    def leave_out(self, place: int, why: str) -> None:
        """Record that a region has no caps."""
        self.left_out[self.space.name(place)] = why
        self.uses.pop(place, None)

    def add(self, place: int, low: Tensor, high: Tensor) -> None:
        """Add the limits of a region's words for one more sample; any shape, one a word."""
        limits = WordLimits(_inwards(low.reshape(1, -1)), _inwards(high.reshape(1, -1)))
        self._limits.setdefault(place, []).append(limits)

    def table(self, by: str, samples: int, seconds: float) -> CapTable:
        """The caps of all faults, found ``by`` a component, from the limits of all ``samples``."""
        caps = np.ones(len(self.space), np.float32)
        shares: dict[str, float] = {}
        for place, region in enumerate(self.space.regions):
            own: Any = slice(int(self.space.starts[place]), int(self.space.starts[place + 1]))
            if place in self.uses:
                # Freed place by place, as limits of all samples take far more memory than caps.
                limits = self._limits.pop(place)
                joined = WordLimits(
                    torch.cat([one.low for one in limits]), torch.cat([one.high for one in limits])
                )
                use = self.uses[place]
                at = use.node.args[2 if use.bias else 1].number
                caps[own] = harmed_samples(region, self.graph.constants[at], joined) / samples
            shares[self.space.name(place)] = float((caps[own] == 0).mean())
        left_out: Mapping[str, str] = dict(self.left_out)
        return CapTable(by, caps, shares, left_out, seconds)


def _inwards(limits: Tensor) -> Tensor:
    """Limits in float32, moved towards 0, as rounding to nearest may move them outwards."""
    stored = limits.float()
    return torch.where(stored.isfinite(), stored.nextafter(torch.zeros_like(stored)), stored)
