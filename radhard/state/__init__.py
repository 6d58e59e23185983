"""Which state does a model keep between passes, and how is it restored?"""

from radhard.state.state import State
from radhard.state.steady import Steady, unwrapped

__all__ = ["State", "Steady", "unwrapped"]
