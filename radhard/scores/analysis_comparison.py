"""Which of several analyses agrees best with a campaign?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd

from radhard.errors import InputError
from radhard.results import Results
from radhard.scores.agreement import Agreement
from radhard.scores.scores import Scores
from radhard.scores.trial_parts import Level

__all__ = ["AnalysisAgreement", "AnalysisComparison", "agreements", "compare_analyses"]

_LEVELS: tuple[Level, ...] = ("channel", "tensor", "element", "bit")
"""The preferred levels: most words have at most one trial, and there are few tensors."""


@final
@dataclass(frozen=True)
class AnalysisAgreement:
    """The agreement of an analysis with a campaign, or the reason ``why`` there is none."""

    scores: Scores
    agreement: Agreement | None
    why: str = ""


@final
@dataclass(frozen=True)
class AnalysisComparison:
    """The agreement of several analyses with one campaign, all at the same level."""

    level: Level
    rows: tuple[AnalysisAgreement, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per analysis: agreement (NaN if there is none), seconds, and samples."""
        rows = []
        for row in self.rows:
            agreement, cost = row.agreement, row.scores.cost
            rows.append(
                {
                    "by": row.scores.by,
                    "rank": agreement and agreement.rank.value,
                    "low": agreement and agreement.rank.low,
                    "high": agreement and agreement.rank.high,
                    "error": agreement and agreement.error,
                    "overlap": agreement and agreement.overlap,
                    "overlap by chance": agreement and agreement.overlap_by_chance,
                    "parts": agreement and agreement.parts,
                    "seconds": cost.get("seconds"),
                    "samples": cost.get("samples"),
                }
            )
        return pd.DataFrame(rows).astype(dict.fromkeys(list(rows[0])[1:], float))


def compare_analyses(analyses: Sequence[Scores], results: Results) -> AnalysisComparison:
    """Compare several analyses of a model with one campaign on it.

    They are compared at the first of the levels channel, tensor, element and bit that all of them
    have and at which at least one can be compared.

    Raises:
        InputError: no analyses, another model, or no level common to all.
    """
    if not analyses:
        raise InputError("there are no analyses to compare; give at least one")
    for scores in analyses:
        scores.check_campaign(results)
    # One level for all: agreement at a coarse level is easier to reach than at a fine one.
    common = [level for level in _LEVELS if all(_has(scores, level) for scores in analyses)]
    if not common:
        kinds = ", ".join(f"{scores.by} by {scores.level}" for scores in analyses)
        raise InputError(f"these scores have no level in common: {kinds}")
    tables = [
        AnalysisComparison(level, tuple(_row(s, results, level) for s in analyses))
        for level in common
    ]
    # If no level can be compared, the first one says why.
    return next((table for table in tables if any(row.agreement for row in table.rows)), tables[0])


def agreements(scores: Scores, results: Results) -> tuple[list[Agreement], list[str]]:
    """The agreement with a campaign at every level, and the reasons for levels without one.

    Raises:
        InputError: the campaign is on another model.
    """
    scores.check_campaign(results)
    rows = [_row(scores, results, level) for level in _LEVELS if _has(scores, level)]
    available = [row.agreement for row in rows if row.agreement is not None]
    return available, [row.why for row in rows if row.agreement is None]


def _row(scores: Scores, results: Results, level: Level) -> AnalysisAgreement:
    try:
        return AnalysisAgreement(scores, scores.agreement(results, level=level))
    except InputError as error:
        return AnalysisAgreement(scores, None, f"by {level}: {error}")


def _has(scores: Scores, level: Level) -> bool:
    finer: dict[Level, tuple[Level, ...]] = {
        "tensor": ("tensor", "channel", "element", "bit"),
        "channel": ("channel", "element"),
        "element": ("element",),
        "bit": ("bit",),
    }
    return scores.level in finer[level]
