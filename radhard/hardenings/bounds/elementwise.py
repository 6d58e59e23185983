"""Is a module of an unknown class an activation function?"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from radhard.hardenings.bounds.functions import FUNCTIONS, Kind

__all__ = ["CONTAINERS", "may_be_function", "probed"]

CONTAINERS: tuple[type[nn.Module], ...] = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
"""Modules that only contain others: their inputs and outputs are those of their children."""

_HARMLESS: tuple[type[nn.Module], ...] = (
    *FUNCTIONS,
    *CONTAINERS,
    nn.Identity,
    nn.Dropout,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)
"""Classes of torch that a module may contain and still be elementwise."""


def may_be_function(module: nn.Module) -> bool:
    """Whether a module may be elementwise and has to be tested, since its class is user-defined.

    Modules of torch that are not in `FUNCTIONS` are not activation functions, and neither are
    modules that contain such a layer.
    """
    if isinstance(module, CONTAINERS) or _of(module, "torch", "radhard"):
        return False
    return all(isinstance(m, _HARMLESS) or not _of(m, "torch", "radhard") for m in module.modules())


def probed(module: nn.Module, example: Tensor) -> Kind | None:
    """The kind of the activation function that a module computes; None if it is not one.

    An activation function is elementwise (changing an input changes only the output at the same
    place), and neither linear nor constant. A copy of the module is tested on values of the shape,
    dtype and device of ``example``, so that the state of the module does not change. It counts as
    bounded if its outputs do not grow for inputs between 100 and 10,000.

    >>> class OwnReLU(nn.Module):
    ...     def forward(self, x):
    ...         return x * (x > 0)
    >>> probed(OwnReLU(), torch.zeros(2, 3)), probed(nn.LayerNorm(3), torch.zeros(2, 3))
    ((True, False), None)
    """
    devices = [example.device] if example.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices):
        try:
            twin = copy.deepcopy(module)
            return _tried(twin, example)
        except Exception:  # a module may raise anything for inputs unlike those of a pass
            return None


def _tried(function: Callable[[Tensor], Any], example: Tensor) -> Kind | None:
    def values(number: int, size: float) -> Tensor:
        rng = torch.Generator().manual_seed(number)
        drawn = torch.randn(example.shape, generator=rng, dtype=torch.float32) * size
        return drawn.to(example.device, example.dtype)

    def result(inputs: Tensor) -> Tensor:
        # A copy, as the function may work in place.
        output = function(inputs.clone())
        assert isinstance(output, Tensor)
        return output.double()

    first, second = values(0, 4.0), values(1, 4.0)
    at_first, at_second = result(first), result(second)
    if at_first.shape != example.shape:
        return None
    # About half of the elements: in an elementwise function the others must keep their outputs,
    # whatever changes around them.
    changed = values(2, 1.0) > 0
    mixed = result(torch.where(changed, second, first))
    if not _close(mixed, torch.where(changed, at_second, at_first)):
        return None
    # Linear functions, constants among them, satisfy 2 * f((x + y) / 2) = f(x) + f(y).
    if _close(2 * result((first + second) / 2), at_first + at_second):
        return None
    # From 100 to 10,000, which is within the range of every floating-point format.
    large = [values(n, 1.0).sign() * size for n in (3, 4) for size in (1e2, 1e3, 1e4)]
    results = [at_first, *map(result, large)]
    # ``large[0]`` and ``large[3]`` are those of 100, one for each drawing of signs.
    small = torch.stack(
        [result(x).abs().amax() for x in (first, second, large[0], large[3])]
    ).amax()
    most = torch.stack([y.abs().amax() for y in results]).amax()
    bounded = bool(most <= 1.001 * small)
    rectifier = all(
        bool((y >= 0).all()) and bool((y[x < 0] == 0).all())
        for x, y in zip([first, *large], results, strict=True)
    )
    return rectifier, bounded


def _close(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, rtol=1e-2, atol=1e-3, equal_nan=True)


def _of(module: nn.Module, *packages: str) -> bool:
    return type(module).__module__.partition(".")[0] in packages
