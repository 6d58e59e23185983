"""How is a paper's comparison of pruning methods reproduced?"""

from radhard.studies.pruning.cuts import measure_cuts
from radhard.studies.pruning.pruning_design import PruningDesign, Ranking, Tuning
from radhard.studies.pruning.pruning_findings import Cut, PruningFindings
from radhard.studies.pruning.pruning_study import PruningStudy

__all__ = [
    "Cut",
    "PruningDesign",
    "PruningFindings",
    "PruningStudy",
    "Ranking",
    "Tuning",
    "measure_cuts",
]
