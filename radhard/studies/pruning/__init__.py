"""How is a paper's comparison of prunings made again?"""

from radhard.studies.pruning.findings import Cut, PruningFindings
from radhard.studies.pruning.measuring import measured_cuts
from radhard.studies.pruning.pages import pruning_texts
from radhard.studies.pruning.study import PruningPlan, PruningStudy, Ranking, Tuning
from radhard.studies.pruning.told import ToldPruning

__all__ = [
    "Cut",
    "PruningFindings",
    "PruningPlan",
    "PruningStudy",
    "Ranking",
    "ToldPruning",
    "Tuning",
    "measured_cuts",
    "pruning_texts",
]
