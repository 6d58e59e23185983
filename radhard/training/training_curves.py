"""What does a training of the user return?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radhard.errors import InputError

__all__ = ["Curves", "check_alike", "curves_of", "points_of", "row_of"]

Curves = dict[str, list[float]]
"""A list of values for each name."""

_MOST_POINTS = 1990
"""SQLite has at most 2,000 columns in a table."""


def curves_of(returned: Any) -> Curves:
    """The curves that a training returned, as plain numbers.

    Raises:
        InputError: it returned something else.
    """
    # A bare list is the loss, which is what a training loop usually has at hand.
    named = returned if isinstance(returned, Mapping) else {"loss": returned}
    try:
        curves = {str(name): [float(value) for value in values] for name, values in named.items()}
    except (TypeError, ValueError, RuntimeError):
        curves = {}
    if not curves or not any(curves.values()):
        raise InputError(
            f"train returned {type(returned).__name__} {str(returned)[:60]!r}; return curves as "
            "{'loss': [...], 'accuracy': [...]}, with one number a point"
        )
    return curves


def points_of(twins: Sequence[Curves]) -> dict[str, int]:
    """The number of points of each curve of fault-free trainings.

    Raises:
        InputError: they differ, or are too many.
    """
    points = [{name: len(values) for name, values in curves.items()} for curves in twins]
    if any(other != points[0] for other in points[1:]):
        raise InputError(
            "fault-free trainings of different seeds return different numbers of points; return "
            "as many for every seed"
        )
    if (total := sum(points[0].values())) > _MOST_POINTS:
        raise InputError(
            f"train returned {total:,} points, and a file keeps {_MOST_POINTS:,}; record every "
            "tenth step, or the mean of each epoch"
        )
    return points[0]


def row_of(curves: Curves, series: Mapping[str, int], who: str) -> list[float]:
    """The values of all curves in one row, filled with NaN where a curve ended early.

    Raises:
        InputError: a curve has more points than that of the fault-free training, or another name.
    """
    unknown = [name for name in curves if name not in series]
    if unknown:
        raise InputError(
            f"{who} returned a curve {unknown[0]!r} that the fault-free training does not have; "
            "return the same curves always"
        )
    row = []
    for name, points in series.items():
        values = curves.get(name, [])
        if len(values) > points:
            raise InputError(
                f"{who} returned {len(values):,} points of {name!r}, the fault-free training "
                f"{points:,}; return at most as many"
            )
        row += [*values, *[math.nan] * (points - len(values))]
    return row


def check_alike(curves: Curves, others: Mapping[str, Sequence[float]], seed: int) -> None:
    """Check that two fault-free trainings with one seed have the same curves, to the last bit.

    Raises:
        InputError: they differ; the message names the first point.
    """
    for name, values in others.items():
        mine = np.asarray(curves.get(name, []), np.float64)
        theirs = np.asarray(values, np.float64)
        if mine.shape == theirs.shape and np.array_equal(mine, theirs, equal_nan=True):
            continue
        length = min(len(mine), len(theirs))
        # Without tolerance, as nothing differs between the two.
        differs = np.flatnonzero(~np.isclose(mine[:length], theirs[:length], rtol=0, atol=0))
        point = int(differs[0]) if len(differs) else length
        raise InputError(
            f"two fault-free trainings with seed {seed} differ from {name}[{point}] on, so that "
            "effects of faults cannot be seen; seed every generator from it, and use deterministic "
            "operations (torch.use_deterministic_algorithms)"
        )
