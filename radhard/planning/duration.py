"""How is a time put into words?"""

__all__ = ["duration"]


def duration(seconds: float) -> str:
    """A time with two digits, in the unit that reads best.

    >>> duration(0.123), duration(110.0), duration(9000.0), duration(400 * 86400.0)
    ('0.12 s', '110 s', '2.5 h', '400 d')
    """
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    """Two digits, and more only where an exponent would stand instead."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
