"""Which product of matrices does a layer compute?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radhard.accelerators.matrix_product import MatrixProduct

__all__ = ["LayerProduct", "product_of"]


_PLAIN = {kind: kind.forward for kind in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)}


@dataclass(frozen=True)
class LayerProduct:
    """A convolution or a linear layer as a product of matrices, for samples of one shape.

    An element of the inputs of a group, ``[row, depth]``, lies at a flat position in the padded
    input of a sample that is the sum of three offsets. Outputs are ``(groups, rows, columns)`` here
    and have the shape ``output`` in the layer.
    """

    product: MatrixProduct
    output: tuple[int, ...]
    pad: Callable[[Tensor], Tensor]
    """The padded input, ``(samples, elements)``."""
    group_offsets: Tensor
    row_offsets: Tensor
    depth_offsets: Tensor
    multiply: Callable[[Tensor, Tensor], Tensor]
    """The layer's output ``(samples, *output)`` from its inputs and its weight, without a bias."""
    rows_first: bool
    """Whether the rows of a channel lie side by side in the output, as in a convolution."""

    def weights(self, weight: Tensor) -> Tensor:
        """The weight of the layer as ``(groups, depth, columns)``."""
        return weight.reshape(self.product.groups, self.product.columns, -1).transpose(1, 2)

    def positions(self, groups: Tensor, rows: Tensor, depths: Tensor) -> Tensor:
        """Where elements of the inputs lie in the padded input of a sample."""
        return self.group_offsets[groups] + self.row_offsets[rows] + self.depth_offsets[depths]

    def inputs(self, padded: Tensor, groups: Tensor, rows: Tensor, depths: Tensor) -> Tensor:
        """Elements of the inputs of all samples, ``(samples, ...)``; the indices broadcast."""
        at = self.positions(groups, rows, depths)
        return padded[:, at.reshape(-1)].reshape(len(padded), *at.shape)

    def as_output(self, sums: Tensor) -> Tensor:
        """Sums ``(samples, groups, rows, columns)`` in the shape of the layer's output."""
        order = sums.transpose(2, 3) if self.rows_first else sums
        return order.reshape(len(sums), *self.output)

    def as_sums(self, output: Tensor) -> Tensor:
        """The layer's output as ``(samples, groups, rows, columns)``."""
        product = self.product
        if self.rows_first:
            sizes = (product.groups, product.columns, product.rows)
            return output.reshape(len(output), *sizes).transpose(2, 3)
        return output.reshape(len(output), 1, product.rows, product.columns)


def product_of(layer: nn.Module, shape: tuple[int, ...]) -> LayerProduct | str:
    """A linear layer or a convolution as a product of matrices, or the reason why it is none.

    ``shape`` is that of one sample's input, ``(features,)`` or ``(channels, height, width)``.

    >>> product_of(nn.Conv2d(3, 8, 3), (3, 10, 10)).product
    MatrixProduct(rows=64, depth=27, columns=8, groups=1)
    """
    # A subclass may compute anything in it, of which the product would know nothing.
    if isinstance(layer, tuple(_PLAIN)) and type(layer).forward not in _PLAIN.values():
        return "it has a forward of its own"
    if isinstance(layer, nn.Linear):
        rows = math.prod(shape[:-1])
        product = MatrixProduct(rows, layer.in_features, layer.out_features)
        return LayerProduct(
            product,
            (*shape[:-1], layer.out_features),
            lambda x: x.reshape(len(x), -1),
            torch.zeros(1, dtype=torch.int64),
            torch.arange(rows) * layer.in_features,
            torch.arange(layer.in_features),
            nn.functional.linear,
            rows_first=False,
        )
    if not isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return f"{type(layer).__name__} is neither a convolution nor a linear layer"
    if layer.padding_mode != "zeros":
        return f"its padding_mode is {layer.padding_mode!r}"
    return _of_convolution(layer, shape)


def _of_convolution(
    layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, shape: tuple[int, ...]
) -> LayerProduct:
    # What is added on each side, the last axis first, as torch pads.
    around = list(layer._reversed_padding_repeated_twice)
    sides = list(zip(around[::2], around[1::2], strict=True))[::-1]
    padded = [size + sum(both) for size, both in zip(shape[1:], sides, strict=True)]
    geometry = zip(padded, layer.kernel_size, layer.stride, layer.dilation, strict=True)
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in geometry]
    each = layer.in_channels // layer.groups
    plane = math.prod(padded)

    def offsets(counts: list[int], steps: list[int]) -> Tensor:
        total = torch.zeros(1, dtype=torch.int64)
        for count, step in zip(counts, steps, strict=True):
            total = (total[:, None] + torch.arange(count) * step).reshape(-1)
        return total

    strides = [math.prod(padded[axis + 1 :]) for axis in range(len(padded))]
    rows = offsets(sizes, [s * n for s, n in zip(layer.stride, strides, strict=True)])
    depths = offsets(
        [each, *layer.kernel_size],
        [plane, *(d * n for d, n in zip(layer.dilation, strides, strict=True))],
    )
    convolve = (nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d)[len(sizes) - 1]

    # Padded here: with padding='same' and an even kernel both sides differ, for which conv2d has no
    # argument.
    def multiply(inputs: Tensor, weight: Tensor) -> Tensor:
        whole = nn.functional.pad(inputs, around)
        return convolve(whole, weight, None, layer.stride, 0, layer.dilation, layer.groups)

    product = MatrixProduct(
        math.prod(sizes), len(depths), layer.out_channels // layer.groups, layer.groups
    )
    return LayerProduct(
        product,
        (layer.out_channels, *sizes),
        lambda x: nn.functional.pad(x, around).reshape(len(x), -1),
        torch.arange(layer.groups) * each * plane,
        rows,
        depths,
        multiply,
        rows_first=True,
    )
