"""How is a neuron computed as two halves, and put together again?"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from radhard.formats.plain.signed_words import lowest_step
from radhard.hardenings.part import Part, Place
from radhard.hardenings.redundancy.correction_unit import and_corrected, sign_corrected
from radhard.hardenings.redundancy.neuron_mask import NeuronMask
from radhard.hardenings.redundancy.split_layers import to_split

__all__ = ["NeuronSplit"]


class NeuronSplit(Part):
    """Some neurons of a module in two copies of half the value, and the unit that corrects them.

    The module returns ``round(x / (2 * scale))`` in place of ``round(x / scale)``: weights and bias
    stay as they are, and the scale of the result is doubled, which is exact where half an odd
    weight would not be. The second copy is computed from the same inputs by the same operations,
    and is equal without faults. What the next layer is given is the corrected word times two, as
    both copies hold it. ``scale`` is that of the module's words, ``bits`` their width.
    """

    place: Place = "repeated"

    def __init__(
        self,
        by: str,
        *,
        shape: tuple[int, ...],
        elements: tuple[int, ...],
        bits: int,
        unit: Literal["and", "sign"],
    ) -> None:
        super().__init__(by)
        self.shape, self.elements = tuple(shape), tuple(elements)
        self.bits, self.unit = bits, unit
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))
        self._mask = NeuronMask(self.shape, self.elements)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "elements": self.elements,
            "bits": self.bits,
            "unit": self.unit,
        }

    def prepare(self, module: nn.Module) -> None:
        to_split(module)

    def halved(self, output: Tensor) -> Tensor:
        """The output of the module, with halves where neurons are split, still to be rounded."""
        # A half may reach the top magnitude bit only by rounding 63.5, which the unit would reset.
        most = (1 << (self.bits - 2)) - 1
        half = (output / 2).clamp(-(most + 1) * self.scale, most * self.scale)
        return torch.where(self._mask.on(output), half, output)

    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        unit = and_corrected if self.unit == "and" else sign_corrected
        words = unit(self._words(first), self._words(second), self.bits)
        whole = (2 * words).to(first.dtype) * self.scale
        # An accelerator of integers knows no NaN; here it stands for an error that is seen.
        lost = (first.isnan() | second.isnan()).logical_not()
        return torch.where(self._mask.on(first) & lost, whole, first)

    def _words(self, values: Tensor) -> Tensor:
        low, high = lowest_step(self.bits, "twos_complement"), (1 << (self.bits - 1)) - 1
        # In float64, as the module rounds its output.
        steps = (values.double() / self.scale).round().clamp(low, high)
        return steps.nan_to_num().to(torch.int64)
