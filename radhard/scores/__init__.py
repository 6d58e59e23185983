"""How vulnerable is each part of a model, as an analysis predicts it?"""

from radhard.scores.agreeing import Agreement, Level, Unit, Values, rank_correlation
from radhard.scores.calibration import Neighbours, neighbours
from radhard.scores.side_by_side import Beside, SideBySide, agreements, beside
from radhard.scores.table import Ranked, Scores

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
