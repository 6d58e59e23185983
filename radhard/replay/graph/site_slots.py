"""Where do faults enter the graph?"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radhard.forward import Forward
from radhard.internals import hooks_after
from radhard.replay.graph.module_calls import module_calls
from radhard.replay.graph.operation_graph import Graph
from radhard.rounding import rounding_of
from radhard.targets import Site
from radhard.targets.stored import identity, memory, shares_words
from radhard.tree import leaves, tree_leaves
from radhard.workload.hooks import module_hooks

__all__ = ["site_slots", "stored_slots"]

_Parts = dict[tuple[str, ...], Tensor]
"""The tensors that a module returns in one call, by their path."""


def site_slots(
    graph: Graph, model: nn.Module, call: Forward, sites: Sequence[Site], batch: Any
) -> list[tuple[int, ...]]:
    """For every site the slots that hold it; none where the graph does not show it.

    A tied tensor has several. The output of a module is the one value of its operations that
    operations outside it use and that on ``batch`` equals what a hook records; or, if hooks other
    than that which rounds act on it, such as that of a bound, the value before these, where a fault
    is injected.
    """
    if not any(site.flows for site in sites):
        return stored_slots(graph, sites)
    outputs = _module_outputs(model, call, batch, {site.layer for site in sites if site.flows})
    early = {s.layer for s in sites if s.role == "register" or _is_hooked(model, s)}
    computed = _module_outputs(model, call, batch, early, first=True)
    with torch.no_grad():
        values = graph.values(tree_leaves(batch))
    flows = _Flows(graph, model, values)
    stored = dict(zip(sites, stored_slots(graph, sites), strict=True))

    def slots(site: Site) -> tuple[int, ...]:
        if site.role == "register":
            return flows.computed(site, computed.get(site.layer, []))
        if _is_hooked(model, site):
            if ":" in site.name or site.axis != 0:
                return ()
            return flows.computed(site, computed.get(site.layer, []))
        return flows.slot(site, outputs.get(site.layer, [])) if site.flows else stored[site]

    return [slots(site) for site in sites]


def _is_hooked(model: nn.Module, site: Site) -> bool:
    """Whether hooks act on the output of a module after a fault, apart from rounding."""
    if site.role != "activation":
        return False
    module = model.get_submodule(site.layer)
    return hooks_after(module) > (rounding_of(module) is not None)


def stored_slots(graph: Graph, sites: Sequence[Site]) -> list[tuple[int, ...]]:
    """For every stored site the slots that hold it; none if others have some of its words too.

    A fault in a weight is also one in the buffer or the parameter that is a view of it, such as its
    transpose, and a change of one slot would not show there.
    """
    together: dict[object, list[int]] = {}
    for slot, constant in graph.constants.items():
        together.setdefault(memory(constant), []).append(slot)

    def slots(site: Site) -> tuple[int, ...]:
        names = (site.name, *site.aliases)
        own = [graph.tensors[name] for name in names if name in graph.tensors]
        if not own:
            return ()
        tensor = graph.constants[own[0]]
        others = [slot for slot in together[memory(tensor)] if slot not in own]
        # As does an expanded tensor itself, in which several values are one word.
        if any(n > 1 and not step for n, step in zip(tensor.shape, tensor.stride(), strict=True)):
            return ()
        if any(shares_words(tensor, graph.constants[slot]) for slot in others):
            return ()
        # A buffer may hold the very weight.
        same = [slot for slot in others if identity(graph.constants[slot]) == identity(tensor)]
        return tuple(dict.fromkeys([*own, *same]))

    return [slots(site) for site in sites]


class _Flows:
    """Finds the slots of the outputs of modules."""

    def __init__(self, graph: Graph, model: nn.Module, values: Mapping[int, Any]) -> None:
        self._graph, self._model, self._values = graph, model, values
        self._users = graph.users()
        # What the output does not depend on, such as a value that a module keeps, cannot carry a
        # fault to it.
        self._live = {graph.output}
        for node in reversed(graph.nodes):
            if node.slot in self._live:
                self._live.update(node.inputs)

    def slot(self, site: Site, outputs: Sequence[_Parts]) -> tuple[int, ...]:
        """The slot of the output of one call of a module, or of a part of it, if it is there once.

        ``outputs`` are those of its calls.
        """
        if site.role != "activation" or site.axis not in (0, 1):
            return ()
        inner = site.name.partition(":")[2]
        # The states of a recurrent layer are parts of its sequence, which are not faulty as well.
        if inner and isinstance(self._model.get_submodule(site.layer), nn.RNNBase):
            return ()
        calls = module_calls(self._graph, self._model, site.layer)
        # Calls that the trace merged or left out could not be told apart.
        if not len(calls) == len(outputs) == site.calls:
            return ()
        parts = dict(outputs[site.call])
        own = parts.pop(tuple(inner.split(".")) if inner else (), None)
        if any(_same(own, part) for part in parts.values()):
            return ()  # one value in two places, of which one is faulty
        if own is not None and site.axis == 1:  # which the graph has on the first axis
            own = own.transpose(0, 1)
        return self._last_of(calls[site.call], own)

    def computed(self, site: Site, outputs: Sequence[_Parts]) -> tuple[int, ...]:
        """The slot of what a layer computes, before its hooks change its output.

        ``outputs`` are those of its calls, before its hooks.
        """
        calls = module_calls(self._graph, self._model, site.layer)
        if not len(calls) == len(outputs) == 1:
            return ()
        # The first: what follows in the call rounds it.
        for at in calls[0]:
            slot = self._graph.nodes[at].slot
            if slot in self._graph.by_sample and _same(outputs[0].get(()), self._values[slot]):
                return (slot,)
        return ()

    def _last_of(self, inside: Sequence[int], output: Tensor | None) -> tuple[int, ...]:
        """The slot of the one value of a call that others use and that equals its output.

        Where an operation of the call itself uses it on the way to the output, as when a module
        leaves something behind, a fault in its output does not reach that operation,
        which the graph cannot tell.
        """
        found = []
        for at in inside:
            slot = self._graph.nodes[at].slot
            users = [user for user in self._users.get(slot, []) if self._is_live(user)]
            left = slot == self._graph.output or any(user not in inside for user in users)
            if left and _same(output, self._values[slot]):
                found.append((slot, any(user in inside for user in users)))
        if len(found) != 1 or found[0][1] or found[0][0] not in self._graph.by_sample:
            return ()
        return (found[0][0],)

    def _is_live(self, at: int) -> bool:
        return self._graph.nodes[at].slot in self._live


def _module_outputs(
    model: nn.Module, call: Forward, batch: Any, names: set[str], *, first: bool = False
) -> dict[str, list[_Parts]]:
    """Outputs of modules, call after call.

    With ``first``, before other hooks change them.
    """
    outputs: dict[str, list[_Parts]] = {}

    def record(name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        parts = {path: tensor.detach().clone() for path, tensor in leaves(output)}
        outputs.setdefault(name, []).append(parts)

    if not names:
        return outputs
    modules = {name: model.get_submodule(name) for name in sorted(names)}
    with torch.no_grad(), module_hooks(modules, after=record, first=first):
        call(model, batch)
    return outputs


def _same(one: Tensor | None, other: Any) -> bool:
    if one is None or not isinstance(other, Tensor):
        return False
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not (one.is_floating_point() or one.is_complex()):
        return torch.equal(one, other)
    # The graph may add in another order: equal up to rounding of the largest value.
    size = float(one.abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=1e-3, atol=1e-3 * size, equal_nan=True)
