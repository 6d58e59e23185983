"""Which convolution do the untrained networks use?"""

import math

from torch import nn

from radhard.errors import InputError

__all__ = ["check_classes", "convolution"]


def convolution(
    inputs: int,
    outputs: int,
    size: int,
    stride: int,
    *,
    padding: int | None = None,
    groups: int = 1,
    bias: bool = False,
) -> nn.Conv2d:
    """A convolution that preserves the variance and, by default, the size of its input.

    Without bias by default, because a norm comes after most of them.
    """
    around = size // 2 if padding is None else padding
    made = nn.Conv2d(inputs, outputs, size, stride, around, groups=groups, bias=bias)
    # He's initialisation by fan-out; that of torch does not account for groups.
    nn.init.normal_(made.weight, std=math.sqrt(2.0) / math.sqrt(outputs // groups * size**2))
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def check_classes(classes: object) -> None:
    """Raise `InputError` unless the number of outputs is valid."""
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes={classes!r} is not allowed; give a whole number from 1")
