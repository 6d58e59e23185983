"""How do figures change while faults accumulate?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radhard.errors import InputError
from radhard.results import Results
from radhard.samplers import Cumulative
from radhard.stats import Estimate

__all__ = ["Accumulation", "accumulation"]


@dataclass(frozen=True)
class Accumulation:
    """A figure by the number of accumulated errors, over the histories of a campaign."""

    column: str
    frame: pd.DataFrame
    """One row per number of errors: ``errors``, ``trials``, ``mean`` with its interval ``low`` to
    ``high``, and, of the trials themselves, the standard deviation ``std`` and the extremes
    ``best`` and ``worst``, which are NaN if ``harmful`` is None."""
    harmful: bool | None
    """Whether a larger value is worse; None if the metric does not tell (`Column.harmful`)."""

    def __repr__(self) -> str:
        return f"{self.column} by number of errors\n{self.frame.to_string(index=False)}"

    def first(self, limit: float) -> int | None:
        """The lowest number of errors at which the worst history is beyond ``limit``, if any.

        Beyond is below it for figures of which more is better, such as accuracy, and above it for
        measures of harm.

        Raises:
            InputError: a figure of which neither more nor less is better.
        """
        if self.harmful is None:
            raise InputError(
                f"{self.column} has no worst history: its metric does not tell whether more is "
                "better, or was not imported; take another figure, give its Column "
                "higher_is_better=True or False, or open the file with foreign=True"
            )
        worst = self.frame["worst"]
        beyond = self.frame["errors"][worst > limit if self.harmful else worst < limit]
        return int(beyond.iloc[0]) if len(beyond) else None


def accumulation(
    results: Results, name: str | None = None, *, confidence: float = 0.95
) -> Accumulation:
    """A figure of a `Cumulative` campaign by the number of errors (by default the headline).

    The mean has an interval, over the histories, at each number of errors. Standard deviation, best
    and worst describe the executed histories; with n of them, another one lies between best and
    worst with probability (n - 1) / (n + 1).

    Raises:
        InputError: a campaign of another sampler, no trials yet, or a figure without bounds.
    """
    if not isinstance(results.sampler, Cumulative):
        raise InputError(
            f"faults accumulate only in trials of Cumulative(steps, repeats), not of "
            f"{results.sampler!r}"
        )
    column = results.column(name)
    estimates: dict[str, Estimate] = results.estimates(column, "errors", confidence)
    # Trials are numbered by the number of errors first, `repeats` of each.
    values, strata = results.values(column), results.numbers // results.sampler.repeats
    harmful = results.details[column].harmful
    rows = []
    for errors, mean in estimates.items():
        mine = values[strata == int(errors) - 1]
        ends = float(mine.min()), float(mine.max())
        unknown = float("nan"), float("nan")
        best, worst = unknown if harmful is None else ends if harmful else ends[::-1]
        std = float(np.std(mine, ddof=1)) if len(mine) > 1 else float("nan")
        rows.append((int(errors), len(mine), mean.value, mean.low, mean.high, std, best, worst))
    columns = ["errors", "trials", "mean", "low", "high", "std", "best", "worst"]
    return Accumulation(column, pd.DataFrame(rows, columns=columns), harmful)
