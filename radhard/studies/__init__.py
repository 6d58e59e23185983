"""Which tables and figures of papers can be reproduced?"""

from radhard.studies.catalogue import STUDIES, study_named
from radhard.studies.claim import Claim
from radhard.studies.networks import NETWORKS, Network, network
from radhard.studies.pipeline import conduct
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = [
    "NETWORKS",
    "STUDIES",
    "Claim",
    "Network",
    "NetworkSection",
    "Plan",
    "Study",
    "conduct",
    "network",
    "study_named",
]
