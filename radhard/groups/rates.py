"""What are the rates of several groups?"""

from collections.abc import Iterator, Mapping

import pandas as pd

from radhard.escaping import printable
from radhard.stats import Estimate

__all__ = ["Rates"]


class Rates(Mapping[str, Estimate]):
    """Estimates by group, in the order of the model."""

    def __init__(self, by: str, column: str, estimates: dict[str, Estimate]) -> None:
        self.by, self.column, self._estimates = by, column, estimates

    def __getitem__(self, key: str) -> Estimate:
        return self._estimates[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._estimates)

    def __len__(self) -> int:
        return len(self._estimates)

    def __repr__(self) -> str:
        names = [printable(key) for key in self]
        width = max(map(len, names), default=0)
        lines = [f"{n:<{width}}  {e}" for n, e in zip(names, self.values(), strict=True)]
        return "\n".join([f"{self.column} by {self.by}", *lines])

    def to_frame(self) -> pd.DataFrame:
        """One row per group: value, low, high, trials."""
        rows = [(key, e.value, e.low, e.high, e.trials) for key, e in self.items()]
        return pd.DataFrame(rows, columns=[self.by, "value", "low", "high", "trials"])
