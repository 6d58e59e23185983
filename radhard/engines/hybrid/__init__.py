"""How are faults settled at the output of the faulty layer?"""

from radhard.engines.hybrid.hybrid import Hybrid, HybridSession

__all__ = ["Hybrid", "HybridSession"]
