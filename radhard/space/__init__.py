"""Which faults are possible?"""

from radhard.space.check_space import check_space
from radhard.space.exposure import EXPOSURES, Exposure, Intermittent, Persistent, Transient
from radhard.space.fault import Fault
from radhard.space.plane import PLANES
from radhard.space.recorded_scale import recorded_scale
from radhard.space.region import Region
from radhard.space.space import FaultSpace, Numbers
from radhard.space.term import Term, current

__all__ = [
    "EXPOSURES",
    "PLANES",
    "Exposure",
    "Fault",
    "FaultSpace",
    "Intermittent",
    "Numbers",
    "Persistent",
    "Region",
    "Term",
    "Transient",
    "check_space",
    "current",
    "recorded_scale",
]
