"""Where does a function change its sign?"""

from collections.abc import Callable

__all__ = ["bracketed_root"]

_STEPS = 200


def bracketed_root(
    function: Callable[[float], float], low: float, high: float, *, close: float
) -> float:
    """The root of a function that has different signs at ``low`` and ``high``, within ``close``.

    Chandrupatla's method (Advances in Engineering Software 1997): inverse quadratic interpolation
    where the last three points allow it, bisection otherwise. As many steps as
    ``scipy.optimize.brentq``, whose import takes as long as the roots of a page.

    >>> round(bracketed_root(lambda x: x * x - 2, 0.0, 2.0, close=1e-9), 8)
    1.41421356
    """
    a, b = high, low
    at_a, at_b = function(a), function(b)
    c, at_c = b, at_b
    share = 0.5
    for _ in range(_STEPS):
        best, at_best = (a, at_a) if abs(at_a) < abs(at_b) else (b, at_b)
        # Rounding allows no closer bracket than this.
        room = close + 4e-16 * abs(best)
        if at_best == 0 or abs(b - a) <= room:
            return best
        least = room / (2 * abs(b - a))
        x = a + min(max(share, least), 1 - least) * (b - a)
        at_x = function(x)
        # b is the end on the other side of the root, c the point that is replaced.
        if (at_x > 0) == (at_a > 0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = x, at_x
        share = 0.5
        if at_a not in (at_b, at_c) and at_b != at_c:
            place, height = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
            if height**2 < place and (1 - height) ** 2 < 1 - place:
                share = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (
                    at_c - at_a
                ) * at_b / (at_c - at_b)
    return best
