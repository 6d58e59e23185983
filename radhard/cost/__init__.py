"""What does a hardening cost?"""

from radhard.cost.operation_count import Cost, cost
from radhard.cost.overhead import Overhead, overhead
from radhard.cost.time_ratio import TimeRatio, time_ratio

__all__ = ["Cost", "Overhead", "TimeRatio", "cost", "overhead", "time_ratio"]
