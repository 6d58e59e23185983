"""What does a hardening cost?"""

from radhard.cost.counted import Cost, cost
from radhard.cost.timed import TimeRatio, time_ratio

__all__ = ["Cost", "TimeRatio", "cost", "time_ratio"]
