"""Where are the trials of a campaign executed?"""

from radhard.executors.base import EXECUTORS, Executor, Pool
from radhard.executors.execute import execute
from radhard.executors.forked import Forked
from radhard.executors.local import Local
from radhard.executors.ray import Ray

__all__ = ["EXECUTORS", "Executor", "Forked", "Local", "Pool", "Ray", "execute"]
