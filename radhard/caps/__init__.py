"""How much harm can a fault do at most?"""

from radhard.caps.base import CAPS, Caps, FaultCaps, cap_classes

__all__ = ["CAPS", "Caps", "FaultCaps", "cap_classes"]
