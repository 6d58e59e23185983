"""Which value has a neuron that is computed three times?"""

from typing import Any

import torch
from torch import Tensor

from radhard.hardenings.part import Part, Place
from radhard.hardenings.redundancy.neuron_mask import NeuronMask
from radhard.hardenings.redundancy.voter import voted

__all__ = ["NeuronVoter"]


class NeuronVoter(Part):
    """Some neurons of a module in three copies, of whose values the majority is taken."""

    place: Place = "repeated"

    def __init__(self, by: str, *, shape: tuple[int, ...], elements: tuple[int, ...]) -> None:
        super().__init__(by)
        self.shape, self.elements = tuple(shape), tuple(elements)
        self._mask = NeuronMask(self.shape, self.elements)

    @property
    def settings(self) -> dict[str, Any]:
        return {"shape": self.shape, "elements": self.elements}

    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        # Copies other than the module itself are computed by the same operations from the same
        # inputs, and have no faults of their own: computed once, they are the second and the third.
        return torch.where(self._mask.on(first), voted(first, second, second), first)
