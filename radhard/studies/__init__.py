"""Which tables and figures of the papers can be made again?"""

from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.catalogue import STUDIES, study_named
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.claim import Claim
from radhard.studies.networks import NETWORKS, Network, network
from radhard.studies.pipeline import conduct
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.studies.vulnerability_pruning_study import VULNERABILITY_PRUNING

__all__ = [
    "ACTIVATION_BOUNDS",
    "CHANNEL_DUPLICATION",
    "NETWORKS",
    "STUDIES",
    "VULNERABILITY_PRUNING",
    "Claim",
    "Network",
    "NetworkSection",
    "Plan",
    "Study",
    "conduct",
    "network",
    "study_named",
]
