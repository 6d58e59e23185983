"""What are the untrained convolutional networks made of?"""

import math

from torch import nn

from radhard.errors import InputError

__all__ = ["convolution", "demand_classes"]


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
    """A convolution that keeps the variance of what it is given, as large as its map by default.

    Without bias by default, because a norm comes after most of them.
    """
    around = size // 2 if padding is None else padding
    made = nn.Conv2d(inputs, outputs, size, stride, around, groups=groups, bias=bias)
    # He's initialisation by what a value goes to; torch's own forgets the groups.
    nn.init.normal_(made.weight, std=math.sqrt(2.0) / math.sqrt(outputs // groups * size**2))
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def demand_classes(classes: object) -> None:
    """Raise `InputError` unless a network can have so many outputs."""
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes={classes!r} is not allowed; give a whole number from 1")
