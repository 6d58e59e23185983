"""Which deviations are so small, to first order, that no answer can hang on them?"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from radhard.analyses.deepvigor.deviation import Deviation
from radhard.analyses.deepvigor.probes import Probes
from radhard.engines.replay import moves, pooling, simple
from radhard.engines.replay.cutting import cut
from radhard.engines.replay.plan import Plan
from radhard.engines.replay.rules import advance
from radhard.engines.replay.state import Pass
from radhard.tree import tree_leaves

__all__ = ["Screen"]

aten: Any = torch.ops.aten

_LOCAL = {*simple.RULES, *moves.RULES, *pooling.RULES, aten.batch_norm.default}
"""Operations by which a deviation stays in its channel, carried out exactly."""

_RIVALS = 5
"""Classes that are looked at for each sample, those with the largest logits."""

_MEMORY = 2**30
"""Bytes of gradients, at most."""

_BATCH = 25


@dataclass(frozen=True)
class _Gate:
    """Where a layer's deviation is last seen in its own channel."""

    steps: list[int]
    slot: int


@dataclass(frozen=True)
class Screen:
    """What a deviation does to the margins between golden answer and rivals, to first order.

    It is carried exactly through what follows the layer up to the next that mixes channels, and
    from there on by the gradient of the margins at the fault-free values.
    """

    probes: Probes
    gates: dict[str, _Gate]
    gradients: dict[int, Tensor]
    """By slot: ``(rivals, samples, ...)``."""
    margins: Tensor
    """``(rivals, samples)``."""

    @classmethod
    def of(cls, probes: Probes, layers: list[str]) -> Self | None:
        """For these layers, as far as the graph allows; None where it does not."""
        entries = {layer: probes.entry(layer) for layer in layers}
        gates, plan = {}, None
        for layer, entry in entries.items():
            if entry is not None:
                plan = entry[0]
                gate = _gate(*entry)
                if gate is not None:
                    gates[layer] = gate
        if plan is None or len(plan.pieces) > 1 or plan.exact:
            return None
        inputs = tree_leaves(probes.subject.data.inputs)
        if not gates or not all(tensor.is_floating_point() for tensor in inputs):
            return None
        slots = list({gate.slot for gate in gates.values()})
        return cls(probes, gates, *_gradients(plan, slots))

    def shifts(self, layer: str, deviation: Deviation) -> Tensor | None:
        """By which part of itself each probe shifts a margin, at most, either way: ``(probes,)``.

        None where the layer cannot be screened.
        """
        gate, entry = self.gates.get(layer), self.probes.entry(layer)
        if gate is None or entry is None:
            return None
        plan, slot = entry
        values = plan.golden(plan.pieces[0])
        rows = deviation.samples
        owner = torch.arange(len(rows), device=rows.device)
        shifts = torch.zeros(len(rows), dtype=deviation.by.dtype, device=rows.device)
        state = Pass(plan.graph, values, rows, owner, grouped=False)
        state.patches[slot] = deviation.on(values[slot], rows)
        # Nothing of the deviation is left behind the local operations: no margin shifts at all.
        if gate.steps and advance(state, gate.steps, gate.slot, drop=True) is None:
            return shifts
        delta = state.delta(gate.slot)
        assert state.rows is not None
        assert state.owner is not None
        worst = torch.zeros(len(state.rows), dtype=shifts.dtype, device=rows.device)
        for gradient, margin in zip(self.gradients[gate.slot], self.margins, strict=True):
            slope = cut(gradient, state.rows, delta.starts, delta.values)
            shift = (slope * delta.values).flatten(1).sum(1).abs() / margin[state.rows]
            # The rival that comes nearest decides, so a sample has the largest of its shifts.
            worst = torch.maximum(worst, shift)
        # What cannot be computed counts as large, so that it is executed and not inferred.
        shifts[state.owner] = worst.nan_to_num(torch.inf, torch.inf)
        return shifts


def _gate(plan: Plan, slot: int) -> _Gate | None:
    used: list[int] = []
    reached, steps = {slot}, plan.graph.downstream([slot])
    for number, at in enumerate(steps):
        node = plan.graph.nodes[at]
        if node.op not in _LOCAL:
            later = {s for rest in steps[number:] for s in plan.graph.nodes[rest].inputs}
            live = reached & later
            return _Gate(used, live.pop()) if len(live) == 1 else None
        reached.add(node.slot)
        used.append(at)
    return None


def _gradients(plan: Plan, slots: list[int]) -> tuple[dict[int, Tensor], Tensor]:
    graph, outputs = plan.graph, plan.outputs
    top, order = outputs.topk(min(outputs.shape[1], _RIVALS + 1), dim=1)
    each = sum(2 * plan.sizes[slot] for slot in slots) * len(outputs)
    count = max(1, min(order.shape[1] - 1, _MEMORY // max(each, 1)))
    # A tie leaves no margin to divide by; the smallest number makes every shift of it infinite.
    margins = (top[:, :1] - top[:, 1 : 1 + count]).t().clamp(min=torch.finfo(top.dtype).tiny)
    constants = {slot: tensor.clone() for slot, tensor in graph.constants.items()}
    parts: dict[int, list[Tensor]] = {slot: [] for slot in slots}
    for start in range(0, len(outputs), _BATCH):
        rows = slice(start, min(start + _BATCH, len(outputs)))
        batch = tree_leaves(plan.campaign.data.rows(rows))
        with torch.enable_grad():
            # In the memory order of the weights, which are laid out already.
            given = [_ordered(tensor, plan).requires_grad_() for tensor in batch]
            values: dict[int, Any] = {**constants, **dict(zip(graph.inputs, given, strict=True))}
            for node in graph.nodes:
                values[node.slot] = node(values.__getitem__)
            logits = values[graph.output]
            found: list[tuple[Tensor, ...]] = []
            for rival in range(1, count + 1):
                towards = logits.gather(1, order[rows, rival : rival + 1])
                margin = towards - logits.gather(1, order[rows, :1])
                wanted = [values[slot] for slot in slots]
                found.append(torch.autograd.grad(margin.sum(), wanted, retain_graph=True))
        for number, slot in enumerate(slots):
            own = torch.stack([each[number].to(torch.bfloat16) for each in found])
            parts[slot].append(own)
    return {slot: torch.cat(own, dim=1) for slot, own in parts.items()}, margins


def _ordered(tensor: Tensor, plan: Plan) -> Tensor:
    last = plan.channels_last and tensor.ndim == 4
    return tensor.clone(memory_format=torch.channels_last if last else torch.contiguous_format)
