"""Which layers of a model does an accelerator compute, and why not the others?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.accelerators import Accelerator, IntegerLayer, grid_of, integer_layer
from radhard.globs import matches
from radhard.rounding import scales_in
from radhard.workload import Workload
from radhard.workload.hooks import module_hooks

__all__ = ["ArrayLayers", "array_layers"]

_SAMPLES = 100
"""Samples from which the scale of a layer's inputs is told."""


_OTHERS = (
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    nn.Bilinear,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


@dataclass(frozen=True)
class ArrayLayers:
    """The layers of a model that multiply matrices, in its order."""

    names: list[str]
    computed: dict[str, IntegerLayer]
    """Those that an accelerator computes, as integers, for samples of the shape of the data."""
    shapes: dict[str, tuple[int, ...]]
    """The shape of one sample's input of each of these."""
    left_out: dict[str, str]
    """Those that it does not compute, with the reason."""


def array_layers(workload: Workload, array: Accelerator, pattern: str = "*") -> ArrayLayers:
    """Which layers of a model an array computes, and the reason for each that it does not.

    ``pattern``: globs of layer names, joined by ``|``. Other layers are in neither of the two.
    """
    found = ArrayLayers([], {}, {}, {})
    scales, bits = scales_in(workload.model), array.format_of("input").bits
    count = min(_SAMPLES, len(workload.data))
    for name, layer, given in _inputs_of_layers(workload):
        found.names.append(name)
        if not matches(pattern, name):
            continue
        if len(given) != 1:
            found.left_out[name] = f"it is called {len(given)} times in a pass"
            continue
        if len(given[0]) != count:
            found.left_out[name] = f"its input has {len(given[0])} rows for {count} samples"
            continue
        if not given[0].any():
            found.left_out[name] = f"its inputs are zero in the first {count} samples, in any scale"
            continue
        shape = tuple(given[0].shape[1:])
        grid = grid_of(given[0], scales, bits)
        if grid is None:
            found.left_out[name] = (
                "its inputs are not rounded to integers of the array: "
                f"model = quantized(model, data, {array.format_of('input')!r}, inputs=True)"
            )
            continue
        whole = integer_layer(layer, array, shape, grid)
        if isinstance(whole, str):
            found.left_out[name] = whole
            continue
        found.computed[name], found.shapes[name] = whole, shape
    for name, layer in workload.model.named_modules():
        # They multiply matrices as well, but not as one product of their input and their weight.
        if isinstance(layer, _OTHERS) and matches(pattern, name):
            found.names.append(name)
            found.left_out[name] = f"{type(layer).__name__} is not computed as one product"
    return found


def _inputs_of_layers(workload: Workload) -> Iterator[tuple[str, nn.Module, list[Tensor]]]:
    """Name and module of every layer that multiplies matrices, and its input in each call."""
    model, some = workload.model, workload.data.rows(slice(0, _SAMPLES))
    given: dict[str, list[Tensor]] = {}
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
    }

    def record(name: str, args: Any, kwargs: Any) -> None:
        x = args[0] if args else kwargs["input"]
        given.setdefault(name, []).append(x.detach().clone())

    with workload.open(), torch.no_grad(), module_hooks(layers, before=record):
        workload.forward(some)
    for name, calls in given.items():
        yield name, layers[name], calls
