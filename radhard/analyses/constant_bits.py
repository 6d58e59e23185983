"""Which bits have the same value in all words of a tensor?"""

from torch import nn

from radhard.space import FaultSpace
from radhard.targets.stored import stored_tensor

__all__ = ["constant_bits"]


def constant_bits(space: FaultSpace, model: nn.Module) -> dict[str, dict[int, int]]:
    """For each tensor in a space of stored values, its constant bits and their values.

    A flip of such a bit can be corrected without any check bits, by writing its constant value. In
    `Float32`, bit 30 is constantly 0 if all magnitudes are below 2; bits 27 to 29 are constantly 1
    if they are at least 2**-15 as well (Parchekani et al., DFT 2024). A tensor without words has no
    constant bits.

    >>> import torch
    >>> from radhard.faults import BitFlip
    >>> from radhard.formats import Float32
    >>> from radhard.targets import Weights
    >>> model = nn.Linear(2, 1, bias=False)
    >>> model.weight.data = torch.tensor([[1.5, -0.25]])
    >>> constant = constant_bits(FaultSpace.of(model, Weights("*"), BitFlip(), Float32()), model)
    >>> {bit: value for bit, value in constant["weight"].items() if bit > 22}
    {23: 1, 25: 1, 26: 1, 27: 1, 28: 1, 29: 1, 30: 0}
    """
    found: dict[str, dict[int, int]] = {}
    for region in space.regions:
        if region.plane != "codes" or not region.words:
            continue
        codes = region.format.encode(stored_tensor(model, region.site.name))
        found[region.site.name] = {
            bit: int(values[0])
            for bit in range(region.word.bits)
            if bool(((values := (codes >> bit & 1).flatten()) == values[0]).all())
        }
    return found
