"""What makes a model resilient?"""

from radhard.hardenings.base import Hardening, applied
from radhard.hardenings.bound import Bound
from radhard.hardenings.part import Part, parts
from radhard.hardenings.ranger import Ranger
from radhard.hardenings.redundancy import ChannelDuplication, Edac, Triplication, Voter
from radhard.hardenings.saved import load, save

__all__ = [
    "Bound",
    "ChannelDuplication",
    "Edac",
    "Hardening",
    "Part",
    "Ranger",
    "Triplication",
    "Voter",
    "applied",
    "load",
    "parts",
    "save",
]
