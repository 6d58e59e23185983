"""Where are the sites in the graph of a model once batch normalizations are folded?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.replay.golden_values import laid_out, model_inputs, rounds
from radhard.replay.graph.attention_nodes import with_attention
from radhard.replay.graph.folding import fold_batch_norms
from radhard.replay.graph.model_graph import graph_of
from radhard.replay.graph.operation_graph import Graph
from radhard.replay.graph.site_slots import site_slots
from radhard.replay.recurrent.recurrent_nodes import separate_recurrent_layers
from radhard.targets import Site
from radhard.workload import Workload
from radhard.workload.geometry import repeated

__all__ = ["FoldedGraph", "folded_graph"]


@dataclass(frozen=True)
class FoldedGraph:
    """The graph of a model with the places of sites in it; the fields are those of `Replayer`."""

    graph: Graph
    slots: list[tuple[int, ...]]
    factors: dict[int, Tensor]
    channels_last: bool
    shapes: dict[int, torch.Size]
    bytes_per_sample: int
    """Of all golden values that have the samples in front."""
    folded_slots: frozenset[int]


def folded_graph(
    workload: Workload,
    sites: Sequence[Site],
    graph: Graph | None,
    *,
    unfolded: Collection[int] | None,
    hidden: Collection[int],
) -> FoldedGraph:
    """Find the sites in the graph of the model, and fold it; the arguments of `Replayer.of`.

    Raises:
        NoGraphError: the model has no graph.
    """
    if graph is None:
        whole = graph_of(workload.model, workload.call, workload.data)
        graph = separate_recurrent_layers(whole)
    batch = repeated(workload.data.rows(slice(0, 1)), 3)
    graph, attention = with_attention(graph, workload.model, workload.call, sites, batch)
    slots = site_slots(graph, workload.model, workload.call, sites, batch)
    slots = [attention.get(at, found) for at, found in enumerate(slots)]
    slots = [() if place in hidden else found for place, found in enumerate(slots)]
    factors: dict[int, Tensor] = {}
    channels_last, used = False, graph.used()
    if not rounds(graph):
        places = range(len(sites)) if unfolded is None else unfolded
        graph, factors = fold_batch_norms(
            graph, {slot for place in places for slot in slots[place]}
        )
        graph, channels_last = laid_out(graph)
    # A single sample, as the values themselves are not looked at.
    alone = workload.data.rows(slice(0, 1))
    one = graph.values(model_inputs(alone, channels_last))
    # Without the samples, which may be as many as wanted.
    shapes = {slot: one[slot].shape[1:] for slot in graph.by_sample if slot in one}
    return FoldedGraph(
        graph,
        slots,
        factors,
        channels_last,
        shapes,
        sum(one[slot].nbytes for slot in shapes),
        frozenset(used - graph.used()),
    )
