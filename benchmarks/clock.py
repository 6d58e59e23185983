"""How long did a measurement take, and which part of it was radhard?"""

import resource
import time
from dataclasses import dataclass

__all__ = ["Clock", "Span"]


@dataclass(frozen=True)
class Span:
    """Seconds of processor time of this process and those it waited for, and on the wall.

    On an idle machine both are the same for one thread. On a busy one the wall counts the
    neighbours too, and counts them once for one contender and once for the other.
    """

    cpu: float
    wall: float

    def __sub__(self, other: "Span") -> "Span":
        return Span(self.cpu - other.cpu, self.wall - other.wall)

    def __mul__(self, n: int) -> "Span":
        return Span(self.cpu * n, self.wall * n)

    def __truediv__(self, n: int) -> "Span":
        return Span(self.cpu / n, self.wall / n)


class Clock:
    """Runs from when it is made.

    >>> Clock().read().cpu >= 0
    True
    """

    def __init__(self) -> None:
        self._start = _now()

    def read(self) -> Span:
        """What has passed since."""
        return _now() - self._start


def _now() -> Span:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Span(sum(u.ru_utime + u.ru_stime for u in spent), time.perf_counter())
