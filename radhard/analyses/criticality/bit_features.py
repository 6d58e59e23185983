"""What is known of every bit of a network without flipping it?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.analyses.layer import is_transposed
from radhard.analyses.weight_gradients import weight_gradients
from radhard.space import FaultSpace, Numbers, Region
from radhard.targets.stored import stored_tensor
from radhard.workload import Workload

__all__ = ["FEATURES", "BitFeatures", "FeatureSet", "bit_features"]

FeatureSet = Literal["structural", "all", "general"]
"""``structural``: those of Traiola et al. (DATE 2023); ``all``: also values and gradients;
``general``: those with the same meaning in another network."""

_STRUCTURAL = ("sign", "bit", "layer", "output", "input")

FEATURES: Mapping[FeatureSet, tuple[str, ...]] = {
    "structural": _STRUCTURAL,
    "all": (*_STRUCTURAL, "value", "gradient", "displacement", "loss"),
    "general": ("sign", "bit from top", "depth", "magnitude", "relative displacement", "loss"),
}
"""The names of the features in each set."""

Table = npt.NDArray[np.float32]

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)

_STEPS = 149
"""Magnitudes below two to the power of this, negated, cannot be told from 0."""

_LARGEST = 2.0**1023
"""Stands for infinite and NaN deviations."""


@final
@dataclass(frozen=True, eq=False)
class BitFeatures:
    """The features of every bit of a fault space, computed for the bits that are asked for.

    ========================= ==================================================================
    ``sign``                  1 if the value of the word is negative
    ``bit``                   position in the word, 0 is the least significant
    ``layer``                 number of the layer in the order of the model
    ``output``                index of the output channel (feature map, neuron) of the word
    ``input``                 index of the input channel (channel of the filter), -1 for a bias
    ``value``                 value of the word
    ``gradient``              mean gradient of the cross-entropy with the golden predictions
    ``displacement``          faulty value minus value
    ``loss``                  displacement times gradient: the change of the loss to first order
    ``bit from top``          position in the word, 0 is the most significant
    ``depth``                 number of the layer, divided by that of the last
    ``magnitude``             magnitude of the value, divided by the largest of the tensor
    ``relative displacement`` displacement, divided by the root mean square of the tensor
    ========================= ==================================================================

    Values, gradients, displacements and losses are on a logarithmic scale that keeps the sign, as
    forests compute with finite float32 numbers; the order is all that matters to a tree.
    """

    names: tuple[str, ...]
    columns: tuple[Mapping[str, Callable[[Numbers, Numbers], Tensor]], ...]
    """For each region, how each feature follows from words and variants."""
    variants: tuple[int, ...]
    """For each region, the number of variants of a word."""

    def rows(self, place: int, words: Numbers, variants: Numbers) -> Table:
        """The features of some bits of one region, ``(bits, features)``."""
        columns = self.columns[place]
        features = [columns[name](words, variants) for name in self.names]
        table: Table = torch.stack([feature.float() for feature in features], dim=1).numpy()
        return table

    def of_words(self, place: int, words: Numbers) -> Table:
        """The features of all bits of some words of one region, one word after another."""
        variants = self.variants[place]
        every = np.tile(np.arange(variants), len(words))
        return self.rows(place, np.repeat(words, variants), every)


def bit_features(
    space: FaultSpace, features: FeatureSet, model: nn.Module, workload: Workload | None = None
) -> BitFeatures:
    """The features of every bit of the stored values in a space of single bit flips.

    ``workload`` contains the data for gradients, which `FEATURES` other than the structural ones
    require. A tensor whose gradients are not finite has a gradient of 0, and
    ``workload.left_out`` records it.
    """
    layers = list(dict.fromkeys(site.layer for site in space.sites))
    gradients: dict[str, Tensor] = {}
    if features != "structural":
        assert workload is not None, "gradients require data"
        gradients = weight_gradients(workload, space.sites, workload.predictions, average="signed")
    columns = []
    for region in space.regions:
        layer = layers.index(region.site.layer)
        gradient = gradients.get(region.site.name)
        columns.append(_columns(region, model, layer, layer / max(len(layers) - 1, 1), gradient))
    return BitFeatures(FEATURES[features], tuple(columns), tuple(space.variants.tolist()))


def _columns(
    region: Region, model: nn.Module, layer: int, depth: float, gradient: Tensor | None
) -> dict[str, Callable[[Numbers, Numbers], Tensor]]:
    stored = stored_tensor(model, region.site.name).cpu()
    values = stored.ravel()
    owner = region.site.name.rpartition(".")[0]
    axes = _axes(model.get_submodule(owner), stored.ndim)
    outputs, inputs = (_index(stored.shape, axis).ravel() for axis in axes)
    slopes = None if gradient is None else gradient.cpu().ravel().nan_to_num(nan=0.0)
    # Variants of a fault model on some bits only need not be numbered by bit.
    bits = torch.tensor([region.bits(variant)[0] for variant in range(region.variants)])
    largest = float(values.abs().max()) if len(values) else 0.0
    scale = float(values.double().square().mean().sqrt()) if len(values) else 0.0

    def taken(table: Tensor) -> Callable[[Numbers, Numbers], Tensor]:
        return lambda words, _: table[torch.from_numpy(words)]

    def displacement(words: Numbers, variants: Numbers) -> Tensor:
        at = torch.from_numpy(words)
        before = values[at]
        return region.faulty(before, at, torch.from_numpy(variants)).double() - before.double()

    def loss(words: Numbers, variants: Numbers) -> Tensor:
        assert slopes is not None
        # A gradient of 0 times an infinite displacement is no change, not NaN.
        finite = _finite(displacement(words, variants))
        return _logarithmic(finite * slopes[torch.from_numpy(words)])

    def constant(value: float) -> Callable[[Numbers, Numbers], Tensor]:
        return lambda words, _: torch.full((len(words),), value, dtype=torch.float64)

    columns: dict[str, Callable[[Numbers, Numbers], Tensor]] = {
        "sign": taken(torch.signbit(values)),
        "bit": lambda _, variants: bits[torch.from_numpy(variants)],
        "layer": constant(layer),
        "output": taken(outputs),
        "input": taken(inputs),
        "value": taken(_logarithmic(values.double())),
        "displacement": lambda w, v: _logarithmic(displacement(w, v)),
        "bit from top": lambda _, variants: region.word.bits - 1 - bits[torch.from_numpy(variants)],
        "depth": constant(depth),
        # A tensor of zeros has no scale to divide by.
        "magnitude": taken(values.double().abs() / (largest or 1.0)),
        "relative displacement": lambda w, v: _logarithmic(displacement(w, v) / (scale or 1.0)),
    }
    if slopes is not None:
        columns |= {"gradient": taken(_logarithmic(slopes)), "loss": loss}
    return columns


def _finite(deviations: Tensor) -> Tensor:
    return deviations.nan_to_num(nan=_LARGEST, posinf=_LARGEST, neginf=-_LARGEST)


def _logarithmic(x: Tensor) -> Tensor:
    """Log2 of the magnitude, shifted to be above 0, with the sign of ``x``; it keeps the order.

    >>> _logarithmic(torch.tensor([-4.0, 0.0, 1.0, torch.inf], dtype=torch.float64)).tolist()
    [-151.0, 0.0, 149.0, 1172.0]
    """
    finite = _finite(x)
    # In double precision: a displacement of float32 values may exceed the range of float32, and so
    # may a sum with 2**-149.
    return finite.sign() * ((finite.abs() + 2.0**-_STEPS).log2() + _STEPS)


def _axes(module: nn.Module, dimensions: int) -> tuple[int | None, int | None]:
    """The axes of the output and the input channels of a module's parameter."""
    if dimensions < 2:
        return (0 if dimensions else None), None
    return (1, 0) if isinstance(module, _TRANSPOSED) or is_transposed(module) else (0, 1)


def _index(shape: torch.Size, axis: int | None) -> Tensor:
    """For each element its index along an axis; -1 without one."""
    if axis is None:
        return torch.full(tuple(shape), -1)
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return torch.arange(shape[axis]).reshape(view).expand(shape)
