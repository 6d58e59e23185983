"""Which bound preserves most of the accuracy under faults?"""

from collections.abc import Callable

import numpy as np

__all__ = ["mean_under", "searched"]


def searched(
    worth: Callable[[float], float],
    greatest: float,
    *,
    points: int = 4,
    rounds: int = 4,
    least_rounds: int = 3,
    close: float = 0.002,
) -> float:
    """The bound in ``[0, greatest]`` with the greatest worth, by narrowing the interval.

    Each round evaluates ``points`` equidistant bounds including the ends, and continues between the
    two neighbours of the best. After ``least_rounds`` it stops if no two differ by more than
    ``close``. Among equal ones the largest is chosen, which changes the fewest activations.
    (Hoang et al., DATE 2020)

    >>> round(searched(lambda bound: -abs(bound - 2.0), 9.0, rounds=20), 2)
    2.0
    """
    scores: dict[float, float] = {}
    low, high = 0.0, greatest
    for turn in range(1, rounds + 1):
        tried = np.linspace(low, high, points).tolist()
        for bound in tried:
            if bound not in scores:
                scores[bound] = worth(bound)
        worths = [scores[bound] for bound in tried]
        # Of equal ones the largest, by the second component.
        best = max(range(points), key=lambda n: (worths[n], n))
        if turn >= least_rounds and max(worths) - min(worths) <= close:
            break
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, points - 1)]
    # Over all rounds: the best of the last one may be worse than an earlier one, if the worth has
    # several maxima.
    return max(scores, key=lambda bound: (scores[bound], bound))


def mean_under(rates: tuple[float, ...], values: tuple[float, ...]) -> float:
    """Area under the curve of values over rates, divided by its width: the mean for uniform rates.

    >>> mean_under((0.0, 1.0, 3.0), (1.0, 1.0, 0.0))
    0.6666666666666666
    """
    # The trapezoids need ascending rates, in whatever order the user gave them.
    order = np.argsort(rates)
    x, y = np.asarray(rates)[order], np.asarray(values)[order]
    if len(x) == 1:
        return float(y[0])
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))
