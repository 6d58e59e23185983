"""Which of several analyses does a campaign bear out best?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd

from radhard.errors import InputError
from radhard.results import Results
from radhard.scores.agreement import Agreement, Level
from radhard.scores.scores import Scores

__all__ = ["Beside", "SideBySide", "agreements", "beside"]

_LEVELS: tuple[Level, ...] = ("channel", "tensor", "element", "bit")
"""Where to compare first: single words mostly have one trial or none, tensors are few."""


@final
@dataclass(frozen=True)
class Beside:
    """An analysis and how far the campaign bears it out; ``why`` says why that is not known."""

    scores: Scores
    agreement: Agreement | None
    why: str = ""


@final
@dataclass(frozen=True)
class SideBySide:
    """Several analyses beside one campaign, all at the same level."""

    level: Level
    rows: tuple[Beside, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row an analysis: agreement (NaN where there is none), seconds, and samples passed."""
        rows = []
        for row in self.rows:
            found, cost = row.agreement, row.scores.cost
            rows.append(
                {
                    "by": row.scores.by,
                    "rank": found and found.rank.value,
                    "low": found and found.rank.low,
                    "high": found and found.rank.high,
                    "error": found and found.error,
                    "overlap": found and found.overlap,
                    "overlap by chance": found and found.overlap_by_chance,
                    "parts": found and found.parts,
                    "seconds": cost.get("seconds"),
                    "samples": cost.get("samples"),
                }
            )
        return pd.DataFrame(rows).astype(dict.fromkeys(list(rows[0])[1:], float))


def beside(analyses: Sequence[Scores], results: Results) -> SideBySide:
    """Put several analyses of one model side by side against one campaign on it.

    They are compared at the finest of the levels channel, tensor, element and bit, in this order,
    that all of them have and at which any can be compared.

    Raises:
        InputError: no analyses, another model, or no level that all have.
    """
    if not analyses:
        raise InputError("there are no analyses to put side by side; give at least one")
    for scores in analyses:
        scores.demand_same_model(results)
    common = [level for level in _LEVELS if all(_has(scores, level) for scores in analyses)]
    if not common:
        kinds = ", ".join(f"{scores.by} by {scores.level}" for scores in analyses)
        raise InputError(f"these scores have no level in common: {kinds}")
    tried = [
        SideBySide(level, tuple(_row(s, results, level) for s in analyses)) for level in common
    ]
    return next((found for found in tried if any(row.agreement for row in found.rows)), tried[0])


def agreements(scores: Scores, results: Results) -> tuple[list[Agreement], list[str]]:
    """How far a campaign bears scores out at every level that they have, and what cannot be said.

    Raises:
        InputError: the campaign is on another model.
    """
    scores.demand_same_model(results)
    rows = [_row(scores, results, level) for level in _LEVELS if _has(scores, level)]
    found = [row.agreement for row in rows if row.agreement is not None]
    return found, [row.why for row in rows if row.agreement is None]


def _row(scores: Scores, results: Results, level: Level) -> Beside:
    try:
        return Beside(scores, scores.agreement(results, level=level))
    except InputError as error:
        return Beside(scores, None, f"by {level}: {error}")


def _has(scores: Scores, level: Level) -> bool:
    finer: dict[Level, tuple[Level, ...]] = {
        "tensor": ("tensor", "channel", "element", "bit"),
        "channel": ("channel", "element"),
        "element": ("element",),
        "bit": ("bit",),
    }
    return scores.level in finer[level]
