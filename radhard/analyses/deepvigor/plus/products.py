"""By which input is each weight of a layer multiplied, at each position of its output?"""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from radhard.analyses.layer import Layer

__all__ = ["Products"]


class Products:
    """A layer as sums of products: channel ``c`` at a position sums ``weight[c, k] * input``.

    The number ``k`` of a product is the flat position of its weight among those of the channel.
    Supports any convolution: stride, padding of any mode, dilation, groups.

    Args:
        layer: a convolution or linear layer.
        inputs: the layer's inputs, ``(samples, ...)``, with the samples first.
    """

    def __init__(self, layer: Layer, inputs: Tensor) -> None:
        module, weight = layer.module, layer.weight.detach()
        self.weight = weight.flatten(1)
        """``(channels, products)``."""
        self.inputs = inputs
        self._shape = tuple(weight.shape[1:])
        self._own = 0
        self._alive: Tensor | None = None
        if isinstance(module, nn.Linear):
            self.positions: tuple[int, ...] = tuple(inputs.shape[1:-1])
            """The shape of a channel's output for a sample."""
            # Inputs of products on axis 1 and positions behind, as those of a convolution.
            self._values = inputs.movedim(-1, 1)
            self._steps: tuple[tuple[int, int], ...] = ()
            return
        assert isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        borders = _borders(module)
        mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
        # functional.pad starts at the last axis.
        flat = [side for border in reversed(borders) for side in border]
        self._values = nnf.pad(inputs, flat, mode=mode) if any(flat) else inputs
        self._steps = tuple(zip(module.stride, module.dilation, strict=True))
        sizes = []
        for axis, (stride, dilation) in enumerate(self._steps):
            # The distance of the first and the last input of a window.
            reach = dilation * (weight.shape[2 + axis] - 1)
            sizes.append((self._values.shape[2 + axis] - reach - 1) // stride + 1)
        self.positions = tuple(sizes)
        if module.groups > 1:
            self._own = weight.shape[0] // module.groups

    @property
    def channels(self) -> int:
        """Number of channels of the layer's output."""
        return len(self.weight)

    @property
    def count(self) -> int:
        """Number of products in a sum."""
        return self.weight.shape[1]

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.inputs)

    @property
    def scalar(self) -> bool:
        """Whether a channel has one output per sample."""
        return math.prod(self.positions) == 1

    def alive(self, channels: Tensor) -> Tensor:
        """Number of samples for which a product has a nonzero input at some position.

        For all products of some channels, ``(channels, products)``.

        >>> module = nn.Conv1d(1, 1, 2, bias=False)
        >>> inputs = torch.tensor([[[0.0, 0.0, 3.0]], [[0.0, 0.0, 0.0]]])
        >>> Products(Layer("0", module), inputs).alive(torch.tensor([0]))
        tensor([[0, 1]])
        """
        if self._alive is None:
            offsets = itertools.product(*(range(size) for size in self._shape[1:]))
            # Offset by offset: all windows at once would be as many copies of the input as the
            # kernel has elements.
            counts = [(self._seen(at) != 0).flatten(2).any(2).sum(0) for at in offsets]
            self._alive = torch.stack(counts, dim=1)
        inner = torch.arange(self._shape[0], device=channels.device)
        # In a grouped convolution, a channel reads only the inputs of its own group.
        if self._own:
            inner = inner + (channels // self._own * self._shape[0])[:, None]
        return self._alive[inner.expand(len(channels), -1)].flatten(1)

    def _seen(self, offset: tuple[int, ...]) -> Tensor:
        """The inputs of weights at an offset in the kernel, ``(samples, channels, positions)``."""
        if not self._steps:
            return self._values.flatten(2) if self.positions else self._values[..., None]
        steps = zip(offset, self.positions, self._steps, strict=True)
        # Slices give a view: indices would copy the inputs once for every weight of the kernel.
        where = [
            slice(at * dilation, at * dilation + (size - 1) * stride + 1, stride)
            for at, size, (stride, dilation) in steps
        ]
        return self._values[(slice(None), slice(None), *where)]

    def met(self, samples: Tensor, channels: Tensor, products: Tensor, positions: Tensor) -> Tensor:
        """The inputs of some products; all arguments broadcast, positions are flat.

        >>> module = nn.Conv1d(1, 1, 2, bias=False)
        >>> products = Products(Layer("0", module), torch.tensor([[[1.0, 2.0, 3.0]]]))
        >>> zero = torch.tensor(0)
        >>> products.met(zero, zero, torch.tensor([[0], [1]]), torch.arange(2))
        tensor([[1., 2.],
                [2., 3.]])
        """
        at = _unravelled(products, self._shape)
        inner = at[0] if not self._own else at[0] + channels // self._own * self._shape[0]
        where = _unravelled(positions, self.positions)
        if self._steps:
            where = [
                place * stride + offset * dilation
                for place, offset, (stride, dilation) in zip(
                    where, at[1:], self._steps, strict=True
                )
            ]
        values: Tensor = self._values[(samples, inner, *where)]
        return values

    def maps(self, samples: Tensor, channels: Tensor, products: Tensor) -> Tensor:
        """The inputs of one product per row at all positions, ``(rows, *positions)``."""
        everywhere = torch.arange(math.prod(self.positions), device=self.inputs.device)
        rows = (samples[:, None], channels[:, None], products[:, None])
        return self.met(*rows, everywhere).reshape(-1, *self.positions)


def _borders(module: Any) -> list[tuple[int, int]]:
    """The padding before and after the input, along every axis."""
    if module.padding == "valid":
        return [(0, 0)] * len(module.kernel_size)
    if module.padding == "same":
        reach = [
            dilation * (size - 1)
            for dilation, size in zip(module.dilation, module.kernel_size, strict=True)
        ]
        # As torch does: if the total is odd, the additional position is behind the input.
        return [(total // 2, total - total // 2) for total in reach]
    return [(border, border) for border in module.padding]


def _unravelled(flat: Tensor, shape: tuple[int, ...]) -> list[Tensor]:
    if not shape:
        return []
    axes = np.unravel_index(flat.cpu().numpy(), shape)
    return [torch.as_tensor(axis, device=flat.device) for axis in axes]
