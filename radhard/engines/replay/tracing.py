"""How is the graph of a model had?"""

from typing import Any

from torch import nn

from radhard.engines.replay.graph import Graph, NoGraphError, traced
from radhard.engines.replay.symbolic import symbolic
from radhard.targets import Forward

__all__ = ["graph_of"]


def graph_of(model: nn.Module, call: Forward, batch: Any) -> Graph:
    """The graph from ``torch.export``, or else from ``torch.fx``; ``batch``: three samples.

    Raises:
        NoGraphError: neither can make one.
    """
    try:
        return traced(model, call, batch)
    except NoGraphError as first:
        try:
            return symbolic(model, call, batch)
        except NoGraphError as second:
            raise NoGraphError(f"{first}; {second}") from None
