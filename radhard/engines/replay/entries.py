"""Where do faults enter the graph?"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radhard.engines.replay.graph import Graph
from radhard.leaves import leaves
from radhard.targets import Forward, Site

__all__ = ["entries"]


def entries(
    graph: Graph, model: nn.Module, call: Forward, sites: Sequence[Site], batch: Any
) -> list[tuple[int, ...]]:
    """For every site the slots that its faults change; none where the graph cannot say.

    A tied tensor has several. What a module hands on is taken for the value of its last operation,
    if on ``batch`` that is what the module hands on.
    """
    slots = [_flow(graph, model, site) if site.flows else _stored(graph, site) for site in sites]
    if not any(site.flows for site in sites):
        return slots
    heard = _heard(model, call, batch, {site.layer for site in sites if site.flows})
    with torch.no_grad():
        values = graph.values([tensor for _, tensor in leaves(batch)])
    for at, site in enumerate(sites):
        if site.flows and slots[at]:
            said = heard.get(site.layer, [])
            found = values[slots[at][0]]
            if len(said) != site.calls or not _same(said[site.call], found):
                slots[at] = ()
    return slots


def _stored(graph: Graph, site: Site) -> tuple[int, ...]:
    names = (site.name, *site.aliases)
    return tuple(dict.fromkeys(graph.tensors[name] for name in names if name in graph.tensors))


def _flow(graph: Graph, model: nn.Module, site: Site) -> tuple[int, ...]:
    """The slot of the last operation of a call of a module that hands on one tensor."""
    if site.role != "activation" or ":" in site.name or site.axis != 0:
        return ()
    module = model.get_submodule(site.layer)
    names = {name for name, one in model.named_modules(remove_duplicate=False) if one is module}
    calls: dict[tuple[str, ...], int] = {}
    for node in graph.nodes:
        for depth, name in enumerate(node.modules):
            if name in names:
                calls[node.calls[: depth + 1]] = node.slot
    if len(calls) != site.calls:
        return ()
    slot = list(calls.values())[site.call]
    return (slot,) if slot in graph.by_sample else ()


def _heard(
    model: nn.Module, call: Forward, batch: Any, names: set[str]
) -> dict[str, list[Tensor | None]]:
    """What modules hand on, call after call; None where it is not one tensor."""
    heard: dict[str, list[Tensor | None]] = {}

    def hook(name: str) -> Any:
        def hear(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG001
            one = output.detach().clone() if isinstance(output, Tensor) else None
            heard.setdefault(name, []).append(one)

        return hear

    handles = [model.get_submodule(n).register_forward_hook(hook(n)) for n in sorted(names)]
    try:
        with torch.no_grad():
            call(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return heard


def _same(one: Tensor | None, other: Any) -> bool:
    if one is None or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    size = float(one.abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=1e-3, atol=1e-3 * size, equal_nan=True)
