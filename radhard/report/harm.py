"""Which figure of a run says how much the faults hurt, and what is it called?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radhard.results import Results

__all__ = ["Harm", "harm_of", "meaning_of", "outcome_columns"]

_CLASSES = ("masked", "noncritical", "critical", "due")

_Rule = tuple[Callable[[str], bool], str, str]
_RULES: tuple[_Rule, ...] = (
    (lambda c: c == "Outcome().critical", "critical SDC rate", "answers changed"),
    (
        lambda c: c.startswith("Outcome(") and c.endswith(".critical"),
        "critical SDC rate",
        "answers changed",
    ),
    (lambda c: c == "Sdc().sdc", "SDC-1 rate", "answers changed"),
    (lambda c: c.startswith("Sdc(") and c.endswith(".sdc"), "SDC rate", "answers corrupted"),
    (
        lambda c: c.endswith(".critical_misclassified"),
        "rate of right answers made wrong",
        "answers made wrong",
    ),
    (lambda c: c.endswith(".drop"), "accuracy drop", "points of accuracy lost"),
)


@dataclass(frozen=True)
class Harm:
    """The figure by which a report orders faults.

    ``rate`` is its name as in a sentence, ``what`` reads after a share ("2 % of answers changed" is
    ``"answers changed"``). Where it is not ``bounded`` its mean has no honest interval.
    """

    column: str
    rate: str
    what: str
    bounded: bool

    @property
    def answers(self) -> bool:
        """Whether the figure is a share of answers, so that one in so many can be said."""
        return self.what.startswith("answers")

    @property
    def Rate(self) -> str:  # noqa: N802  # it is `rate` at the head of a sentence
        """The name at the head of a sentence."""
        return self.rate[0].upper() + self.rate[1:]


def harm_of(results: Results) -> Harm:
    """The figure of a run that says how much the faults hurt; critical SDC where there is one."""
    for matches, rate, what in _RULES:
        for column in results.columns:
            if matches(column):
                if rate == "SDC rate":
                    rate = f"rate of {column}"
                return Harm(column, rate, what, _bounded(results, column))
    column = results.headline
    return Harm(column, column, column, _bounded(results, column))


def outcome_columns(results: Results) -> dict[str, str]:
    """The columns of the four outcome classes; empty where the run did not tell them apart."""
    metrics = [c.rpartition(".")[0] for c in results.columns if c.startswith("Outcome(")]
    return {name: f"{metrics[0]}.{name}" for name in _CLASSES} if metrics else {}


def meaning_of(column: str) -> str:
    """What a column of a usual metric is, in words; the column itself where it is of another."""
    return {
        "Accuracy().accuracy": "accuracy under a fault",
        "Accuracy().drop": "accuracy drop, in points",
        "Outcome().masked": "masked",
        "Outcome().noncritical": "non-critical SDC",
        "Outcome().critical": "critical SDC",
        "Outcome().due": "DUE",
    }.get(column, column)


def _bounded(results: Results, column: str) -> bool:
    return bool(np.isfinite(results.ranges[column]).all())
