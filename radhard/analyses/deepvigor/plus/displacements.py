"""By how much does each bit flip change a value?"""

import torch
from torch import Tensor

from radhard.analyses.deepvigor.flips import fitted_as_one
from radhard.analyses.layer import Layer
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Format, is_stored_as

__all__ = ["Displacements"]


class Displacements:
    """Faulty minus fault-free value for every single bit flip in a format.

    Infinite or NaN if the faulty value is.

    >>> from radhard.formats import Float32
    >>> moved = Displacements(Float32()).of(torch.tensor([0.5, 0.0]))
    >>> moved.shape, moved[0, 31].item(), moved[1, 30].item()
    (torch.Size([2, 32]), -1.0, 2.0)
    """

    def __init__(self, format: Format) -> None:
        self.format = format
        self._fault = BitFlip()

    @property
    def variants(self) -> int:
        """Number of flips of a word."""
        return self._fault.variants(self.format)

    def fitted(self, values: Tensor) -> "Displacements":
        """The displacements with a scale fitted to ``values``, if the format has one."""
        if not self.format.has_scale:
            return self
        return Displacements(fitted_as_one(self.format, values.reshape(1, -1)))

    def of(self, values: Tensor) -> Tensor:
        """``(..., flips)`` in float64, for values ``(...)``."""
        flat = values.detach().reshape(1, -1)
        return self._moved(self.format, flat).reshape(*values.shape, self.variants)

    def of_weights(self, layer: Layer, words: Tensor) -> Tensor:
        """``(..., flips)``, for words of a layer's weight by their flat positions ``(...)``.

        Raises:
            InputError: the weight of the model is not stored in the format.
        """
        weight = layer.weight.detach()
        if not is_stored_as(weight, self.format):
            raise InputError(
                f"{layer.name}.weight contains values that {self.format!r} cannot represent; "
                f"analyze a model stored in that format: model = stored_as(model, {self.format!r})"
            )
        flat = words.flatten()
        # Scales are fitted to the whole weight, as it is stored, and then looked up for the words.
        fitted = self.format.fit(weight).take(flat, tuple(weight.shape))
        return self._moved(fitted, weight.flatten()[flat]).reshape(*words.shape, self.variants)

    def _moved(self, format: Format, values: Tensor) -> Tensor:
        before = format.encode(values)
        # Against the decoded code and not the value itself, so that only the flip is measured and
        # not the rounding of the value to the format.
        clean = format.decode(before).double()
        moved = []
        for variant in range(self.variants):
            which = torch.full_like(before, variant)
            moved.append(format.decode(self._fault.corrupt(before, which, format)).double() - clean)
        return torch.stack(moved, dim=-1)
