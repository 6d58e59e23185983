"""Which rates of parts, and of their parts, does a page unfold one after the other?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from radhard.report.csv_text import csv_text
from radhard.report.estimate_cells import COLUMNS, Reading, read_column
from radhard.report.few_trials import is_few
from radhard.stats import Estimate

__all__ = ["Branch", "PartTree", "siblings"]


@dataclass(frozen=True)
class Branch:
    """A part with its rate, and the parts that it has."""

    level: str
    """What it is, as "channel"."""
    name: str
    rate: Estimate
    reading: Reading
    """The rate as text, with as many decimals as those of the parts beside it."""
    branches: tuple["Branch", ...] = ()
    rest: tuple[str, ...] = ()
    """Sentences on the parts of it that are not listed."""

    @property
    def label(self) -> str:
        """Its name within the part that it belongs to."""
        return self.name if self.level == "tensor" else f"{self.level} {self.name}"

    @property
    def few(self) -> bool:
        """Whether the rate says little, as it rests on few trials."""
        return is_few(self.rate)

    @property
    def places(self) -> tuple[float, float, float]:
        """Value and limits on an axis from 0 to 100 that is linear in the square root."""
        value, low, high = (
            round(100 * min(max(x, 0.0), 1.0) ** 0.5, 1)
            for x in (self.rate.value, self.rate.low, self.rate.high)
        )
        return value, low, high


def siblings(
    level: str,
    rates: Mapping[str, Estimate],
    parts: Callable[[str], tuple[tuple[Branch, ...], tuple[str, ...]]] | None = None,
) -> tuple[Branch, ...]:
    """The parts of one level that another part has; ``parts`` gives those of each, and the rest."""
    readings = read_column(list(rates.values()))
    return tuple(
        Branch(level, name, rate, reading, *(parts(name) if parts else ()))
        for (name, rate), reading in zip(rates.items(), readings, strict=True)
    )


@dataclass(frozen=True)
class PartTree:
    """Parts of a model, each of which a reader unfolds to see the parts that it has."""

    caption: str
    levels: tuple[str, ...]
    branches: tuple[Branch, ...]

    @property
    def csv(self) -> str:
        """All rows as comma-separated values: a column for each level, then the rate."""
        return csv_text([(*self.levels, "rate", *COLUMNS), *self._rows(self.branches, {})])

    def _rows(self, branches: Sequence[Branch], above: dict[str, str]) -> Iterator[tuple[str, ...]]:
        for branch in branches:
            names = {**above, branch.level: branch.name}
            yield (*(names.get(level, "") for level in self.levels), *branch.reading)
            yield from self._rows(branch.branches, names)
