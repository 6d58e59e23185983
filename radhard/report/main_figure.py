"""Which figure of a run is the main one in its report, and how is it worded?"""

from dataclasses import dataclass

import numpy as np

from radhard.metrics import Harm
from radhard.metrics.column import Role
from radhard.results import Results

__all__ = ["MainFigure", "main_figure", "outcome_columns"]

_CLASSES: tuple[Role, ...] = ("masked", "noncritical", "critical", "due")


@dataclass(frozen=True)
class MainFigure:
    """The figure by which a report orders faults.

    ``rate`` is its name within a sentence, ``effect`` the noun phrase after a share (for "2 % of
    predictions changed" it is ``"predictions changed"``). If it is not ``bounded``, its mean has no
    valid interval.
    """

    column: str
    rate: str
    effect: str
    bounded: bool
    predictions: bool
    """Whether it is a share of predictions, so that "1 in 500" is meaningful."""
    points: bool
    """Whether it is the decrease of a score in points."""

    @property
    def spares(self) -> str:
        """What faults without harm do, after a share of them: ``change no prediction``."""
        return (
            "change no prediction"
            if self.effect == "predictions changed"
            else f"have a {self.rate} of 0"
        )

    @property
    def Rate(self) -> str:  # noqa: N802  # `rate` with a capital letter
        """The name at the beginning of a sentence."""
        return self.rate[0].upper() + self.rate[1:]


def main_figure(results: Results) -> MainFigure:
    """The figure of a run that measures harm, by preference critical SDC."""
    ranked: list[tuple[int, int, str, Harm]] = []
    for number, column in enumerate(results.columns):
        if (harm := results.details[column].harm) is not None:
            ranked.append((harm.order, number, column, harm))
    if not ranked:
        column = results.headline
        name = results.details.meaning(column)
        return MainFigure(column, name, name, _bounded(results, column), False, False)
    _, _, column, harm = min(ranked, key=lambda row: row[:2])
    points = results.details[column].role == "drop"
    return MainFigure(
        column, harm.rate, harm.effect, _bounded(results, column), harm.predictions, points
    )


def outcome_columns(results: Results) -> dict[Role, str]:
    """The columns of the four outcome classes; empty if the run did not distinguish them."""
    columns = {name: results.details.with_role(name) for name in _CLASSES}
    return {name: column for name, column in columns.items() if column is not None}


def _bounded(results: Results, column: str) -> bool:
    """Whether it has bounds, and no caps of another figure left faults untried."""
    capped = column == results.trials.capped
    return bool(np.isfinite(results.ranges[column]).all()) and (capped or not results.untried)
