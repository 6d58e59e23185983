"""Which integers does a quantized layer multiply?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radhard.accelerators.base import Accelerator
from radhard.accelerators.layer_product import LayerProduct, product_of
from radhard.accelerators.register_contents import RegisterContents
from radhard.errors import InputError
from radhard.formats import Int, is_stored_as

__all__ = ["IntegerLayer", "grid_of", "integer_layer"]


@dataclass(frozen=True)
class IntegerLayer:
    """A layer as an array computes it: the weight and the inputs are integers, times scales."""

    accelerator: Accelerator
    layer: LayerProduct
    weight: Tensor
    """In steps of its scale, float64."""
    weight_scale: Tensor
    """One, or one for each channel."""
    grid: float
    """The scale of the inputs."""

    @property
    def step(self) -> Tensor:
        """What one unit of a sum adds to the layer's output, ``(groups, 1, columns)`` or one."""
        step = self.weight_scale * self.grid
        product = self.layer.product
        return step.reshape(product.groups, 1, -1) if step.numel() > 1 else step.reshape(())

    def contents(self, inputs: Tensor) -> RegisterContents:
        """The operands for some samples.

        Raises:
            InputError: the inputs are no multiples of their scale, or too large.
        """
        steps = _steps(inputs.detach().cpu(), self.grid, self.accelerator.format_of("input").bits)
        if steps is None:
            raise InputError(
                f"an input of the layer is no multiple of {self.grid:.6g}, to which it was "
                "rounded when the space was made; make the space from this model and its data"
            )
        return RegisterContents(self.accelerator, self.layer, steps, self.weight)


def integer_layer(
    layer: nn.Module, accelerator: Accelerator, shape: tuple[int, ...], grid: float
) -> IntegerLayer | str:
    """The integers that an accelerator multiplies for a layer, or the reason why there are none.

    ``shape`` is that of one sample's input, ``grid`` the scale of the inputs. The weight has to be
    stored as integers of the width of the weight register (`quantized`), and no sum may overflow
    the accumulator without faults.
    """
    product = product_of(layer, shape)
    if isinstance(product, str):
        return product
    # On the CPU, where masks and indices are.
    weight: Tensor = layer.weight.detach().cpu()  # type: ignore[operator]
    bits = accelerator.format_of("weight").bits
    fitted = [Int(bits), Int(bits, per="channel")]
    stored = next((format for format in fitted if is_stored_as(weight, format)), None)
    if stored is None:
        return (
            f"its weight is not stored as {fitted[0]!r}; quantize the model to it, or give the "
            "array the word of the model"
        )
    scale = stored.fit(weight).scale
    assert scale is not None
    steps = (weight.detach().double() / scale).round()
    # The lowest word is the largest in magnitude, and an input may be it.
    most = product.weights(steps).abs().sum(1).max() * 2.0 ** (bits - 1)
    accumulator = accelerator.format_of("sum").bits
    if most >= 2.0 ** (accumulator - 1):
        return (
            f"its sums may reach {most:.3g}, and an accumulator of {accumulator} bits holds less "
            f"than {2.0 ** (accumulator - 1):.3g}: without faults the array would compute others"
        )
    return IntegerLayer(accelerator, product, steps, scale, grid)


def grid_of(values: Tensor, scales: Sequence[float], bits: int) -> float | None:
    """The scale to which values were rounded: the largest one of which all are multiples.

    ``scales`` is in ascending order; the multiples must fit into words of ``bits``. None if there
    is no such scale.

    >>> grid_of(torch.tensor([0.5, -1.0]), [0.25, 0.5, 0.75], bits=8)
    0.5
    """
    return next(
        (scale for scale in reversed(scales) if _steps(values, scale, bits) is not None), None
    )


def _steps(values: Tensor, scale: float, bits: int) -> Tensor | None:
    """Values in steps of a scale; None if one is no multiple of it, or too large for a word."""
    quotients = values.detach().double() / scale
    steps = quotients.round()
    half = 2.0 ** (bits - 1)
    # A product of a step and the scale was rounded once to the dtype, and the scale as well.
    near = 4 * torch.finfo(values.dtype).eps * steps.abs()
    inside = (steps >= -half) & (steps < half) & ((quotients - steps).abs() <= near)
    return steps if bool(inside.all()) else None
