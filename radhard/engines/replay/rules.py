"""How do differences travel from the fault to the output?"""

from collections.abc import Sequence

from torch import Tensor

from radhard.engines.replay import maps, simple
from radhard.engines.replay.graph import Graph
from radhard.engines.replay.patch import Patch
from radhard.engines.replay.state import Pass

__all__ = ["RULES", "advance", "orderly"]

RULES = {**simple.RULES, **maps.RULES}
"""By operation: how a difference passes it; None from a rule means: not this time."""


def orderly(graph: Graph, steps: Sequence[int]) -> bool:
    """Whether rows can be left out and put together at all these steps without changing others.

    So it is where every operation has a rule: then a row that does not differ stays golden to the
    last bit. Other operations are carried out on all samples at once, as in the golden pass.
    """
    nodes = [graph.nodes[at] for at in steps]
    return all(node.op in RULES and node.slot in graph.by_sample for node in nodes)


def advance(state: Pass, steps: Sequence[int], *, drop: bool) -> Patch | None:
    """Carry differences on to the output; None if none is left.

    With ``drop``, rows that do not differ any more leave on the way.
    """
    graph = state.graph
    last = {slot: at for at in steps for slot in graph.nodes[at].inputs}
    last[graph.output] = len(graph.nodes)
    for at in steps:
        node = graph.nodes[at]
        # Where everything differs, hardly a row still comes to agree: not worth a look.
        look = drop and not all(
            slot in state.patches and state.patches[slot].whole
            for slot in node.inputs
            if slot in state.patches
        )
        if node.slot in state.patches:
            look = drop  # where the fault struck
        elif any(slot in state.patches or slot in state.others for slot in node.inputs):
            rule = None if state.exact else RULES.get(node.op)
            ruled = rule is not None and not any(slot in state.others for slot in node.inputs)
            patch = rule(state, node) if rule is not None and ruled else None
            if patch is None:
                value = node(state.whole)
                if isinstance(value, Tensor) and node.slot in graph.by_sample:
                    patch = Patch(value, (None,) * (value.ndim - 1))
                else:
                    state.others[node.slot] = value
            if patch is not None:
                state.patches[node.slot] = patch
        else:
            continue
        for slot in [slot for slot in state.patches if last.get(slot, -1) <= at]:
            del state.patches[slot]
        if look and len(state.patches) == 1 and node.slot in state.patches:
            alive = state.alive(node.slot)
            left = int(alive.sum())
            if left == 0:
                return None
            # Leaving rows out copies the others: only where it is worth it.
            if left < 0.9 * len(alive):
                state.drop(alive)
    if graph.output in state.others:
        raise AssertionError("the output has the samples in front")
    return state.patches.get(graph.output)
