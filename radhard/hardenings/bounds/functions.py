"""Which classes and functions are activation functions, and of what kind?"""

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["BOUNDED", "FUNCTIONS", "RECTIFIERS", "UNBOUNDED", "Kind", "kind_of_call"]

RECTIFIERS: tuple[type[nn.Module], ...] = (nn.ReLU, nn.ReLU6)
"""Functions that return positive inputs unchanged and zero for others."""

UNBOUNDED: tuple[type[nn.Module], ...] = (
    *RECTIFIERS,
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Hardswish,
    nn.Tanhshrink,
    nn.Softshrink,
    nn.Hardshrink,
    nn.Threshold,
    nn.GLU,
)
"""Functions without an upper bound, or with one that few values reach."""

BOUNDED: tuple[type[nn.Module], ...] = (
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Hardsigmoid,
    nn.Tanh,
    nn.Hardtanh,
    nn.Softsign,
    nn.Softmax,
    nn.Softmax2d,
    nn.Softmin,
    nn.LogSoftmax,
)
"""Functions whose outputs are bounded for all inputs except NaN."""

FUNCTIONS: tuple[type[nn.Module], ...] = (*UNBOUNDED, *BOUNDED)
"""All of them."""

Kind = tuple[bool, bool]
"""Whether a function is a rectifier, and whether its outputs are bounded."""

_RECTIFIER, _OPEN, _CLOSED = (True, False), (False, False), (False, True)

_CALLS: dict[str, Kind] = {
    **dict.fromkeys(("relu", "relu6"), _RECTIFIER),
    **dict.fromkeys(
        (
            "leaky_relu",
            "prelu",
            "rrelu",
            "elu",
            "celu",
            "selu",
            "gelu",
            "silu",
            "mish",
            "softplus",
            "hardswish",
            "tanhshrink",
            "softshrink",
            "hardshrink",
            "threshold",
            "glu",
        ),
        _OPEN,
    ),
    **dict.fromkeys(
        (
            "sigmoid",
            "logsigmoid",
            "hardsigmoid",
            "tanh",
            "hardtanh",
            "softsign",
            "softmax",
            "softmin",
            "log_softmax",
        ),
        _CLOSED,
    ),
}
"""Kinds by name, without a final ``_``: `relu` is F.relu, torch.relu and Tensor.relu."""


def kind_of_call(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Kind | None:
    """The kind of the activation function that a call of torch computes; None if it is not one.

    A clamp with a minimum of zero is a rectifier; with another one it is not an activation
    function.

    >>> kind_of_call("relu_", (), {}), kind_of_call("clamp", (None, 0.0), {})
    ((True, False), (True, False))
    >>> kind_of_call("add", (), {})
    """
    name = name.rstrip("_")
    if name in ("clamp", "clip", "clamp_min"):
        least = args[1] if len(args) > 1 else kwargs.get("min")
        most = args[2] if len(args) > 2 else kwargs.get("max")
        if not isinstance(least, int | float) or least != 0:
            return None
        return _RECTIFIER if most is None else _CLOSED
    return _CALLS.get(name)
