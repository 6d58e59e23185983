"""How is an error rate written?"""

__all__ = ["rate_text"]

_SMALL = 1e-3
"""Rates below it have an exponent, so that those of one campaign are written alike."""


def rate_text(rate: float) -> str:
    """An error rate to six digits, with an exponent if it is below 0.001.

    >>> [rate_text(rate) for rate in (1e-06, 2.5e-05, 0.0001, 0.001, 0.25, 0.0)]
    ['1e-06', '2.5e-05', '1e-04', '0.001', '0.25', '0']
    """
    short = f"{rate:g}"
    if not 0 < rate < _SMALL or "e" in short:
        return short
    digits, _, exponent = f"{rate:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{exponent}"
