"""Which operations does a model carry out, and where are its tensors among them?"""

from radhard.replay.graph.export_graph import exported_graph
from radhard.replay.graph.folding import fold_batch_norms
from radhard.replay.graph.model_graph import graph_of
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot
from radhard.replay.graph.site_slots import site_slots, stored_slots

__all__ = [
    "Graph",
    "NoGraphError",
    "Node",
    "Slot",
    "exported_graph",
    "fold_batch_norms",
    "graph_of",
    "site_slots",
    "stored_slots",
]
