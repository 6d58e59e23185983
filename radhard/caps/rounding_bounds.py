"""How far can rounding move a sum of products?"""

__all__ = ["LARGEST", "UNIT", "rounding_bound"]

UNIT = 2.0**-24
"""The relative error of one operation in float32, rounded to nearest."""

LARGEST = 2.0**126
"""Magnitude up to which nothing overflows in float32, whatever the order of a sum."""


def rounding_bound(terms: int) -> float:
    """``n u / (1 - n u)``: the error of a sum of ``n - 1`` products in float32, in any order.

    Relative to the sum of the absolute values of the products (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., section 3.1). It holds with and without fused operations, for
    blocked and pairwise sums, but not for Winograd's and Fourier convolutions.

    >>> rounding_bound(1) == 2**-24 / (1 - 2**-24)
    True
    """
    return terms * UNIT / (1 - terms * UNIT)
