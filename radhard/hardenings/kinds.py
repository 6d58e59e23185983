"""Which parts may a recipe name?"""

from radhard.hardenings.bound import Bound

__all__ = ["Bound"]
