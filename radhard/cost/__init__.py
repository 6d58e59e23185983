"""What does a hardening cost?"""

from radhard.cost.beside import Overhead, overhead
from radhard.cost.counted import Cost, cost
from radhard.cost.timed import TimeRatio, time_ratio

__all__ = ["Cost", "Overhead", "TimeRatio", "cost", "overhead", "time_ratio"]
