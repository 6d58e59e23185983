"""Which codes are not dominated in stored bits, decoding time and tolerable error rate?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from radhard.stats import Estimate

__all__ = ["Dominance", "dominance"]


@final
@dataclass(frozen=True)
class Dominance:
    """Whether another code is at least as good in everything; ``by`` is its name, or empty.

    >>> print(Dominance("parity", "SEC-DED", sure=False))
    perhaps by SEC-DED
    """

    name: str
    by: str = ""
    sure: bool = True
    """Whether the interval of the ratio of tolerable rates says so, too."""

    @property
    def is_dominated(self) -> bool:
        """Whether another code is at least as good in everything, by the values."""
        return bool(self.by)

    def __str__(self) -> str:
        if not self.by:
            return "no"
        return f"by {self.by}" if self.sure else f"perhaps by {self.by}"


def dominance(
    costs: Mapping[str, Sequence[Estimate]],
    rates: Mapping[str, float],
    ratio: Callable[[str, str], Estimate | None],
) -> dict[str, Dominance]:
    """Which codes are dominated by which others.

    Another code dominates if none of its costs is larger and its tolerable rate is not lower, and
    one of these is better. A cost within the interval of the other's is as large. Of several codes
    that dominate, one is named whose tolerable rate is surely not lower (interval of the ratio), if
    there is one; otherwise the one with the highest tolerable rate.

    Args:
        costs: such as stored bits and time, by name.
        rates: tolerable error rates, by name.
        ratio: how many times as high the tolerable rate of one code is as that of another; None if
            it is unknown.
    """
    found = {}
    for name, own in costs.items():
        better = [
            other
            for other, theirs in costs.items()
            if rates[other] >= rates[name]
            and all(a.value <= b.high for a, b in zip(theirs, own, strict=True))
            and (
                rates[other] > rates[name]
                or any(a.value < b.low for a, b in zip(theirs, own, strict=True))
            )
        ]
        better.sort(key=lambda other: -rates[other])
        found[name] = Dominance(name, *_by(name, better, ratio)) if better else Dominance(name)
    return found


def _by(
    name: str, better: Sequence[str], ratio: Callable[[str, str], Estimate | None]
) -> tuple[str, bool]:
    for other in better:
        found = ratio(other, name)
        if found is not None and found.low >= 1:
            return other, True
    return better[0], False
