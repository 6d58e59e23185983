"""Which parts may a recipe name?"""

from radhard.hardenings.bounds import Bound, HyReLU
from radhard.hardenings.pruning import Pruned
from radhard.hardenings.redundancy import Edac, Voter
from radhard.hardenings.scrubbing import BitScrubber, RangeScrubber

__all__ = ["BitScrubber", "Bound", "Edac", "HyReLU", "Pruned", "RangeScrubber", "Voter"]
