"""How are trials executed?"""

from radhard.engines.base import ENGINES, Campaign, Engine, UnsuitableError
from radhard.engines.bracket import Bracket
from radhard.engines.choice import Choice, chosen
from radhard.engines.first_order import FirstOrder
from radhard.engines.folded import Folded
from radhard.engines.hybrid import Hybrid
from radhard.engines.replay import Replay
from radhard.engines.serial import Serial

__all__ = [
    "ENGINES",
    "Bracket",
    "Campaign",
    "Choice",
    "Engine",
    "FirstOrder",
    "Folded",
    "Hybrid",
    "Replay",
    "Serial",
    "UnsuitableError",
    "chosen",
]
