"""How vulnerable is each part of a model according to an analysis?"""

from radhard.scores.agreement import Agreement, Unit, rank_correlation
from radhard.scores.analysis_comparison import (
    AnalysisAgreement,
    AnalysisComparison,
    agreements,
    compare_analyses,
)
from radhard.scores.neighbours import Neighbours, neighbours
from radhard.scores.scores import RankedPart, Scores
from radhard.scores.trial_parts import Level, Values

__all__ = [
    "Agreement",
    "AnalysisAgreement",
    "AnalysisComparison",
    "Level",
    "Neighbours",
    "RankedPart",
    "Scores",
    "Unit",
    "Values",
    "agreements",
    "compare_analyses",
    "neighbours",
    "rank_correlation",
]
