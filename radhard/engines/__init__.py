"""How are trials executed?"""

from radhard.engines.base import Campaign, Engine
from radhard.engines.choice import chosen
from radhard.engines.replay import Replay
from radhard.engines.serial import Serial

__all__ = ["Campaign", "Engine", "Replay", "Serial", "chosen"]
