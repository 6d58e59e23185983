"""Is one run better than another, by trials, upsets or error rates?"""

from radhard.comparison.expected import Upsets, upsets
from radhard.comparison.paired import Comparison, Row, compare
from radhard.comparison.tolerance import Tolerable, tolerable

__all__ = ["Comparison", "Row", "Tolerable", "Upsets", "compare", "tolerable", "upsets"]
