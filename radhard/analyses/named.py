"""Which axis of the weight is that of the output channels, for layers of other classes?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radhard.analyses.classes import check_classes, of_class
from radhard.analyses.layer import Layer, is_transposed
from radhard.analyses.receptive_field import adds_up
from radhard.errors import InputError
from radhard.tree import leaves

__all__ = ["Fit", "named"]


@dataclass
class Fit:
    """A layer of another class, and what its calls in a pass show about it."""

    layer: Layer
    axes: list[tuple[int, bool]] = field(default_factory=list)
    """For each call: the axis, and whether the output is the product with the weight along it."""
    why: str = ""
    """Why it cannot be evaluated."""

    def see(self, inputs: Any, output: Any) -> None:
        """Record a call."""
        argument = next((tensor for _, tensor in leaves(inputs)), None)
        weight = self.layer.stored
        if not isinstance(output, Tensor) or argument is None:
            self.why = "it does not take and give one tensor"
            return
        # The axis of the channels in the output: last behind a matrix, else behind the samples.
        at = -1 if weight.ndim == 2 else 1
        count = output.shape[at] if output.ndim >= min(2, weight.ndim) else 0
        axes = [axis for axis in (0, 1) if weight.shape[axis] == count]
        if not axes:
            self.why = (
                f"no axis of its {self.layer.parameter}, {tuple(weight.shape)}, counts the "
                f"channels of its output, {tuple(output.shape)}"
            )
            return
        fits = [
            axis for axis in axes if _is_product(self.layer.module, weight, axis, argument, output)
        ]
        # A square weight may fit along both axes, for example if the inputs are zero.
        first = 1 if is_transposed(self.layer.module) else axes[0]
        if len(fits) == 1:
            self.axes.append((fits[0], True))
        else:
            self.axes.append((first, is_transposed(self.layer.module) and first in fits))

    def made(self) -> Layer | str:
        """The layer, or why it cannot be evaluated."""
        if self.why or not self.axes:
            return self.why or "not called"
        products = {axis for axis, product in self.axes if product}
        # A call that is a product shows the axis; sizes alone may fit two.
        axis = next(iter(products), self.axes[0][0])
        multiplies = len(products) == 1 and all(product for _, product in self.axes)
        return Layer(self.layer.name, self.layer.module, self.layer.parameter, axis, multiplies)


def named(by: str, model: nn.Module, kinds: Sequence[str]) -> tuple[list[Fit], dict[str, str]]:
    """``Conv1D`` layers of transformers and layers of the named classes, and those left out.

    The latter come with the reason. Modules without a weight of two or more dimensions are not
    layers.

    Raises:
        InputError: no module, or no module with a weight, is of a class in ``kinds``.
    """
    check_classes(by, model, kinds)
    fits, left_out = list[Fit](), dict[str, str]()
    for kind in kinds:
        ones = [module for module in model.modules() if of_class(module, [kind])]
        if not any(p.ndim >= 2 for module in ones for p in module.parameters(recurse=False)):
            raise InputError(
                f"{by}: modules of the class {kind!r} have no weight with two or more dimensions, "
                "so there is nothing to analyze in them; give other classes as kinds="
            )
    for name, module in model.named_modules():
        requested = of_class(module, kinds)
        if not (requested or is_transposed(module)) or adds_up(module):
            continue
        weights = [n for n, p in module.named_parameters(recurse=False) if p.ndim >= 2]
        if "weight" in weights or len(weights) == 1:
            fits.append(Fit(Layer(name, module, "weight" if "weight" in weights else weights[0])))
        elif weights:
            left_out[name] = f"several weights: {', '.join(weights)}"
    return fits, left_out


def _is_product(
    module: nn.Module, weight: Tensor, axis: int, argument: Tensor, out: Tensor
) -> bool:
    """Whether an output is the input times the weight, plus at most one parameter per channel."""
    size = weight.shape[1 - axis]
    fits = weight.ndim == 2 and argument.is_floating_point() and argument.shape[-1:] == (size,)
    if not fits or out.shape[:-1] != argument.shape[:-1]:
        return False
    w = weight.movedim(axis, 0).double()
    x = argument.double()
    product, room = x @ w.T, x.abs() @ w.abs().T
    # A bound of the rounding error of sums of ``size`` products, in any order.
    room = (size + 8) * torch.finfo(out.dtype).eps * room
    parameters = [p.double() for p in module.parameters(recurse=False)]
    biases = [p for p in parameters if p.shape == out.shape[-1:]]
    # Which parameter is the bias is not known, so each of its shape is tried, and none.
    for bias in (torch.zeros_like(product[..., :1]), *biases):
        off = (out.double() - product - bias).abs()
        if bool((off <= room + 8 * torch.finfo(out.dtype).eps * bias.abs()).all()):
            return True
    return False
