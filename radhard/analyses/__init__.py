"""What is predicted to be vulnerable?"""

from radhard.analyses.base import Analysis
from radhard.analyses.max_value import MaxValue

__all__ = ["Analysis", "MaxValue"]
