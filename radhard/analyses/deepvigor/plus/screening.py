"""Which deviations are too small, to first order, to change a prediction?"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from radhard.analyses.deepvigor.probes import Probes
from radhard.replay import CHANNELWISE, Deviation, Replayer
from radhard.tree import tree_leaves

__all__ = ["Screen"]

_RIVALS = 5
"""Number of rival classes for each sample, those with the next largest logits."""

_MEMORY = 2**30
"""Maximum size of the gradients in bytes."""

_BATCH = 25


@dataclass(frozen=True)
class _Gate:
    """The last value in which a layer's deviation is confined to its own channel."""

    steps: list[int]
    slot: int


@dataclass(frozen=True)
class Screen:
    """The change of the margins between golden prediction and rivals, to first order.

    A deviation is computed exactly through the operations after the layer up to the next one that
    mixes channels, and from there on with the gradient of the margins at the fault-free values.
    """

    probes: Probes
    gates: dict[str, _Gate]
    gradients: dict[int, Tensor]
    """By slot: ``(rivals, samples, ...)``."""
    margins: Tensor
    """``(rivals, samples)``."""

    @classmethod
    def of(cls, probes: Probes, layers: list[str]) -> Self | None:
        """For these layers, as far as the graph supports it; None if it does not."""
        replayer = probes.replayer
        # The gradients need all samples in one piece; exact replay computes no differences to
        # multiply them by.
        if replayer is None or len(replayer.pieces) > 1 or replayer.exact:
            return None
        gates = {}
        for layer in layers:
            replayed = probes.replayed(layer)
            gate = None if replayed is None else _gate(*replayed)
            if gate is not None:
                gates[layer] = gate
        inputs = tree_leaves(probes.workload.data.inputs)
        # The graph is recorded from the inputs on, and integers cannot require gradients.
        if not gates or not all(tensor.is_floating_point() for tensor in inputs):
            return None
        slots = list({gate.slot for gate in gates.values()})
        return cls(probes, gates, *_gradients(replayer, slots))

    def shifts(self, layer: str, deviation: Deviation) -> Tensor | None:
        """The largest relative change of a margin by each probe, in magnitude: ``(probes,)``.

        None if the layer cannot be screened.
        """
        gate, replayed = self.gates.get(layer), self.probes.replayed(layer)
        if gate is None or replayed is None:
            return None
        replayer, place = replayed
        samples = deviation.samples
        shifts = torch.zeros(len(samples), dtype=deviation.by.dtype, device=samples.device)
        difference = replayer.difference(place, deviation, gate.steps, gate.slot)
        if difference is None:
            return shifts
        worst = torch.zeros(len(difference.samples), dtype=shifts.dtype, device=shifts.device)
        for gradient, margin in zip(self.gradients[gate.slot], self.margins, strict=True):
            shift = difference.dot(gradient).abs() / margin[difference.samples]
            # The rival that comes nearest decides.
            worst = torch.maximum(worst, shift)
        # What cannot be computed counts as large, so that it is executed and not inferred.
        shifts[difference.probes] = worst.nan_to_num(torch.inf, torch.inf)
        return shifts


def _gate(replayer: Replayer, place: int) -> _Gate | None:
    used: list[int] = []
    graph, steps = replayer.graph, replayer.steps(place)
    reached = set(replayer.slots[place])
    for number, at in enumerate(steps):
        node = graph.nodes[at]
        if node.op not in CHANNELWISE:
            # What the deviation reached and later operations still read. First order needs a single
            # such value: two, as around a residual block, would each carry a part of the deviation.
            later = {s for rest in steps[number:] for s in graph.nodes[rest].inputs}
            live = reached & later
            return _Gate(used, live.pop()) if len(live) == 1 else None
        reached.add(node.slot)
        used.append(at)
    return None


def _gradients(replayer: Replayer, slots: list[int]) -> tuple[dict[int, Tensor], Tensor]:
    graph, outputs = replayer.graph, replayer.golden_outputs
    top, order = outputs.topk(min(outputs.shape[1], _RIVALS + 1), dim=1)
    # Two bytes an element, as bfloat16: its eight bits suffice for a comparison with a threshold,
    # and its range is that of float32.
    each = sum(2 * replayer.sizes[slot] for slot in slots) * len(outputs)
    count = max(1, min(order.shape[1] - 1, _MEMORY // max(each, 1)))
    # In a tie the margin is zero; divided by the smallest number instead, its shifts are huge.
    margins = (top[:, :1] - top[:, 1 : 1 + count]).t().clamp(min=torch.finfo(top.dtype).tiny)
    constants = {slot: tensor.clone() for slot, tensor in graph.constants.items()}
    parts: dict[int, list[Tensor]] = {slot: [] for slot in slots}
    for start in range(0, len(outputs), _BATCH):
        rows = slice(start, min(start + _BATCH, len(outputs)))
        batch = tree_leaves(replayer.workload.data.rows(rows))
        with torch.enable_grad():
            # In the memory format of the weights, which were converted before.
            leaves = [_ordered(tensor, replayer).requires_grad_() for tensor in batch]
            values: dict[int, Any] = {**constants, **dict(zip(graph.inputs, leaves, strict=True))}
            for node in graph.nodes:
                values[node.slot] = node(values.__getitem__)
            logits = values[graph.output]
            gradients: list[tuple[Tensor, ...]] = []
            for rival in range(1, count + 1):
                towards = logits.gather(1, order[rows, rival : rival + 1])
                margin = towards - logits.gather(1, order[rows, :1])
                wanted = [values[slot] for slot in slots]
                # Samples do not affect each other, so that the gradient of the sum is that of every
                # sample.
                gradients.append(torch.autograd.grad(margin.sum(), wanted, retain_graph=True))
        for number, slot in enumerate(slots):
            stacked = torch.stack([each[number].to(torch.bfloat16) for each in gradients])
            parts[slot].append(stacked)
    return {slot: torch.cat(stacked, dim=1) for slot, stacked in parts.items()}, margins


def _ordered(tensor: Tensor, replayer: Replayer) -> Tensor:
    last = replayer.channels_last and tensor.ndim == 4
    return tensor.clone(memory_format=torch.channels_last if last else torch.contiguous_format)
