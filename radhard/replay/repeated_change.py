"""What does a changed parameter do in each of the operations that use it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Graph, Node
from radhard.replay.patch import Patch, Start
from radhard.replay.word_change import WordChange

__all__ = ["RepeatedChange", "uses_of"]

aten: Any = torch.ops.aten

_ROUNDINGS = 64
"""Rounding of a computed value, in units of the last place of the largest one."""

_NOISE = 1e-2
"""Rounding of a sum that changes what follows too little to be seen in the outputs."""

_SATURATION = 100
"""A gate whose sum is further from zero than this is 0 or 1, whatever is added."""


def uses_of(
    graph: Graph, slots: Sequence[int], shapes: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    """The argument as which a parameter enters each operation, by the slots of their outputs.

    ``slots`` hold the parameter, ``shapes`` are those of values without the samples. Empty if a
    change of one word is not known to show in a single feature of every operation: all have to be
    linear layers on ``(samples, features)``.
    """
    found: dict[int, int] = {}
    for node in graph.nodes:
        where = [n for n, arg in enumerate(node.args) if getattr(arg, "number", None) in slots]
        if not where and not set(slots).intersection(node.inputs):
            continue
        if node.op is not aten.linear.default or where not in ([1], [2]):
            return {}
        if any(len(shapes.get(slot, ())) != 1 for slot in (node.slot, node.args[0].number)):
            return {}
        found[node.slot] = where[0]
    return found


@dataclass(frozen=True)
class RepeatedChange:
    """Changes of words of one parameter, one a trial, as they enter each operation that uses it.

    ``uses`` are those of `uses_of`. A trial's feature ``out`` of an operation's output changes by
    ``by``, times the feature ``source`` of its input (None: the parameter is a bias).
    """

    uses: Mapping[int, int]
    out: Tensor
    source: Tensor | None
    by: Tensor

    @classmethod
    def of(
        cls, uses: Mapping[int, int], changes: Sequence[WordChange], like: Tensor
    ) -> "RepeatedChange":
        """The changes in the dtype and on the device of the parameter."""
        by = torch.tensor([change.difference for change in changes], dtype=torch.float64)
        axes = torch.tensor([change.at for change in changes], device=like.device).unbind(1)
        return cls(uses, axes[0], axes[1] if len(axes) > 1 else None, by.to(like))

    def enter(self, state: FaultyPass, node: Node, patch: Patch | None) -> Patch:
        """The output of an operation, of which ``patch`` is due to differences of its input."""
        golden = state.golden[node.slot]
        rows = torch.arange(len(golden), device=golden.device) if state.rows is None else state.rows
        owner = torch.zeros_like(rows) if state.owner is None else state.owner
        out, by = self.out[owner], self.by[owner]
        if self.source is not None:
            slot = node.args[0].number
            seen = self._seen(state, slot, rows, self.source[owner])
            if slot in state.patches:
                self._note_rounded(state, slot, owner, by, seen)
            by = by * seen
        if patch is None:
            start: Start = out if state.owner is not None else int(self.out[0])
            return Patch((golden[rows, out] + by)[:, None], (start,), own=True)
        values = patch.values if patch.own else patch.values.clone()
        values[torch.arange(len(rows), device=rows.device), out] += by
        return Patch(values, patch.starts, own=True)

    @staticmethod
    def _note_rounded(
        state: FaultyPass, slot: int, owner: Tensor, by: Tensor, seen: Tensor
    ) -> None:
        """Note the trials in which a huge weight multiplies little more than rounding.

        The model, which adds in another order, may have computed another product.
        """
        size = float(state.golden[slot].abs().max())
        noise = by.abs() * (_ROUNDINGS * torch.finfo(by.dtype).eps * size)
        # A gate is known where it is saturated whatever the rounding is.
        unsure = (noise > _NOISE) & ((by * seen).abs() < _SATURATION + 2 * noise)
        if unsure.any():
            state.rounded |= set(owner[unsure].tolist())

    @staticmethod
    def _seen(state: FaultyPass, slot: int, rows: Tensor, source: Tensor) -> Tensor:
        """One faulty feature a row of a value ``(rows, features)``."""
        if slot not in state.patches and slot not in state.others:
            found: Tensor = state.golden[slot][rows, source]
            return found
        whole: Tensor = state.whole(slot)
        return whole[torch.arange(len(rows), device=rows.device), source]
