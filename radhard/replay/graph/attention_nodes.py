"""Which values of a graph are those of attention into which faults are injected?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from radhard.forward import Forward
from radhard.replay.graph.module_calls import module_calls
from radhard.replay.graph.operation_graph import Graph, Node, Slot
from radhard.targets import Site
from radhard.targets.attention_injection import part_and_order
from radhard.targets.attention_mode import AttentionArguments, Part, attended, attention_scores
from radhard.targets.attention_values import recorded_attention, value_name
from radhard.tree import tree_leaves

__all__ = ["AttentionSlots", "with_attention"]

aten: Any = torch.ops.aten

_KERNEL = aten.scaled_dot_product_attention.default

AttentionSlots = Mapping[int, tuple[int, ...]]
"""The slots of each site that was found, by the place of the site.

A cache has one for each call that reads it, other values have one.
"""


def with_attention(
    graph: Graph, model: nn.Module, forward: Forward, sites: Sequence[Site], batch: Any
) -> tuple[Graph, AttentionSlots]:
    """The graph with a slot of its own for each value of attention among the sites.

    Of what a module passes to its attention, others may take the value as well: a fault in the key
    is not one in the output of the module that computed it. Kernels that hold neither scores nor
    probabilities are taken apart where these are sites. A value that on ``batch`` is another than
    the one that the model computes is none of those that are sought.
    """
    roles = ("attention", "key-value cache")
    wanted = [place for place, site in enumerate(sites) if site.role in roles and site.axis == 0]
    if not wanted:
        return graph, {}
    found: dict[int, dict[int, int]] = {}
    for place in wanted:
        site = sites[place]
        part, order = part_and_order(site)
        for call in _calls(site):
            node = _attention(graph, model, site, call, order)
            if node is None:
                break
            if node.op is _KERNEL and part in ("scores", "probabilities"):
                graph, node = _apart(graph, node)
            graph, slot = _with_slot(graph, node, part)
            if slot is None:
                break
            found.setdefault(place, {})[call] = slot
    seen = recorded_attention(model, batch, forward)
    with torch.no_grad():
        values = graph.values(tree_leaves(batch))

    def is_found(site: Site, slots: Mapping[int, int]) -> bool:
        part, order = part_and_order(site)
        return list(slots) == list(_calls(site)) and all(
            _is_same(seen.get(value_name(site.layer, call, part, order)), values[slot], site)
            for call, slot in slots.items()
        )

    return graph, {
        place: tuple(slots.values())
        for place, slots in found.items()
        if is_found(sites[place], slots)
    }


def _calls(site: Site) -> range:
    """The calls of the module in which a fault is in what attention reads or computes."""
    last = site.calls if site.role == "key-value cache" else site.call + 1
    return range(site.call, last)


def _is_same(seen: Tensor | None, value: Tensor, site: Site) -> bool:
    if seen is None or seen.numel() != value.numel():
        return False
    shape = tuple(value.shape[1:])
    if site.role == "key-value cache":  # whose positions are in front, and grow in number
        alike = len(shape) == len(site.shape) and (*shape[:-2], shape[-1]) == site.shape[1:]
        if not alike or shape[-2] > site.shape[0]:
            return False
    elif shape != site.shape:
        return False
    # Heads may be side by side with the samples.
    seen = seen.reshape(value.shape)
    finite = seen.isfinite()
    size = float(seen[finite].abs().max()) if finite.any() else 0.0
    return torch.allclose(seen, value, rtol=1e-3, atol=1e-3 * size, equal_nan=True)


def _attention(graph: Graph, model: nn.Module, site: Site, number: int, order: int) -> Node | None:
    """The kernel or softmax of one attention in a call of a module."""
    calls = module_calls(graph, model, site.layer)
    if len(calls) != site.calls:
        return None
    module = model.get_submodule(site.layer)
    names = {name for name, one in model.named_modules(remove_duplicate=False) if one is module}
    nodes = [graph.nodes[at] for at in calls[number]]
    own = [node for node in nodes if not node.modules or node.modules[-1] in names]
    starts = [node for node in own if node.op in (_KERNEL, aten.softmax.int, _SAFE)]
    return starts[order] if order < len(starts) else None


_SAFE = aten._safe_softmax.default


def _apart(graph: Graph, node: Node) -> tuple[Graph, Node]:
    """The graph with a kernel as the steps that it stands for, and the softmax among them."""
    given = AttentionArguments(*node.args, **node.kwargs)
    fresh = _fresh(graph)
    scores = Node(fresh, attention_scores, given.in_order, {}, node.modules, node.calls)
    softmax = Node(fresh + 1, _SAFE, (Slot(fresh), -1), {}, node.modules, node.calls)
    last = replace(node, op=attended, args=(Slot(fresh + 1), given.value), kwargs={})
    at = graph.nodes.index(node)
    nodes = [*graph.nodes[:at], scores, softmax, last, *graph.nodes[at + 1 :]]
    made = {fresh, fresh + 1} if node.slot in graph.by_sample else set()
    return replace(graph, nodes=nodes, by_sample=graph.by_sample | made), softmax


def _with_slot(graph: Graph, node: Node, part: Part) -> tuple[Graph, int | None]:
    """The graph with a slot for one value of the attention that a kernel or softmax is part of."""
    if node.op is _KERNEL:
        if part == "output":
            return graph, node.slot
        return _copied(graph, node, {"query": 0, "key": 1, "value": 2}[part])
    if part == "probabilities":
        return graph, node.slot
    if part == "scores":
        return _copied(graph, node, 0)
    products = [one for one in graph.nodes if node.slot in one.inputs and one.op in _WEIGHING]
    if len(products) == 1 and part in ("value", "output"):
        return (graph, products[0].slot) if part == "output" else _copied(graph, products[0], 1)
    scores = _before(graph, node)
    if scores is not None and scores.op is attention_scores:
        return _copied(graph, scores, 0 if part == "query" else 1)
    if scores is not None and scores.op is aten.add.Tensor:  # the mask
        scores = _before(graph, scores)
    if scores is None or scores.op is not aten.matmul.default:
        return graph, None
    side = _before(graph, scores, 0 if part == "query" else 1)
    expected = aten.mul.Tensor if part == "query" else aten.transpose.int
    if side is None or side.op is not expected:
        return graph, None
    return _copied(graph, side, 0)


_WEIGHING = (aten.matmul.default, attended)


def _before(graph: Graph, node: Node, number: int = 0) -> Node | None:
    """The node that computes an argument."""
    given = node.args[number]
    for one in graph.nodes:
        if isinstance(given, Slot) and one.slot == given.number:
            # That of another site.
            return _before(graph, one) if one.op is aten.alias.default else one
    return None


def _copied(graph: Graph, node: Node, number: int) -> tuple[Graph, int | None]:
    """The graph with an argument of a node as a value that nothing else takes."""
    given = node.args[number]
    if not isinstance(given, Slot) or given.number not in graph.by_sample:
        return graph, None
    copy = Node(_fresh(graph), aten.alias.default, (given,), {}, node.modules, node.calls)
    args = list(node.args)
    args[number] = Slot(copy.slot)
    at = graph.nodes.index(node)
    nodes = [*graph.nodes[:at], copy, replace(node, args=tuple(args)), *graph.nodes[at + 1 :]]
    return replace(graph, nodes=nodes, by_sample=graph.by_sample | {copy.slot}), copy.slot


def _fresh(graph: Graph) -> int:
    return max([*graph.constants, *graph.inputs, *(node.slot for node in graph.nodes)]) + 1
