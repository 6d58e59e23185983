"""Which faults are possible?"""

from radhard.space.exposure import Exposure, Persistent, Transient
from radhard.space.fault import Fault
from radhard.space.plane import PLANES
from radhard.space.region import Region
from radhard.space.space import FaultSpace, Numbers
from radhard.space.term import Term, current

__all__ = [
    "PLANES",
    "Exposure",
    "Fault",
    "FaultSpace",
    "Numbers",
    "Persistent",
    "Region",
    "Term",
    "Transient",
    "current",
]
