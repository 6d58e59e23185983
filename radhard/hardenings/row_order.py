"""Which rows of a module's values belong to which sample?"""

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor

__all__ = ["RowOrder", "row_order"]

RowOrder = Literal["by sample", "by step"]
"""Whether all rows of a sample are adjacent, or the rows of all samples for one time step."""

_CLOSE = 1e-3
"""Share of the largest value below which two values count as equal."""


def row_order(calls: Sequence[Tensor], moved: Sequence[Tensor], samples: int) -> RowOrder | None:
    """The order of the rows of some values, ``(rows, ...)``; None if it is neither of the two.

    Args:
        calls: the values in each call of a module, in a pass over some samples.
        moved: those in a pass over the same samples, each moved on by one place, the last one to
            the first place.
        samples: the number of samples, which divides that of rows.

    >>> import torch
    >>> steps = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # (steps, samples)
    >>> moved = steps.roll(1, dims=1)
    >>> row_order([steps.flatten()], [moved.flatten()], 3)
    'by step'
    >>> row_order([steps.t().flatten()], [moved.t().flatten()], 3)
    'by sample'
    """
    if [values.shape for values in calls] != [values.shape for values in moved]:
        return None
    by_sample = max(_difference(*pair, samples, 0) for pair in zip(calls, moved, strict=True))
    by_step = max(_difference(*pair, samples, 1) for pair in zip(calls, moved, strict=True))
    if min(by_sample, by_step) > _CLOSE:
        return None
    return "by sample" if by_sample <= by_step else "by step"


def _difference(values: Tensor, moved: Tensor, samples: int, axis: int) -> float:
    """How far values differ from those expected if the samples are on an axis, as a share."""
    shape = (samples, -1) if axis == 0 else (-1, samples)
    # Each sample's place, and the values of a row behind it.
    expected = values.reshape(*shape, *values.shape[1:]).roll(1, axis).reshape(values.shape)
    largest = float(values.double().abs().amax())
    difference = float((expected.double() - moved.double()).abs().amax())
    # Also where values are not finite, whose differences are NaN.
    return 0.0 if difference == 0 or expected.equal(moved) else _share(difference, largest)


def _share(difference: float, largest: float) -> float:
    share = difference / largest if largest else math.inf
    return math.inf if math.isnan(share) else share
