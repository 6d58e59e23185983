"""What are the rates of several groups?"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from radhard.escaping import printable
from radhard.notebook import html_table
from radhard.plots import plot_course, plot_estimates
from radhard.stats import Estimate, estimate_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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

    def _repr_html_(self) -> str:
        texts = estimate_column(list(self.values()))
        rows = [
            (name, text.value, text.interval, f"{estimate.trials:,}")
            for (name, estimate), text in zip(self.items(), texts, strict=True)
        ]
        head = [self.by, "rate", "95 % interval", "trials"]
        return html_table(head, rows, title=f"{self.column} by {self.by}")

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the rates with their intervals into axes of matplotlib, and return them.

        Error rates are the horizontal axis; other groups are rows. Without ``axes``, the current
        ones of ``matplotlib.pyplot`` are used.
        """
        if self.by in ("rate", "errors"):
            return plot_course(self, axes, what=self.column, over=self.by)
        return plot_estimates(self, axes, what=self.column, by=self.by)

    def to_frame(self) -> pd.DataFrame:
        """One row per group: value, low, high, trials."""
        rows = [(key, e.value, e.low, e.high, e.trials) for key, e in self.items()]
        return pd.DataFrame(rows, columns=[self.by, "value", "low", "high", "trials"])
