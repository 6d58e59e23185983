"""What if some of a network is computed more than once?"""

from radhard.hardenings.redundancy.duplication import ChannelDuplication
from radhard.hardenings.redundancy.edac import Edac
from radhard.hardenings.redundancy.triplication import Triplication
from radhard.hardenings.redundancy.voter import Voter

__all__ = ["ChannelDuplication", "Edac", "Triplication", "Voter"]
