"""How much harm can a fault do at most?"""

from radhard.caps.base import CAPS, Caps, FaultCaps, cap_classes
from radhard.caps.cap_table import CapTable
from radhard.caps.certified import Certified
from radhard.caps.stated import Stated

__all__ = ["CAPS", "CapTable", "Caps", "Certified", "FaultCaps", "Stated", "cap_classes"]
