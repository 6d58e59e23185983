"""How does a run outlive the process that makes it?"""

from radhard.store.damage import DamagedError
from radhard.store.repair import repair
from radhard.store.store import Store

__all__ = ["DamagedError", "Store", "repair"]
