"""For what share of the time does a structure of an accelerator hold a word that is needed?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from radhard.accelerators.base import Accelerator
from radhard.accelerators.layer_product import LayerProduct

__all__ = ["STRUCTURES", "Residency", "Structure", "residencies"]

Structure = Literal[
    "weight buffer",
    "input buffer",
    "accumulators",
    "input registers",
    "weight registers",
    "sum registers",
    "output registers",
]
"""Where an accelerator holds words: buffers of what enters the array, accumulators of sums outside
the elements, and the registers of the elements."""

STRUCTURES: tuple[Structure, ...] = get_args(Structure)
"""The structures of an accelerator whose failures in time are added up, buffers first."""

_AT_ONCE = 2**20
"""Words of registers in cycles that are looked at together."""


@dataclass(frozen=True)
class Residency:
    """How long the words of a structure are live while one layer of one sample is computed.

    A word is live in a cycle if an output depends on what it holds then.

    >>> Residency("weight buffer", "fc", words=10, bits=8, cycles=20, live=100).share
    0.5
    """

    structure: Structure
    layer: str
    words: int
    """The words that the layer needs."""
    bits: int
    """Of a word."""
    cycles: int
    """Of the layer."""
    live: int
    """The cycles in which a word is live, added up over all words."""

    @property
    def share(self) -> float:
        """The mean share of the layer's time for which a word is live."""
        return self.live / (self.words * self.cycles) if self.words else 0.0


def residencies(
    accelerator: Accelerator, layer: LayerProduct, shape: Sequence[int], name: str
) -> Mapping[Structure, Residency]:
    """The residency of each structure in a layer, for samples of a shape.

    Buffers hold the operands of the layer from its beginning. A word is live until it enters the
    array for the last time; it is read again for every tile that needs it.
    """
    product = layer.product
    tiles, cycles, rows, columns = accelerator.shape(product)
    word, accumulator = (accelerator.format_of(of).bits for of in ("input", "sum"))
    spent = tiles * cycles

    def of(structure: Structure, words: int, bits: int, live: int) -> Residency:
        return Residency(structure, name, words, bits, spent, live)

    # Cycles are counted from 0: a word that is last read in cycle n was live for n + 1.
    weights = accelerator.last_reads(product, "weight") + 1
    inputs = _cycles_of_inputs(accelerator, layer, shape)
    found = {
        "weight buffer": of("weight buffer", weights.size, word, int(weights.sum())),
        "input buffer": of("input buffer", inputs.size, word, int(inputs.sum())),
    }
    held, live = accelerator.accumulators(product)
    if held:
        found["accumulators"] = of("accumulators", held, accumulator, live)
    for register in accelerator.registers:
        live = 0
        for begin in range(0, spent * rows * columns, _AT_ONCE):
            every = np.arange(begin, min(begin + _AT_ONCE, spent * rows * columns))
            live += int(accelerator.use(product, register, every).live.sum())
        structure: Structure = f"{register} registers"  # type: ignore[assignment]
        bits = accelerator.format_of(register).bits
        found[structure] = of(structure, rows * columns, bits, live)
    return {structure: found[structure] for structure in STRUCTURES if structure in found}


def _cycles_of_inputs(
    accelerator: Accelerator, layer: LayerProduct, shape: Sequence[int]
) -> np.ndarray:
    """For how many cycles each element of a sample's input is live; 0 if it is never read."""
    product = layer.product
    axes = torch.meshgrid(
        *(torch.arange(n) for n in (product.groups, product.rows, product.depth)), indexing="ij"
    )
    positions = layer.positions(*axes).reshape(-1).numpy()
    stored = layer.pad(torch.ones(1, *shape))[0].numpy() > 0
    last = np.full(len(stored), -1, np.int64)
    # An element of the input may be read at several places of the product; the last one counts.
    np.maximum.at(last, positions, accelerator.last_reads(product, "input").reshape(-1))
    # Zeros around the input are not stored.
    found: np.ndarray = last[stored] + 1
    return found
