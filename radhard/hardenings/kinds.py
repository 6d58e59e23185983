"""Which parts may a recipe name?"""

from radhard.hardenings.bound import Bound
from radhard.hardenings.redundancy import Edac, Voter

__all__ = ["Bound", "Edac", "Voter"]
