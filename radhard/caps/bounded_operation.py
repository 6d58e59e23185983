"""How does a deviation pass one operation, and what is its tangent?"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from radhard.caps.interval import Interval

__all__ = ["BoundedOperation", "Golden", "Limits", "LinearOperation"]

Golden = Mapping[int, Tensor]
"""Fault-free values by slot, float64; of some samples, or of one ``(1, ...)`` for many rows."""

Limits = tuple[Tensor, Tensor]
"""The smallest and the largest value of every element, ``(rows, ...)``."""


@dataclass(frozen=True)
class BoundedOperation(ABC):
    """An operation ``f`` of the graph, for the certificate.

    For a golden input a and a deviation d, ``f(a + d) = f(a) + J d + e``: `tangent` is J d, the
    derivative at the golden values, and `passed` bounds e. What the computed value of f differs
    from the exact one is no part of these; it follows from `terms` and `magnitude`.
    """

    slot: int
    sources: tuple[int, ...]
    """The slots of the inputs that may deviate, each once."""

    @property
    @abstractmethod
    def terms(self) -> int:
        """Rounded operations on the longest way to an element; 0 if nothing is rounded."""

    @abstractmethod
    def magnitude(self, golden: Golden) -> Tensor:
        """To what rounding errors are relative, if there are `terms`: sums of absolute values."""

    @abstractmethod
    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        """J d for deviations of the sources; None does not deviate."""

    @abstractmethod
    def passed(
        self, golden: Golden, inputs: Sequence[Interval | None]
    ) -> tuple[Interval, Limits | None]:
        """Limits of ``f(a + d) - f(a)`` and of e, for all deviations within the intervals.

        None instead of the latter: e is 0.
        """


class LinearOperation(BoundedOperation):
    """An operation whose tangent is the operation itself, without a remainder."""

    @abstractmethod
    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        """The tangent with the absolute values of its coefficients."""

    def passed(
        self, golden: Golden, inputs: Sequence[Interval | None]
    ) -> tuple[Interval, Limits | None]:
        mid = self.tangent(golden, [None if one is None else one.mid for one in inputs])
        rad = self.spread(golden, [None if one is None else one.rad for one in inputs])
        return Interval(mid, rad), None
