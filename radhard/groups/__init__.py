"""How are trials grouped, and how many faults does each group represent?"""

from radhard.group_labels import GROUPINGS, labels
from radhard.groups.groups import Groups, Parts
from radhard.groups.rates import Rates

__all__ = ["GROUPINGS", "Groups", "Parts", "Rates", "labels"]
