"""How are the results of a run stored safely?"""

from radhard.store.damage import DamagedError
from radhard.store.repair import repair
from radhard.store.store import Store

__all__ = ["DamagedError", "Store", "repair"]
