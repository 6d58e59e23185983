"""Between which limits do the values of a faulty pass deviate from the golden ones?"""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Interval"]


@dataclass(frozen=True)
class Interval:
    """Limits of the deviation of every element, ``(rows, ...)`` in float64; they include 0."""

    mid: Tensor
    rad: Tensor

    @classmethod
    def between(cls, low: Tensor, high: Tensor) -> "Interval":
        """The interval with these limits."""
        return cls((low + high) / 2, (high - low) / 2)

    @property
    def low(self) -> Tensor:
        """The lower limits."""
        return self.mid - self.rad

    @property
    def high(self) -> Tensor:
        """The upper limits."""
        return self.mid + self.rad

    def wider(self, by: Tensor) -> "Interval":
        """The interval with both limits moved outwards."""
        return Interval(self.mid, self.rad + by)
