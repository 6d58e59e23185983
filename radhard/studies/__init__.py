"""Which tables and figures of the papers can be made again?"""

from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.campaigns import Plan, everything_stored, measured
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.claim import Claim
from radhard.studies.conducting import STUDIES, conduct, study_named
from radhard.studies.findings import Findings, Measured, Struck
from radhard.studies.networks import NETWORKS, Network, network
from radhard.studies.study import Study, Variant

__all__ = [
    "ACTIVATION_BOUNDS",
    "CHANNEL_DUPLICATION",
    "NETWORKS",
    "STUDIES",
    "Claim",
    "Findings",
    "Measured",
    "Network",
    "Plan",
    "Struck",
    "Study",
    "Variant",
    "conduct",
    "everything_stored",
    "measured",
    "network",
    "study_named",
]
