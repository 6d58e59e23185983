"""Which tables and figures of the papers can be made again?"""

from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.campaigns import Plan, everything_stored, measured
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.claim import Claim
from radhard.studies.conducting import STUDIES, AnyStudy, conduct, study_named
from radhard.studies.findings import Findings, Measured, Struck
from radhard.studies.networks import NETWORKS, Network, network
from radhard.studies.pruning import (
    Cut,
    PruningFindings,
    PruningPlan,
    PruningStudy,
    Ranking,
    Tuning,
    measured_cuts,
)
from radhard.studies.study import Study, Variant
from radhard.studies.vulnerability_pruning import VULNERABILITY_PRUNING

__all__ = [
    "ACTIVATION_BOUNDS",
    "CHANNEL_DUPLICATION",
    "NETWORKS",
    "STUDIES",
    "VULNERABILITY_PRUNING",
    "AnyStudy",
    "Claim",
    "Cut",
    "Findings",
    "Measured",
    "Network",
    "Plan",
    "PruningFindings",
    "PruningPlan",
    "PruningStudy",
    "Ranking",
    "Struck",
    "Study",
    "Tuning",
    "Variant",
    "conduct",
    "everything_stored",
    "measured",
    "measured_cuts",
    "network",
    "study_named",
]
