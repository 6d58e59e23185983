"""How vulnerable is each part of a model, as an analysis predicts it?"""

from radhard.scores.agreeing import Agreement, Level, Unit, Values, rank_correlation
from radhard.scores.table import Ranked, Scores

__all__ = ["Agreement", "Level", "Ranked", "Scores", "Unit", "Values", "rank_correlation"]
