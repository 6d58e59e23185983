"""What does a model keep from one pass to the next, and how is it put back?"""

from radhard.state.state import State
from radhard.state.steady import Steady, unwrapped

__all__ = ["State", "Steady", "unwrapped"]
