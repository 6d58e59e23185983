"""How long did it take, and how much of that was ours?"""

import time
from dataclasses import dataclass

__all__ = ["Clock", "Span"]


@dataclass(frozen=True)
class Span:
    """Seconds of processor time of this process, and seconds on the wall.

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
        self._start = Span(time.process_time(), time.perf_counter())

    def read(self) -> Span:
        """What has passed since."""
        return Span(time.process_time(), time.perf_counter()) - self._start
