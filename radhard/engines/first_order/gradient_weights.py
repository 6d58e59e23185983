"""How much does an element of a value affect the margins of the predictions?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from radhard.engines.first_order.rivals import margins
from radhard.engines.first_order.unrolled import Gates, Unrolled, unrolled
from radhard.metrics.outputs import Golden
from radhard.replay import recurrent
from radhard.replay.graph import Graph, Slot
from radhard.replay.recurrent.recurrent_cell import Kind

__all__ = ["Key", "MarginGradients", "weights_of"]

_KINDS: dict[Any, Kind] = {recurrent.lstm: "lstm", recurrent.gru: "gru"}


@dataclass(frozen=True)
class MarginGradients:
    """The effect of the elements of a value for some samples, per unit and relative to the margin.

    ``weight`` has the shape of the value (for gates: ``(4 * hidden, samples, steps)``) and is the
    largest absolute gradient over the margins; ``length`` is the norm of each sample's golden
    value, ``(samples,)``.
    """

    weight: Tensor
    length: Tensor
    gates: Gates | None = None
    """The inputs of the value, if it is the output of the gates of a recurrent layer."""

    @cached_property
    def over_steps(self) -> Tensor:
        """Of gates, the norm of the weights over the time steps: ``(4 * hidden, samples)``."""
        norms: Tensor = torch.linalg.vector_norm(self.weight, dim=2)
        return norms

    @classmethod
    def joined(cls, parts: Sequence["MarginGradients"]) -> "MarginGradients":
        """Concatenate along the samples."""
        gates = [part.gates for part in parts if part.gates is not None]
        return cls(
            torch.cat([part.weight for part in parts], dim=1 if gates else 0),
            torch.cat([part.length for part in parts]),
            Gates.joined(gates) if gates else None,
        )


Key = tuple[int, bool]
"""A slot, and whether the outputs of the gates of its recurrent layer are meant instead."""


def weights_of(
    graph: Graph,
    inputs: Sequence[Tensor],
    golden: Golden,
    rows: slice,
    goals: Mapping[Key, bool],
    *,
    most: int,
    seed: int,
) -> dict[Key, MarginGradients]:
    """The weights of some values for the samples ``rows``, with one backward pass per margin.

    A backward pass computes the gradients of the sum over all samples, which are those of each
    sample only if the samples are independent. ``goals`` contains for each value whether they are
    known to be. If they are not for some value, an additional backward pass tests it; the value is
    left out if the samples are dependent, or if there is only one sample to test with.
    """
    with torch.inference_mode(False), torch.enable_grad():
        chain = _Chain(graph, inputs, goals)
        functions = margins(chain.outputs, golden, rows, most, seed)
        links = [tensor for found in chain.links.values() for tensor in found]
        mixed = set() if all(goals.values()) else _mixed(functions, chain)
        ends = [torch.zeros_like(tensor) for tensor in links]
        for number, function in enumerate(functions):
            more = number + 1 < len(functions)
            for end, gradient in zip(ends, _gradients(function, links, more), strict=True):
                # None if the margin does not depend on the value at all: a gradient of zero.
                if gradient is not None:
                    torch.maximum(end, gradient.abs(), out=end)
    left = iter(ends)
    found: dict[Key, MarginGradients] = {}
    for key, tensors in chain.links.items():
        weights = [next(left) for _ in tensors]
        values = [tensor.detach() for tensor in tensors]
        if key in mixed and not goals[key]:
            continue
        if key[1]:
            layer = chain.layers[key[0]]
            length = _length(layer.by_column(values).transpose(0, 1))
            found[key] = MarginGradients(layer.by_column(weights), length, layer.gates)
        else:
            found[key] = MarginGradients(weights[0], _length(values[0]))
    return found


class _Chain:
    """A forward pass with autograd, with the values for which gradients are needed as links."""

    def __init__(self, graph: Graph, inputs: Sequence[Tensor], goals: Collection[Key]) -> None:
        # Inference tensors are copied, since autograd cannot save them for a backward pass.
        self._values: dict[int, Any] = {
            slot: tensor.clone() if tensor.is_inference() else tensor.detach()
            for slot, tensor in graph.constants.items()
        }
        self.links: dict[Key, list[Tensor]] = {}
        self.layers: dict[int, Unrolled] = {}
        for slot, tensor in zip(graph.inputs, inputs, strict=True):
            self._keep(slot, tensor.clone(), goals)
        for node in graph.nodes:
            if node.op in recurrent.RULES:
                arguments = [
                    self._values[one.number] if isinstance(one, Slot) else one for one in node.args
                ]
                layer = unrolled(_KINDS[node.op], *arguments)
                value = layer.outputs
                if (node.slot, True) in goals:
                    self.links[node.slot, True] = layer.gate_values
                    self.layers[node.slot] = layer
            else:
                value = node(self._values.__getitem__)
            self._keep(node.slot, value, goals)
        self.outputs: Tensor = self._values[graph.output]

    def _keep(self, slot: int, value: Any, goals: Collection[Key]) -> None:
        if (slot, False) in goals:
            value = value if value.requires_grad else value.detach().requires_grad_()
            self.links[slot, False] = [value]
        self._values[slot] = value


def _gradients(function: Tensor, links: Sequence[Tensor], more: bool) -> Sequence[Tensor | None]:
    return torch.autograd.grad(function.sum(), links, retain_graph=more, allow_unused=True)


def _mixed(functions: Sequence[Tensor], chain: _Chain) -> set[Key]:
    """The values after which the output of a sample depends, or may depend, on other samples.

    The margins of every second sample must have no gradient for the other samples.
    """
    even = torch.arange(len(functions[0]), device=functions[0].device) % 2 == 0
    found: set[Key] = set()
    for key, tensors in chain.links.items():
        gradients = _gradients(functions[0][even], tensors, True)
        # The margins of even samples do not move with odd samples unless an operation mixes them.
        strange = [g is not None and bool((g[~even] != 0).any()) for g in gradients]
        if any(strange) or bool(even.all()):
            found.add(key)
    return found


def _length(values: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return length
