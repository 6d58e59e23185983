"""Is one run better than another, by trials, upsets or error rates?"""

from radhard.comparison.accumulation import Accumulation, accumulation
from radhard.comparison.error_curve import ErrorCurve, fault_free_error
from radhard.comparison.expected import Upsets, upsets
from radhard.comparison.instance_spread import Spread, spread
from radhard.comparison.paired import Comparison, Row, compare
from radhard.comparison.tolerance import Tolerable, tolerable, tolerance_ratio

__all__ = [
    "Accumulation",
    "Comparison",
    "ErrorCurve",
    "Row",
    "Spread",
    "Tolerable",
    "Upsets",
    "accumulation",
    "compare",
    "fault_free_error",
    "spread",
    "tolerable",
    "tolerance_ratio",
    "upsets",
]
