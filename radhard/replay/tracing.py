"""How is the graph of a model had?"""

from torch import nn

from radhard.datasets.data import Data
from radhard.replay.agreement import demand_agreement
from radhard.replay.exported import traced
from radhard.replay.graph import Graph, NoGraphError
from radhard.replay.symbolic import symbolic
from radhard.targets import Forward
from radhard.targets.geometry import repeated

__all__ = ["graph_of"]


def graph_of(model: nn.Module, call: Forward, data: Data) -> Graph:
    """The graph from ``torch.export``, or else from ``torch.fx``, compared with the model.

    Raises:
        NoGraphError: neither can make one that gives what the model gives.
    """
    batch = repeated(data.rows(slice(0, 1)), 3)
    reasons: list[str] = []
    for made in (traced, symbolic):
        try:
            graph = made(model, call, batch)
            demand_agreement(graph, model, call, data)
        except NoGraphError as error:
            reasons.append(str(error))
        else:
            return graph
    raise NoGraphError("; ".join(dict.fromkeys(reasons)))
