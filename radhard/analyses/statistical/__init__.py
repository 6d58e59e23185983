"""How vulnerable are all parameters, learned from those that were tried?"""

from radhard.analyses.statistical.statistical import Statistical

__all__ = ["Statistical"]
