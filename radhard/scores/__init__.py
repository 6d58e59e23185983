"""How vulnerable is each part of a model, as an analysis predicts it?"""

from radhard.scores.agreement import Agreement, Level, Unit, Values, rank_correlation
from radhard.scores.calibration import Neighbours, neighbours
from radhard.scores.scores import Ranked, Scores
from radhard.scores.side_by_side import Beside, SideBySide, agreements, beside

__all__ = [
    "Agreement",
    "Beside",
    "Level",
    "Neighbours",
    "Ranked",
    "Scores",
    "SideBySide",
    "Unit",
    "Values",
    "agreements",
    "beside",
    "neighbours",
    "rank_correlation",
]
