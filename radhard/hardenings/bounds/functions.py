"""Which modules are activation functions, and of what kind?"""

from torch import nn

__all__ = ["FUNCTIONS", "RECTIFIERS", "UNBOUNDED", "floor"]

RECTIFIERS: tuple[type[nn.Module], ...] = (nn.ReLU, nn.ReLU6)
"""Functions that pass what is positive and give zero for the rest."""

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
)
"""Functions without an upper bound of their own, or with one that few values reach."""

FUNCTIONS: tuple[type[nn.Module], ...] = (
    *UNBOUNDED,
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Hardsigmoid,
    nn.Tanh,
    nn.Hardtanh,
    nn.Softsign,
    nn.Tanhshrink,
    nn.Softshrink,
    nn.Hardshrink,
    nn.GLU,
    nn.Softmax,
    nn.Softmax2d,
    nn.Softmin,
    nn.LogSoftmax,
)
"""All of them."""


def floor(module: nn.Module) -> float | None:
    """The least value that a function gives, where that is zero.

    >>> floor(nn.ReLU()), floor(nn.GELU())
    (0.0, None)
    """
    return 0.0 if isinstance(module, RECTIFIERS) else None
