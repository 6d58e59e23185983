"""How does a difference travel through a model, from where it begins to the outputs?"""

from radhard.replay.deviation import Deviation
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot
from radhard.replay.replayer import Replayer
from radhard.replay.rules import CHANNELWISE

__all__ = ["CHANNELWISE", "Deviation", "Graph", "NoGraphError", "Node", "Replayer", "Slot"]
